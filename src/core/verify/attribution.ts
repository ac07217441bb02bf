import type { Hash, Int } from '../record/index.js'
import type { NotShown } from './not-shown.js'

/** One record of a stream that is not a simple chain, with what it takes to check its signature later: 300 bytes or so. */
export interface Node {
  readonly index: number
  readonly leaf: Hash
  readonly seq: Int
  /** Absent on `stream.start`. */
  readonly prev?: Hash
  /** Whether its own signature is good; absent when it has none. Costs a signature check. */
  readonly verify?: () => boolean
}

export interface Attribution {
  /** Indexes of records that no signature covers. */
  readonly strays: ReadonlySet<number>
  /** Indexes of byte-identical copies of a record with a lower index. */
  readonly copies: ReadonlySet<number>
  /** Seqs with two attributed records, and the indexes of those. */
  readonly forks: readonly { readonly seq: Int; readonly indexes: readonly number[] }[]
  /** Seqs missing below an attributed record, `to` included, each with the index of the record above the gap. */
  readonly breaks: readonly { readonly from: Int; readonly to: Int; readonly index: number }[]
  /** Indexes of attributed records with a lower seq than one of a lower index. */
  readonly misordered: readonly number[]
  /** Strays where other bytes were signed for: if anything was altered, it is among these. */
  readonly altered: readonly number[]
  /** Signatures looked at. */
  readonly checked: number
}

// A seq is a number in a stranger's record, up to 2^53-1: gaps are reported as ranges, never enumerated.
const BREAKS_MAX = 1000

/**
 * Which records of one stream are attributed: spec/record.md §3, backwards from the newest signature, so that a stray
 * written by somebody else never makes an honest stream look altered.
 *
 * @param nodes     All records that name the stream, its start among them, in any order.
 * @param notShown  Entries that are known by hashes only: a gap with room for all that it lacks among them is no break.
 */
export function attribute(nodes: readonly Node[], notShown?: NotShown): Attribution {
  const byLeaf = new Map<Hash, Node>()
  const copies = new Set<number>()
  for (const node of [...nodes].sort((a, b) => a.index - b.index))
    if (byLeaf.has(node.leaf)) copies.add(node.index)
    else byLeaf.set(node.leaf, node)

  // From the highest seq down: a record's only possible witness has a higher seq, and is settled before it.
  const records = [...byLeaf.values()].sort((a, b) => b.seq - a.seq || b.index - a.index)
  const attributed = new Set<Node>()
  const reached = new Set<Hash>()
  const start = records.find(node => node.prev === undefined)
  let checked = start ? 1 : 0
  const startIsGood = start?.verify?.() ?? false
  for (const node of startIsGood ? records : []) {
    let good = reached.has(node.leaf) || node === start
    if (!good && node.verify) {
      checked++
      good = node.verify()
    }
    if (!good) continue
    attributed.add(node)
    const before = node.prev === undefined ? undefined : byLeaf.get(node.prev)
    if (before && before.seq === node.seq - 1) reached.add(before.leaf)
  }

  const strays = new Set(records.filter(node => !attributed.has(node)).map(node => node.index))
  return { strays, copies, checked, ...disorder(records, attributed, byLeaf, notShown) }
}

function disorder(
  records: readonly Node[],
  attributed: ReadonlySet<Node>,
  byLeaf: ReadonlyMap<Hash, Node>,
  notShown: NotShown | undefined,
) {
  const places = bySeq(records.filter(node => attributed.has(node)))
  const strayPlaces = bySeq(records.filter(node => !attributed.has(node)))
  const forks: { seq: Int; indexes: number[] }[] = []
  const breaks: { from: Int; to: Int; index: number }[] = []
  const altered = new Set<number>()
  let below: Int = -1
  // Highest index of the records with that seq.
  let belowIndex = -1
  for (const [seq, here] of places) {
    if (here.length > 1) forks.push({ seq, indexes: here.map(node => node.index) })
    for (const node of here) {
      if (node.prev === undefined) continue
      const before = byLeaf.get(node.prev)
      const follows = before !== undefined && before.seq === seq - 1
      // A record that is here in the place it names, and is another, is no matter of what is not shown.
      const isHidden = seq - 1 > below && (notShown?.between(belowIndex, node.index) ?? 0) >= seq - 1 - below
      if (!follows && !isHidden) {
        if (breaks.length < BREAKS_MAX)
          breaks.push({ from: Math.min(below + 1, seq - 1), to: seq - 1, index: node.index })
        for (const stray of strayPlaces.get(seq - 1) ?? []) altered.add(stray.index)
      }
    }
    below = seq
    belowIndex = Math.max(...here.map(node => node.index))
  }
  // Above the newest attributed record: a signature that is not good was to cover the records from there up to itself.
  // One of those was altered, or all are a stranger's.
  for (let seq = below + 1, more = true; more; seq++) {
    const here = strayPlaces.get(seq) ?? []
    for (const node of here) altered.add(node.index)
    more = here.length > 0 && here.every(node => !node.verify)
  }
  return { forks, breaks, misordered: misorderedOf(attributed, notShown), altered: [...altered].sort((a, b) => a - b) }
}

function misorderedOf(attributed: ReadonlySet<Node>, notShown: NotShown | undefined): number[] {
  const misordered: number[] = []
  let highest: Int = -1
  for (const { seq, index } of [...attributed].sort((a, b) => a.index - b.index)) {
    // It may be a copy, and what it is a copy of not shown.
    if (seq < highest && (notShown?.below(index) ?? 0) === 0) misordered.push(index)
    highest = Math.max(highest, seq)
  }
  return misordered
}

/** Nodes by their seq, ascending, those of one seq by their index. */
function bySeq(nodes: readonly Node[]): Places {
  const places = new Places()
  for (const node of [...nodes].sort((a, b) => a.seq - b.seq || a.index - b.index)) {
    const here = places.get(node.seq)
    if (here) here.push(node)
    else places.set(node.seq, [node])
  }
  return places
}

/** A map by seq. Engines hash strings with a seed and integers without: a stranger's would all meet in one slot. */
class Places {
  readonly #places = new Map<string, readonly [Int, Node[]]>()

  get(seq: Int): Node[] | undefined {
    return this.#places.get(`n${seq}`)?.[1]
  }

  set(seq: Int, nodes: Node[]): void {
    this.#places.set(`n${seq}`, [seq, nodes])
  }

  [Symbol.iterator](): Iterator<readonly [Int, Node[]]> {
    return this.#places.values()
  }
}
