import type { UnavailableError } from '../core/errors.js'
import type { Layout } from './layout.js'
import type { World } from './world.js'

/*
 * What dates the checkpoints of a log while it is open, as the log sees it. `src/publish` has it; the log knows no
 * authority and no chain, and waits for none.
 */

/** To be given to a log that is opened. */
export interface Anchoring {
  /** Begins, for a log whose lock is held. Must not wait for anybody outside. */
  start(place: { readonly world: Pick<World, 'disk' | 'clock' | 'random'>; readonly layout: Layout }): RunningAnchors
}

export interface RunningAnchors {
  /** A checkpoint is out: the bytes of its note, and its size. Neither throws nor waits. */
  released(note: Uint8Array, size: number): void
  /**
   * Why nobody is to be told `published` now; undefined when nothing is overdue. The records are in the log all the
   * same: this keeps a promise back, it does not keep anything out.
   */
  refusal(): UnavailableError | undefined
  /** Ends what is under way, at once; what was not done is done after the next start. */
  stop(): Promise<void>
}
