import { sha256 } from '#crypto'
import { concatBytes } from '../bytes/equal.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { toUtf8 } from '../bytes/utf8.js'
import type { Hash } from '../record/index.js'

/*
 * A sample of calls that anybody draws alike from the same checkpoint and seed: spec/sample.md.
 */

const LABEL = toUtf8('deedlog/v1 sample\n')

/** Of a population this large and more, only so many times the sample is in memory. */
const SLACK = 4096

/** Draws the calls of the lowest ranks while they go by. */
export class Sample<Call> {
  readonly #prefix: Uint8Array
  readonly #n: number
  #kept: { readonly rank: string; readonly call: Call }[] = []
  #population = 0

  /**
   * @param seed  Any text; chosen after the checkpoint was signed, or the operator may have arranged the sample.
   * @param root  Of the checkpoint, 32 bytes.
   * @param n     Size of the sample, from 1.
   */
  constructor(seed: string, root: Uint8Array, n: number) {
    if (root.length !== 32) throw new RangeError(`a root has 32 bytes, not ${root.length}`)
    if (!Number.isSafeInteger(n) || n < 1) throw new RangeError(`a sample has a size from 1, not ${n}`)
    this.#prefix = concatBytes(LABEL, sha256(toUtf8(seed)), root)
    this.#n = n
  }

  /** @param intent  Leaf hash of the call's intent. */
  add(intent: Hash, call: Call): void {
    this.#population++
    // Hexadecimal digits compare as the bytes do.
    this.#kept.push({ rank: toHex(sha256(concatBytes(this.#prefix, fromHex(intent)))), call })
    if (this.#kept.length >= this.#n + SLACK) this.#cut()
  }

  #cut(): void {
    this.#kept.sort((a, b) => (a.rank < b.rank ? -1 : 1))
    this.#kept.length = Math.min(this.#kept.length, this.#n)
  }

  /** Calls that were added. */
  get population(): number {
    return this.#population
  }

  /** The sample, the lowest rank first; the whole population when that is no larger. */
  drawn(): { readonly rank: Hash; readonly call: Call }[] {
    this.#cut()
    return [...this.#kept]
  }
}
