import { type Hash, isInt, type ParsedRecord } from '../record/index.js'
import { leafHash, nodeHash, TILE_WIDTH } from '../tlog/index.js'
import type { HiddenSubtree, TreePart } from './bundle.js'
import { placeOf } from './reading.js'

/** What is known of a stream when all entries have gone by. */
interface StreamSpan {
  readonly first: number
  last: number
  seq: number
  leaf: Hash
  /** Of an agent, named for this log, one unbroken chain so far. */
  isPlain: boolean
  signed: boolean
}

/**
 * Decides what pruning takes away: of each stream of an agent that is one unbroken chain, all that lies between its first
 * and its last record. Everything else below m is kept as it is. See every entry of the log, in order, then ask.
 */
export class KeptPlan {
  readonly #streams = new Map<Hash, StreamSpan>()
  #logId: Hash | undefined
  #size = 0
  /** From entry 0; undefined where it promises nothing. */
  retentionDays: number | undefined

  /** @param parsed  Undefined for an entry that is no record. */
  add(index: number, parsed: ParsedRecord | undefined): void {
    this.#size = index + 1
    if (!parsed) return
    if (index === 0) this.#logRecord(parsed)
    else if (parsed.json['stream'] === undefined) this.#start(index, parsed)
    else this.#chained(index, parsed)
  }

  #logRecord(parsed: ParsedRecord): void {
    this.#logId = parsed.leaf
    if (parsed.understood && parsed.record.type === 'log') this.retentionDays = parsed.record.retention?.days
  }

  #start(index: number, parsed: ParsedRecord): void {
    const { leaf } = parsed
    const before = this.#streams.get(leaf)
    if (before) {
      before.isPlain = false
      return
    }
    const start = parsed.understood && parsed.record.type === 'stream.start' ? parsed.record : undefined
    const isPlain = start?.role === 'agent' && start.logs.some(log => log.id === this.#logId)
    this.#streams.set(leaf, { first: index, last: index, seq: 0, leaf, isPlain, signed: true })
  }

  #chained(index: number, parsed: ParsedRecord): void {
    const place = placeOf(parsed)
    const stream = place && this.#streams.get(place.id)
    if (!place || !stream) return
    stream.last = index
    if (place.seq !== stream.seq + 1 || place.prev !== stream.leaf) stream.isPlain = false
    stream.seq = place.seq
    stream.leaf = parsed.leaf
    stream.signed = parsed.json['sig'] !== undefined
  }

  /** Whether no stream that starts below `below` goes on at or above it. */
  isCut(below: number): boolean {
    return [...this.#streams.values()].every(({ first, last }) => last < below || first >= below)
  }

  /** The highest multiple of 256, at most `most`, at which no stream is cut in two; 0 when there is none. */
  highestCut(most: number): number {
    const highest = Math.floor(Math.min(most, this.#size) / TILE_WIDTH) * TILE_WIDTH
    // For each multiple, whether a stream lies across it: begins below, and ends at or above it.
    const across = new Map<number, number>()
    for (const { first, last } of this.#streams.values()) {
      const [from, to] = [Math.floor(first / TILE_WIDTH) + 1, Math.floor(last / TILE_WIDTH)]
      if (from > to) continue
      across.set(from, (across.get(from) ?? 0) + 1)
      across.set(to + 1, (across.get(to + 1) ?? 0) - 1)
    }
    let open = 0
    let best = 0
    let next = 1
    for (const [at, change] of [...across, [Number.POSITIVE_INFINITY, 0] as const].sort(([a], [b]) => a - b)) {
      // Between two changes the number of streams across is the same.
      const end = Math.min(at - 1, highest / TILE_WIDTH)
      if (open === 0 && end >= next) best = end
      open += change
      next = Math.max(next, at)
    }
    return best * TILE_WIDTH
  }

  /** Whether the entry need not be kept. All entries have been seen. */
  isPrunable(index: number, parsed: ParsedRecord | undefined): boolean {
    const stream = parsed && this.#streams.get((parsed.json['stream'] as Hash | undefined) ?? '')
    if (!stream || !isInt(parsed.json['seq'])) return false
    return stream.isPlain && stream.signed && index > stream.first && index < stream.last
  }
}

/** Puts the parts of a pruned tree together: entries that are kept, and the largest subtrees in the place of others. */
export class KeptParts {
  readonly #parts: TreePart[] = []
  #pending: HiddenSubtree[] = []
  #size = 0

  keep(record: Uint8Array): void {
    this.#flush()
    this.#parts.push({ index: this.#size++, record })
  }

  /** What an earlier pruning has hidden. */
  hide(level: number, hash: Uint8Array): void {
    let subtree: HiddenSubtree = { index: this.#size, level, hash }
    this.#size += 2 ** level
    for (;;) {
      const left = this.#pending.at(-1)
      if (left?.level !== subtree.level || left.index % 2 ** (subtree.level + 1) !== 0) break
      this.#pending.pop()
      subtree = { index: left.index, level: subtree.level + 1, hash: nodeHash(left.hash, subtree.hash) }
    }
    this.#pending.push(subtree)
  }

  hideEntry(record: Uint8Array): void {
    this.hide(0, leafHash(record))
  }

  get size(): number {
    return this.#size
  }

  finish(): readonly TreePart[] {
    this.#flush()
    return this.#parts
  }

  #flush(): void {
    this.#parts.push(...this.#pending)
    this.#pending = []
  }
}
