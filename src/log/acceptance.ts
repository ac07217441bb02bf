import { MalformedError } from '../core/errors.js'
import {
  type Hash,
  type Int,
  type Key,
  type ParsedRecord,
  verifyRecordSignature,
  type Word,
} from '../core/record/index.js'
import { type JudgedBatch, linkOf, StreamAcceptance, type StreamMemory } from '../core/record/stream.js'
import { wasSignedHere } from './signed-here.js'

/** All that an {@link Acceptance} has to remember for good: JSON. */
export interface AcceptanceMemory {
  readonly streams: StreamMemory
  readonly starts: readonly (readonly [stream: Hash, start: { readonly index: number; readonly key: Key }])[]
  readonly recoveries: readonly (readonly [of: Hash, stream: Hash])[]
}

/**
 * What a log takes. The rules are core's (`core/record/stream.ts`); here is what they need to know about this log:
 * which records it holds already, and where.
 */
export class Acceptance {
  readonly #streams: StreamAcceptance
  /** Where each stream begins, and the key that signs it. Grows with the streams of a log, not with its records. */
  readonly #starts: Map<Hash, { readonly index: number; readonly key: Key }>
  /** By recovered stream, the stream that its first recovery stands in. */
  readonly #recoveries: Map<Hash, Hash>
  /** The newest records, and those before them: dropped as a whole, because removing them singly costs more than adding. */
  #recent = new Map<Hash, number>()
  #older: ReadonlyMap<Hash, number> = NOTHING
  #lookedUp: ReadonlyMap<Hash, number> = NOTHING

  /**
   * @param log        Leaf hash of the log record.
   * @param operators  The log record's `operators`.
   * @param memory     What another one remembered of this log.
   */
  constructor(log: Hash, operators: readonly Key[], memory?: AcceptanceMemory) {
    const held = (leaf: Hash) => this.#indexOf(leaf) ?? this.#lookedUp.get(leaf)
    this.#streams = new StreamAcceptance({ log, operators, held, signedHere: wasSignedHere }, memory?.streams)
    this.#starts = new Map(memory?.starts)
    this.#recoveries = new Map(memory?.recoveries)
  }

  /** The newest records are not part of it: {@link olderThanRemembered} has them looked up. */
  memory(): AcceptanceMemory {
    return { streams: this.#streams.memory(), starts: [...this.#starts], recoveries: [...this.#recoveries] }
  }

  /**
   * Says which records of a batch are held already and which are to be sequenced. Changes nothing.
   *
   * @param lookedUp  Index of each record that {@link olderThanRemembered} asked for, where it was found.
   * @throws {MalformedError} `stream.*` for a batch that the log does not take
   */
  judge(batch: readonly ParsedRecord[], lookedUp: ReadonlyMap<Hash, number>): JudgedBatch {
    this.#lookedUp = lookedUp
    return this.#streams.judge(batch)
  }

  /**
   * Whether some of these records may be held without being remembered: they are not new to their stream.
   * @returns the index from which on to look for them.
   */
  olderThanRemembered(batch: readonly ParsedRecord[]): number | undefined {
    for (const record of batch) {
      const link = linkOf(record)
      const start = link && this.#starts.get(link.stream)
      if (!link || !start || link.seq > (this.#streams.last(link.stream)?.seq ?? -1)) continue
      if (this.#indexOf(record.leaf) === undefined) return start.index
    }
    return undefined
  }

  /** Remembers a record that is durable at `index`. In order. */
  saved(record: ParsedRecord, index: number): void {
    this.#streams.take([record])
    if (record.understood && record.record.type === 'stream.start')
      this.#starts.set(record.leaf, { index, key: record.record.key })
    if (record.understood && record.record.type === 'recovery' && !this.#recoveries.has(record.record.of))
      this.#recoveries.set(record.record.of, record.record.stream)
    this.#recent.set(record.leaf, index)
    if (this.#recent.size < RECENT_MAX) return
    this.#older = this.#recent
    this.#recent = new Map()
  }

  #indexOf(leaf: Hash): number | undefined {
    return this.#recent.get(leaf) ?? this.#older.get(leaf)
  }

  /** Takes nothing more in a stream whose records were pruned. */
  seal(stream: Hash): void {
    this.#streams.seal(stream)
  }

  /** The agent streams of one recorder: agent id and identity. */
  *ofRecorder(agent: Word, identity: Key): Generator<RecorderStream> {
    for (const { stream, seq, leaf, over } of this.#streams.ofRecorder(agent, identity))
      yield {
        id: stream,
        first: this.#starts.get(stream)!.index,
        last: leaf,
        lastSeq: seq,
        over,
        recoveredBy: this.#recoveries.get(stream),
      }
  }

  /**
   * Why a record read back from the log cannot be what this writer once took, if it cannot: it does not follow its
   * stream's last, or its signature is bad. Every record is signed or named by a later one of its stream, so that a
   * record that was altered shows here, or at the record that follows it.
   */
  describeDamage(record: ParsedRecord): string | undefined {
    const link = linkOf(record)
    if (!link) return 'it has no place in a stream'
    const start = this.#starts.get(link.stream)
    if (link.prev === undefined) {
      const signed =
        record.understood &&
        record.record.type === 'stream.start' &&
        verifyRecordSignature(record, record.record.identity)
      return signed ? undefined : 'the signature of this stream.start is bad'
    }
    const last = this.#streams.last(link.stream)
    if (!last || !start) return `the start of stream ${link.stream} is not before it`
    if (link.seq !== last.seq + 1 || link.prev !== last.leaf) {
      const index = this.#indexOf(last.leaf)
      const which = index === undefined ? `record ${last.seq} of its stream` : `record ${index}`
      return `it does not follow ${which}: one of the two is not as it was written`
    }
    return record.json['sig'] === undefined || verifyRecordSignature(record, start.key)
      ? undefined
      : 'its signature is bad'
  }
}

/** A stream as far as those need to know who may have to recover it. */
export interface RecorderStream {
  /** Leaf hash of its `stream.start`. */
  readonly id: Hash
  /** Index of its `stream.start`. */
  readonly first: number
  /** Leaf hash and seq of its newest record. */
  readonly last: Hash
  readonly lastSeq: Int
  readonly over: 'ended' | 'recovered' | undefined
  /** The stream that the recovery of this one stands in. */
  readonly recoveredBy: Hash | undefined
}

/** Whether a batch may change what other streams may do. */
export const concernsOthers = (batch: readonly ParsedRecord[]): boolean =>
  batch.some(({ json }) => json['type'] === 'recovery' || json['type'] === 'key')

/** The stream of a batch's first record, for lining up; what has none is refused when it is judged. */
export function streamOf(batch: readonly ParsedRecord[]): Hash {
  const link = batch[0] && linkOf(batch[0])
  if (!link) throw new MalformedError('stream.link', 'the batch does not begin with a record of a stream')
  return link.stream
}

const NOTHING: ReadonlyMap<Hash, number> = new Map()
// Twice as many are about 3 MB. A recorder hands over a batch again within moments, if ever.
const RECENT_MAX = 8192
