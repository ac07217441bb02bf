import type { Pending } from './stream.js'

/** What is known to be missing and no record says yet. */
export class Losses {
  #count = 0

  get any(): boolean {
    return this.#count > 0
  }

  /** One more record or outcome is known to be lost. */
  add(): void {
    this.#count++
  }

  /** A `loss` of all that is known when its batch closes. */
  draft(): Pending {
    return {
      make: () => {
        const count = this.#count
        this.#count = 0
        return count > 0 ? { type: 'loss', reason: 'not-written', count } : undefined
      },
      disclosures: undefined,
      keep: true,
    }
  }
}
