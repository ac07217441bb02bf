import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import {
  canonicalize,
  commit,
  encodeKey,
  encodeSig,
  type Json,
  recordLeaf,
  recordMessage,
} from '../../src/core/record/index.js'

/*
 * What the vectors are made with: fixed seeds, fixed times, and records that may be wrong on purpose, which is why
 * nothing here goes through `encodeRecord`.
 */

export type Members = { readonly [name: string]: Json }

export const seed = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)
export const keyOf = (byte: number): string => encodeKey(ed25519PublicKey(seed(byte)))
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const TIME = '2026-11-22T09:25:00.000Z'
export const ID = '01KAMVW9G0000000000000000'
export const callId = (n: number): string => ID + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[n]!
export const HASH = 'ab'.repeat(32)

/** A commitment to `e` under a key of one repeated byte. */
export const committed = (e: Json, byte = 7): Members => commit(e, seed(byte)) as unknown as Members

/** The text of a record, signed with a seed of one repeated byte where there is one. */
export function recordText(members: Members, signer?: number): string {
  if (signer === undefined) return canonicalize(members)
  return canonicalize({ ...members, sig: encodeSig(ed25519Sign(recordMessage(members), seed(signer))) })
}

export const leafOf = (text: string): string => recordLeaf(toUtf8(text))

export const logRecord = (members: Members = {}): Members => ({
  v: 1,
  type: 'log',
  origin: 'example.com/deeds',
  nonce: 'CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=',
  operators: [keyOf(1)],
  time: TIME,
  ...members,
})

export const OPERATOR = 1
export const IDENTITY = 2

export const LOG_TEXT = recordText(logRecord(), OPERATOR)
export const LOG_ID = leafOf(LOG_TEXT)

export const startRecord = (key: number, members: Members = {}): Members => ({
  v: 1,
  type: 'stream.start',
  seq: 0,
  logs: [{ id: LOG_ID, origin: 'example.com/deeds' }],
  role: 'agent',
  agent: { id: 'did:example:shop' },
  recorder: { name: 'deedlog', version: '0.1.0' },
  identity: keyOf(IDENTITY),
  key: keyOf(key),
  time: TIME,
  ...members,
})

/** One stream that grows, record by record. */
export class Stream {
  readonly start: string
  readonly id: string
  readonly #key: number
  seq = 0
  prev: string

  constructor(key: number, options: { identity?: number; members?: Members } = {}) {
    const identity = options.identity ?? IDENTITY
    this.#key = key
    this.start = recordText(startRecord(key, { identity: keyOf(identity), ...options.members }), identity)
    this.id = leafOf(this.start)
    this.prev = this.id
  }

  /** The text of the next record; unsigned unless `sign`. */
  next(type: string, members: Members, sign = true): string {
    const text = this.at(this.seq + 1, this.prev, type, members, sign)
    this.seq++
    this.prev = leafOf(text)
    return text
  }

  /** The text of a record at a place of one's choosing. */
  at(seq: number, prev: string, type: string, members: Members, sign: boolean | number = true): string {
    const signer = sign === true ? this.#key : sign === false ? undefined : sign
    return recordText({ v: 1, type, stream: this.id, seq, prev, time: TIME, ...members }, signer)
  }

  loss(n: number, sign = true): string {
    return this.next('loss', { reason: `n${n}` }, sign)
  }
}

export const intent = (call: string, verdict: string, members: Members = {}): Members => ({
  call,
  tool: { name: 'refund' },
  args: committed({ amount: 5 }),
  decision: { verdict },
  ...members,
})
