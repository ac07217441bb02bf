import { ed25519Forget, ed25519Sign } from '#crypto'
import { UnavailableError } from '../core/errors.js'
import { encodeSig, formatTime } from '../core/record/formats.js'
import { rememberMade } from '../core/record/made-here.js'
import { encodeRecord, recordLeaf } from '../core/record/schema.js'
import { recordMessage } from '../core/record/signing.js'
import type { After, ChainedRecord, Json } from '../core/record/types.js'
import type { AppendEntry } from '../log/backend.js'
import { rememberSigned } from '../log/signed-here.js'
import { type Batch, deliver, mayMend } from './delivery.js'
import type { Runtime } from './runtime.js'
import type { Sink } from './sink.js'

/** Members that a record has from its place in a stream and its batch. */
export type ChainedMember = 'v' | 'time' | 'stream' | 'seq' | 'prev' | 'sig' | 'after'

type Distribute<T> = T extends ChainedRecord ? Omit<T, ChainedMember> : never
/** A record without the members that its place in a stream gives it. */
export type Body = Distribute<ChainedRecord> & { readonly time?: string }

/** A record that waits for its batch. Its functions must not throw, `make` apart. */
export interface Draft {
  /**
   * Its body, made when the batch closes, since only then the hashes of earlier records and the counters are known.
   * Undefined: there is nothing (left) to say.
   */
  make(): Body | undefined
  readonly disclosures: Uint8Array | undefined
  /** True for what has happened already (outcomes, losses): it is kept and written when writing works again. */
  readonly keep: boolean
  /**
   * Its place is fixed and its leaf hash known: from here on it is handed over, as often as it takes. Called a second
   * time, before the batch leaves, for the record that turns out to be the last and is signed.
   */
  sealed?(leaf: string): void
  /** Called once: durable, or not (yet). */
  settled(error: Error | undefined): void
}

/** A record that nobody waits for yet. */
export type Pending = Omit<Draft, 'settled'>

interface Sealed extends Batch {
  readonly drafts: readonly Draft[]
}

// A batch is one request to the log and one signature. The bounds keep it far below what any backend refuses.
const BATCH_RECORDS_MAX = 256
const BATCH_BYTES_MAX = 4 * 1024 * 1024
// What is kept while nothing can be written. Beyond it the newest is dropped and counted.
const KEPT_MAX = 4096
const KEPT_BYTES_MAX = 64 * 1024 * 1024
// How long a stream that could not be written rests before the next call tries it again.
const REST_MS = 1000

export interface StreamOptions {
  /** The signed bytes of `stream.start`. */
  readonly start: Uint8Array
  /** The secret that signs this stream. It is overwritten when the stream has ended. */
  readonly seed: Uint8Array
  readonly sink: Sink
  readonly runtime: Runtime
  /** How long one append may take before its callers are told that it failed. */
  readonly appendTimeoutMs: number
  /** Told of one record given up. */
  readonly dropped: () => void
  /** Told of each batch taken, and whether it was the first after a failure. */
  readonly delivered: (mended: boolean) => void
}

/**
 * One stream: orders, chains, signs and hands over. One append is in flight at a time; while it is, the next batch
 * gathers, so a lone call waits for nothing and a crowd shares its syncs and signatures.
 *
 * When an append fails, its bytes are fixed and may or may not be in the log. Nothing else can follow in this stream
 * until the same bytes have been taken: until then the stream is `broken`.
 */
export class Stream {
  /** Leaf hash of `stream.start`. */
  readonly id: string
  readonly #options: StreamOptions
  #seq = 1
  #prev: string
  #records = 1
  /** Until the first batch takes it along. */
  #start: Uint8Array | undefined
  #queue: Draft[] = []
  #keptBytes = 0
  #scheduled = false
  #sending = false
  #stuck: { readonly batch: Sealed; readonly restUntil: number; readonly mayMend: boolean } | undefined
  #broken: Error | undefined
  #idle: (() => void)[] = []
  #after: After | undefined

  constructor(options: StreamOptions) {
    this.#options = options
    this.#start = options.start
    this.id = recordLeaf(options.start)
    this.#prev = this.id
  }

  /** Why nothing can be written at the moment. */
  get broken(): Error | undefined {
    return this.#broken
  }

  /** Records so far, `stream.start` included. */
  get records(): number {
    return this.#records
  }

  /** Puts `after` on the next signed record. */
  carry(after: After): void {
    this.#after = after
  }

  /** Adds a record to the next batch. */
  push(draft: Draft): void {
    if (this.#broken) {
      this.#whileBroken(draft, this.#broken)
      return
    }
    this.#queue.push(draft)
    if (this.#sending || this.#scheduled) return
    // What the host starts in the same turn of its event loop shares a batch. No timer is involved.
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  /**
   * Hands over again what was not taken, unless it is no use, or too early and not wanted `atOnce`.
   * @returns whether the stream works.
   */
  async revive(atOnce = false): Promise<boolean> {
    const stuck = this.#stuck
    if (!this.#broken) return true
    if (!stuck?.mayMend || (!atOnce && this.#options.runtime.monotonic() < stuck.restUntil)) return false
    this.#stuck = undefined
    await this.#send(stuck.batch)
    return this.#broken === undefined
  }

  /** Resolves when nothing waits any more, or nothing moves any more. */
  async drained(): Promise<void> {
    while ((this.#queue.length > 0 || this.#sending || this.#scheduled) && !this.#broken)
      await new Promise<void>(resolve => {
        this.#idle.push(resolve)
      })
  }

  /** Forgets the secret key: nobody can sign for this stream any more. */
  forget(): void {
    ed25519Forget(this.#options.seed)
  }

  #pump(): void {
    if (this.#sending || this.#broken) return
    const batch = this.#close()
    if (batch) void this.#send(batch)
    else this.#wake()
  }

  async #send(batch: Sealed): Promise<void> {
    const { runtime, sink, appendTimeoutMs } = this.#options
    this.#sending = true
    let waiting = batch.drafts
    const tell = (error: Error | undefined): void => {
      for (const draft of waiting) draft.settled(error)
      waiting = []
    }
    const fail = (error: Error): void => {
      this.#broken = error
      tell(error)
      this.#shed(error)
      this.#wake()
    }
    // The append may yet succeed; but a caller who waits for ever neither runs the tool nor tells anybody.
    const cancel = runtime.later(appendTimeoutMs, () =>
      fail(new UnavailableError('recorder.timeout', `the log has not answered for ${appendTimeoutMs} ms`)),
    )
    let failure: Error | undefined
    try {
      await deliver(batch, sink, runtime)
    } catch (error) {
      failure = asError(error)
    }
    cancel()
    this.#sending = false
    if (failure) {
      this.#stuck = {
        batch: { ...batch, drafts: [] },
        restUntil: runtime.monotonic() + REST_MS,
        mayMend: mayMend(failure),
      }
      fail(failure)
      return
    }
    const mended = this.#broken !== undefined
    this.#broken = undefined
    this.#keptBytes = 0
    tell(undefined)
    this.#options.delivered(mended)
    this.#pump()
  }

  /** Tells the whole queue that it is not durable, and keeps of it what has to be kept. */
  #shed(error: Error): void {
    const waiting = this.#queue
    this.#queue = []
    for (const draft of waiting) this.#whileBroken(draft, error)
  }

  #whileBroken(draft: Draft, error: Error): void {
    if (draft.keep) {
      const bytes = draft.disclosures?.length ?? 0
      if (this.#queue.length < KEPT_MAX && this.#keptBytes + bytes <= KEPT_BYTES_MAX) {
        this.#keptBytes += bytes
        this.#queue.push(told(draft))
      } else this.#options.dropped()
    }
    draft.settled(error)
  }

  #wake(): void {
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  /** Closes the next batch: fixes places and hashes and makes the one signature. Undefined: nothing to hand over. */
  #close(): Sealed | undefined {
    const placed: Placed[] = []
    let bytes = 0
    let taken = 0
    // Not a loop over the whole queue: what arrives from now on belongs to the next batch.
    while (taken < this.#queue.length && placed.length < BATCH_RECORDS_MAX && bytes < BATCH_BYTES_MAX) {
      const draft = this.#queue[taken++]!
      // Signed at once where nothing can follow it: a lone record is written once.
      const isLast = taken === this.#queue.length || placed.length + 1 === BATCH_RECORDS_MAX
      const record = this.#place(draft, isLast)
      if (!record) continue
      placed.push(record)
      bytes += record.entry.record.length + (record.entry.disclosures?.length ?? 0)
    }
    this.#queue.splice(0, taken)
    const last = placed.at(-1)
    // Nothing came behind it after all.
    if (last && last.json.sig === undefined) placed[placed.length - 1] = this.#placed(last.draft, last.json, true)
    const start = this.#start
    this.#start = undefined
    if (!last && !start) return undefined
    return {
      entries: [...(start ? [{ record: start }] : []), ...placed.map(record => record.entry)],
      leaves: [...(start ? [this.id] : []), ...placed.map(record => record.leaf)],
      drafts: placed.map(record => record.draft),
    }
  }

  #place(draft: Draft, isLast: boolean): Placed | undefined {
    try {
      const body = draft.make()
      if (body) {
        const placed = this.#placed(draft, this.#chained(body), isLast)
        this.#seq++
        this.#records++
        return placed
      }
      draft.settled(undefined)
    } catch (error) {
      // A record that cannot be written has taken no place: the others are not touched, and there is no gap.
      draft.settled(asError(error))
    }
    return undefined
  }

  /** A body with its place. Both are in ascending order of their names, as the record will be written. */
  #chained(body: Body): ChainedRecord {
    const place = {
      prev: this.#prev,
      seq: this.#seq,
      stream: this.id,
      ...(body.time === undefined && { time: formatTime(this.#options.runtime.now()) }),
      v: 1,
    }
    return merged(body as unknown as Members, place) as unknown as ChainedRecord
  }

  /** Fixes the bytes of a record; signed, with the newest checkpoint if one waits to be carried. */
  #placed(draft: Draft, unsigned: ChainedRecord, sign: boolean): Placed {
    const json = sign ? this.#signed(unsigned) : unsigned
    const record = encodeRecord(json)
    const leaf = recordLeaf(record)
    rememberMade(leaf, json as unknown as Members)
    if (sign) {
      rememberSigned(leaf)
      this.#after = undefined
    }
    this.#prev = leaf
    draft.sealed?.(leaf)
    const { disclosures } = draft
    return { draft, json, leaf, entry: disclosures ? { record, disclosures } : { record } }
  }

  #signed(unsigned: ChainedRecord): ChainedRecord {
    const members = unsigned as unknown as Members
    const body = this.#after ? merged(members, { after: this.#after as unknown as Json }) : members
    const sig = encodeSig(ed25519Sign(recordMessage(body), this.#options.seed))
    return merged(body, { sig }) as unknown as ChainedRecord
  }
}

type Members = { readonly [name: string]: Json }

/** The members of both, which share none, in ascending order if each of them has its own in that order. */
function merged(members: Members, more: Members): Members {
  const names = Object.keys(more)
  const all: { [name: string]: Json } = {}
  let next = 0
  for (const name of Object.keys(members)) {
    while (next < names.length && names[next]! < name) {
      const other = names[next++]!
      all[other] = more[other]!
    }
    all[name] = members[name]!
  }
  while (next < names.length) {
    const other = names[next++]!
    all[other] = more[other]!
  }
  return all
}

interface Placed {
  readonly draft: Draft
  readonly json: ChainedRecord
  readonly leaf: string
  readonly entry: AppendEntry
}

/** `draft` whose maker has been told already. */
const told = (draft: Draft): Draft => ({
  make: () => draft.make(),
  disclosures: draft.disclosures,
  keep: true,
  sealed: leaf => draft.sealed?.(leaf),
  settled: () => {},
})

/** Whatever somebody threw, as an error. Asking what it is must not throw either. */
export function asError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown
  } catch {
    // A proxy that throws when asked for its prototype.
  }
  return new UnavailableError('recorder.threw', 'something that is no Error was thrown', { cause: thrown })
}
