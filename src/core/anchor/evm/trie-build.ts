import { keccak256 } from '#crypto'
import { encodeRlp, join, type Rlp } from './rlp.js'
import { keyOf } from './trie.js'

/** A trie over values, and the way from its root to one of them. */
export interface TrieProof {
  /** 32 bytes. */
  readonly root: Uint8Array
  /** As `provenValue` wants them. */
  readonly nodes: readonly Uint8Array[]
}

/**
 * Builds the trie over the receipts of a block, and proves one.
 *
 * @param values    Of all positions, from 0; at least one.
 * @param position  Of the one that is proven.
 */
export function proveValue(values: readonly Uint8Array[], position: number): TrieProof {
  const leaves = values.map((value, i) => ({ key: keyOf(i), value }))
  const way = keyOf(position)
  const nodes: Uint8Array[] = []
  const root = build(leaves, 0, way, nodes)
  const bytes = encodeRlp(root)
  // The root is always hashed, however short it is.
  if (bytes.length < 32) nodes.push(bytes)
  return { root: keccak256(bytes), nodes: nodes.reverse() }
}

interface Leaf {
  readonly key: readonly number[]
  readonly value: Uint8Array
}

/**
 * The node over leaves whose keys agree in the first `depth` nibbles. No key is the beginning of another, so that no
 * branch has a value.
 *
 * @param way    The key that is proven; empty when it does not lead through this node.
 * @param nodes  Gets the hashed nodes on the way, the deepest first.
 */
function build(leaves: readonly Leaf[], depth: number, way: readonly number[], nodes: Uint8Array[]): Rlp {
  const keep = (node: Rlp): Rlp => {
    const bytes = encodeRlp(node)
    if (way.length > 0 && bytes.length >= 32) nodes.push(bytes)
    return node
  }
  const [first] = leaves
  if (leaves.length === 1) return keep([path(first!.key.slice(depth), true), first!.value])
  let common = depth
  while (leaves.every(({ key }) => key[common] === first!.key[common])) common++
  if (common > depth) {
    const below = refer(build(leaves, common, way, nodes))
    return keep([path(first!.key.slice(depth, common), false), below])
  }
  const branch: Rlp[] = []
  for (let nibble = 0; nibble < 16; nibble++) {
    const own = leaves.filter(({ key }) => key[depth] === nibble)
    const isOnWay = way[depth] === nibble
    branch.push(own.length === 0 ? new Uint8Array() : refer(build(own, depth + 1, isOnWay ? way : [], nodes)))
  }
  return keep([...branch, new Uint8Array()])
}

/** How a node is named in the one above: by its hash, or by itself when that is shorter. */
function refer(node: Rlp): Rlp {
  const bytes = encodeRlp(node)
  return bytes.length < 32 ? node : keccak256(bytes)
}

function path(nibbles: readonly number[], isLeaf: boolean): Uint8Array {
  const isOdd = nibbles.length % 2 === 1
  const all = [(isLeaf ? 2 : 0) + (isOdd ? 1 : 0), ...(isOdd ? [] : [0]), ...nibbles]
  const pairs = Array.from({ length: all.length / 2 }, (_, i) => all[2 * i]! * 16 + all[2 * i + 1]!)
  return join([new Uint8Array(pairs)])
}
