import { HaltedError, isDeedlogError } from '../core/errors.js'
import type { AppendEntry } from './backend.js'
import { FRAME_ENTRIES_MAX, FRAME_PAYLOAD_MAX, payloadLengthOf } from './frame.js'
import { Pace } from './pace.js'
import type { Sequencer } from './ports.js'

/** Records of one append that the log takes. */
export interface Commit {
  readonly entries: readonly AppendEntry[]
  /** They are durable, from index `first` on. Must not throw. */
  saved(first: number): void
  failed(error: Error): void
}

/**
 * Group commit. A lone append pays one sync and waits for no timer; while a write is in flight others gather, and go
 * with the next one.
 */
export class CommitQueue {
  readonly #sequencer: Sequencer
  readonly #monotonic: () => number
  readonly #ready: () => Promise<void> | undefined
  readonly #pace = new Pace()
  #waiting: Commit[] = []
  #running: Promise<void> | undefined

  /** @param options.ready  What to wait for before the next write, if anything: back-pressure. */
  constructor(options: {
    readonly sequencer: Sequencer
    readonly monotonic: () => number
    readonly ready: () => Promise<void> | undefined
  }) {
    this.#sequencer = options.sequencer
    this.#monotonic = options.monotonic
    this.#ready = options.ready
  }

  add(commit: Commit): void {
    this.#waiting.push(commit)
    // Not at once: appends made in the same breath go together.
    this.#running ??= Promise.resolve().then(() => this.#run())
  }

  /** Resolves when nothing is in flight or waits. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  /** Fails everything that waits, when nothing may be written any more. */
  abandon(error: Error): void {
    const commits = this.#waiting
    this.#waiting = []
    for (const commit of commits) commit.failed(error)
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      let group: readonly Commit[] = []
      try {
        const pressure = this.#ready()
        if (pressure) await pressure
        group = this.#take()
        if (group.length === 0) continue
        const writing = this.#write(group)
        let index = typeof writing === 'number' ? writing : await writing
        for (const commit of group) {
          commit.saved(index)
          index += commit.entries.length
        }
      } catch (cause) {
        const error = isDeedlogError(cause)
          ? cause
          : new HaltedError('log.write-failed', 'a write failed in a way nobody foresaw', { cause })
        // Back-pressure fails before anybody was taken: whoever waits is told, lest they wait for ever.
        if (group.length === 0) this.abandon(error)
        for (const commit of group) commit.failed(error)
      }
    }
    // In the same breath as the look at what waits: a promise's `finally` comes later, and whoever is added in between
    // would wait for a run that is over.
    this.#running = undefined
  }

  /** As many commits as one frame takes, at least one. */
  #take(): readonly Commit[] {
    let count = 0
    let entries = 0
    let bytes = 0
    for (const commit of this.#waiting) {
      entries += commit.entries.length
      bytes += payloadLengthOf(commit.entries)
      if (count > 0 && (entries > FRAME_ENTRIES_MAX || bytes > GROUP_BYTES_MAX)) break
      count++
    }
    const group = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    return group
  }

  #write(group: readonly Commit[]): number | Promise<number> {
    const entries = group.length === 1 ? group[0]!.entries : group.flatMap(commit => commit.entries)
    const before = this.#waiting.length
    const lone = before === 0 && this.#pace.shouldBlock(group.length) && payloadLengthOf(entries) <= LONE_BYTES_MAX
    const start = this.#monotonic()
    const writing = this.#sequencer.append(entries, lone)
    if (typeof writing === 'number') {
      this.#pace.blocked(this.#monotonic() - start)
      return writing
    }
    return writing.finally(() => this.#pace.tookTurns(this.#waiting.length - before))
  }
}

// Small enough that a frame is read, hashed and written in a few milliseconds.
const GROUP_BYTES_MAX = 8 * 1024 * 1024
// A blocking write of more would hold up the event loop.
const LONE_BYTES_MAX = 64 * 1024

/** Whether `entries` fit into one write at all. */
export const fitsOneWrite = (entries: readonly AppendEntry[]): boolean =>
  entries.length <= FRAME_ENTRIES_MAX && payloadLengthOf(entries) <= FRAME_PAYLOAD_MAX
