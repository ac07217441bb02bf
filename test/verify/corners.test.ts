import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { canonicalBytes, type Json } from '../../src/core/record/index.js'
import { formatNote, parseNote } from '../../src/core/tlog/index.js'
import { codes, edited, id, judge, Party, signed, TestLog, type TestStream } from './kit.js'

/*
 * Places where two verifiers that were written from one page were found to differ.
 */

const clerk = new Party('did:example:clerk')

/** The log, judged with its trust file. */
const report = (log: TestLog, trust = log.trust()) => judge(log.entries, log.checkpoint(), { trust })

const allCodes = (log: TestLog): string[] => [...new Set(report(log).findings.map(finding => finding.code))]

/** A record of a later version, in its place in the stream. */
const later = (stream: TestStream): string => stream.add({ type: 'later' })

describe('entry 0 that is no log record', () => {
  const without = (entry: Uint8Array): TestLog => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call()
    stream.end()
    log.entries[0] = entry
    return log
  }

  it('is not the log that a trust file names, whatever else it is', () => {
    const log = without(Uint8Array.of(1, 2, 3))
    const found = report(log)
    expect(found.exitCode).toBe(1)
    expect(codes(found)).toEqual(expect.arrayContaining(['log.id', 'log.record-missing', 'entry.malformed']))
    expect(found.completeness.malformed).toBe(1)
  })

  it('is said to be not understood when it is not', () => {
    const log = without(canonicalBytes({ v: 2, type: 'log' }))
    expect(codes(report(log, log.trust().replace(/^log-id.*\n/m, '')))).toEqual(
      expect.arrayContaining(['log.record-missing', 'record.not-understood']),
    )
  })

  it('takes nothing away from a note that proves a fork', () => {
    const log = without(canonicalBytes({ v: 2, type: 'log' }))
    const other = log.checkpoint({ size: 2, root: new Uint8Array(32) })
    const after = { origin: log.origin, size: 2, root: '00'.repeat(32), note: sha256Hex(other) }
    log.stream(clerk, { after })
    const notes = new Map([[after.note, other]])
    const trust = log.trust().replace(/^log-id.*\n/m, '')
    const found = judge(log.entries, log.checkpoint(), { trust, notes })
    expect(found.exitCode).toBe(1)
    expect(codes(found)).toContain('log.forked')
    expect(codes(found)).not.toContain('after.disputed')
  })
})

describe('a checkpoint', () => {
  it('is refused for a bad line of any log key of the trust file', () => {
    const log = new TestLog()
    const other = new Party('another log').vkey('example.com/other')
    const { text, signatures } = parseNote(log.checkpoint())
    const bad = { name: other.name, keyId: other.keyId, signature: new Uint8Array(64) }
    const note = formatNote(text, [...signatures, bad])
    expect(codes(judge(log.entries, note, { trust: log.trust() }))).toEqual([])
    const found = judge(log.entries, note, { trust: `log ${other.text}\n${log.trust()}` })
    expect([found.exitCode, codes(found)]).toEqual([1, ['checkpoint.signature']])
    const foreign = `log ${other.text}\nquorum none\n`
    expect(judge(log.entries, note, { trust: foreign }).exitCode).toBe(1)
  })
})

describe('calls', () => {
  it('are found from another stream, though their own is broken', () => {
    const log = new TestLog()
    const broken = log.stream(clerk)
    const denied = broken.intent({ verdict: 'deny' })
    broken.make({ type: 'loss', reason: 'test' })
    broken.seq++
    broken.end()
    log.stream(clerk).outcome(denied, 'not_executed', 'no', { late: true })
    expect(codes(report(log))).toEqual(['stream.broken'])
  })

  it('are pending at the end of their stream after a final outcome that may not stand', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    const call = stream.intent()
    stream.outcome(call, 'pending', 'unknown')
    stream.outcome(call, 'succeeded', 'yes')
    stream.end()
    expect(codes(report(log)).sort()).toEqual(['call.pending-at-end', 'call.second-outcome'])
  })

  it('that were declined and have a provisional outcome are provisional', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    const call = stream.intent({ verdict: 'review' })
    stream.review(call, 'rejected')
    stream.outcome(call, 'pending', 'no')
    stream.end()
    const found = report(log)
    expect(codes(found)).toEqual([])
    expect(found.completeness.outcomes).toEqual({ final: 0, provisional: 1, missing: 0, closed: 0 })
    expect(found.conduct.byStatus).toEqual({ declined: 1 })
  })

  it('may have their outcome in a record above them that is not understood, and only there', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    later(stream)
    stream.intent()
    stream.end(0)
    expect(codes(report(log))).toEqual(['record.not-understood', 'outcome.missing'])
    const other = new TestLog()
    const above = other.stream(clerk)
    above.intent()
    later(above)
    above.end(0)
    expect(codes(report(other))).toEqual(['record.not-understood'])
  })
})

describe('a signature of an approver', () => {
  const anna = new Party('anna')
  const trust = (log: TestLog) => `approver ${anna.vkey().text}\n${log.trust()}`

  it('is checked on reviews that do not count too, the approver on those that do', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    const call = stream.intent({ verdict: 'review' })
    stream.review(call, 'approved', stream.approval(call, 'approved', anna))
    stream.review(call, 'approved', stream.approval(call, 'rejected', anna))
    stream.outcome(call)
    stream.end()
    const found = report(log, trust(log)).findings.map(finding => finding.code)
    expect(found.sort()).toEqual(['review.misplaced', 'review.signature'])
  })

  it('that is not good is none of a pinned key', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    const call = stream.intent({ verdict: 'review' })
    stream.review(call, 'approved', stream.approval(call, 'rejected', anna))
    stream.outcome(call)
    const found = report(log, trust(log)).findings.map(finding => finding.code)
    expect(found.sort()).toEqual(['review.signature', 'review.unpinned'])
  })
})

describe('records that are not understood', () => {
  it('explain as many missing calls as they are', () => {
    for (const [n, expected] of [
      [1, ['record.not-understood']],
      [2, ['record.not-understood', 'session.gap']],
    ] as const) {
      const log = new TestLog()
      const stream = log.stream(clerk)
      later(stream)
      stream.call({ session: { id: id(1), n } })
      expect(codes(report(log))).toEqual(expected)
    }
  })

  it('explain no call that is there twice, and no set of rules that they are not', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    later(stream)
    stream.call({ session: { id: id(1), n: 0 } })
    stream.call({ session: { id: id(1), n: 0 }, more: { decision: { verdict: 'allow', rules: 'ab'.repeat(32) } } })
    stream.end(0, 4)
    expect(codes(report(log)).sort()).toEqual([
      'record.not-understood',
      'rules.unknown',
      'session.gap',
      'stream.miscounted',
    ])
  })

  it('are counted as copies where they are copies', () => {
    const log = new TestLog()
    later(log.stream(clerk))
    log.push(log.entries.at(-1)!)
    const found = report(log)
    expect(found.completeness.notUnderstood).toBe(1)
    expect(allCodes(log)).toContain('record.copied')
  })
})

describe('streams and log records', () => {
  it('of an operator who does not count end all the same', () => {
    const log = new TestLog()
    const mallory = new Party('mallory')
    const stream = log.stream(mallory, { role: 'operator' })
    stream.end()
    expect(report(log).completeness.streams.map(({ state }) => state)).toEqual(['ended'])
  })

  it('of entry 0 again are a copy, of anything else are misplaced', () => {
    const log = new TestLog()
    log.push(log.entries[0]!)
    expect(allCodes(log)).toEqual(['record.copied'])
    const { sig: _, ...body } = JSON.parse(Buffer.from(log.entries[0]!).toString()) as { [name: string]: Json }
    log.push(signed({ ...body, retention: { days: 1 } }, log.operator))
    expect(codes(report(log))).toEqual(['log.record-misplaced'])
    log.entries[2] = edited(log.entries[2]!, json => {
      json['v'] = 2
    })
    expect(codes(report(log))).toEqual(['record.not-understood'])
  })
})
