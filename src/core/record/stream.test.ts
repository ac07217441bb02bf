import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toUtf8 } from '../bytes/utf8.js'
import { canonicalize } from './canonical.js'
import { encodeKey, encodeSig } from './formats.js'
import { type ParsedRecord, parseRecord } from './schema.js'
import { recordMessage } from './signing.js'
import { linkOf, StreamAcceptance } from './stream.js'
import type { Json } from './types.js'

type Members = { readonly [name: string]: Json }

const LOG = 'ab'.repeat(32)
const TIME = '2026-11-22T09:25:00.000Z'
const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
const keyOf = (byte: number): string => encodeKey(ed25519PublicKey(seed(byte)))

function record(members: Members, signer?: number): ParsedRecord {
  const body = { v: 1, time: TIME, ...members }
  const sig = signer === undefined ? {} : { sig: encodeSig(ed25519Sign(recordMessage(body), seed(signer))) }
  return parseRecord(toUtf8(canonicalize({ ...body, ...sig } as Json)))
}

const start = (key: number, members: Members = {}, identity = 2): ParsedRecord =>
  record(
    {
      type: 'stream.start',
      seq: 0,
      logs: [{ id: LOG, origin: 'o' }],
      role: 'agent',
      agent: { id: 'shop' },
      recorder: { name: 'r', version: '1' },
      identity: keyOf(identity),
      key: keyOf(key),
      ...members,
    },
    identity,
  )

const next = (after: ParsedRecord, members: Members = {}, signer: number | 'unsigned' = 3): ParsedRecord => {
  const link = linkOf(after)!
  return record(
    { type: 'loss', reason: 'x', stream: link.stream, seq: link.seq + 1, prev: after.leaf, ...members },
    signer === 'unsigned' ? undefined : signer,
  )
}

/** A log in memory: what is judged good is taken and gets the next indexes. */
function newLog(options: { signedHere?: (leaf: string) => boolean } = {}) {
  const indexes = new Map<string, number>()
  const streams = new StreamAcceptance({ log: LOG, operators: [keyOf(1)], held: leaf => indexes.get(leaf), ...options })
  const append = (...batch: ParsedRecord[]): number[] => {
    const { held, fresh } = streams.judge(batch)
    streams.take(fresh)
    for (const one of fresh) indexes.set(one.leaf, indexes.size + 1)
    return [...held, ...fresh.map(one => indexes.get(one.leaf)!)]
  }
  const refusal = (...batch: ParsedRecord[]): string => {
    try {
      append(...batch)
      return 'taken'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  return { append, refusal, streams }
}

const a0 = start(3)
const a1 = next(a0, {}, 'unsigned')
const a2 = next(a1)
const a3 = next(a2)

describe('a log takes', () => {
  it('a batch whose last record is signed, and the next after it', () => {
    const { append } = newLog()
    expect(append(a0, a1, a2)).toEqual([1, 2, 3])
    expect(append(a3)).toEqual([4])
  })

  it('a batch again, in part or whole, without sequencing it twice', () => {
    const { append } = newLog()
    append(a0, a1, a2)
    expect(append(a0, a1, a2)).toEqual([1, 2, 3])
    expect(append(a1, a2, a3)).toEqual([2, 3, 4])
    expect(append(a0)).toEqual([1])
  })

  it('records of later versions, by their links', () => {
    const { append } = newLog()
    append(a0)
    expect(append(next(a0, { v: 2, type: 'com.example.new' }))).toEqual([2])
  })

  it('an operator’s records in a stream that counts', () => {
    const { append } = newLog()
    const operator = start(3, { role: 'operator' }, 1)
    expect(append(operator, next(operator, { type: 'key', event: 'add', key: keyOf(5) }))).toEqual([1, 2])
    expect(append(start(4, { role: 'operator' }, 5))).toEqual([3])
  })

  it('unchecked signatures where it is told so', () => {
    expect(newLog({ signedHere: () => true }).append(a0, a1)).toEqual([1, 2])
  })

  it('a recovery by the same agent, that knows the last record', () => {
    const { append, refusal, streams } = newLog()
    append(a0, a1, a2)
    const b0 = start(4)
    append(b0)
    expect([...streams.open()].map(one => one.stream)).toEqual([a0.leaf, b0.leaf])
    expect(streams.last(a0.leaf)).toEqual({ seq: 2, leaf: a2.leaf })
    expect(append(next(b0, { type: 'recovery', of: a0.leaf, last: a2.leaf, lastSeq: 2 }, 4))).toEqual([5])
    expect(refusal(a3)).toBe('stream.recovered')
    expect([...streams.open()].map(one => one.stream)).toEqual([b0.leaf])
  })
})

describe('a log refuses', () => {
  const forgedStart = start(3, { config: 'cd'.repeat(32) }, 2)
  const wrongSigner = record({ ...without(forgedStart.json, 'sig', 'v', 'time') }, 9)
  const foreign = start(3, { logs: [{ id: 'cd'.repeat(32), origin: 'o' }] })

  it.each<[string, ParsedRecord[], string]>([
    ['nothing', [], 'stream.empty'],
    ['a log record', [record({ type: 'log' })], 'stream.link'],
    ['a record without a place', [record({ type: 'loss', reason: 'x' })], 'stream.link'],
    ['a stream whose start is not here', [a1, a2], 'stream.unknown'],
    ['a start that is not understood', [start(3, { role: 'boss' })], 'stream.start'],
    ['a start of a later version', [start(3, { v: 2 })], 'stream.start'],
    ['a stream of another log', [foreign], 'stream.foreign'],
    ['a start that its identity did not sign', [wrongSigner], 'stream.signature'],
    ['an unsigned last record', [a0, a1], 'stream.signature'],
    ['a last record signed by another key', [a0, next(a0, {}, 9)], 'stream.signature'],
    ['a last record signed by the identity', [a0, next(a0, {}, 2)], 'stream.signature'],
    ['a start that another signed, in a batch with a good end', [wrongSigner, next(wrongSigner)], 'stream.signature'],
    ['a gap', [a0, a2], 'stream.order'],
    ['another prev', [a0, next(a0, { prev: LOG })], 'stream.order'],
    ['two streams in a batch', [a0, start(4)], 'stream.link'],
    ['a start twice in a batch', [a0, a0], 'stream.order'],
    ['an operator who is none', [start(3, { role: 'operator' }, 6)], 'stream.operator'],
    [
      'an operator’s record from an agent',
      [a0, next(a0, { type: 'erasure', intents: [LOG], basis: 'x' })],
      'stream.operator',
    ],
    ['what follows the end', [a0, ...endAnd(a0)], 'stream.ended'],
  ])('%s', (_, batch, code) => {
    const log = newLog()
    expect(log.refusal(...batch)).toBe(code)
    // All or none: nothing of a refused batch was taken.
    if (batch[0] === a0) expect(log.append(a0)).toEqual([1])
  })

  it('another record with the seq of one it holds', () => {
    const { append, refusal } = newLog()
    append(a0, a1, a2)
    expect(refusal(next(a1, { reason: 'other' }))).toBe('stream.order')
    expect(refusal(next(a0, { reason: 'other' }))).toBe('stream.order')
  })

  it('a recovery by anybody else, of itself, or by one who does not know the last record', () => {
    const { append, refusal } = newLog()
    append(a0, a1, a2)
    const recovery = (by: ParsedRecord, key: number, members: Members = {}): ParsedRecord =>
      next(by, { type: 'recovery', of: a0.leaf, last: a2.leaf, lastSeq: 2, ...members }, key)
    const mallory = start(4, { agent: { id: 'mallory' } })
    const thief = start(5, {}, 6)
    const own = start(7)
    for (const one of [mallory, thief, own]) append(one)
    expect(refusal(recovery(mallory, 4))).toBe('stream.recovery')
    expect(refusal(recovery(thief, 5))).toBe('stream.recovery')
    expect(refusal(recovery(own, 7, { lastSeq: 1, last: a1.leaf }))).toBe('stream.recovery')
    expect(refusal(recovery(own, 7, { of: 'cd'.repeat(32) }))).toBe('stream.recovery')
    expect(refusal(recovery(own, 7, { of: own.leaf, last: own.leaf, lastSeq: 0 }))).toBe('stream.recovery')
    expect(refusal(a3)).toBe('taken')
  })

  it('an operator whose key was retired, for new streams; and one compromised, for all', () => {
    const { append, refusal } = newLog()
    const operator = start(3, { role: 'operator' }, 1)
    const added = next(operator, { type: 'key', event: 'add', key: keyOf(5) })
    append(operator, added)
    const second = start(4, { role: 'operator' }, 5)
    append(second)
    const retired = next(added, { type: 'key', event: 'retire', key: keyOf(5) })
    append(retired)
    expect(refusal(start(6, { role: 'operator' }, 5))).toBe('stream.operator')
    const goesOn = next(second, {}, 4)
    expect(refusal(goesOn)).toBe('taken')
    append(next(retired, { type: 'key', event: 'compromised', key: keyOf(5) }))
    expect(refusal(next(goesOn, {}, 4))).toBe('stream.operator')
  })

  it('an operator whose key was compromised, whichever agent the record names, and whoever adds it again', () => {
    const { append, refusal } = newLog()
    const operator = start(3, { role: 'operator' }, 1)
    const added = next(operator, { type: 'key', event: 'add', key: keyOf(5) })
    const compromised = next(added, { type: 'key', event: 'compromised', key: keyOf(5), agent: 'did:example:x' })
    append(operator, added, compromised)
    expect(refusal(start(4, { role: 'operator' }, 5))).toBe('stream.operator')
    append(next(compromised, { type: 'key', event: 'add', key: keyOf(5) }))
    expect(refusal(start(4, { role: 'operator' }, 5))).toBe('stream.operator')
  })

  it('no agent’s records: whose keys were compromised is for auditors to say', () => {
    const { append, refusal } = newLog()
    const operator = start(3, { role: 'operator' }, 1)
    append(a0)
    append(operator, next(operator, { type: 'key', event: 'compromised', key: keyOf(2) }))
    expect(refusal(a1, a2)).toBe('taken')
  })
})

it('passes over what does not fit when a log is opened, and goes on', () => {
  const { streams, append } = newLog()
  streams.take([record({ type: 'log' }), a3, a0, a2, a1, a1])
  expect(streams.last(a0.leaf)).toEqual({ seq: 1, leaf: a1.leaf })
  expect(append(a2)).toEqual([1])
})

function endAnd(after: ParsedRecord): ParsedRecord[] {
  const end = next(after, { type: 'stream.end', calls: 0, pending: 0 })
  return [end, next(end)]
}

function without(members: Members, ...names: string[]): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)))
}
