import { ed25519PublicKey } from '#crypto'
import { UnavailableError } from '../core/errors.js'
import { ulid } from '../core/record/formats.js'
import type { After, LogRef } from '../core/record/types.js'
import type { Signer } from '../log/backend.js'
import type { Declared } from './declared.js'
import { Head } from './head.js'
import { Ledger } from './ledger.js'
import { Losses } from './losses.js'
import { configHash, makeStart, rulesParts } from './opening.js'
import { recover } from './recovery.js'
import type { Reporting } from './reporting.js'
import type { Runtime } from './runtime.js'
import { type Settings, withTier } from './settings.js'
import { freshSigner, type Sink } from './sink.js'
import { asError, type Pending, Stream, type StreamOptions } from './stream.js'
import type { RecorderOptions } from './types.js'
import type { Values } from './values.js'

/** spec/record.md §2: after 24 hours or 2^20 records new calls go to a new stream. */
export const STREAM_LIMITS = { ms: 24 * 60 * 60 * 1000, records: 2 ** 20 }
// spec/record.md §5: a busy stream carries `after` at least once a minute. Half of that leaves room for the batch.
const AFTER_MS = 30_000

export interface StreamsParts {
  readonly options: RecorderOptions
  readonly settings: Settings
  readonly runtime: Runtime
  readonly limits: typeof STREAM_LIMITS
  readonly sink: Sink
  readonly values: Values
  readonly declared: Declared
  readonly reporting: Reporting
}

/**
 * The streams of one recorder: one that takes new calls, opened when it is needed, and those that wait for the last of
 * theirs. What is known to be lost is written to the first that takes it.
 */
export class Streams {
  readonly #parts: StreamsParts
  readonly #head: Head
  readonly #losses = new Losses()
  readonly #retiring = new Set<Ledger>()
  #newest: Ledger | undefined
  #opening: Promise<Ledger> | undefined
  /** Of what earlier runs left, in a stream of its own. Never rejects. */
  #recovering: Promise<void> | undefined
  #afterReadAt = 0
  #tier: RecorderOptions['tier']

  constructor(parts: StreamsParts) {
    this.#parts = parts
    this.#head = new Head(parts.sink)
    this.#tier = parts.options.tier
  }

  /** The tier that new streams are opened under. */
  get tier(): RecorderOptions['tier'] {
    return this.#tier
  }

  /** Why records cannot be written at the moment. */
  get broken(): Error | undefined {
    return this.all().find(ledger => ledger.stream.broken)?.stream.broken
  }

  all(): Ledger[] {
    return this.#newest ? [this.#newest, ...this.#retiring] : [...this.#retiring]
  }

  /** The stream for a new call. @throws what opening one failed with */
  current(): Promise<Ledger> | Ledger {
    const usable = this.#usable()
    if (usable) return usable
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  /** Resolves when no stream is being opened any more. */
  async opened(): Promise<void> {
    await this.#opening?.catch(() => {})
  }

  /** Resolves when `draft` is durable. */
  written(ledger: Ledger, draft: Pending): Promise<void> {
    // Nothing follows `stream.end`.
    if (ledger.ended) return Promise.reject(new UnavailableError('recorder.closed', 'the stream has ended'))
    if (draft.keep) this.reviveInBackground()
    return new Promise((resolve, reject) => {
      ledger.stream.push({
        ...draft,
        settled: error => {
          if (error) reject(error)
          else resolve()
        },
      })
    })
  }

  /** @throws {UnavailableError} `recorder.broken` while nothing can be written */
  async refuseWhileBroken(): Promise<void> {
    for (const { stream } of this.all()) {
      const why = stream.broken
      if (why && !(await stream.revive()))
        throw new UnavailableError('recorder.broken', `records cannot be written: ${why.message}`, {
          cause: why,
          retryable: true,
        })
    }
  }

  /** Hands over again what was not taken. @param atOnce  also where that was tried a moment ago */
  async revive(atOnce = false): Promise<void> {
    await Promise.all(this.all().map(({ stream }) => stream.revive(atOnce)))
  }

  reviveInBackground(): void {
    for (const { stream } of this.all()) if (stream.broken) void stream.revive()
  }

  /** New calls go to another stream, which is opened under `tier`. */
  async reconfigure(tier: RecorderOptions['tier']): Promise<void> {
    this.#tier = tier
    // A stream that is being opened was configured before; what waits to be written belongs before the change.
    await this.opened()
    await this.revive(true)
    if (this.#newest) this.#retire(this.#newest)
    const { stream } = await this.current()
    await stream.drained()
  }

  /** Writes what a stream does not yet say about what can be seen. Resolves when it is durable. */
  async declare(ledger: Ledger): Promise<void> {
    await Promise.all(this.#coverageDrafts(ledger).map(draft => this.written(ledger, draft)))
  }

  /** A call of a stream is over; one that takes no new calls may be at its end. */
  settled(ledger: Ledger): void {
    if (this.#retiring.has(ledger) && ledger.awaited.size === 0) this.#end(ledger)
  }

  /** Records the end of a session, in every stream that has calls of it. */
  async sessionEnded(name: string): Promise<void> {
    await Promise.all(this.all().map(ledger => this.written(ledger, sessionEndDraft(ledger, name))))
  }

  /** One record or outcome is lost: some stream will say so. */
  lose(): void {
    this.#losses.add()
    this.#tellLosses()
  }

  /** Resolves when everything handed over so far has been taken, or nothing moves any more. */
  async drained(): Promise<void> {
    await this.opened()
    await Promise.all([this.#recovering, ...this.all().map(({ stream }) => stream.drained())])
  }

  /** Ends all streams. @returns what kept the end from being written */
  async end(): Promise<Error | undefined> {
    await this.opened()
    const ledgers = this.all()
    for (const ledger of ledgers) this.#end(ledger)
    await Promise.all(
      ledgers.map(async ({ stream }) => {
        await stream.drained()
        if (stream.broken) await stream.revive(true)
        await stream.drained()
        stream.forget()
      }),
    )
    await this.#recovering
    return this.broken
  }

  /** The stream that takes new calls, if there is one. */
  #usable(): Ledger | undefined {
    const ledger = this.#newest
    if (!ledger) return undefined
    const { runtime, limits } = this.#parts
    if (runtime.monotonic() < ledger.until && ledger.stream.records < limits.records) return ledger
    this.#retire(ledger)
    return undefined
  }

  /** New calls go to another stream; this one ends when its calls have. */
  #retire(ledger: Ledger): void {
    this.#newest = undefined
    this.#retiring.add(ledger)
    if (ledger.awaited.size === 0) this.#end(ledger)
  }

  async #open(): Promise<Ledger> {
    const { options, runtime, sink, limits } = this.#parts
    const logs = await sink.logs()
    const identity = options.identity ?? (await sink.identity(options.agent.id)) ?? freshSigner(runtime)
    const after = await this.#readAfter(logs)
    await this.#keepRules()
    const now = runtime.monotonic()
    const stream = await this.#begin(logs, identity, after, {
      dropped: () => this.lose(),
      delivered: () => {
        this.#tellLosses()
        this.#refreshAfter(logs)
      },
    })
    const ledger = new Ledger(stream, now + limits.ms, () => ulid(runtime.now(), runtime.random(10)))
    this.#afterReadAt = now
    for (const draft of [...this.#rulesDrafts(ledger), ...this.#coverageDrafts(ledger)])
      stream.push({ ...draft, settled: error => error && this.#report(error) })
    this.#newest = ledger
    this.#recovering ??= this.#recover(logs, identity, after)
    if ((options.keepDisclosures ?? true) && !sink.keepsDisclosures)
      this.#report(
        new UnavailableError(
          'recorder.disclosures-dropped',
          'the backend keeps no disclosures: nothing of what is recorded here can ever be disclosed',
        ),
      )
    return ledger
  }

  /** A new stream, of which nothing has been handed over yet. */
  async #begin(
    logs: readonly LogRef[],
    identity: Signer,
    after: After | undefined,
    told: Pick<StreamOptions, 'dropped' | 'delivered'>,
  ): Promise<Stream> {
    const { options, runtime, settings, sink } = this.#parts
    const seed = runtime.random(32)
    const start = await makeStart({
      options,
      logs,
      identity,
      streamKey: ed25519PublicKey(seed),
      after,
      config: configHash(withTier(options, this.#tier), { ...settings }),
      now: runtime.now(),
    })
    return new Stream({ start, seed, sink, runtime, appendTimeoutMs: settings.appendTimeoutMs, ...told })
  }

  /** Closes what earlier runs of this agent left open. Calls do not wait for it. */
  async #recover(logs: readonly LogRef[], identity: Signer, after: After | undefined): Promise<void> {
    try {
      const dead = this.#parts.sink.deadStreams(this.#parts.options.agent.id, identity.publicKey)
      const begin = () => this.#begin(logs, identity, after, { dropped: () => {}, delivered: () => {} })
      if (dead) await recover(dead, begin)
    } catch (cause) {
      // The next stream tries again.
      this.#recovering = undefined
      const { message } = asError(cause)
      this.#report(
        new UnavailableError('recorder.recovery', `what an earlier run left open could not be closed: ${message}`, {
          cause,
        }),
      )
    }
  }

  /** No later than the record that names them. Without them the record still says which rules they were. */
  async #keepRules(): Promise<void> {
    const { options, settings } = this.#parts
    if (!settings.keepDisclosures) return
    for (const { bytes } of options.evaluator?.rules?.files ?? []) {
      try {
        if (bytes) await options.backend.keepRules?.(bytes)
      } catch (error) {
        this.#report(error)
      }
    }
  }

  #rulesDrafts(ledger: Ledger): Pending[] {
    const { rules } = this.#parts.options.evaluator ?? {}
    if (!rules) return []
    return rulesParts(rules).map(part => ({
      // Each names the one before it; `sealed` has told us that one's hash by the time this one is made.
      make: () => part(ledger.rules),
      disclosures: undefined,
      keep: true,
      sealed: leaf => {
        ledger.rules = leaf
      },
    }))
  }

  #coverageDrafts(ledger: Ledger): Pending[] {
    return this.#parts.declared.drafts(ledger, this.#parts.values.commitments())
  }

  /** Writes the last records of a stream. What comes later for it is lost, and counted. */
  #end(ledger: Ledger): void {
    if (ledger.ended) return
    const unawaited = { settled: () => {} }
    for (const name of ledger.sessionNames()) ledger.stream.push({ ...sessionEndDraft(ledger, name), ...unawaited })
    if (this.#losses.any) ledger.stream.push({ ...this.#losses.draft(), ...unawaited })
    ledger.ended = true
    ledger.stream.push({
      make: () => ({ type: 'stream.end', calls: ledger.calls, pending: ledger.unfinished.size }),
      disclosures: undefined,
      keep: true,
      settled: error => {
        if (error) return
        this.#retiring.delete(ledger)
        ledger.stream.forget()
      },
    })
  }

  #tellLosses(): void {
    const ledger = this.#newest
    if (!this.#losses.any || !ledger || ledger.ended || ledger.stream.broken) return
    ledger.stream.push({ ...this.#losses.draft(), settled: () => {} })
  }

  async #readAfter(logs: readonly LogRef[]): Promise<After | undefined> {
    try {
      return await this.#head.read(logs)
    } catch (error) {
      this.#report(error)
      return undefined
    }
  }

  #refreshAfter(logs: readonly LogRef[]): void {
    const now = this.#parts.runtime.monotonic()
    if (now - this.#afterReadAt < AFTER_MS) return
    this.#afterReadAt = now
    const { stream } = this.#newest ?? {}
    void this.#readAfter(logs).then(after => after && stream?.carry(after))
  }

  #report(error: unknown): void {
    this.#parts.reporting.report(error)
  }
}

function sessionEndDraft(ledger: Ledger, name: string): Pending {
  return {
    make: () => {
      const session = ledger.endSession(name)
      return session && session.calls > 0
        ? { type: 'session.end', session: session.id, calls: session.calls }
        : undefined
    },
    disclosures: undefined,
    keep: true,
  }
}
