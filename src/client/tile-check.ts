import { equalBytes } from '../core/bytes/equal.js'
import { isDeedlogError } from '../core/errors.js'
import { Frontier, fullTileRoot, hashTile, splitTile, TILE_WIDTH, type TileId, tilePath } from '../core/tlog/index.js'
import type { LogSource } from './source.js'

/** What came of comparing a log's hash tiles with what its records hash to. */
export interface TileComparison {
  readonly compared: number
  readonly missing: readonly string[]
  /** Paths of tiles that hold other hashes. */
  readonly differing: readonly string[]
  /** Indexes of entries whose hash differs from the one in their tile, the first of them. */
  readonly indexes: readonly number[]
  readonly count: number
}

// Of what differs this much is named; the rest is counted.
const NAMED_MAX = 64

/** Compares tiles with leaf hashes as they go by: at most 256 hashes for each level are in memory. */
export class TileCheck {
  readonly #tile: NonNullable<LogSource['tile']>
  /** The hashes of the last tile of each level so far; undefined for one that was never here. */
  readonly #levels: (Uint8Array | undefined)[][] = []
  readonly #counts: number[] = []
  #compared = 0
  readonly #missing: string[] = []
  readonly #differing: string[] = []
  readonly #indexes: number[] = []
  #count = 0

  constructor(tile: NonNullable<LogSource['tile']>) {
    this.#tile = tile
  }

  /**
   * Begins with entry `from`, a multiple of 256: what lies before was pruned, and tiles that hold a hash over any of it
   * are not compared. Before the first hash.
   */
  startAt(from: number): void {
    for (let level = 0; TILE_WIDTH ** level <= from; level++) {
      this.#counts[level] = Math.floor(from / TILE_WIDTH ** (level + 1))
      const before = Math.floor(from / TILE_WIDTH ** level) % TILE_WIDTH
      this.#levels[level] = Array.from({ length: before }, () => undefined)
    }
  }

  /** Adds a leaf hash; returns a promise only when a tile is complete. */
  add(leaf: Uint8Array): Promise<void> | undefined {
    const hashes = this.#at(0)
    hashes.push(leaf)
    return hashes.length === TILE_WIDTH ? this.#complete(0) : undefined
  }

  /** Adds the leaf hashes of a full tile that is known to hold just these, and their root. At a multiple of 256. */
  addFull(root: Uint8Array): Promise<void> | undefined {
    this.#counts[0] = (this.#counts[0] ?? 0) + 1
    this.#compared++
    const above = this.#at(1)
    above.push(root)
    return above.length === TILE_WIDTH ? this.#complete(1) : undefined
  }

  #at(level: number): (Uint8Array | undefined)[] {
    const hashes = this.#levels[level] ?? []
    this.#levels[level] = hashes
    return hashes
  }

  async #complete(level: number): Promise<void> {
    const hashes = this.#levels[level]!
    const index = this.#counts[level] ?? 0
    this.#counts[level] = index + 1
    this.#levels[level] = []
    const whole = isWhole(hashes) ? hashes : undefined
    if (whole) await this.#compare({ level, index, width: TILE_WIDTH }, whole)
    const above = this.#at(level + 1)
    above.push(whole && fullTileRoot(whole))
    if (above.length === TILE_WIDTH) await this.#complete(level + 1)
  }

  async finish(): Promise<TileComparison> {
    for (const [level, hashes] of this.#levels.entries())
      if (hashes.length > 0 && isWhole(hashes))
        await this.#compare({ level, index: this.#counts[level] ?? 0, width: hashes.length }, hashes)
    return {
      compared: this.#compared,
      missing: this.#missing,
      differing: this.#differing,
      indexes: this.#indexes,
      count: this.#count,
    }
  }

  async #compare(id: TileId, hashes: readonly Uint8Array[]): Promise<void> {
    const path = tilePath(id)
    const bytes = await readTile(this.#tile, id)
    this.#compared++
    if (!bytes) {
      if (this.#missing.length < NAMED_MAX) this.#missing.push(path)
      return
    }
    if (equalBytes(bytes, hashTile(hashes))) return
    if (this.#differing.length < NAMED_MAX) this.#differing.push(path)
    if (id.level !== 0 || bytes.length !== hashes.length * HASH_BYTES) return
    for (const [i, hash] of splitTile(bytes, id.width).entries()) {
      if (equalBytes(hash, hashes[i]!)) continue
      this.#count++
      if (this.#indexes.length < NAMED_MAX) this.#indexes.push(id.index * TILE_WIDTH + i)
    }
  }
}

const isWhole = (hashes: readonly (Uint8Array | undefined)[]): hashes is readonly Uint8Array[] =>
  !hashes.includes(undefined)

const HASH_BYTES = 32

/** The bytes of a tile, or of as much of the full one as a partial one would hold. */
export async function readTile(tile: NonNullable<LogSource['tile']>, id: TileId): Promise<Uint8Array | undefined> {
  try {
    const bytes = await tile(tilePath(id))
    if (bytes || id.width === TILE_WIDTH) return bytes
    return (await tile(tilePath({ ...id, width: TILE_WIDTH })))?.subarray(0, id.width * HASH_BYTES)
  } catch (error) {
    // A tile that is a link, a folder or too long holds other bytes than it should: as good as none, and it differs.
    if (isDeedlogError(error) && error.name === 'MalformedError') return new Uint8Array(0)
    throw error
  }
}

/** Whether the level-0 tiles of a tree of `size` hash to `root`: then it is the entries that differ from them. */
export async function tilesHashTo(
  tile: NonNullable<LogSource['tile']>,
  size: number,
  root: Uint8Array,
): Promise<boolean> {
  const frontier = Frontier.empty()
  // Tile by tile, and out at the first that is missing: `size` is a stranger's number.
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH)
    const bytes = await readTile(tile, { level: 0, index, width })
    if (!bytes || bytes.length !== width * HASH_BYTES) return false
    for (const hash of splitTile(bytes, width)) frontier.append(hash)
  }
  return equalBytes(frontier.root(), root)
}
