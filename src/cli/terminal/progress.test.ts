import { describe, expect, it } from 'vitest'
import { PLAIN, paintFor } from './paint.js'
import { Progress } from './progress.js'

function watch(isTTY: boolean): { written: string[]; progress: Progress; at(ms: number): void } {
  const written: string[] = []
  let now = 0
  const progress = new Progress({ isTTY, write: text => written.push(text) }, 'verifying records', () => now)
  return {
    written,
    progress,
    at: ms => {
      now = ms
    },
  }
}

describe('Progress', () => {
  it('says nothing in the first second', () => {
    const { written, progress, at } = watch(true)
    at(999)
    progress.update(10)
    progress.end()
    expect(written).toEqual([])
  })

  it('then counts, at most ten times a second, and clears its line', () => {
    const { written, progress, at } = watch(true)
    for (const ms of [1000, 1050, 1100, 1150]) {
      at(ms)
      progress.update(ms, 5000)
    }
    progress.end()
    expect(written).toEqual([
      '\r\x1b[Kverifying records: 1,000 of 5,000',
      '\r\x1b[Kverifying records: 1,100 of 5,000',
      '\r\x1b[K',
    ])
  })

  it('never draws in a pipe', () => {
    const { written, progress, at } = watch(false)
    at(60_000)
    progress.update(1)
    progress.end()
    expect(written).toEqual([])
  })
})

describe('paintFor', () => {
  it('colours only a terminal that has not asked for none', () => {
    expect(paintFor(true, {}).bad('x')).toBe('\x1b[31mx\x1b[39m')
    expect(paintFor(false, {})).toBe(PLAIN)
    expect(paintFor(true, { NO_COLOR: '1' })).toBe(PLAIN)
    expect(paintFor(true, { NO_COLOR: '' })).not.toBe(PLAIN)
    expect(paintFor(true, { TERM: 'dumb' })).toBe(PLAIN)
  })
})
