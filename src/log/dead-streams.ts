import { setImmediate } from 'node:timers/promises'
import { encodeKey, type Hash, type Id, type ParsedRecord, parseRecord } from '../core/record/index.js'
import type { Acceptance, RecorderStream } from './acceptance.js'
import type { DeadStream, UnsettledCall } from './backend.js'
import type { SequencedRecord } from './ports.js'
import type { Registry } from './registry.js'

/*
 * Which streams nobody will ever write to again. The lock of a log dies with its process, so whoever holds it knows
 * that every stream which did not begin in this process has lost its recorder.
 */

/** What the search needs of its log. */
export interface DeadStreamsParts {
  readonly acceptance: Acceptance
  /** Streams that began in this process and have not ended: see {@link streamsAlive}. */
  readonly alive: Set<Hash>
  /** The records `from` up to, not including, `to`, in order. */
  readonly read: (from: number, to: number) => AsyncIterable<SequencedRecord>
  readonly size: () => number
  /** Open calls to remember at one time; default 16,384. */
  readonly openMax?: number
}

/**
 * The streams that began in this process, over all its open logs. It outlives a log that is closed or halts and is
 * opened again, whose recorders live on; and it is shared by all copies of this package, like the registry itself.
 */
export function streamsAlive(registry: Registry): Set<Hash> {
  const holder = registry as { [ALIVE]?: Set<Hash> }
  holder[ALIVE] ??= new Set()
  return holder[ALIVE]
}

const ALIVE = Symbol.for('deedlog.streams')

export class DeadStreams {
  readonly #parts: DeadStreamsParts
  /** Streams that somebody is recovering at the moment: another recorder with the same identity gets others. */
  readonly #handedOut = new Set<Hash>()

  constructor(parts: DeadStreamsParts) {
    this.#parts = parts
  }

  /** Told of records before they are written: their recorder is alive even if the write then fails. */
  writing(records: readonly ParsedRecord[]): void {
    for (const { json, leaf } of records) if (json['type'] === 'stream.start') this.#parts.alive.add(leaf)
  }

  /** Told of a record that is durable. */
  saved({ json }: ParsedRecord): void {
    if (json['type'] === 'stream.end') this.#parts.alive.delete(json['stream'] as Hash)
  }

  /** See `AuditBackend.deadStreams`. */
  async *of(agent: string, identity: Uint8Array): AsyncGenerator<DeadStream> {
    const kin = new Map<Hash, RecorderStream>()
    for (const stream of this.#parts.acceptance.ofRecorder(agent, encodeKey(identity))) kin.set(stream.id, stream)
    const dead = this.#dead(kin)
    if (dead.length === 0) return
    for (const { id } of dead) this.#handedOut.add(id)
    try {
      const size = this.#parts.size()
      const firsts = dead.map(({ first }) => first)
      let from: number | undefined = firsts.reduce((least, first) => Math.min(least, first))
      let isFirst = true
      while (from !== undefined) {
        const { calls, next } = await this.#unsettled(new Set(dead.map(({ id }) => id)), kin, from, size)
        for (const { id, last, lastSeq, over } of dead) {
          const unsettled = calls.get(id) ?? []
          const recovered = over === 'recovered' || !isFirst
          if (!recovered || unsettled.length > 0) yield { stream: id, last, lastSeq, recovered, unsettled }
        }
        from = next
        isFirst = false
      }
    } finally {
      for (const { id } of dead) this.#handedOut.delete(id)
    }
  }

  /**
   * Streams without an end that did not begin here; and those whose recovery stands in such a stream, because it may
   * not have come to its end either.
   */
  #dead(kin: ReadonlyMap<Hash, RecorderStream>): RecorderStream[] {
    const { alive } = this.#parts
    const isDead = ({ id, over }: RecorderStream): boolean =>
      over !== 'ended' && !alive.has(id) && !this.#handedOut.has(id)
    const dead = new Set<RecorderStream>()
    const recoveredBy = new Map<Hash, RecorderStream[]>()
    for (const stream of kin.values()) {
      if (!isDead(stream)) continue
      if (stream.over === undefined) dead.add(stream)
      else if (stream.recoveredBy !== undefined) push(recoveredBy, stream.recoveredBy, stream)
    }
    // A set is walked in order, and what is added while it is walked is walked too.
    for (const { id } of dead) for (const stream of recoveredBy.get(id) ?? []) dead.add(stream)
    return [...dead].sort((a, b) => a.first - b.first)
  }

  /**
   * The calls of dead streams that nothing is known about, by stream. Memory is that of the calls that are open at one
   * time; when these are too many, `next` is the index to go on from.
   */
  async #unsettled(
    dead: ReadonlySet<Hash>,
    kin: ReadonlyMap<Hash, RecorderStream>,
    from: number,
    size: number,
  ): Promise<{ readonly calls: ReadonlyMap<Hash, UnsettledCall[]>; readonly next: number | undefined }> {
    const { openMax = OPEN_MAX } = this.#parts
    const open = new Map<Hash, OpenCall>()
    let next: number | undefined
    for await (const { index, record } of this.#parts.read(from, size)) {
      // A log may be long, and its recorder's tools are running meanwhile.
      if (index % READ_AT_ONCE === 0) await setImmediate()
      const parsed = parseRecord(record)
      if (!parsed.understood) continue
      const { leaf, record: found } = parsed
      if (found.type === 'intent') {
        if (!dead.has(found.stream) || found.decision.verdict === 'deny') continue
        if (open.size < openMax && next === undefined)
          open.set(leaf, {
            stream: found.stream,
            call: found.call,
            undecided: found.decision.verdict === 'review',
            reviewed: false,
          })
        else next ??= index
      } else if (found.type === 'review' || found.type === 'outcome') {
        const call = open.get(found.intent)
        if (!call || call.call !== found.call) continue
        if (found.type === 'outcome') {
          if (counts(found, call, kin)) open.delete(found.intent)
        } else if (kin.has(found.stream) && call.undecided && !call.reviewed) {
          call.reviewed = true
          if (found.verdict === 'rejected') open.delete(found.intent)
          else call.undecided = false
        }
      }
    }
    const calls = new Map<Hash, UnsettledCall[]>()
    for (const [intent, { stream, call, undecided }] of open) {
      // Nobody approved it, so its tool was not let go, and an outcome that says it may have run accuses for nothing.
      if (undecided) continue
      push(calls, stream, { call, intent })
    }
    return { calls, next }
  }
}

function push<T>(lists: Map<Hash, T[]>, of: Hash, item: T): void {
  const list = lists.get(of)
  if (list) list.push(item)
  else lists.set(of, [item])
}

interface OpenCall {
  readonly stream: Hash
  readonly call: Id
  /** Its decision asks for a review, and no approving one is there. */
  undecided: boolean
  reviewed: boolean
}

/** Whether an outcome counts for a call of one of these streams: spec/record.md §4, "Calls". */
const counts = (
  { stream, late, status }: { readonly stream: Hash; readonly late?: true; readonly status: string },
  call: OpenCall,
  kin: ReadonlyMap<Hash, RecorderStream>,
): boolean =>
  stream === call.stream ||
  // That a recovery precedes an `unknown` one, who wrote it has seen to.
  (kin.has(stream) && (late === true || status === 'unknown'))

// Some 200 bytes each. So many calls are never open at one time but where a process died with them.
const OPEN_MAX = 16_384
// Records that are parsed before others get their turn: under ten milliseconds.
const READ_AT_ONCE = 256
