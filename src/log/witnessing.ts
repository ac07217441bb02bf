import type { HaltedError } from '../core/errors.js'
import type { VerifierKey } from '../core/tlog/index.js'
import type { Layout } from './layout.js'
import type { World } from './world.js'

/*
 * Who else has seen the checkpoints of a log while it is open, as the log sees it. `src/publish` has it; the log knows
 * no protocol. Nothing of it is on the path of a call, unless the call asks to be `witnessed`.
 */

/** To be given to a log that is opened. */
export interface Witnessing {
  /** Begins, for a log whose lock is held. Must not wait for anybody outside. */
  start(place: WitnessedPlace): RunningWitnesses
}

export interface WitnessedPlace {
  readonly world: Pick<World, 'disk' | 'clock' | 'random'>
  readonly layout: Layout
  /** Of the log: what bears a good signature of one of them, this log has signed. */
  readonly keys: readonly VerifierKey[]
  /** The consistency proof between two sizes of the tree, neither above the newest checkpoint. */
  prove(old: number, size: number): Promise<readonly Uint8Array[]>
  /** A checkpoint with the cosignatures of a quorum: to be kept, and let out while it is the newest. */
  cosigned(note: Uint8Array, size: number): Promise<void>
  /** A witness has proven that another history was signed, or more of this one: nothing may be signed any more. */
  alarm(error: HaltedError): void
}

export interface RunningWitnesses {
  /** A checkpoint is out: the bytes of its note, with the log's signatures only, and its size. Neither throws nor waits. */
  released(note: Uint8Array, size: number): void
  /**
   * Resolves when a quorum has cosigned a checkpoint of at least `size` records; asks at once, and again.
   * @throws {UnavailableError} `log.unwitnessed` when no quorum was to be had in time
   */
  witnessed(size: number): Promise<void>
  /** The newest checkpoint is asked for once more, for a few seconds, and then all ends. Never rejects. */
  finish(): Promise<void>
  /** Ends what is under way, at once. */
  stop(): Promise<void>
}
