import { MalformedError, quote } from '../errors.js'
import { isHash, isInt } from './formats.js'
import { OPERATOR_ONLY, type ParsedRecord } from './schema.js'
import { verifyRecordSignature } from './signing.js'
import type { Hash, Int, Key, KeyEvent, Recovery, StreamStart, Word } from './types.js'

/*
 * What a log takes of a stream: spec/record.md §7. Pure: it judges records against what it was shown before. Whatever
 * got into a log regardless is the verifier's to report.
 */

/** What places a record in its stream; understood in every version. */
export interface Link {
  /** Leaf hash of the stream's `stream.start`; of a start, its own. */
  readonly stream: Hash
  readonly seq: Int
  /** Absent on `stream.start`. */
  readonly prev?: Hash
}

/** The link of a record; undefined where it has none that can be followed (a log record, or members out of format). */
export function linkOf({ json, leaf }: Pick<ParsedRecord, 'json' | 'leaf'>): Link | undefined {
  const { type, stream, seq, prev } = json
  if (!isInt(seq)) return undefined
  if (type === 'stream.start')
    return seq === 0 && stream === undefined && prev === undefined ? { stream: leaf, seq } : undefined
  return type !== 'log' && seq > 0 && isHash(stream) && isHash(prev) ? { stream, seq, prev } : undefined
}

export interface AcceptanceOptions {
  /** Leaf hash of the log record. */
  readonly log: Hash
  /** The log record's `operators`. */
  readonly operators: readonly Key[]
  /** Index of the entry with this leaf hash; undefined when it is not held. */
  readonly held: (leaf: Hash) => number | undefined
  /**
   * Whether a recorder of the writer's own process has just signed the record with this leaf hash: its signature need
   * not be checked again. spec/record.md §7, "What a log takes". Default: of none.
   */
  readonly signedHere?: (leaf: Hash) => boolean
}

/** What became of one batch. The held records are its first ones: it was handed over before, in part or whole. */
export interface JudgedBatch {
  readonly stream: Hash
  /** Indexes that its first records already have. */
  readonly held: readonly number[]
  /** The records after those, to be sequenced in this order. */
  readonly fresh: readonly ParsedRecord[]
}

/** All that a {@link StreamAcceptance} remembers: JSON, for going on later without being shown the records again. */
export interface StreamMemory {
  readonly tips: readonly (readonly [stream: Hash, tip: Tip])[]
  readonly operators: readonly Key[]
  readonly compromised: readonly Key[]
}

/** The newest record of a stream, and what may follow it. */
interface Tip {
  readonly start: Pick<StreamStart, 'role' | 'identity' | 'key'> & { readonly agent: Word }
  readonly seq: Int
  readonly leaf: Hash
  readonly over?: 'ended' | 'recovered'
}

/**
 * The streams of one log as its writer sees them. `judge` refuses or says what to sequence and changes nothing;
 * `take` remembers it. Take a batch as soon as it is queued: if its write fails the writer halts anyway.
 */
export class StreamAcceptance {
  readonly #tips: Map<Hash, Tip>
  readonly #operators: Set<Key>
  readonly #compromised: Set<Key>
  readonly #options: AcceptanceOptions

  /** @param memory  What another one remembered of the same log. Whoever hands it over vouches for it. */
  constructor(options: AcceptanceOptions, memory?: StreamMemory) {
    this.#options = options
    this.#tips = new Map(memory?.tips)
    this.#operators = new Set(memory?.operators ?? options.operators)
    this.#compromised = new Set(memory?.compromised)
  }

  memory(): StreamMemory {
    return { tips: [...this.#tips], operators: [...this.#operators], compromised: [...this.#compromised] }
  }

  /**
   * Judges consecutive records of one stream.
   *
   * @throws {MalformedError}
   *   `stream.empty`      no record
   *   `stream.link`       a record without a place in a stream, or of another stream than the first
   *   `stream.start`      a start that is not understood: its keys and logs cannot be relied on
   *   `stream.foreign`    the stream's `logs` does not name this log
   *   `stream.unknown`    its start is not here
   *   `stream.order`      a record that does not follow its stream's last in seq and prev
   *   `stream.ended`, `stream.recovered`  nothing may follow
   *   `stream.operator`   an operator's record from a stream that does not count as the operator's
   *   `stream.recovery`   a recovery of a stream that is not this recorder's, or that names another last record
   *   `stream.signature`  the last record, or the start, is not validly signed
   */
  judge(batch: readonly ParsedRecord[]): JudgedBatch {
    const first = batch[0]
    if (first === undefined) refuse('empty', 'the batch is empty')
    const stream = requireLink(first).stream
    const held: number[] = []
    let tip = this.#tips.get(stream)
    let fresh = 0
    for (const record of batch) {
      const link = requireLink(record)
      if (link.stream !== stream) refuse('link', `the batch goes on in stream ${link.stream}`, stream)
      const index = fresh === 0 ? this.#options.held(record.leaf) : undefined
      if (index !== undefined) {
        held.push(index)
        continue
      }
      tip = this.#next(tip, record, link)
      fresh++
    }
    const taken = batch.slice(held.length)
    const { signedHere } = this.#options
    const unchecked = signedHere ? taken.filter(({ leaf }) => !signedHere(leaf)) : taken
    if (unchecked.length > 0) requireSignatures(unchecked, taken.at(-1), tip!.start)
    return { stream, held, fresh: taken }
  }

  /** Remembers a judged batch, or records read from the log itself when it is opened: what does not fit is passed over. */
  take(records: readonly ParsedRecord[]): void {
    for (const record of records) {
      const link = linkOf(record)
      if (link === undefined) continue
      let tip: Tip
      try {
        tip = this.#next(this.#tips.get(link.stream), record, link)
      } catch {
        continue
      }
      this.#tips.set(link.stream, tip)
      if (record.understood && record.record.type === 'recovery') this.#recover(record.record)
      if (record.understood && record.record.type === 'key') this.#keyEvent(record.record)
    }
  }

  /** The newest record of a stream: what a recovery of it must name. */
  last(stream: Hash): { readonly seq: Int; readonly leaf: Hash } | undefined {
    const tip = this.#tips.get(stream)
    return tip && { seq: tip.seq, leaf: tip.leaf }
  }

  /** Takes nothing more in a stream: its records are gone, and nobody can be shown to follow them. */
  seal(stream: Hash): void {
    const tip = this.#tips.get(stream)
    if (tip) this.#tips.set(stream, { ...tip, over: 'ended' })
  }

  /** Streams that have neither ended nor been recovered. */
  *open(): Generator<{ readonly stream: Hash; readonly agent: Word; readonly identity: Key }> {
    for (const [stream, { over, start }] of this.#tips)
      if (over === undefined) yield { stream, agent: start.agent, identity: start.identity }
  }

  /** The agent streams of one recorder, which are the only ones it may recover: one agent id under one identity. */
  *ofRecorder(
    agent: Word,
    identity: Key,
  ): Generator<{
    readonly stream: Hash
    readonly seq: Int
    readonly leaf: Hash
    readonly over: 'ended' | 'recovered' | undefined
  }> {
    for (const [stream, { start, seq, leaf, over }] of this.#tips)
      if (start.role === 'agent' && start.agent === agent && start.identity === identity)
        yield { stream, seq, leaf, over }
  }

  #next(tip: Tip | undefined, parsed: ParsedRecord, link: Link): Tip {
    if (link.prev === undefined) return this.#start(tip, parsed)
    if (tip === undefined) refuse('unknown', `the start of stream ${link.stream} is not in this log`)
    if (tip.over !== undefined)
      refuse(tip.over, `stream ${link.stream} has ${tip.over === 'ended' ? 'ended' : 'been recovered'}`)
    if (link.seq !== tip.seq + 1 || link.prev !== tip.leaf)
      refuse('order', `record ${link.seq} after ${link.prev} does not follow`, `seq ${tip.seq + 1}, prev ${tip.leaf}`)
    const { type } = parsed.json
    if (OPERATOR_ONLY.has(type as string) && tip.start.role !== 'operator')
      refuse('operator', `${quote(type)} is for the operator’s streams`)
    const { role, identity, key } = tip.start
    if (role === 'operator' && (this.#compromised.has(identity) || this.#compromised.has(key)))
      refuse('operator', 'the operator’s key is compromised')
    if (parsed.understood && parsed.record.type === 'recovery') this.#judgeRecovery(link.stream, tip, parsed.record)
    const next: Tip = { start: tip.start, seq: link.seq, leaf: parsed.leaf }
    return type === 'stream.end' ? { ...next, over: 'ended' } : next
  }

  #start(tip: Tip | undefined, parsed: ParsedRecord): Tip {
    if (!parsed.understood || parsed.record.type !== 'stream.start')
      refuse('start', `the stream.start is not understood: ${parsed.understood ? '' : parsed.why}`)
    if (tip !== undefined) refuse('order', `stream ${parsed.leaf} has started`)
    const { logs, role, identity, key, agent } = parsed.record
    if (!logs.some(({ id }) => id === this.#options.log))
      refuse('foreign', 'the stream does not name this log', this.#options.log)
    if (role === 'operator' && (!this.#operators.has(identity) || this.#compromised.has(identity)))
      refuse('operator', `${quote(identity)} is no operator of this log`)
    return { start: { role, identity, key, agent: agent.id }, seq: 0, leaf: parsed.leaf }
  }

  // A recovery closes its stream for good. Anybody’s would do to silence another agent; so it must come from the same
  // agent under the same identity, and know the last record.
  #judgeRecovery(stream: Hash, tip: Tip, { of, last, lastSeq }: Recovery): void {
    const gone = this.#tips.get(of)
    if (gone === undefined) refuse('recovery', `stream ${of} is not in this log`)
    if (gone.start.identity !== tip.start.identity || gone.start.agent !== tip.start.agent)
      refuse('recovery', `stream ${of} is another recorder’s`)
    if (of === stream) refuse('recovery', 'a stream cannot recover itself')
    if (last !== gone.leaf || lastSeq !== gone.seq)
      refuse('recovery', `the last record of ${of} is not ${lastSeq}, ${last}`, `${gone.seq}, ${gone.leaf}`)
  }

  #recover({ of }: Recovery): void {
    const gone = this.#tips.get(of)
    if (gone?.over === undefined && gone !== undefined) this.#tips.set(of, { ...gone, over: 'recovered' })
  }

  #keyEvent({ event, key, agent }: KeyEvent): void {
    // A key in other hands is so for whomever it was used, and no later word makes it good again.
    if (event === 'compromised') this.#compromised.add(key)
    if (agent !== undefined) return // whose agents' identities these are, an auditor asks
    if (event === 'add') this.#operators.add(key)
    else this.#operators.delete(key)
  }
}

function requireSignatures(
  records: readonly ParsedRecord[],
  last: ParsedRecord | undefined,
  start: Pick<StreamStart, 'identity' | 'key'>,
): void {
  for (const record of records) {
    const opens = record.json['type'] === 'stream.start'
    if (opens && !verifyRecordSignature(record, start.identity))
      refuse('signature', 'the stream.start is not signed by its identity')
    // One inside the batch may go without a signature. A bad one would speak against the log that took it.
    if (!opens && (record === last || record.json['sig'] !== undefined) && !verifyRecordSignature(record, start.key))
      refuse('signature', 'a signature of the batch is not by the stream’s key, or its last record has none')
  }
}

function requireLink(record: ParsedRecord): Link {
  const link = linkOf(record)
  if (link === undefined) refuse('link', `a record of type ${quote(record.json['type'])} has no place in a stream`)
  return link
}

function refuse(code: string, why: string, expected?: string): never {
  throw new MalformedError(`stream.${code}`, why, expected === undefined ? {} : { expected })
}
