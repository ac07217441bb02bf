import { sha256 } from '#crypto'
import { equalBytes } from '../bytes/equal.js'
import { toHex } from '../bytes/hex.js'
import { MalformedError, VerificationError } from '../errors.js'
import { checkInteger } from './integer.js'

/*
 * The Merkle tree of RFC 6962 §2.1 over SHA-256. Sizes and indices go up to 2^53-1 and are divided, never shifted:
 * `>>` would wrap them at 2^31.
 */

/** Bytes of a hash. */
export const HASH_LENGTH = 32

/** Hash of an entry: SHA-256(0x00 || entry), 32 new bytes. RFC 6962 §2.1. */
export function leafHash(entry: Uint8Array): Uint8Array {
  const room = 1 + entry.length
  const prefixed = room <= leafScratch.length ? leafScratch.subarray(0, room) : new Uint8Array(room)
  prefixed.set(entry, 1)
  return sha256(prefixed)
}

// The first byte stays 0x00. Records have at most 16,384 bytes; longer entries are other people's.
const leafScratch = new Uint8Array(1 + 16_384)

/**
 * Hash of an inner node: SHA-256(0x01 || left || right), 32 new bytes. The prefixes keep an entry of 64 bytes from
 * being passed off as two subtrees.
 *
 * @throws {RangeError} unless both hashes have 32 bytes.
 * @see RFC 6962 §2.1
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  checkHash(left)
  checkHash(right)
  // One scratch buffer for all: hashing is synchronous, so no two calls can hold it at once.
  scratch.set(left, 1)
  scratch.set(right, 1 + HASH_LENGTH)
  return sha256(scratch)
}

const scratch = new Uint8Array(1 + 2 * HASH_LENGTH)
scratch[0] = 1

/** Root of the tree without entries: SHA-256 of nothing. Do not write to it. RFC 6962 §2.1. */
export const EMPTY_ROOT: Uint8Array = sha256(new Uint8Array(0))

/**
 * A tree that remembers only its right edge: the hashes of the perfect subtrees that the binary digits of its size
 * name. That is enough to append and to know the root, in at most 53 hashes.
 */
export class Frontier {
  #size: number
  #hashes: Uint8Array[]

  private constructor(size: number, hashes: Uint8Array[]) {
    this.#size = size
    this.#hashes = hashes
  }

  static empty(): Frontier {
    return new Frontier(0, [])
  }

  /**
   * @param size    Entries in the tree.
   * @param hashes  One hash per set bit of `size`, largest subtree first, as {@link rootPlan} lists the nodes.
   * @throws {RangeError} when their number or length does not fit `size`.
   */
  static from(size: number, hashes: readonly Uint8Array[]): Frontier {
    checkInteger(size, 'size')
    const expected = subtreesOf(0, size).length
    if (hashes.length !== expected)
      throw new RangeError(`a tree of size ${size} has ${expected} hashes at its right edge, not ${hashes.length}`)
    for (const hash of hashes) checkHash(hash)
    return new Frontier(size, hashes.slice())
  }

  /** Entries in the tree. */
  get size(): number {
    return this.#size
  }

  /** The right edge, largest subtree first, in a new array. */
  get hashes(): readonly Uint8Array[] {
    return this.#hashes.slice()
  }

  /**
   * Adds one entry by its leaf hash, which is kept, not copied.
   * @throws {RangeError} when `leaf` has not 32 bytes or the tree is full at 2^53-1.
   */
  append(leaf: Uint8Array): void {
    checkHash(leaf)
    if (this.#size === Number.MAX_SAFE_INTEGER) throw new RangeError('a tree holds at most 2^53-1 entries')
    let hash = leaf
    // Each trailing one bit of the old size is a subtree that the new one completes into the next larger.
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) hash = nodeHash(this.#hashes.pop()!, hash)
    this.#hashes.push(hash)
    this.#size++
  }

  /**
   * Adds the 2^level entries of a perfect subtree by its hash, which is kept, not copied.
   * @throws {RangeError} when the tree's size is no multiple of 2^level, it would hold more than 2^53-1 entries, or
   *   `hash` has not 32 bytes.
   */
  appendSubtree(level: number, hash: Uint8Array): void {
    checkInteger(level, 'level')
    checkHash(hash)
    const width = 2 ** level
    if (this.#size % width !== 0) throw new RangeError(`no subtree of ${width} entries begins at entry ${this.#size}`)
    if (this.#size + width > Number.MAX_SAFE_INTEGER) throw new RangeError('a tree holds at most 2^53-1 entries')
    let whole = hash
    for (let rest = this.#size / width; rest % 2 === 1; rest = (rest - 1) / 2)
      whole = nodeHash(this.#hashes.pop()!, whole)
    this.#hashes.push(whole)
    this.#size += width
  }

  /** The root: 32 new bytes. */
  root(): Uint8Array {
    return foldRight(this.#hashes)
  }

  clone(): Frontier {
    return new Frontier(this.#size, this.#hashes.slice())
  }
}

/**
 * Folds an inclusion proof into the root it implies.
 *
 * @param index  Position of the entry, from 0.
 * @param size   Entries in the tree.
 * @param leaf   Leaf hash, 32 bytes.
 * @param proof  Sibling hashes from leaf to root, 32 bytes each.
 * @returns      Root hash, 32 new bytes; compare it with one you already trust.
 * @throws {MalformedError} `proof.index` when the tree has no such entry; `proof.length` unless the proof is exactly
 *   as long as this position needs: spare hashes are refused, not ignored; `proof.hash` for a hash that has not 32 bytes.
 * @throws {RangeError} unless `index` and `size` are safe integers from 0.
 * @see RFC 6962 §2.1.1 (the path), RFC 9162 §2.1.3.2 (the folding)
 */
export function rootFromInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array {
  checkInteger(index, 'index')
  checkInteger(size, 'size')
  if (index >= size)
    throw new MalformedError('proof.index', `index ${index} is outside a tree of size ${size}`, {
      expected: 'an index below the size',
    })
  checkProofHashes([leaf, ...proof])
  const path = new ProofReader(proof)
  let hash = leaf
  let node = index
  let last = size - 1
  // 2^53 entries are at most 53 levels.
  while (last > 0) {
    if (node % 2 === 1) hash = nodeHash(path.next(), hash)
    else if (node < last) hash = nodeHash(hash, path.next())
    // else: the last node of an odd level goes up unchanged, as RFC 6962's split at a power of two has it.
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  path.end()
  return hash === leaf ? leaf.slice() : hash
}

/**
 * Checks that the entry with hash `leaf` is at `index` of the tree of `size` entries with this `root`.
 *
 * @throws {VerificationError} `inclusion` when the proof leads to another root.
 * @throws {MalformedError} `proof.index`, `proof.length`, `proof.hash` as {@link rootFromInclusion}.
 */
export function verifyInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): void {
  const implied = rootFromInclusion(index, size, leaf, proof)
  if (!equalBytes(implied, root))
    throw new VerificationError(
      'inclusion',
      `the proof for index ${index} of ${size} leads to root ${toHex(implied)}, not ${toHex(root)}`,
    )
}

/**
 * Checks that the tree of `size2` entries with `root2` begins with the tree of `size1` entries with `root1`.
 *
 * @throws {VerificationError} `consistency` when it does not: also when `size1` is above `size2`, when equal sizes
 *   have different roots, and when size 0 has any root but {@link EMPTY_ROOT}.
 * @throws {MalformedError} `proof.length` unless the proof is exactly as long as these sizes need (empty for size 0
 *   and for equal sizes); `proof.hash` for a hash that has not 32 bytes.
 * @throws {RangeError} unless the sizes are safe integers from 0.
 * @see RFC 9162 §2.1.4.2
 */
export function verifyConsistency(
  size1: number,
  size2: number,
  root1: Uint8Array,
  root2: Uint8Array,
  proof: readonly Uint8Array[],
): void {
  checkInteger(size1, 'size')
  checkInteger(size2, 'size')
  checkProofHashes([root1, root2, ...proof])
  if (size1 > size2)
    throw new VerificationError('consistency', `a tree of size ${size2} cannot hold one of size ${size1}`)
  expectEmptyRoot(size1, root1)
  expectEmptyRoot(size2, root2)
  const path = new ProofReader(proof)
  if (size1 === 0 || size1 === size2) {
    path.end()
    if (size1 === size2) expectRoot(size1, root1, root2)
    return
  }

  // `node` and `last` are the last entry of either tree, one level up at each step. The right edge of the old tree
  // begins with a perfect subtree; what lies below it is the same in both trees.
  let node = size1 - 1
  let last = size2 - 1
  while (node % 2 === 1) {
    node = (node - 1) / 2
    last = Math.floor(last / 2)
  }
  // Is the old tree that subtree alone, its hash is root1, and the proof does not repeat it.
  const seed = node === 0 ? root1 : path.next()
  let old = seed
  let young = seed
  while (last > 0) {
    if (node % 2 === 1) {
      const left = path.next()
      old = nodeHash(left, old)
      young = nodeHash(left, young)
    } else if (node < last) {
      young = nodeHash(young, path.next())
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  path.end()
  expectRoot(size1, old, root1)
  expectRoot(size2, young, root2)
}

function expectEmptyRoot(size: number, root: Uint8Array): void {
  if (size === 0) expectRoot(0, EMPTY_ROOT, root)
}

function expectRoot(size: number, implied: Uint8Array, claimed: Uint8Array): void {
  if (!equalBytes(implied, claimed))
    throw new VerificationError(
      'consistency',
      `the tree of size ${size} has root ${toHex(implied)} by the proof, not ${toHex(claimed)}`,
    )
}

/** A perfect subtree: the entries [index * 2^level, (index + 1) * 2^level). */
export interface NodeId {
  readonly level: number
  readonly index: number
}

/** Which subtree hashes to look up, and how they become the hashes that were asked for. */
export interface ProofPlan {
  /** All exist in a tree of the size the plan was made for; at most 53 of them for a root, 106 for a proof. */
  readonly nodes: readonly NodeId[]
  /**
   * @param hashes  Hashes of `nodes`, in their order.
   * @throws {RangeError} when there are more or fewer, or one has not 32 bytes.
   */
  fold(hashes: readonly Uint8Array[]): Uint8Array[]
}

/**
 * The inclusion proof of the entry at `index` in the tree of `size`, leaf's sibling first.
 * @throws {RangeError} unless 0 <= index < size <= 2^53-1.
 * @see RFC 6962 §2.1.1
 */
export function planInclusion(index: number, size: number): ProofPlan {
  checkInteger(index, 'index')
  checkInteger(size, 'size')
  if (index >= size) throw new RangeError(`index ${index} is outside a tree of size ${size}`)
  const ranges: NodeId[][] = []
  let from = 0
  let to = size
  while (to - from > 1) {
    const middle = from + splitPoint(to - from)
    if (index < middle) {
      ranges.push(subtreesOf(middle, to))
      to = middle
    } else {
      ranges.push(subtreesOf(from, middle))
      from = middle
    }
  }
  return planOf(ranges.reverse())
}

/**
 * The consistency proof from the tree of `size1` to the tree of `size2`; empty when `size1` is 0 or equals `size2`.
 * @throws {RangeError} unless 0 <= size1 <= size2 <= 2^53-1.
 * @see RFC 6962 §2.1.2
 */
export function planConsistency(size1: number, size2: number): ProofPlan {
  checkInteger(size1, 'size')
  checkInteger(size2, 'size')
  if (size1 > size2) throw new RangeError(`size ${size1} is above size ${size2}`)
  if (size1 === 0 || size1 === size2) return planOf([])
  const ranges: NodeId[][] = []
  let from = 0
  let to = size2
  while (size1 < to) {
    const middle = from + splitPoint(to - from)
    if (size1 <= middle) {
      ranges.push(subtreesOf(middle, to))
      to = middle
    } else {
      ranges.push(subtreesOf(from, middle))
      from = middle
    }
  }
  // What is left is the last subtree of the old tree; from 0 it would be the old tree itself, whose root is known.
  if (from > 0) ranges.push(subtreesOf(from, to))
  return planOf(ranges.reverse())
}

/**
 * The root of the tree of `size`: its nodes are the right edge, largest first; `fold` gives one hash.
 * @throws {RangeError} unless `size` is a safe integer from 0.
 */
export function rootPlan(size: number): ProofPlan {
  checkInteger(size, 'size')
  return planOf([subtreesOf(0, size)])
}

function planOf(ranges: readonly NodeId[][]): ProofPlan {
  const nodes = ranges.flat()
  return {
    nodes,
    fold(hashes) {
      if (hashes.length !== nodes.length)
        throw new RangeError(`the plan takes ${nodes.length} hashes, not ${hashes.length}`)
      for (const hash of hashes) checkHash(hash)
      let at = 0
      return ranges.map(range => {
        at += range.length
        return foldRight(hashes.slice(at - range.length, at))
      })
    },
  }
}

/**
 * The fewest perfect subtrees that make up the entries from `from` up to, not including, `to`, in their order.
 * @throws {RangeError} unless 0 <= from <= to <= 2^53-1.
 */
export function subtreesOf(from: number, to: number): NodeId[] {
  checkInteger(from, 'index')
  checkInteger(to, 'size')
  if (from > to) throw new RangeError(`index ${from} is above ${to}`)
  const nodes: NodeId[] = []
  for (let at = from; at < to; ) {
    let level = 0
    // At most 53 steps for each of at most 106 subtrees.
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= to) level++
    nodes.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return nodes
}

/** The largest power of two below `size`, which is at least 2: where RFC 6962 splits a tree. */
function splitPoint(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

/** The root over perfect subtrees, largest first: 32 new bytes. */
function foldRight(hashes: readonly Uint8Array[]): Uint8Array {
  let root: Uint8Array = (hashes[hashes.length - 1] ?? EMPTY_ROOT).slice()
  for (let i = hashes.length - 2; i >= 0; i--) root = nodeHash(hashes[i]!, root)
  return root
}

/** Hands out the hashes of a proof one by one and insists that it is used up exactly. */
class ProofReader {
  readonly #hashes: readonly Uint8Array[]
  #used = 0

  constructor(hashes: readonly Uint8Array[]) {
    this.#hashes = hashes
  }

  next(): Uint8Array {
    const hash = this.#hashes[this.#used++]
    if (!hash) throw new MalformedError('proof.length', `the proof of ${this.#hashes.length} hashes is too short`)
    return hash
  }

  end(): void {
    if (this.#used !== this.#hashes.length)
      throw new MalformedError('proof.length', `the proof has ${this.#hashes.length} hashes instead of ${this.#used}`)
  }
}

function checkProofHashes(hashes: readonly Uint8Array[]): void {
  for (const hash of hashes)
    if (hash.length !== HASH_LENGTH)
      throw new MalformedError('proof.hash', `a hash of ${hash.length} bytes`, { expected: '32 bytes' })
}

function checkHash(hash: Uint8Array): void {
  if (hash.length !== HASH_LENGTH) throw new RangeError(`a hash has 32 bytes, not ${hash.length}`)
}
