import { sha256Hex } from '#crypto'
import { MalformedError, quote } from '../errors.js'
import { allowsExecuted, OUTCOME_STATUSES } from './calls.js'
import { formatRecordJson, parseRecordJson, RECORD_BYTES_MAX } from './canonical.js'
import { SCHEME } from './commitment.js'
import { isBin, isHash, isId, isInt, isKey, isSig, isText, isTime, isWord } from './formats.js'
import { anyMade, takeMade } from './made-here.js'
import {
  by,
  type Check,
  exactly,
  format,
  isObject,
  itself,
  type JsonObject,
  listOf,
  mapOf,
  object,
  oneOf,
  type Shape,
} from './shape.js'
import type { Commitment, Executed, Hash, Json, OperatorOnlyType, OutcomeStatus, Record, RecordType } from './types.js'

/*
 * Every record type of version 1, member by member: spec/record.md §1, §2, §4. Bytes that are no record at all are
 * `malformed`. A record that this reader does not understand, be it from a later version or plainly wrong, keeps its
 * place and its links; its content is not used.
 */

/** One entry of a log. `json` has `stream`, `seq`, `prev` and `sig` also where the record is not understood. */
export type ParsedRecord = UnderstoodRecord | UnknownRecord

export interface UnderstoodRecord {
  readonly understood: true
  readonly record: Record
  readonly json: JsonObject
  /** Leaf hash: SHA-256 of 0x00 and the bytes. */
  readonly leaf: Hash
  readonly bytes: Uint8Array
}

export interface UnknownRecord {
  readonly understood: false
  /** One sentence: which member, and what it is. */
  readonly why: string
  readonly json: JsonObject
  readonly leaf: Hash
  readonly bytes: Uint8Array
}

/** Types that count for nothing in an agent's stream. spec/record.md §4 */
export const OPERATOR_ONLY: ReadonlySet<string> = new Set<OperatorOnlyType>([
  'settlement',
  'continuation',
  'key',
  'erasure',
])

/**
 * The record of an entry's bytes.
 *
 * @throws {MalformedError} `record.length`, `record.utf8`, `record.syntax`, `record.depth`, `record.value`,
 *   `record.canonical`, or `record.object` for JSON that is no object
 */
export function parseRecord(bytes: Uint8Array): ParsedRecord {
  const known = anyMade() && bytes.length <= RECORD_BYTES_MAX ? recordLeaf(bytes) : undefined
  const made = known && takeMade(known)
  if (made) return { understood: true, record: made as unknown as Record, json: made, leaf: known, bytes }
  const json = parseRecordJson(bytes)
  if (!isObject(json)) throw new MalformedError('record.object', 'a record is a JSON object')
  const leaf = known ?? recordLeaf(bytes)
  const why = describeViolation(json)
  return why === undefined
    ? { understood: true, record: json as unknown as Record, json, leaf, bytes }
    : { understood: false, why, json, leaf, bytes }
}

/**
 * The bytes of a record, after the checks that every reader will make.
 *
 * @throws {MalformedError} `record.member` for a record that would not be understood, `record.length` beyond 16,384 bytes,
 *   and what `parseRecord` throws
 */
export function encodeRecord(record: Record): Uint8Array {
  const why = describeViolation(record as unknown as JsonObject)
  if (why !== undefined) throw new MalformedError('record.member', `this is no record: ${why}`)
  // This covers what no member's check looks at: members of others, their depth and their numbers.
  return formatRecordJson(record as unknown as Json)
}

/** Leaf hash of an entry, lowercase hex. RFC 6962 §2.1 */
export function recordLeaf(bytes: Uint8Array): Hash {
  const input = bytes.length < scratch.length ? scratch.subarray(0, 1 + bytes.length) : new Uint8Array(1 + bytes.length)
  input.set(bytes, 1)
  return sha256Hex(input)
}

// The first byte stays 0x00, the prefix of a leaf. Hashing is synchronous, so one buffer serves all calls.
const scratch = new Uint8Array(1 + RECORD_BYTES_MAX)

/** Why version 1 does not understand `json`, in one sentence; undefined when it does. */
export function describeViolation(json: JsonObject): string | undefined {
  const wrong = VERSION(json['v'] ?? null, 'v')
  if (wrong !== undefined) return wrong
  const type = json['type']
  const shape = typeof type === 'string' ? SHAPES.get(type as RecordType) : undefined
  if (shape === undefined)
    return `the type ${typeof type === 'string' ? quote(type) : 'of another kind than a string'} is none of version 1`
  return shape(json, '') ?? unknownCritical(json, shape.names) ?? between(json, type as RecordType)
}

/** Members with commitments and where they are: `args`, `error.message`, ... Those present, in this order. */
export function commitmentsOf(record: Record): ReadonlyMap<string, Commitment> {
  const found = new Map<string, Commitment>()
  const json = record as unknown as JsonObject
  for (const path of COMMITMENTS.get(record.type) ?? []) {
    let at: Json | undefined = json
    for (const name of path.split('.')) at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
    if (at !== undefined) found.set(path, at as unknown as Commitment)
  }
  return found
}

const COMMITMENTS: ReadonlyMap<RecordType, readonly string[]> = new Map<RecordType, readonly string[]>([
  ['intent', ['args', 'decision.reason', 'principal', 'toolName']],
  ['review', ['args']],
  ['outcome', ['args', 'error.message', 'output', 'visible']],
  ['settlement', ['evidence']],
  ['coverage', ['detail']],
  ['loss', ['detail']],
  ['continuation', ['detail']],
])

const VERSION = exactly(1)
const hash = format(isHash, 'a hash')
const key = format(isKey, 'an Ed25519 key')
const sig = format(isSig, 'an Ed25519 signature')
const time = format(isTime, 'a time')
const id = format(isId, 'an id')
const word = format(isWord, 'a word')
const text = format(isText, 'a text')
const int = format(isInt, 'an integer from 0')
const attempt = format(value => isInt(value) && value >= 2, 'an integer from 2')
const nonce = format(value => isBin(value, 32), 'base64 of 32 bytes')
const topName = format(value => typeof value === 'string', 'a name')
const flag = exactly(true)
const commitment = object({ root: hash, scheme: exactly(SCHEME), size: int })
const software = object({ name: text, version: text })

/** What every record has or may have. */
const COMMON = {
  v: VERSION,
  type: word,
  time,
  'after?': object({ origin: word, size: int, root: hash, note: hash }),
  'crit?': listOf(64, topName, itself),
}

/** What follows a stream.start. */
const CHAINED = { ...COMMON, stream: hash, seq: int, prev: hash, 'sig?': sig }

const chained = (members: { readonly [name: string]: Check }): Shape => object({ ...CHAINED, ...members })

const SHAPES: ReadonlyMap<RecordType, Shape> = new Map<RecordType, Shape>([
  [
    'log',
    object({
      ...COMMON,
      origin: word,
      nonce,
      operators: listOf(8, key),
      'retention?': object({ days: int }),
      sig,
    }),
  ],
  [
    'stream.start',
    object({
      ...COMMON,
      seq: exactly(0),
      logs: listOf(8, object({ id: hash, origin: word }), by('id')),
      role: oneOf('agent', 'operator'),
      'observer?': oneOf('host', 'client', 'proxy', 'server'),
      agent: object({ id: word, 'name?': text, 'version?': text }),
      'host?': object({ framework: text, version: text }),
      recorder: software,
      'config?': hash,
      'custody?': oneOf('process', 'daemon', 'kms'),
      identity: key,
      key,
      sig,
    }),
  ],
  [
    'rules',
    chained({
      engine: software,
      files: listOf(32, object({ digest: hash, name: text }), by('name')),
      'part?': hash,
    }),
  ],
  [
    'intent',
    chained({
      call: id,
      'session?': object({ id, n: int }),
      tool: object({ name: text, 'kind?': word, 'server?': text, 'digest?': hash }),
      'toolName?': commitment,
      args: commitment,
      decision: object({
        verdict: oneOf('allow', 'deny', 'review', 'not_evaluated'),
        'rules?': hash,
        'policy?': text,
        'rule?': text,
        'reason?': commitment,
      }),
      'principal?': commitment,
      'refs?': mapOf(8, word, text),
      'parent?': hash,
      'same?': hash,
      'attempt?': attempt,
      'tier?': oneOf('degraded', 'lossy'),
      'unmediated?': flag,
      'belated?': flag,
    }),
  ],
  [
    'review',
    chained({
      call: id,
      intent: hash,
      verdict: oneOf('approved', 'rejected'),
      approver: object({ id: word, channel: word }),
      'args?': commitment,
      'approval?': object({ key, sig }),
    }),
  ],
  [
    'outcome',
    chained({
      call: id,
      intent: hash,
      status: oneOf(...OUTCOME_STATUSES),
      executed: oneOf('yes', 'no', 'unknown'),
      'args?': commitment,
      'output?': commitment,
      'visible?': commitment,
      'error?': object({ 'name?': text, 'message?': commitment }),
      'startedAt?': time,
      'durationUs?': int,
      'late?': flag,
    }),
  ],
  [
    'settlement',
    chained({
      intent: hash,
      result: oneOf('succeeded', 'failed', 'not_executed'),
      basis: word,
      'evidence?': commitment,
    }),
  ],
  ['session.end', chained({ session: id, calls: int })],
  [
    'coverage',
    chained({
      'tools?': listOf(64, object({ name: text, 'digest?': hash, wrapped: oneOf('yes', 'no') })),
      'unseen?': listOf(64, word, itself),
      'detail?': commitment,
    }),
  ],
  ['loss', chained({ reason: word, 'count?': int, 'detail?': commitment })],
  ['recovery', chained({ of: hash, last: hash, lastSeq: int })],
  ['continuation', chained({ of: hash, note: hash, size: int, reason: word, 'detail?': commitment })],
  ['key', chained({ event: oneOf('add', 'retire', 'compromised'), key, 'agent?': word, 'since?': int })],
  ['erasure', chained({ intents: listOf(128, hash), basis: word })],
  ['stream.end', chained({ calls: int, pending: int })],
])

/** The first name that `crit` lists and that this reader does not know in a record of this type. */
function unknownCritical(json: JsonObject, known: ReadonlySet<string>): string | undefined {
  const crit = (json['crit'] ?? []) as readonly string[]
  const unknown = crit.find(name => !known.has(name))
  return unknown === undefined ? undefined : `crit lists ${quote(unknown)}, which is not known`
}

/** What one member asks of another. */
function between(json: JsonObject, type: RecordType): string | undefined {
  if (type === 'log' || type === 'stream.start') {
    // These two begin something; a link would let a reader of links alone put them elsewhere.
    for (const name of type === 'log' ? ['stream', 'seq', 'prev'] : ['stream', 'prev'])
      if (Object.hasOwn(json, name)) return `a ${type} has no ${name}`
    return undefined
  }
  if (json['seq'] === 0) return 'seq 0 belongs to stream.start'
  if (json['after'] !== undefined && json['sig'] === undefined) return 'after stands on signed records only'
  // What `executed` may be is a list, and which list the status says.
  if (type === 'outcome' && !allowsExecuted(json['status'] as OutcomeStatus, json['executed'] as Executed))
    return `executed ${json['executed']} does not go with status ${json['status']}`
  return undefined
}
