import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Timeline } from '../../src/client/timeline.js'
import { verify } from '../../src/client/verify.js'
import type { CallSummary } from '../../src/core/verify/index.js'
import { codes, judge, TestLog, writeJsonl } from './kit.js'

const folder = mkdtempSync(join(tmpdir(), 'deedlog-range-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Two calls that ran though denied, one after the other, and one call between them that is in order. */
function log() {
  const made = new TestLog()
  const stream = made.stream()
  const times = [0, 1, 2].map(i => {
    const time = made.time()
    stream.call({ verdict: i === 1 ? 'allow' : 'deny' })
    return time
  })
  stream.end()
  return { made, times }
}

describe('a time range', () => {
  const { made, times } = log()
  const trust = made.trust()
  const judged = (range?: { since?: string; until?: string }) =>
    judge(made.entries, made.checkpoint(), { trust, ...(range ? { range } : {}) })

  it('has calls of that time judged, and the others counted', () => {
    expect(judged().exitCode).toBe(3)
    const first = judged({ until: times[1]! })
    expect(codes(first)).toEqual(['call.executed-though-denied'])
    expect(first.findings.filter(({ code }) => code === 'call.executed-though-denied')).toHaveLength(1)
    expect(first.range).toMatchObject({ until: times[1], exceptionsElsewhere: 1 })
    expect(first.conduct.calls).toBe(3)
    expect(first.completeness.verdict).toBe('no exceptions in the time asked for')
    expect(first.conduct.verdict).toBe('exceptions')
  })

  it('never hides the exceptions of other calls: it says how many there are', () => {
    const none = judged({ since: '2999-01-01T00:00:00.000Z' })
    expect(none.exitCode).toBe(0)
    expect(none.range).toMatchObject({ calls: 0, exceptionsElsewhere: 2 })
    expect(none.conduct.verdict).toBe('no exceptions in the time asked for')
    expect(none.checks.find(({ code }) => code === 'calls.conduct')?.asserts).toMatch(/^of the calls in the time asked/)
  })

  it('changes no evidence', () => {
    const entries = made.entries.with(2, made.entries[4]!)
    const report = judge(entries, made.checkpoint(), { trust, range: { since: '2999-01-01T00:00:00.000Z' } })
    expect(report.exitCode).toBe(1)
  })

  it('and a timeline come from a file as they are asked for', async () => {
    const path = writeJsonl(join(folder, 'log.jsonl'), made.entries, made.checkpoint())
    // The first call was made at the very time that the second begins at.
    const since = Date.parse(times[1]!) + 1
    const report = await verify(path, { self: true, since, timeline: 10 })
    expect(report.timeline?.calls.map(({ verdict }) => verdict)).toEqual(['allow', 'deny'])
    expect(report.timeline?.more).toBe(0)
    expect((await verify(path, { self: true, timeline: 1 })).timeline).toMatchObject({ more: 2 })
    expect((await verify(path, { self: true })).timeline).toBeUndefined()
  })
})

it('a timeline keeps the first calls, in whatever order they are told of', () => {
  const timeline = new Timeline(3)
  const call = (index: number) => ({ index, exceptions: [] }) as unknown as CallSummary
  for (const index of [9, 4, 8, 1, 7, 3, 2, 6, 5, 0]) timeline.add(call(index))
  expect(timeline.answer(undefined).calls.map(({ index }) => index)).toEqual([0, 1, 2])
  expect(timeline.answer(undefined).more).toBe(7)
  timeline.clear()
  expect(timeline.answer(undefined)).toEqual({ calls: [], more: 0 })
})
