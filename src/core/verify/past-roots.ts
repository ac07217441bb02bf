import { equalBytes } from '../bytes/equal.js'
import { Frontier } from '../tlog/index.js'

// A frontier every 256 entries: its hashes are shared with its neighbours, so this costs about one byte per record.
const STRIDE = 256
// Leaf hashes of the newest entries, 2 MB. A checkpoint that a record cites is seconds old, rarely minutes.
const WINDOW = 65_536

/**
 * The growing tree, and the roots it had at earlier sizes. Records cite earlier checkpoints (`after`), and which sizes
 * they will cite is not known when those sizes go by; keeping every root would cost 32 bytes a record. What lies
 * further back than the window is answered in a second pass, for which the sizes are then known.
 */
export class PastRoots {
  readonly #frontier = Frontier.empty()
  #strides: Frontier[] = []
  #window: Uint8Array[] = []
  /** Whether every leaf was here. Otherwise only the sizes that were wanted are remembered. */
  #isWhole = true
  readonly #wanted: Map<number, Uint8Array | undefined>

  /** @param wanted  Sizes whose roots will be asked for, however long ago. */
  constructor(wanted: Iterable<number> = []) {
    this.#wanted = new Map([...wanted].map(size => [size, undefined]))
    this.#keep()
  }

  get size(): number {
    return this.#frontier.size
  }

  /** Sizes whose roots will be asked for as well. Before the first entry. */
  want(sizes: Iterable<number>): void {
    for (const size of sizes) if (!this.#wanted.has(size)) this.#wanted.set(size, undefined)
    if (this.#wanted.has(0)) this.#wanted.set(0, this.#frontier.root())
  }

  append(leaf: Uint8Array): void {
    if (this.#isWhole) this.#window[this.#frontier.size % WINDOW] = leaf
    this.#frontier.append(leaf)
    this.#keep()
  }

  /** Appends the 2^level entries of a subtree of which only the hash is known. As `Frontier.appendSubtree`. */
  appendSubtree(level: number, hash: Uint8Array): void {
    this.#frontier.appendSubtree(level, hash)
    this.#isWhole = false
    this.#strides = []
    this.#window = []
    this.#keep()
  }

  #keep(): void {
    const { size } = this.#frontier
    if (this.#isWhole && size % STRIDE === 0) this.#strides.push(this.#frontier.clone())
    if (this.#wanted.has(size)) this.#wanted.set(size, this.#frontier.root())
  }

  root(): Uint8Array {
    return this.#frontier.root()
  }

  /**
   * The root at an earlier size; undefined when it is too long ago to tell in this pass, or lies within a subtree of
   * which only the hash is known.
   * @throws {RangeError} for a size above the present one.
   */
  at(size: number): Uint8Array | undefined {
    if (size > this.size) throw new RangeError(`the tree has size ${this.size}, not yet ${size}`)
    const wanted = this.#wanted.get(size)
    if (wanted) return wanted
    if (size === this.size) return this.root()
    if (!this.#isWhole) return undefined
    const from = size - (size % STRIDE)
    if (from !== size && from < this.size - WINDOW) return undefined
    const frontier = this.#strides[from / STRIDE]!.clone()
    for (let index = from; index < size; index++) frontier.append(this.#window[index % WINDOW]!)
    return frontier.root()
  }

  /** Whether the tree had this root at `size`; undefined when it is too long ago to tell in this pass. */
  had(size: number, root: Uint8Array): boolean | undefined {
    const own = this.at(size)
    return own && equalBytes(own, root)
  }
}
