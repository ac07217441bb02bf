import {
  type AnchorFile,
  type AnchorState,
  anchorFileName,
  EVIDENCE_BYTES_MAX,
  formatAnchorFile,
  parseAnchorFile,
} from '../core/anchor/index.js'
import { toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, UnavailableError } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import { type DiskLock, replaceFile } from '../log/disk.js'
import { diskError, reading } from '../log/disk-error.js'
import { type Layout, PRIVATE_FILE_MODE, PUBLIC_FILE_MODE, PUBLIC_FOLDER_MODE } from '../log/layout.js'
import type { World } from '../log/world.js'
import { type Anchor, type AnchoredCheckpoint, checkpointToAnchor, type Progress } from './anchor.js'
import {
  ATTEMPTS_MAX,
  anchorKey,
  backoffMs,
  enqueue,
  formatQueue,
  parseQueue,
  QUEUE_BYTES_MAX,
  type Queue,
  type QueueEntry,
} from './anchor-queue.js'

/** What the runner takes from outside. */
export type RunnerWorld = Pick<World, 'disk' | 'clock' | 'random'>

/** What one round did with one anchor. */
export interface RoundResult {
  readonly kind: string
  readonly name: string
  readonly size: number
  readonly state: AnchorState
  readonly code?: string
  readonly detail?: string
}

export interface Round {
  readonly results: readonly RoundResult[]
  /** What is still to be had. */
  readonly waiting: readonly QueueEntry[]
}

const TIMEOUT_MS = 30_000

/**
 * Gets checkpoints of one log anchored, a round at a time. In this order, and a crash between any two leaves what the
 * next round needs:
 *
 * 1. the queue with the new entries, durable: before anybody outside is asked, so that what was asked for is known
 * 2. the attempt is counted, durable; then the request; a crash after it repeats it, which every anchor must take
 * 3. the file of the anchor beside the log, durable: the evidence is there for good
 * 4. the queue without it; a crash before this finds the file there, and asks nobody again
 *
 * One round of a log at a time, by a lock of the operating system: a running log and a command may both hold rounds.
 */
export class AnchorRunner {
  readonly #world: RunnerWorld
  readonly #layout: Layout
  readonly #anchors: readonly Anchor[]

  /** @throws {TypeError} for two anchors of one kind and name */
  constructor(world: RunnerWorld, layout: Layout, anchors: readonly Anchor[]) {
    this.#world = world
    this.#layout = layout
    this.#anchors = anchors
    checkNames(anchors)
  }

  /** What is to be had, from the disk. */
  async queue(): Promise<Queue> {
    const { disk } = this.#world
    const path = queuePath(this.#layout)
    const found = await reading(path, disk.stat(path))
    if (!found) return { entries: [] }
    if (found.length > QUEUE_BYTES_MAX) throw new UnavailableError('anchor.queue', `${path} has ${found.length} bytes`)
    const bytes = await reading(path, disk.readFile(path))
    return bytes ? parseQueue(bytes, path) : { entries: [] }
  }

  /**
   * One round.
   *
   * @param note    The signed note of the newest checkpoint, to be anchored now; undefined to go on with what waits.
   * @param all     Also what is to wait longer.
   * @param signal  Ends the round early; what was not done is done in the next.
   * @throws {UnavailableError} `anchor.busy` when another process is at it; what the disk says
   */
  async round(options: {
    readonly note?: Uint8Array | undefined
    readonly all?: boolean
    readonly signal: AbortSignal
  }): Promise<Round> {
    const lock = await this.#lock()
    try {
      let queue = await this.queue()
      const results: RoundResult[] = []
      if (options.note !== undefined) {
        const next = await this.#enqueue(queue, checkpointToAnchor(options.note), results)
        if (next !== queue) await this.#keep(next)
        queue = next
      }
      const now = this.#world.clock.now()
      const ours = new Set(this.#anchors.map(anchorKey))
      const due = queue.entries.filter(entry => ours.has(anchorKey(entry)) && (options.all || entry.nextMs <= now))
      if (due.length === 0) return { results, waiting: queue.entries }
      // The attempt is counted before it is made: a disk that cannot keep that, or a process that dies each time, must
      // not have somebody outside asked, and perhaps paid, again and again.
      const left = new Map(queue.entries.map(entry => [entry, due.includes(entry) ? this.#counted(entry) : entry]))
      await this.#keep({ ...queue, entries: [...left.values()] })
      const asked = await Promise.allSettled(
        this.#anchors.map(async anchor => {
          for (const entry of due) {
            if (anchorKey(entry) !== anchorKey(anchor)) continue
            const { result, next } = await this.#attempt(anchor, entry, left.get(entry)!, options.signal)
            if (result) results.push(result)
            if (next) left.set(entry, next)
            else left.delete(entry)
          }
        }),
      )
      const entries = [...left.values()]
      await this.#keep({ ...queue, entries })
      // One whose file could not be written has been counted, and is asked again; the others are in order.
      for (const each of asked) if (each.status === 'rejected') throw each.reason
      return { results, waiting: entries }
    } finally {
      await lock.release()
    }
  }

  async #enqueue(queue: Queue, checkpoint: AnchoredCheckpoint, results: RoundResult[]): Promise<Queue> {
    const now = this.#world.clock.now()
    let { entries } = queue
    for (const anchor of this.#anchors) {
      if (await this.#isAnchored(anchor, checkpoint.size)) continue
      const added = enqueue(entries, anchor, checkpoint, now)
      for (const old of added.superseded) {
        const { size } = checkpoint
        const detail = `a later checkpoint, of size ${size}, is asked for in its place`
        results.push(await this.#put(old, { state: 'skipped', detail }))
      }
      entries = added.entries
    }
    return { entries, scheduled: { ms: now, size: checkpoint.size } }
  }

  async #isAnchored({ kind, name }: Anchor, size: number): Promise<boolean> {
    return (await this.#read({ kind, name, size }))?.state === 'anchored'
  }

  async #read(of: Pick<AnchorFile, 'kind' | 'name' | 'size'>): Promise<AnchorFile | undefined> {
    const path = `${this.#layout.anchors}/${anchorFileName(of)}`
    const bytes = await reading(path, this.#world.disk.readFile(path))
    try {
      return bytes && parseAnchorFile(bytes)
    } catch (error) {
      // Somebody damaged it: it is asked for again, and written anew.
      if (isDeedlogError(error)) return undefined
      throw error
    }
  }

  #counted(entry: QueueEntry): QueueEntry {
    const attempts = entry.attempts + 1
    return { ...entry, attempts, nextMs: this.#world.clock.now() + this.#backoff(attempts) }
  }

  /**
   * One attempt, its file beside the log, and what is left to do.
   * @param counted  The entry as it stands in the queue while the attempt is made.
   */
  async #attempt(
    anchor: Anchor,
    entry: QueueEntry,
    counted: QueueEntry,
    signal: AbortSignal,
  ): Promise<{ readonly result?: RoundResult; readonly next?: QueueEntry }> {
    if (signal.aborted) return { next: entry }
    // Written before a crash, and still in the queue: it is there.
    if ((await this.#read(entry))?.state === 'anchored') return {}
    const tried = { ...counted, mode: anchor.mode }
    let progress: Progress
    try {
      progress = await this.#ask(anchor, entry, signal)
    } catch (error) {
      // The log is being closed: that is nobody's failure.
      if (signal.aborted) return { next: entry }
      return this.#failed(tried, error)
    }
    const result = await this.#put(tried, progress)
    if (progress.state !== 'pending') return { result }
    const { resume, afterMs } = progress
    return {
      result,
      next: { ...tried, resume, ...(afterMs === undefined ? {} : { nextMs: this.#world.clock.now() + afterMs }) },
    }
  }

  async #ask(anchor: Anchor, { note, resume }: QueueEntry, signal: AbortSignal): Promise<Progress> {
    const { clock, random } = this.#world
    const cut = new AbortController()
    const timer = clock.timer(anchor.timeoutMs ?? TIMEOUT_MS, () => cut.abort(new Error('it took too long')))
    const attempt = { signal: AbortSignal.any([signal, cut.signal]), nowMs: clock.now(), random }
    try {
      const checkpoint = checkpointToAnchor(note)
      const answer =
        resume === undefined ? anchor.submit(checkpoint, attempt) : anchor.poll!(checkpoint, resume, attempt)
      // An anchor may be anybody's code: one that does not listen to the signal is left behind.
      const progress = await Promise.race([answer, aborted(attempt.signal)])
      checkProgress(anchor, progress)
      return progress
    } finally {
      timer.cancel()
    }
  }

  async #failed(tried: QueueEntry, error: unknown): Promise<{ result: RoundResult; next?: QueueEntry }> {
    const { attempts, mode } = tried
    const isFinal = isDeedlogError(error) && error.name === 'UnavailableError' && !(error as UnavailableError).retryable
    // `enforce` is never given up: whoever chose it wants to be kept waiting.
    const gone = mode === 'best_effort' || (mode === 'queue' && (isFinal || attempts >= ATTEMPTS_MAX))
    const why = describe(error)
    const result = await this.#put(tried, { state: gone ? 'failed' : 'pending', ...why })
    return gone ? { result } : { result, next: tried }
  }

  #backoff(attempts: number): number {
    return backoffMs(attempts, this.#world.random(1)[0]! / 255)
  }

  async #put(
    { kind, name, mode, attempts, note }: QueueEntry,
    what: {
      readonly state: AnchorState
      readonly evidence?: Uint8Array
      readonly code?: string
      readonly detail?: string
    },
  ): Promise<RoundResult> {
    const { disk, clock } = this.#world
    const { size, root } = checkpointToAnchor(note)
    const { state, evidence, code } = what
    const detail = what.detail === undefined ? undefined : asText(what.detail)
    const about = { ...(code === undefined ? {} : { code }), ...(detail === undefined ? {} : { detail }) }
    const file = { kind, name, size, root, state, mode, attempts, note, time: formatTime(clock.now()), ...about }
    const bytes = formatAnchorFile(evidence === undefined ? file : { ...file, evidence })
    const folder = this.#layout.anchors
    const path = `${folder}/${anchorFileName({ kind, name, size })}`
    try {
      if (await disk.makeDirectory(folder, PUBLIC_FOLDER_MODE)) await disk.syncDirectory(parentOf(folder))
      await replaceFile(disk, path, bytes, PUBLIC_FILE_MODE)
    } catch (cause) {
      throw diskError(cause, path, true)
    }
    return { kind, name, size, state, ...about }
  }

  async #keep(queue: Queue): Promise<void> {
    const path = queuePath(this.#layout)
    try {
      await replaceFile(this.#world.disk, path, formatQueue(queue), PRIVATE_FILE_MODE)
    } catch (cause) {
      throw diskError(cause, path, true)
    }
  }

  async #lock(): Promise<DiskLock> {
    const path = `${this.#layout.privateFolder}/anchors.lock`
    const { disk, clock } = this.#world
    const lock = await reading(path, disk.lock(path, `pid ${process.pid} since ${formatTime(clock.now())}`))
    if (!('heldBy' in lock)) return lock
    throw new UnavailableError('anchor.busy', `another process is anchoring ${this.#layout.target}`, {
      retryable: true,
      expected: 'one at a time; it takes seconds',
    })
  }
}

/** @throws {TypeError} for two anchors of one kind and name */
export function checkNames(anchors: readonly Anchor[]): void {
  const keys = anchors.map(anchorKey)
  const twice = keys.find((key, i) => keys.indexOf(key) !== i)
  if (twice !== undefined) throw new TypeError(`two anchors are called ${twice}`)
}

/** Where what is to be had is kept. Private: what an anchor goes on with may be a secret. */
export const queuePath = ({ privateFolder }: Layout): string => `${privateFolder}/anchor-queue.json`

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'))

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const fail = (): void =>
      reject(
        new UnavailableError('anchor.timeout', 'the anchor did not answer in time', {
          retryable: true,
          cause: signal.reason,
        }),
      )
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })

/** Mistakes of whoever wrote the anchor. */
function checkProgress({ kind, poll }: Anchor, progress: Progress): void {
  const bytes = [
    ...('evidence' in progress && progress.evidence ? [progress.evidence] : []),
    ...(progress.state === 'pending' ? [progress.resume] : []),
  ]
  if (bytes.some(each => each.length === 0 || each.length > EVIDENCE_BYTES_MAX))
    throw new TypeError(`the anchor ${kind} answered with more than ${EVIDENCE_BYTES_MAX} bytes, or with none`)
  if (progress.state === 'pending' && !poll) throw new TypeError(`the anchor ${kind} is pending and has no poll`)
}

/** What went wrong, for the public file: our own errors say nothing secret; those of strangers may. */
function describe(error: unknown): { readonly code: string; readonly detail: string } {
  if (isDeedlogError(error)) return { code: error.code, detail: error.message }
  return { code: 'internal', detail: 'the anchor failed in a way that its writer did not foresee' }
}

/** As a `text` of spec/record.md §1: no control characters, at most 255 bytes. */
function asText(detail: string): string {
  const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cs}]/gu, ' ')
  let text = plain(detail)
  while (toUtf8(JSON.stringify(text)).length - 2 > TEXT_BYTES_MAX) text = plain(text.slice(0, -8))
  return text.trim() === '' ? 'no reason given' : text
}

const TEXT_BYTES_MAX = 255
