import type { LogRef } from '../core/record/index.js'
import type { Anchoring } from './anchoring.js'
import type { AppendEntry, AuditBackend, DeadStream, Level, Receipt, Signer } from './backend.js'
import type { Erased } from './erase.js'
import type { OutsideSigners } from './signer.js'
import { closedError } from './stopped.js'
import type { Witnessing } from './witnessing.js'
import type { LogWriter } from './writer.js'

/** Where a log is made and how. All have defaults. */
export interface LogOptions {
  /**
   * The log's name, for good: by custom the address it is served at, without scheme. Refused when the log that is
   * opened has another. Default for a new log: `localhost/deedlog/` and a ULID.
   */
  readonly origin?: string
  /** Whether to make the log if there is none. Default true. */
  readonly create?: boolean
  /** At most one checkpoint in so many milliseconds, 0 to 86,400,000. Default 1,000. */
  readonly checkpointMs?: number
  /** Promised for every entry of a new log, and never changed. Default: none, the log is never pruned. */
  readonly retentionDays?: number
  /**
   * Keys that are kept elsewhere: the log holds no secret of theirs, and needs the same signers whenever it is opened.
   * Default: keys of its own in the private folder.
   */
  readonly signers?: OutsideSigners
  /** Whether a new log gets a trust file beside it. Default true; the memory store has none. */
  readonly trustFile?: boolean
  /**
   * What dates its checkpoints while this process has it open: `anchoring()`. Never on the path of a call; with an anchor
   * of mode `enforce` that is overdue nobody is told `published`. Default: nothing. Not for the memory store.
   */
  readonly anchors?: Anchoring
  /**
   * Who else sees its checkpoints while this process has it open: `witnessing()`. Off the path of a call, unless the call
   * asks for the level `witnessed`. Default: nobody. Not for the memory store.
   */
  readonly witnesses?: Witnessing
}

/** An open log. */
export interface Log extends AuditBackend {
  readonly origin: string
  /** Leaf hash of entry 0, lowercase hex. */
  readonly id: string
  /** Verifier key of the log's signatures, as text. C2SP signed-note. */
  readonly verifierKey: string
  /** Verifier key of the operator, named as the origin. */
  readonly operatorKey: string
  /** Records that are durable. */
  readonly size: number
  /** Records `from` (default 0) up to, not including, `to` (default: all that are durable), in order. */
  entries(range?: { readonly from?: number; readonly to?: number }): AsyncIterable<LogEntry>
  /**
   * The bytes of a C2SP tlog-proof of the record at `index`; waits for the checkpoint that covers it.
   * @throws {RangeError} when there is no such record
   */
  prove(index: number): Promise<Uint8Array>
  /**
   * Destroys disclosures and appends the records that say so; `eraseCalls` makes the plan.
   * @internal
   */
  erase(plan: Uint8Array): Promise<Erased>
  readonly keepsDisclosures: true
  /** Key files in the private folder were replaced: they are read again when a key is next asked for. */
  keysChanged(): Promise<void>
}

export type KeepRules = (file: Uint8Array) => Promise<void>

export interface LogEntry {
  readonly index: number
  readonly record: Uint8Array
}

/** One use of a log. Several may share one writer; each closes its own. */
export class LogHandle implements Log {
  readonly keepsDisclosures = true
  readonly #writer: LogWriter
  readonly #release: () => Promise<void>
  readonly #keepRules: KeepRules | undefined
  #closing: Promise<void> | undefined

  /**
   * @param release    Gives up this use; closes the writer when it was the last.
   * @param keepRules  Undefined where there is no private folder.
   */
  constructor(writer: LogWriter, release: () => Promise<void>, keepRules?: KeepRules) {
    this.#writer = writer
    this.#release = release
    this.#keepRules = keepRules
  }

  get origin(): string {
    return this.#writer.origin
  }

  get id(): string {
    return this.#writer.id
  }

  get verifierKey(): string {
    return this.#writer.logKey.text
  }

  get operatorKey(): string {
    return this.#writer.operatorKey.text
  }

  get size(): number {
    return this.#writer.size
  }

  async append(entries: readonly AppendEntry[], options: { readonly level?: Level } = {}): Promise<readonly Receipt[]> {
    this.#checkOpen()
    return this.#writer.append(entries, options.level)
  }

  async logs(): Promise<readonly LogRef[]> {
    return this.#writer.logs
  }

  async head(): Promise<Uint8Array> {
    return this.#writer.headToCite.slice()
  }

  async identity(agent: string): Promise<Signer> {
    this.#checkOpen()
    return this.#writer.identity(agent)
  }

  async keysChanged(): Promise<void> {
    this.#writer.forgetSigners()
  }

  async *deadStreams(agent: string, identity: Uint8Array): AsyncGenerator<DeadStream> {
    this.#checkOpen()
    yield* this.#writer.deadStreams(agent, identity)
  }

  async keepRules(file: Uint8Array): Promise<void> {
    this.#checkOpen()
    await this.#keepRules?.(file)
  }

  async *entries(range: { readonly from?: number; readonly to?: number } = {}): AsyncGenerator<LogEntry> {
    this.#checkOpen()
    yield* this.#writer.entries(range.from ?? 0, range.to ?? this.size)
  }

  async prove(index: number): Promise<Uint8Array> {
    this.#checkOpen()
    return this.#writer.prove(index)
  }

  async erase(plan: Uint8Array): Promise<Erased> {
    this.#checkOpen()
    return this.#writer.erase(plan)
  }

  async flush(level?: Level): Promise<void> {
    this.#checkOpen()
    await this.#writer.flush(level)
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    try {
      // Others may go on using the writer; what this one appended is published all the same.
      if (!this.#writer.halted) await this.#writer.settle()
    } finally {
      await this.#release()
    }
  }

  #checkOpen(): void {
    if (this.#closing) throw closedError()
  }
}

/** A log that is opened by its first use: constructing it touches nothing. An error of opening is an error of that use. */
export class LazyLog implements AuditBackend {
  readonly keepsDisclosures = true
  readonly #openIt: () => Promise<Log>
  #log: Promise<Log> | undefined
  #closing: Promise<void> | undefined

  constructor(openIt: () => Promise<Log>) {
    this.#openIt = openIt
  }

  async append(entries: readonly AppendEntry[], options?: { readonly level?: Level }): Promise<readonly Receipt[]> {
    return (await this.#open()).append(entries, options)
  }

  async logs(): Promise<readonly LogRef[]> {
    return (await this.#open()).logs!()
  }

  async head(): Promise<Uint8Array | undefined> {
    return (await this.#open()).head!()
  }

  async identity(agent: string): Promise<Signer> {
    return (await this.#open()).identity!(agent)
  }

  async *deadStreams(agent: string, identity: Uint8Array): AsyncGenerator<DeadStream> {
    yield* (await this.#open()).deadStreams!(agent, identity)
  }

  async keepRules(file: Uint8Array): Promise<void> {
    await (await this.#open()).keepRules?.(file)
  }

  async *entries(range?: { readonly from?: number; readonly to?: number }): AsyncGenerator<LogEntry> {
    yield* (await this.#open()).entries(range)
  }

  async flush(level?: Level): Promise<void> {
    // What was never opened has nothing to flush.
    if (this.#closing) throw closedError()
    await (await this.#log)?.flush(level)
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      const log = await this.#log?.catch(() => undefined)
      await log?.close()
    })()
    return this.#closing
  }

  #open(): Promise<Log> {
    if (this.#closing) return Promise.reject(closedError())
    if (!this.#log) {
      const opening = this.#openIt()
      this.#log = opening
      // The next use tries again: the lock may be free, the disk may have room.
      opening.catch(() => {
        this.#log = undefined
      })
    }
    return this.#log
  }
}
