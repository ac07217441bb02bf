import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { formatTime, type Json } from '../../src/core/record/index.js'
import { formatNote, parseNote } from '../../src/core/tlog/index.js'
import { windowOf } from '../../src/core/verify/index.js'
import { codes, judge, Party, TestLog } from './kit.js'

const clerk = new Party('did:example:clerk')
const w1 = new Party('witness.example/w1')
const stranger = Object.assign(new Party('a stranger'), { name: w1.name })
const quorum = [`witness w1 ${w1.vkey(w1.name, 4).text}`, 'quorum w1']
const DAY = Date.UTC(2026, 10, 24, 9) / 1000
const at = (seconds: number) => formatTime(seconds * 1000)
const byHash = (...notes: readonly Uint8Array[]) => new Map(notes.map(note => [sha256Hex(note), note]))

/** A log whose stream cites `note`, and then records a call. */
function citing(note: (log: TestLog) => Uint8Array, time?: string) {
  const log = new TestLog()
  const stream = log.stream(clerk)
  stream.call()
  const cited = note(log)
  const at = log.size
  stream.add({ type: 'coverage', unseen: ['x'], after: log.after(at, cited) as unknown as Json, ...(time && { time }) })
  stream.call()
  const trust = log.trust([clerk], quorum)
  const report = judge(log.entries, log.checkpoint({ witnesses: [w1], seconds: DAY + 3600 }), {
    trust,
    notes: byHash(cited),
    nowSeconds: DAY + 3600,
  })
  return { report, stream: stream.id, index: at }
}

describe('the time of a record', () => {
  it('is after the cosigned note that its stream cites, and before the first that covers it', () => {
    const { report, stream, index } = citing(log => log.checkpoint({ witnesses: [w1], seconds: DAY + 60 }))
    expect(report.exitCode).toBe(0)
    expect(windowOf(report.evidence.times!, stream, index)).toEqual({ after: at(DAY + 60), before: at(DAY + 3600) })
  })

  it('is not what a record says of itself: one that is backdated has the same window', () => {
    const note = (log: TestLog) => log.checkpoint({ witnesses: [w1], seconds: DAY + 60 })
    const { report, stream, index } = citing(note, '2025-01-01T00:00:00.000Z')
    expect(windowOf(report.evidence.times!, stream, index)).toEqual({ after: at(DAY + 60), before: at(DAY + 3600) })
  })

  it('is bounded by no witness whom the trust file does not name, though it bears the name of one', () => {
    const { report, stream, index } = citing(log => log.checkpoint({ witnesses: [stranger], seconds: DAY + 60 }))
    expect(windowOf(report.evidence.times!, stream, index)).toEqual({ before: at(DAY + 3600) })
  })

  it('is bounded by no cosignature of another log, and one that is replayed is evidence', () => {
    const other = new TestLog({ origin: 'example.com/other' })
    other.stream(clerk).call()
    const [, foreign] = parseNote(other.checkpoint({ witnesses: [w1], seconds: DAY + 60 })).signatures
    const { report } = citing(log => {
      const { text, signatures } = parseNote(log.checkpoint())
      return formatNote(text, [...signatures, foreign!])
    })
    expect(codes(report)).toContain('cosignature.bad')
    expect(report.exitCode).toBe(1)
    expect(report.evidence.times?.made ?? []).toEqual([])
  })
})

describe('a cosignature whose time has not come', () => {
  const log = new TestLog()
  log.stream(clerk).call()
  const trust = log.trust([clerk], [...quorum, 'lag 60'])
  const judged = (ahead: number) =>
    judge(log.entries, log.checkpoint({ witnesses: [w1], seconds: DAY + ahead }), { trust, nowSeconds: DAY })

  it('is fresh within five minutes: clocks differ', () => {
    expect(judged(300).exitCode).toBe(0)
  })

  it('makes no old copy fresh beyond that', () => {
    const report = judged(301)
    expect([report.exitCode, codes(report)]).toEqual([2, ['checkpoint.stale']])
    expect(report.checks.find(({ code }) => code === 'checkpoint.lag')?.status).toBe('failed')
  })
})
