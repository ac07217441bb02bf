import { HaltedError } from '../core/errors.js'
import { checkpointDelay } from './checkpoint-delay.js'
import { type LogSigner, signCheckpointWith } from './checkpoint-note.js'
import type { Integrator, TreeHead } from './integrator.js'
import type { Head } from './ports.js'
import { asDeedlogError, closedError, haltedBefore } from './stopped.js'
import type { Clock, Timer } from './world.js'

export interface CheckpointerParts {
  readonly clock: Clock
  readonly heads: Head
  readonly integrator: Integrator
  readonly origin: string
  readonly logSigners: readonly LogSigner[]
  /** At most one checkpoint in so many milliseconds. */
  readonly everyMs: number
  /** The newest signed checkpoint, and the tree it is for. */
  readonly head: Uint8Array
  readonly headTree: TreeHead
  /** What is told to the writer. */
  readonly signed: (note: Uint8Array, tree: TreeHead) => void
  /** Also at start, of a checkpoint that was out before. */
  readonly released?: (note: Uint8Array, size: number) => void
  /** All tiles of a tree of this size are durable, and its checkpoint is out. */
  readonly covered: (size: number) => void
  readonly halt: (error: HaltedError) => void
}

/**
 * Signs what was sequenced, and lets it out: integrate, sign, swap the head, release, in this order (spec/record.md
 * section 7). Decides when, and tells whoever waits for it.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts
  readonly #clock: Clock
  readonly #integrator: Integrator
  #head: Uint8Array
  #headTree: TreeHead
  /** Size of the checkpoint that others can see. Below the head's while a release has failed. */
  #released = 0
  #waiters: Waiter[] = []
  #timer: { readonly timer: Timer; readonly due: number } | undefined
  #checkpointing: Promise<void> | undefined
  #lastCheckpoint: number | undefined
  #lastAppend = 0
  #oldestUncovered = 0
  /** Nothing is signed any more unless somebody says so: the writer is closing, or has halted. */
  #quiet = false
  #halted: HaltedError | undefined
  /** The last checkpoint is over, or the one being made is the last. */
  #ending = false

  constructor(parts: CheckpointerParts) {
    this.#parts = parts
    this.#clock = parts.clock
    this.#integrator = parts.integrator
    this.#head = parts.head
    this.#headTree = parts.headTree
  }

  /** The newest signed checkpoint. */
  get head(): Uint8Array {
    return this.#head
  }

  get headTree(): TreeHead {
    return this.#headTree
  }

  /** At start. A crash may have come between swap and release, or before what was sequenced was signed. */
  async start(): Promise<void> {
    await this.#release()
    if (this.#integrator.size > this.#headTree.size) await this.#checkpoint()
  }

  /** The limit of one checkpoint in a while is for a running log: the first append should not wait for the start's. */
  opened(): void {
    this.#lastCheckpoint = undefined
  }

  /** Records are durable now, and about to be integrated. */
  appending(): void {
    this.#lastAppend = this.#clock.monotonic()
    if (this.#integrator.size === this.#headTree.size) this.#oldestUncovered = this.#lastAppend
  }

  /** Arms the timer for the next checkpoint, if there is something to sign. */
  schedule(): void {
    if (this.#checkpointing || this.#quiet || this.#integrator.size === this.#released) return
    const delay = this.#delay()
    const due = this.#clock.monotonic() + delay
    if (!this.#timer || due < this.#timer.due) {
      this.#timer?.timer.cancel()
      const timer = this.#clock.timer(delay, () => {
        this.#timer = undefined
        // Appends since it was armed may have moved the time.
        if (this.#delay() > 0) this.schedule()
        else this.#checkpoint().catch(() => {}) // whoever waits was told; the next append tries again
      })
      this.#timer = { timer, due }
    }
    if (this.#waiters.length > 0) this.#timer.timer.keepAlive()
  }

  /** Resolves when a released checkpoint covers `size` records. */
  covering(size: number): Promise<void> {
    if (size <= this.#released) return Promise.resolve()
    // The last checkpoint is over, and failed.
    if (this.#ending) return Promise.reject(this.#halted ? haltedBefore(this.#halted) : closedError())
    return new Promise((resolve, reject) => {
      this.#waiters.push({ size, resolve, reject })
      this.schedule()
    })
  }

  /** Signs and releases what is durable and not yet covered, without waiting for its time. */
  async settle(): Promise<void> {
    // The one in progress may have begun before the last record; its error is repeated or mended by the next.
    // And where it was one that is let out again, cosigned, that of the last record is still to be made.
    while (this.#checkpointing) await this.idle()
    if (!this.#halted && this.#integrator.size > this.#released) await this.#checkpoint()
  }

  /**
   * Lets the newest checkpoint out once more, with the signatures of others behind ours. One that is no longer the newest
   * stays where it is: what everybody sees never shrinks.
   */
  async letOutCosigned(note: Uint8Array, size: number): Promise<void> {
    while (this.#checkpointing) await this.idle()
    if (this.#halted || this.#ending || size !== this.#headTree.size) return
    // In the place of a checkpoint: none is made meanwhile, so nothing newer is out when this is.
    this.#checkpointing = this.#parts.heads.release(note).finally(() => {
      this.#checkpointing = undefined
      this.schedule()
    })
    await this.#checkpointing
  }

  /** Resolves when no checkpoint is being made. */
  async idle(): Promise<void> {
    await this.#checkpointing?.catch(() => {})
  }

  /** No checkpoint of itself any more. */
  quiet(): void {
    this.#quiet = true
    this.#timer?.timer.cancel()
    this.#timer = undefined
  }

  /** We no longer know what is saved: nothing is signed any more, and whoever waits is told. */
  halt(error: HaltedError): void {
    this.quiet()
    this.#halted = error
    this.#failWaiters(error)
  }

  /** From now on nobody can wait for another checkpoint. */
  ending(): void {
    this.#ending = true
  }

  /** Who came while the last checkpoint was being made, and failed, is covered by none. */
  async end(): Promise<void> {
    await this.idle()
    for (const waiter of this.#takeWaiters()) waiter.reject(closedError())
  }

  #delay(): number {
    return checkpointDelay({
      now: this.#clock.monotonic(),
      everyMs: this.#parts.everyMs,
      lastCheckpoint: this.#lastCheckpoint,
      lastAppend: this.#lastAppend,
      oldestUncovered: this.#oldestUncovered,
      somebodyWaits: this.#waiters.length > 0,
    })
  }

  /** Signs what was sequenced. Tells whoever waits, good news or bad. One at a time. */
  #checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#integrateAndSign()
      .then(
        () => this.#tellWaiters(),
        (cause: unknown) => {
          const error = asDeedlogError(cause)
          if (error instanceof HaltedError) this.#parts.halt(error)
          this.#failWaiters(error)
          throw error
        },
      )
      .finally(() => {
        this.#checkpointing = undefined
        this.#lastCheckpoint = this.#clock.monotonic()
        this.schedule()
      })
    return this.#checkpointing
  }

  async #integrateAndSign(): Promise<void> {
    const startedAt = this.#clock.monotonic()
    const tree = await this.#integrator.settle()
    // Every tile and bundle of this size is durable. A crash here: they are put again, byte for byte.
    // One signed checkpoint per size: an Ed25519 signature is deterministic, so a crash before the swap costs nothing.
    if (tree.size !== this.#headTree.size) {
      const note = await this.#sign(tree)
      await this.#parts.heads.swap(this.#head, note)
      // The signature is ours for good, and nobody has seen it. A crash here: the next start releases it.
      this.#head = note
      this.#headTree = tree
      this.#oldestUncovered = startedAt
      this.#parts.signed(note, tree)
    }
    await this.#release()
    this.#parts.covered(this.#headTree.size)
  }

  /** Lets the head out, again if that failed before: what nobody can see is not published. */
  async #release(): Promise<void> {
    const { size } = this.#headTree
    await this.#parts.heads.release(this.#head)
    this.#released = size
    this.#parts.released?.(this.#head, size)
  }

  #sign({ size, root }: TreeHead): Promise<Uint8Array> {
    const { origin, logSigners } = this.#parts
    return signCheckpointWith({ origin, size, root }, logSigners)
  }

  #tellWaiters(): void {
    const waiters = this.#waiters
    this.#waiters = waiters.filter(({ size }) => size > this.#released)
    for (const { size, resolve } of waiters) if (size <= this.#released) resolve()
  }

  #failWaiters(error: Error): void {
    for (const waiter of this.#takeWaiters()) waiter.reject(error)
  }

  #takeWaiters(): readonly Waiter[] {
    const waiters = this.#waiters
    this.#waiters = []
    return waiters
  }
}

interface Waiter {
  readonly size: number
  resolve(): void
  reject(error: Error): void
}
