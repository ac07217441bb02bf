import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/hex.js'
import {
  EMPTY_ROOT,
  Frontier,
  leafHash,
  nodeHash,
  type ProofPlan,
  planConsistency,
  planInclusion,
  rootFromInclusion,
  rootPlan,
  verifyConsistency,
  verifyInclusion,
} from './merkle.js'
import {
  builtTree,
  consistencyProof,
  EDGES,
  entryAt,
  imaginedNode,
  imaginedTree,
  type Known,
  path,
  treeHash,
} from './testkit.js'

const SIZE_MAX = 600
const tree = builtTree()
const rootOf = (size: number) => treeHash(tree, 0, size)
const leafOf = (index: number) => leafHash(entryAt(index))

/** What a plan folds to when its subtrees are looked up in `known`. */
const carryOut = (plan: ProofPlan, known: Known) =>
  plan.fold(plan.nodes.map(({ level, index }) => treeHash(known, index * 2 ** level, (index + 1) * 2 ** level)))

/** Small trees at every index, larger ones at a spread that meets every residue, always at both ends. */
function* indicesOf(size: number): Generator<number> {
  const step = size <= 260 ? 1 : 7
  for (let index = size % step; index < size; index += step) yield index
  if (step > 1) yield size - 1
}

describe('the tree, against RFC 6962 read literally', () => {
  it('has the known hashes', () => {
    expect(toHex(EMPTY_ROOT)).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(toHex(leafHash(new Uint8Array(0)))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
    expect(toHex(nodeHash(EMPTY_ROOT, EMPTY_ROOT))).not.toBe(toHex(leafHash(fromHex(toHex(EMPTY_ROOT).repeat(2)))))
  })

  it('gives the right root at every size to 600, appended to and rebuilt from its edge', () => {
    const frontier = Frontier.empty()
    for (let size = 0; size <= SIZE_MAX; size++) {
      const root = rootOf(size)
      expect(frontier.size).toBe(size)
      expect(frontier.root()).toEqual(root)
      const plan = rootPlan(size)
      expect(carryOut(plan, tree)).toEqual([root])
      const edge = plan.nodes.map(({ level, index }) => treeHash(tree, index * 2 ** level, (index + 1) * 2 ** level))
      expect(frontier.hashes).toEqual(edge)
      expect(Frontier.from(size, edge).root()).toEqual(root)
      frontier.append(leafOf(size))
    }
  })

  it('proves inclusion at all sizes to 600', () => {
    for (let size = 1; size <= SIZE_MAX; size++)
      for (const index of indicesOf(size)) {
        const proof = carryOut(planInclusion(index, size), tree)
        const expected = path(tree, index, 0, size)
        if (proof.length !== expected.length || !proof.every((hash, i) => toHex(hash) === toHex(expected[i]!)))
          expect.fail(`inclusion of ${index} in ${size}`)
        verifyInclusion(index, size, leafOf(index), proof, rootOf(size))
      }
  })

  it('proves consistency of all pairs to 130 and of a dense sample to 600', () => {
    for (let size2 = 1; size2 <= SIZE_MAX; size2++)
      for (let size1 = size2 <= 130 ? 1 : (size2 % 11) + 1; size1 < size2; size1 += size2 <= 130 ? 1 : 11) {
        const proof = carryOut(planConsistency(size1, size2), tree)
        const expected = consistencyProof(tree, size1, size2)
        if (proof.length !== expected.length || !proof.every((hash, i) => toHex(hash) === toHex(expected[i]!)))
          expect.fail(`consistency of ${size1} and ${size2}`)
        verifyConsistency(size1, size2, rootOf(size1), rootOf(size2), proof)
      }
  })

  it.each(EDGES)('plans and folds a tree of %d entries', size => {
    const indices = [0, 1, 255, 256, Math.floor(size / 2), size - 257, size - 256, size - 2, size - 1]
    for (const index of new Set(indices.filter(index => index >= 0 && index < size))) {
      const plan = planInclusion(index, size)
      const known = imaginedTree([...plan.nodes, { level: 0, index }])
      const proof = plan.fold(plan.nodes.map(({ level, index }) => imaginedNode(level, index)))
      expect(proof).toEqual(path(known, index, 0, size))
      expect(rootFromInclusion(index, size, imaginedNode(0, index), proof)).toEqual(treeHash(known, 0, size))
    }
    for (const older of EDGES.filter(older => older < size).concat(1, 2, 3, 600)) {
      if (older >= size) continue
      const plan = planConsistency(older, size)
      const known = imaginedTree([...plan.nodes, ...rootPlan(older).nodes])
      const proof = plan.fold(plan.nodes.map(({ level, index }) => imaginedNode(level, index)))
      expect(proof).toEqual(consistencyProof(known, older, size))
      verifyConsistency(older, size, treeHash(known, 0, older), treeHash(known, 0, size), proof)
    }
    const edge = rootPlan(size).nodes
    const frontier = Frontier.from(
      size,
      edge.map(({ level, index }) => imaginedNode(level, index)),
    )
    expect(frontier.root()).toEqual(treeHash(imaginedTree(edge), 0, size))
    if (size < Number.MAX_SAFE_INTEGER) {
      frontier.append(imaginedNode(0, size))
      const grown = imaginedTree([...edge, { level: 0, index: size }])
      // Appending completes subtrees; the root is that of the larger tree, split at its own powers of two.
      expect(frontier.root()).toEqual(treeHash(grown, 0, size + 1))
    }
  })
})

describe('proofs that are not', () => {
  const other = leafHash(entryAt(1_000_000))
  const spoilt = (hash: Uint8Array, bit: number) =>
    hash.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

  it('refuses an inclusion proof with a spare, missing, swapped or altered hash, another index, size, leaf or root', () => {
    for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 31, 255, 256, 257, 600])
      for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter(i => i >= 0 && i < size))) {
        const proof = path(tree, index, 0, size)
        const root = rootOf(size)
        const refused = (code: string, i: number, n: number, leaf: Uint8Array, hashes: Uint8Array[], r = root) =>
          expect(() => verifyInclusion(i, n, leaf, hashes, r)).toThrow(expect.objectContaining({ code }))
        refused('proof.length', index, size, leafOf(index), [...proof, other])
        refused('proof.length', index, size, leafOf(index), [other, ...proof])
        if (proof.length > 0) refused('proof.length', index, size, leafOf(index), proof.slice(1))
        if (proof.length > 0) refused('proof.length', index, size, leafOf(index), proof.slice(0, -1))
        proof.forEach((hash, i) => {
          refused('inclusion', index, size, leafOf(index), proof.with(i, spoilt(hash, (i * 37) % 256)))
          refused('proof.hash', index, size, leafOf(index), proof.with(i, hash.subarray(1)))
        })
        if (proof.length > 1) refused('inclusion', index, size, leafOf(index), proof.toReversed())
        refused('inclusion', index, size, other, proof)
        refused('inclusion', index, size, leafOf(index), proof, other)
        refused('proof.hash', index, size, leafOf(index).subarray(1), proof)
        refused('proof.index', size, size, leafOf(index), proof)
        refused('proof.index', 2 ** 53 - 1, size, leafOf(index), proof)
        // The same proof at another place: a wrong length or a wrong root, never accepted.
        if (size > 1) expect(() => verifyInclusion((index + 1) % size, size, leafOf(index), proof, root)).toThrow()
      }
  })

  it('refuses an inner node passed off as an entry', () => {
    const [left, right] = [leafOf(0), leafOf(1)]
    const forged = new Uint8Array([...left, ...right])
    expect(() => verifyInclusion(0, 2, leafHash(forged), [leafOf(2)], rootOf(3))).toThrow()
  })

  it('refuses a consistency proof with a spare, missing, swapped or altered hash, or other roots', () => {
    for (const [size1, size2] of [
      [1, 2],
      [1, 600],
      [2, 3],
      [3, 4],
      [3, 7],
      [4, 7],
      [6, 7],
      [7, 8],
      [8, 9],
      [128, 255],
      [255, 256],
      [256, 257],
      [255, 600],
      [512, 513],
      [599, 600],
    ] as const) {
      const proof = consistencyProof(tree, size1, size2)
      const [root1, root2] = [rootOf(size1), rootOf(size2)]
      const refused = (code: string, hashes: Uint8Array[], r1 = root1, r2 = root2) =>
        expect(() => verifyConsistency(size1, size2, r1, r2, hashes)).toThrow(expect.objectContaining({ code }))
      refused('proof.length', [...proof, other])
      refused('proof.length', [other, ...proof])
      refused('proof.length', proof.slice(1))
      refused('proof.length', proof.slice(0, -1))
      refused('proof.length', [])
      proof.forEach((hash, i) => {
        refused('consistency', proof.with(i, spoilt(hash, (i * 37) % 256)))
        refused('proof.hash', proof.with(i, new Uint8Array(0)))
      })
      refused('consistency', proof, other)
      refused('consistency', proof, root1, other)
      refused('consistency', proof, root2, root1)
      refused('proof.hash', proof, root1.subarray(1))
    }
  })

  it('settles sizes 0, equal sizes and a shrinking tree without a proof', () => {
    const root = rootOf(5)
    const refused = (code: string, ...args: Parameters<typeof verifyConsistency>) =>
      expect(() => verifyConsistency(...args)).toThrow(expect.objectContaining({ code }))
    verifyConsistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    verifyConsistency(0, 5, EMPTY_ROOT, root, [])
    verifyConsistency(5, 5, root, root, [])
    refused('proof.length', 0, 5, EMPTY_ROOT, root, [other])
    refused('proof.length', 5, 5, root, root, [other])
    refused('consistency', 0, 5, other, root, [])
    refused('consistency', 0, 0, other, other, [])
    refused('consistency', 5, 5, root, other, [])
    refused('consistency', 5, 4, root, rootOf(4), [])
    refused('consistency', 5, 0, root, EMPTY_ROOT, [])
  })

  it('accepts nothing that the literal recursion would not give, whatever the hashes', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: SIZE_MAX })
          .chain(size => fc.tuple(fc.constant(size), fc.nat(size - 1), fc.nat(SIZE_MAX))),
        fc.array(fc.nat(SIZE_MAX), { maxLength: 12 }),
        ([size, index, claimed], picks) => {
          // Real hashes of the tree in a wrong order are the best material for a forger.
          const proof = picks.map(pick => (pick % 2 === 0 ? leafOf(pick) : rootOf(pick)))
          const genuine = path(tree, index, 0, size)
          fc.pre(proof.map(toHex).join() !== genuine.map(toHex).join() || claimed !== index)
          expect(() => verifyInclusion(index, size, leafOf(claimed), proof, rootOf(size))).toThrow()
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('bugs of the caller', () => {
  it('refuses sizes that are no safe integers', () => {
    for (const bad of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => rootPlan(bad)).toThrow(RangeError)
      expect(() => planInclusion(0, bad)).toThrow(RangeError)
      expect(() => planConsistency(bad, 7)).toThrow(RangeError)
      expect(() => Frontier.from(bad, [])).toThrow(RangeError)
      expect(() => verifyInclusion(0, bad, EMPTY_ROOT, [], EMPTY_ROOT)).toThrow(RangeError)
      expect(() => verifyConsistency(bad, 7, EMPTY_ROOT, EMPTY_ROOT, [])).toThrow(RangeError)
    }
    expect(() => planInclusion(7, 7)).toThrow(RangeError)
    expect(() => planConsistency(8, 7)).toThrow(RangeError)
  })

  it('refuses hashes that do not fit', () => {
    expect(() => Frontier.from(3, [EMPTY_ROOT])).toThrow(RangeError)
    expect(() => Frontier.from(1, [new Uint8Array(31)])).toThrow(RangeError)
    expect(() => Frontier.empty().append(new Uint8Array(33))).toThrow(RangeError)
    expect(() => rootPlan(3).fold([EMPTY_ROOT])).toThrow(RangeError)
    expect(() => nodeHash(EMPTY_ROOT, new Uint8Array(0))).toThrow(RangeError)
  })

  it('refuses an entry beyond 2^53-1', () => {
    const size = Number.MAX_SAFE_INTEGER
    const full = Frontier.from(
      size,
      rootPlan(size).nodes.map(({ level, index }) => imaginedNode(level, index)),
    )
    expect(() => full.append(EMPTY_ROOT)).toThrow(RangeError)
  })

  it('shares no state between a tree and its clone, and hands out no hash of its own to write to', () => {
    const one = Frontier.empty()
    one.append(leafOf(0))
    const two = one.clone()
    two.append(leafOf(1))
    one.root().fill(0)
    Frontier.empty().root().fill(0)
    expect(one.root()).toEqual(rootOf(1))
    expect(two.root()).toEqual(rootOf(2))
    expect(Frontier.empty().root()).toEqual(rootOf(0))
  })
})
