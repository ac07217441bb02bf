import { keccak256 } from '#crypto'
import { equalBytes } from '../../bytes/equal.js'
import { VerificationError } from '../../errors.js'
import { decodeRlp, encodeRlp, type Rlp, rlpInteger } from './rlp.js'

/*
 * The Merkle Patricia trie over a block's receipts: its root stands in the block's header, its keys are the positions
 * of the transactions. Ethereum Yellow Paper, appendix D.
 */

// Keys have at most four bytes: eight nibbles, and so at most nine nodes.
export const NODES_MAX = 9

/** The key of a position: its nibbles. */
export function keyOf(position: number): number[] {
  const nibbles: number[] = []
  for (const byte of encodeRlp(rlpInteger(BigInt(position)))) nibbles.push(byte >> 4, byte & 15)
  return nibbles
}

/**
 * The value at a position, proven under a root.
 *
 * @param root   32 bytes.
 * @param nodes  The nodes from the root to the value; those that lie inside another are not listed.
 * @throws {VerificationError} `evm.proof` when the nodes do not lead from the root to a value; all must be needed
 * @throws {MalformedError} `evm.rlp`
 */
export function provenValue(root: Uint8Array, position: number, nodes: readonly Uint8Array[]): Uint8Array {
  let key = keyOf(position)
  let next: Rlp = root
  let used = 0
  // A node consumes nibbles or ends the walk, but for an extension of none, which is refused.
  for (let steps = 0; steps <= 2 * NODES_MAX; steps++) {
    let node: Rlp = next
    if (node instanceof Uint8Array) {
      const bytes = nodes[used++]
      if (!bytes || !equalBytes(keccak256(bytes), node)) throw wrong('a node does not have the hash that leads to it')
      node = decodeRlp(bytes)
    }
    if (node instanceof Uint8Array) throw wrong('a node is no list')
    const items: readonly Rlp[] = node
    if (items.length === 17) {
      const nibble = key[0]
      if (nibble === undefined) throw wrong('it ends at a branch')
      next = child(items[nibble])
      key = key.slice(1)
      continue
    }
    if (items.length !== 2) throw wrong(`a node has ${items.length} items`)
    const { path, isLeaf } = readPath(items[0]!)
    if (path.length > key.length || path.some((nibble, i) => nibble !== key[i])) throw wrong('it leads elsewhere')
    key = key.slice(path.length)
    if (isLeaf) {
      const value = items[1]!
      if (key.length > 0 || !(value instanceof Uint8Array)) throw wrong('it ends early')
      if (used !== nodes.length) throw wrong('it has nodes that are not needed')
      return value
    }
    if (path.length === 0) throw wrong('an extension leads nowhere')
    next = child(items[1])
  }
  throw wrong('it is too long')
}

/** What a node leads to: a hash, or a node so short that it stands there itself. */
function child(item: Rlp | undefined): Rlp {
  if (item === undefined || (item instanceof Uint8Array && item.length !== 32)) throw wrong('it leads to nothing')
  return item
}

/** Hex-prefix encoding: a flag for leaves, one for an odd number of nibbles, the nibbles. */
function readPath(item: Rlp): { readonly path: readonly number[]; readonly isLeaf: boolean } {
  if (!(item instanceof Uint8Array) || item.length === 0) throw wrong('a path is empty')
  const nibbles = [...item].flatMap(byte => [byte >> 4, byte & 15])
  const flag = nibbles[0]!
  const isOdd = (flag & 1) === 1
  if (flag > 3 || (!isOdd && nibbles[1] !== 0)) throw wrong('a path has flags that are not known')
  return { path: nibbles.slice(isOdd ? 1 : 2), isLeaf: flag >= 2 }
}

const wrong = (why: string): VerificationError =>
  new VerificationError('evm.proof', `the receipt is not proven by the header: ${why}`, {
    expected: 'the nodes of the trie from the receipts root to the receipt',
  })
