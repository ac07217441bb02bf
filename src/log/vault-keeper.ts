import { HaltedError, isDeedlogError } from '../core/errors.js'
import { type Erased, Eraser, type EraseWriter } from './erase.js'

/**
 * Keeps the disclosures of an open log: gives back the room of what the tiles hold as well, and erases. Nothing here is
 * needed for the order of records, so what fails leaves them where they are, and the next start goes on with it.
 */
export class VaultKeeper {
  readonly #writer: EraseWriter
  readonly #eraser: Eraser
  #shrinking: Promise<void> = Promise.resolve()
  #isShrinking = false
  #failed = false

  constructor(writer: EraseWriter) {
    this.#writer = writer
    this.#eraser = new Eraser(writer)
  }

  /** A head of this size is signed, and its tiles are durable. Does its work behind the caller's back. */
  covered(size: number): void {
    if (this.#isShrinking) return
    this.#isShrinking = true
    this.#shrinking = this.#shrink(size, false).finally(() => {
      this.#isShrinking = false
    })
  }

  /** Nothing is appended any more, and a head of this size covers all records. */
  async ending(size: number): Promise<void> {
    await this.idle()
    await this.#shrink(size, true)
  }

  async #shrink(size: number, ending: boolean): Promise<void> {
    // After an error nobody knows what the disk is worth; another start will try again.
    if (this.#failed) return
    try {
      await this.#writer.vault?.shrink(size, ending)
    } catch {
      this.#failed = true
    }
  }

  erase(plan: Uint8Array): Promise<Erased> {
    return this.#eraser.erase(plan)
  }

  /** Finishes an erasing that a crash interrupted. What cannot be finished now does not keep calls from being recorded. */
  async finish(): Promise<void> {
    try {
      await this.#eraser.finish()
    } catch (error) {
      if (error instanceof HaltedError || !isDeedlogError(error)) throw error
    }
  }

  /** Resolves when nothing of it is under way. */
  async idle(): Promise<void> {
    await this.#eraser.idle()
    await this.#shrinking
  }
}
