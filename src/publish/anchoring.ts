import { type DeedlogError, isDeedlogError, UnavailableError } from '../core/errors.js'
import type { Anchoring, RunningAnchors } from '../log/anchoring.js'
import type { Layout } from '../log/layout.js'
import type { Timer } from '../log/world.js'
import type { Anchor } from './anchor.js'
import { AnchorRunner, checkNames, type RoundResult, type RunnerWorld } from './anchor-runner.js'

export interface AnchoringOptions {
  readonly anchors: readonly Anchor[]
  /** A new checkpoint is anchored so many minutes after the one before. Default 60; 0 means each one that is out. */
  readonly everyMinutes?: number
  /** And at once, when so many records have come since. Default: none. */
  readonly everyRecords?: number
  /** An anchor of mode `enforce` is overdue when a checkpoint is owed for so long. Default: twice `everyMinutes`. */
  readonly overdueMinutes?: number
  /** Told what became of each attempt. What it throws is nobody's concern. */
  readonly onResult?: (result: RoundResult) => void
}

/** Numbers of a running schedule, for whoever watches it. */
export interface AnchorMetrics {
  readonly rounds: number
  /** Rounds that could not be held at all: the disk, or another process. */
  readonly failedRounds: number
  /** Why the newest of those could not be. */
  readonly lastFailure?: { readonly code: string; readonly message: string }
  /** Attempts by what became of them. */
  readonly anchored: number
  readonly pending: number
  readonly failed: number
  readonly skipped: number
  /** Anchors that are still to be had, and since when the oldest is owed, in milliseconds since 1970. */
  readonly waiting: number
  readonly owedSinceMs?: number
  /** Largest size that was anchored while this ran; 0 for none. */
  readonly size: number
}

/** What a log is opened with (`LogOptions.anchors`), and where its numbers are read. */
export interface ScheduledAnchors extends Anchoring {
  metrics(): AnchorMetrics
}

/**
 * Anchors the checkpoints of a log while it is open: the newest only, never on the path of a call.
 *
 * @throws {TypeError} for options that are none, or two anchors of one kind and name
 */
export function anchoring(options: AnchoringOptions): ScheduledAnchors {
  const { anchors, everyMinutes = 60, everyRecords, overdueMinutes = 2 * everyMinutes } = options
  if (!(everyMinutes >= 0 && everyMinutes <= MINUTES_MAX))
    throw new TypeError('everyMinutes is a number from 0 to 10,080')
  if (everyRecords !== undefined && !(Number.isSafeInteger(everyRecords) && everyRecords > 0))
    throw new TypeError('everyRecords is an integer from 1')
  if (!(overdueMinutes >= 0 && overdueMinutes <= MINUTES_MAX))
    throw new TypeError('overdueMinutes is a number from 0 to 10,080')
  checkNames(anchors)
  const counts = new Counts()
  return {
    metrics: () => counts.metrics(),
    start: ({ world, layout }) =>
      new Schedule(world, layout, {
        anchors,
        counts,
        everyMs: everyMinutes * 60_000,
        everyRecords: everyRecords ?? Number.POSITIVE_INFINITY,
        overdueMs: overdueMinutes * 60_000,
        onResult: options.onResult,
      }),
  }
}

// A week.
const MINUTES_MAX = 10_080
// Between looks at what is due. Backoff and schedule are counted in minutes.
const TICK_MS = 5_000

interface Plan {
  readonly anchors: readonly Anchor[]
  readonly counts: Counts
  readonly everyMs: number
  readonly everyRecords: number
  readonly overdueMs: number
  readonly onResult: ((result: RoundResult) => void) | undefined
}

class Schedule implements RunningAnchors {
  readonly #world: RunnerWorld
  readonly #plan: Plan
  readonly #runner: AnchorRunner
  readonly #stopping = new AbortController()
  readonly #enforced: readonly string[]
  #newest: { readonly note: Uint8Array; readonly size: number } | undefined
  /** What was put into the queue last; undefined until the queue has been read. */
  #scheduled: { readonly ms: number; readonly size: number } | undefined
  #timer: Timer | undefined
  #round: Promise<void> | undefined
  /** By anchor of mode `enforce`: since when one is owed. */
  #owed: number | undefined

  constructor(world: RunnerWorld, layout: Layout, plan: Plan) {
    this.#world = world
    this.#plan = plan
    this.#runner = new AnchorRunner(world, layout, plan.anchors)
    this.#enforced = plan.anchors.filter(({ mode }) => mode === 'enforce').map(({ kind, name }) => `${kind} ${name}`)
    this.#wait()
  }

  released(note: Uint8Array, size: number): void {
    this.#newest = { note, size }
    // One that is owed from here on is overdue later, even if no round can be held meanwhile.
    if (this.#enforced.length > 0 && this.#isDue()) this.#owed ??= this.#world.clock.now()
    if (this.#isDue()) this.#run()
  }

  refusal(): UnavailableError | undefined {
    if (this.#owed === undefined || this.#enforced.length === 0) return undefined
    const lateMs = this.#world.clock.now() - this.#owed
    if (lateMs < this.#plan.overdueMs) return undefined
    return new UnavailableError(
      'anchor.overdue',
      `a checkpoint of this log is owed to ${this.#enforced.join(', ')} for ${Math.round(lateMs / 1000)} s; the records ` +
        'are in the log, and nobody outside has dated them',
      { retryable: true, expected: 'the authority or chain to answer, or another mode than enforce' },
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#stopping.abort()
    await this.#round
  }

  #wait(): void {
    if (this.#stopping.signal.aborted) return
    this.#timer = this.#world.clock.timer(TICK_MS, () => this.#run())
  }

  /** Whether the newest checkpoint is to be put into the queue now. */
  #isDue(): boolean {
    const newest = this.#newest
    if (!newest) return false
    const last = this.#scheduled
    if (!last) return true
    if (newest.size <= last.size) return false
    const { everyMs, everyRecords } = this.#plan
    // A clock that was set back must not stop the schedule for as long as it was set back.
    const sinceMs = Math.abs(this.#world.clock.now() - last.ms)
    return sinceMs >= everyMs || newest.size - last.size >= everyRecords
  }

  #run(): void {
    if (this.#round || this.#stopping.signal.aborted) return
    this.#timer?.cancel()
    this.#round = this.#hold()
      .catch((error: unknown) => this.#plan.counts.failedRound(asDeedlogError(error)))
      .finally(() => {
        this.#round = undefined
        this.#wait()
      })
  }

  async #hold(): Promise<void> {
    const queue = await this.#runner.queue()
    this.#scheduled ??= queue.scheduled
    const note = this.#isDue() ? this.#newest!.note : undefined
    const now = this.#world.clock.now()
    if (note === undefined && !queue.entries.some(entry => entry.nextMs <= now)) {
      this.#settleDebt(queue.entries)
      return
    }
    const { results, waiting } = await this.#runner.round({ note, signal: this.#stopping.signal })
    this.#scheduled = (await this.#runner.queue()).scheduled
    this.#settleDebt(waiting)
    this.#plan.counts.round(results, waiting)
    for (const result of results) {
      try {
        this.#plan.onResult?.(result)
      } catch {
        // Whoever listens has trouble of their own; the anchors are in order.
      }
    }
  }

  #settleDebt(waiting: readonly { readonly kind: string; readonly name: string; readonly owedMs: number }[]): void {
    const owed = waiting.filter(({ kind, name }) => this.#enforced.includes(`${kind} ${name}`)).map(each => each.owedMs)
    this.#owed = owed.length === 0 ? undefined : Math.min(...owed)
    this.#plan.counts.owed(waiting)
  }
}

function asDeedlogError(error: unknown): DeedlogError {
  if (isDeedlogError(error)) return error
  return new UnavailableError('anchor.failed', `anchoring failed: ${(error as Error).message}`, { cause: error })
}

class Counts {
  #rounds = 0
  #failedRounds = 0
  #lastFailure: { readonly code: string; readonly message: string } | undefined
  readonly #states = { anchored: 0, pending: 0, failed: 0, skipped: 0 }
  #waiting = 0
  #owedSinceMs: number | undefined
  #size = 0

  round(results: readonly RoundResult[], waiting: readonly { readonly owedMs: number }[]): void {
    this.#rounds++
    for (const { state, size } of results) {
      this.#states[state]++
      if (state === 'anchored') this.#size = Math.max(this.#size, size)
    }
    this.owed(waiting)
  }

  owed(waiting: readonly { readonly owedMs: number }[]): void {
    this.#waiting = waiting.length
    this.#owedSinceMs = waiting.length === 0 ? undefined : Math.min(...waiting.map(({ owedMs }) => owedMs))
  }

  failedRound({ code, message }: DeedlogError): void {
    // Another process holds a round: it does our work.
    if (code === 'anchor.busy') return
    this.#failedRounds++
    this.#lastFailure = { code, message }
  }

  metrics(): AnchorMetrics {
    return {
      rounds: this.#rounds,
      failedRounds: this.#failedRounds,
      ...(this.#lastFailure === undefined ? {} : { lastFailure: this.#lastFailure }),
      ...this.#states,
      waiting: this.#waiting,
      ...(this.#owedSinceMs === undefined ? {} : { owedSinceMs: this.#owedSinceMs }),
      size: this.#size,
    }
  }
}
