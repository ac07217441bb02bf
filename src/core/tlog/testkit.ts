import { sha256 } from '#crypto'

/*
 * The slow twin: RFC 6962 §2.1 word for word, as recursions over ranges of entries. It shares nothing with
 * `merkle.ts` but SHA-256, so that an error would have to be made twice.
 */

const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]))

/** Hash of the entries [from, to): known, or undefined to have it computed from its halves. */
export type Known = (from: number, to: number) => Uint8Array | undefined

/** k, "the largest power of two smaller than n". */
function largestPowerBelow(n: number): number {
  let k = 2 ** 53
  while (k >= n) k /= 2
  return k
}

/** MTH(D[from:to]). */
export function treeHash(known: Known, from: number, to: number): Uint8Array {
  if (to === from) return sha256(new Uint8Array(0))
  const found = known(from, to)
  if (found) return found
  if (to - from === 1) throw new Error(`nothing is known of entry ${from}`)
  const k = largestPowerBelow(to - from)
  return sha256(join(Uint8Array.of(1), treeHash(known, from, from + k), treeHash(known, from + k, to)))
}

/** PATH(m, D[from:to]), m counted from 0 of the whole tree. */
export function path(known: Known, m: number, from: number, to: number): Uint8Array[] {
  if (to - from === 1) return []
  const middle = from + largestPowerBelow(to - from)
  return m < middle
    ? [...path(known, m, from, middle), treeHash(known, middle, to)]
    : [...path(known, m, middle, to), treeHash(known, from, middle)]
}

/** PROOF(m, D[0:n]) for 0 < m < n. */
export const consistencyProof = (known: Known, m: number, n: number): Uint8Array[] => subproof(known, m, 0, n, true)

/** SUBPROOF(m - from, D[from:to], b). */
function subproof(known: Known, m: number, from: number, to: number, b: boolean): Uint8Array[] {
  if (m === to) return b ? [] : [treeHash(known, from, to)]
  const middle = from + largestPowerBelow(to - from)
  return m <= middle
    ? [...subproof(known, m, from, middle, b), treeHash(known, middle, to)]
    : [...subproof(known, m, middle, to, false), treeHash(known, from, middle)]
}

/** Entry `i` of trees that tests build. */
export const entryAt = (i: number): Uint8Array => new TextEncoder().encode(`entry ${i}`)

/** What is known of a tree of up to 2^20 such entries; every hash is computed once. */
export function builtTree(): Known {
  const hashes = new Map<number, Uint8Array>()
  const known: Known = (from, to) => {
    const id = from * 2 ** 21 + to
    let hash = hashes.get(id)
    if (!hash) {
      hash = to - from === 1 ? sha256(join(Uint8Array.of(0), entryAt(from))) : treeHash(half(from, to), from, to)
      hashes.set(id, hash)
    }
    return hash
  }
  // Not known as a whole, so that its halves are asked for.
  const half =
    (from: number, to: number): Known =>
    (a, b) =>
      a === from && b === to ? undefined : known(a, b)
  return known
}

/** A hash that stands for the perfect subtree `index` of `level` in a tree too large to build. */
export const imaginedNode = (level: number, index: number): Uint8Array =>
  sha256(new TextEncoder().encode(`node ${level} ${index}`))

/** What is known of a tree when the hashes of these perfect subtrees are imagined. */
export function imaginedTree(nodes: readonly { readonly level: number; readonly index: number }[]): Known {
  const hashes = new Map(
    nodes.map(({ level, index }) => [`${index * 2 ** level} ${(index + 1) * 2 ** level}`, imaginedNode(level, index)]),
  )
  return (from, to) => hashes.get(`${from} ${to}`)
}

/** Sizes around each power of 256, and around the widths at which integers of other languages end. */
export const EDGES: readonly number[] = [8, 16, 24, 31, 32, 40, 48, 52]
  .flatMap(shift => [2 ** shift - 1, 2 ** shift, 2 ** shift + 1])
  .concat(2 ** 53 - 256, 2 ** 53 - 2, 2 ** 53 - 1)
