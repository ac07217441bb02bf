import { equalBytes } from '../core/bytes/equal.js'
import { planConsistency, type VerifierKey } from '../core/tlog/index.js'
import type { Checkpointer } from './checkpointer.js'
import type { CitedNotes } from './cited-notes.js'
import type { Integrator } from './integrator.js'
import type { RunningWitnesses, WitnessedPlace } from './witnessing.js'
import type { Clock } from './world.js'

/** What witnesses are told by the log that they watch, but for where it lies. */
export type LogToWitness = Omit<WitnessedPlace, 'world' | 'layout'>

interface CosignedParts {
  /** Of the log. */
  readonly keys: readonly VerifierKey[]
  readonly clock: Clock
  readonly integrator: Integrator
  readonly notes: CitedNotes
  readonly checkpointer: () => Checkpointer
  readonly alarm: LogToWitness['alarm']
  readonly start: ((log: LogToWitness) => RunningWitnesses) | undefined
}

/**
 * What outsiders have cosigned of a log that is open. A checkpoint leaves bare, because `published` waits for nobody
 * outside, and again with its cosignatures while it is the newest.
 */
export class Cosigned {
  readonly #parts: CosignedParts
  readonly #running: RunningWitnesses | undefined
  #newest: { readonly note: Uint8Array; readonly size: number; readonly at: number } | undefined

  constructor(parts: CosignedParts) {
    this.#parts = parts
    this.#running = parts.start?.({
      keys: parts.keys,
      prove: (old, size) => parts.integrator.fold(planConsistency(old, size)),
      cosigned: (note, size) => this.#keep(note, size),
      alarm: parts.alarm,
    })
  }

  /** At start: the newest checkpoint may be out with cosignatures of an earlier run. */
  async found(out: Uint8Array | undefined, head: Uint8Array, size: number): Promise<void> {
    if (!isCosignedOf(out, head)) return
    await this.#parts.notes.keepCosigned(out)
    this.#newest = { note: out, size, at: this.#parts.clock.monotonic() }
  }

  /** Whether there is anybody who could cosign. */
  get hasWitnesses(): boolean {
    return this.#running !== undefined
  }

  /** The newest note with the cosignatures of a quorum; undefined before the first. */
  get newest(): { readonly note: Uint8Array; readonly size: number } | undefined {
    return this.#newest
  }

  /**
   * The note that a record should cite: cosignatures bound its time, a newer bare checkpoint does not. But witnesses who
   * have not answered for a while must not keep records from saying that they have seen more.
   */
  toCite(head: Uint8Array): Uint8Array {
    const newest = this.#newest
    return newest && this.#parts.clock.monotonic() - newest.at <= FRESH_MS ? newest.note : head
  }

  /** A checkpoint is out. */
  released(note: Uint8Array, size: number): void {
    this.#running?.released(note, size)
  }

  /** @throws {UnavailableError} `log.unwitnessed` */
  async witnessed(size: number): Promise<void> {
    await this.#running?.witnessed(size)
  }

  /** The log is being closed: one last chance for its newest checkpoint, and the end. Never rejects. */
  async finish(): Promise<void> {
    await this.#running?.finish()
  }

  async stop(): Promise<void> {
    await this.#running?.stop()
  }

  async #keep(note: Uint8Array, size: number): Promise<void> {
    // By its hash first: whoever cites it later must find it. A crash here leaves a note that nobody cites.
    await this.#parts.notes.keepCosigned(note)
    this.#newest = { note, size, at: this.#parts.clock.monotonic() }
    await this.#parts.checkpointer().letOutCosigned(note, size)
  }
}

/** Whether a note is this very one with more signatures behind its own. */
export const isCosignedOf = (out: Uint8Array | undefined, head: Uint8Array): out is Uint8Array =>
  out !== undefined && out.length > head.length && equalBytes(out.subarray(0, head.length), head)

const FRESH_MS = 60_000
