import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { formatTime, type Json } from '../../src/core/record/index.js'
import { windowOf } from '../../src/core/verify/index.js'
import { codes, judge, Party, TestLog } from './kit.js'

const clerk = new Party('did:example:clerk')
const w1 = new Party('witness.example/w1')
const w2 = new Party('witness.example/w2')
const quorum = [
  `witness w1 ${w1.vkey(w1.name, 4).text}`,
  `witness w2 ${w2.vkey(w2.name, 4).text}`,
  'group both all w1 w2',
  'quorum both',
]

const noteOf = (bytes: Uint8Array): [string, Uint8Array] => [sha256Hex(bytes), bytes]

describe('a trust file that asks for witnesses', () => {
  it('is satisfied by their cosignatures: intact to the size', () => {
    const log = new TestLog()
    log.stream(clerk).call()
    const report = judge(log.entries, log.checkpoint({ witnesses: [w1, w2] }), { trust: log.trust([clerk], quorum) })
    expect(codes(report)).toEqual([])
    expect(report.evidence.verdict).toBe('intact')
    expect(report.evidence.words).toEqual(['intact to 4'])
    expect(report.evidence.keys.map(key => key.role)).toEqual(['log', 'witness', 'witness'])
  })

  it('is not satisfied by one of two', () => {
    const log = new TestLog()
    log.stream(clerk).call()
    const report = judge(log.entries, log.checkpoint({ witnesses: [w1] }), { trust: log.trust([clerk], quorum) })
    expect(report.exitCode).toBe(2)
    expect(report.evidence.words).toContain('unwitnessed since 0')
  })

  it('is satisfied by an older note that a record cites and that was kept: the rest is unwitnessed', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call()
    const note = log.checkpoint({ witnesses: [w1, w2] })
    stream.add({ type: 'coverage', unseen: ['x'], after: log.after(log.size, note) as unknown as Json })
    stream.call()
    const holds = { trust: log.trust([clerk], quorum), notes: new Map([noteOf(note)]) }
    const report = judge(log.entries, log.checkpoint(), holds)
    expect(report.exitCode).toBe(0)
    expect(report.evidence.words).toEqual(['intact to 4', 'unwitnessed since 4', 'undated since 4'])
    const without = judge(log.entries, log.checkpoint(), { trust: holds.trust })
    expect(without.exitCode).toBe(2)
    const wrong = judge(log.entries, log.checkpoint(), {
      ...holds,
      notes: new Map([[sha256Hex(note), log.checkpoint({ size: 2, witnesses: [w1, w2] })]]),
    })
    expect(wrong.exitCode).toBe(2)
  })
})

describe('a trust file that limits how old the newest cosignature may be', () => {
  const log = new TestLog()
  log.stream(clerk).call()
  const checkpoint = log.checkpoint({ witnesses: [w1, w2] })
  const seen = Date.UTC(2026, 10, 24, 9) / 1000 + log.size
  const trust = log.trust([clerk], [...quorum, 'lag 60'])

  it('is satisfied by one that is young enough', () => {
    expect(judge(log.entries, checkpoint, { trust, nowSeconds: seen + 60 }).exitCode).toBe(0)
  })

  it.each([
    ['an older one', { trust, nowSeconds: seen + 61 }],
    ['a time that is not known', { trust }],
    ['no quorum to date it', { trust: log.trust([clerk], ['quorum none', 'lag 60']), nowSeconds: seen }],
  ])('could not check with %s', (_, holds) => {
    const report = judge(log.entries, checkpoint, holds)
    expect(codes(report)).toEqual(['checkpoint.stale'])
    expect(report.exitCode).toBe(2)
  })
})

describe('when records were made', () => {
  it('lies between the note that their stream cites and the first that covers them', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call()
    const note = log.checkpoint({ witnesses: [w1, w2] })
    const citing = log.size
    stream.add({ type: 'coverage', unseen: ['x'], after: log.after(citing, note) as unknown as Json })
    stream.call()
    const other = log.stream(clerk)
    other.call()
    const holds = { trust: log.trust([clerk], quorum), notes: new Map([noteOf(note)]) }
    const { times } = judge(log.entries, log.checkpoint({ witnesses: [w1, w2] }), holds).evidence
    const at = (size: number) => formatTime(Date.UTC(2026, 10, 24, 9) + size * 1000)
    expect(times).toEqual({
      existed: [
        { size: citing, time: at(citing) },
        { size: log.size, time: at(log.size) },
      ],
      made: [{ stream: stream.id, index: citing, time: at(citing) }],
    })
    expect(windowOf(times!, stream.id, 2)).toEqual({ before: at(citing) })
    expect(windowOf(times!, stream.id, citing + 1)).toEqual({ after: at(citing), before: at(log.size) })
    expect(windowOf(times!, other.id, other.first)).toEqual({ before: at(log.size) })
    expect(windowOf(times!, stream.id, log.size)).toEqual({ after: at(citing) })
    // Without the note's bytes, or with one witness of two, nothing is bounded from below.
    expect(
      judge(log.entries, log.checkpoint({ witnesses: [w1, w2] }), { trust: holds.trust }).evidence.times?.made,
    ).toEqual([])
    expect(
      judge(log.entries, log.checkpoint({ witnesses: [w1] }), { trust: holds.trust }).evidence.times,
    ).toBeUndefined()
    expect(
      judge(log.entries, log.checkpoint({ witnesses: [w1, w2] }), { trust: log.trust() }).evidence.times,
    ).toBeUndefined()
  })
})

describe('a checkpoint that a record cites', () => {
  it('proves a fork when its note is signed by the log and its root is another', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call()
    const root = new Uint8Array(32).fill(7)
    const note = log.checkpoint({ size: 3, root })
    const after = { ...log.after(3, note), root: '07'.repeat(32) }
    stream.add({ type: 'coverage', unseen: ['x'], after })
    const holds = { trust: log.trust() }
    const disputed = judge(log.entries, log.checkpoint(), holds)
    expect(codes(disputed)).toEqual(['after.disputed'])
    expect(disputed.exitCode).toBe(3)
    const forked = judge(log.entries, log.checkpoint(), { ...holds, notes: new Map([noteOf(note)]) })
    expect(codes(forked)).toContain('log.forked')
    expect(forked.evidence.verdict).toBe('forked')
    expect(forked.exitCode).toBe(1)
  })

  it('proves that the log was rolled back when its note is of a larger tree', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call()
    const note = log.checkpoint({ size: 100, root: new Uint8Array(32).fill(7) })
    stream.add({ type: 'coverage', unseen: ['x'], after: { ...log.after(4, note), size: 100, root: '07'.repeat(32) } })
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust(), notes: new Map([noteOf(note)]) })
    expect(report.evidence.verdict).toBe('rolled back')
    expect(report.exitCode).toBe(1)
  })

  it('is compared however long ago it was', () => {
    const log = new TestLog()
    const stream = log.stream(clerk)
    stream.call()
    const after = log.after(3)
    // Further back than the window of leaf hashes, and between two strides: known only in a second pass.
    const filler = stream.make({ type: 'parole' })
    while (log.size < 66_100) log.push(filler)
    stream.add({ type: 'coverage', unseen: ['x'], after })
    stream.add({ type: 'coverage', unseen: ['x'], after: { ...after, root: 'ab'.repeat(32) } })
    log.entries.splice(4, 66_100 - 4, ...log.entries.slice(4, 66_100).map((_, i) => fill(i)))
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust() })
    expect(report.findings.filter(finding => finding.code === 'after.disputed').map(f => f.indexes)).toEqual([[66_101]])
  })
})

// Bytes that are no record: cheap, and they only fill the tree.
const fill = (i: number): Uint8Array => Uint8Array.from(Buffer.from(String(i)))

describe('an earlier checkpoint that the auditor holds', () => {
  const log = new TestLog()
  const stream = log.stream(clerk)
  stream.call()
  const held = log.checkpoint()
  stream.call()

  it('is continued by an honest log', () => {
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust(), held: [held] })
    expect(report.exitCode).toBe(0)
    expect(report.checks.find(check => check.code === 'checkpoint.held')?.status).toBe('passed')
  })

  it('is the only way to see that a log was cut and signed again', () => {
    const cut = [log.entries.slice(0, 3), log.checkpoint({ size: 3 })] as const
    expect(judge(...cut, { trust: log.trust() }).evidence.verdict).toBe('self-consistent')
    expect(judge(...cut, { trust: log.trust(), held: [held] }).evidence.verdict).toBe('rolled back')
  })

  it('cannot be used when it is of another log', () => {
    const other = new TestLog({ origin: 'example.com/other' })
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust(), held: [other.checkpoint()] })
    expect(codes(report)).toEqual(['held.unusable'])
    expect(report.exitCode).toBe(2)
  })
})

describe('keys and identities', () => {
  const operatorStream = (log: TestLog) => log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })

  it('lets an operator that counts introduce an agent', () => {
    const log = new TestLog()
    const fresh = new Party('did:example:fresh')
    log.stream(fresh).call()
    operatorStream(log).add({ type: 'key', event: 'add', key: fresh.key, agent: fresh.name })
    log.stream(fresh).call()
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust() })
    expect(report.completeness.streams.map(each => each.identity)).toEqual(['self-asserted', 'pinned', 'introduced'])
    expect(codes(report)).toEqual(['identity.self-asserted'])
  })

  it('pins an agent within its range only', () => {
    const log = new TestLog()
    log.stream(clerk).call()
    log.stream(clerk).call()
    const trust = log.trust([], [`agent ${clerk.vkey().text} 0 1`, 'quorum none'])
    const report = judge(log.entries, log.checkpoint(), { trust })
    expect(report.completeness.streams.map(each => each.identity)).toEqual(['pinned', 'self-asserted'])
  })

  it('withdraws a key for the streams that start later', () => {
    const log = new TestLog()
    log.stream(clerk).call()
    operatorStream(log).add({ type: 'key', event: 'retire', key: clerk.key })
    log.stream(clerk).call()
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust() })
    expect(report.completeness.streams.map(each => each.identity)).toEqual(['pinned', 'pinned', 'contradicted'])
  })

  it('counts an operator who was added by one that counts', () => {
    const log = new TestLog()
    const second = new Party('second operator')
    const pretender = log.stream(second, { role: 'operator', agent: { id: 'operator' } })
    pretender.add({ type: 'key', event: 'add', key: second.key })
    operatorStream(log).add({ type: 'key', event: 'add', key: second.key })
    log.stream(second, { role: 'operator', agent: { id: 'operator' } }).add({ type: 'coverage', unseen: ['x'] })
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust() })
    expect(codes(report)).toEqual(['operator.not-counted'])
    expect(report.completeness.streams.map(each => each.identity)).toEqual(['self-asserted', 'pinned', 'introduced'])
  })
})
