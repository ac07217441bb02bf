import { encodeBundle, Frontier, fullTileRoot, hashTile, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import type { StoredObject } from './ports.js'

/**
 * Builds the tree of a sequence of records, and the tiles and bundles it is served as. Pure: the same records give the
 * same objects. Remembers the right edge only: at most 255 records and 255 hashes a level.
 */
export class TreeBuilder {
  #size: number
  #records: Uint8Array[]
  /** The hashes of the last tile of each level, as long as it is not full. */
  readonly #edges: Uint8Array[][]

  private constructor(size: number, records: Uint8Array[], edges: Uint8Array[][]) {
    this.#size = size
    this.#records = records
    this.#edges = edges
  }

  static empty(): TreeBuilder {
    return new TreeBuilder(0, [], [[]])
  }

  /**
   * The builder of a tree that was built before. Whether it is that tree, {@link root} tells.
   *
   * @param records  Of the last bundle, as long as it is not full.
   * @param edges    Of each level, the hashes of the last tile, as long as it is not full.
   */
  static from(size: number, records: readonly Uint8Array[], edges: readonly (readonly Uint8Array[])[]): TreeBuilder {
    return new TreeBuilder(
      size,
      [...records],
      edges.map(edge => [...edge]),
    )
  }

  get size(): number {
    return this.#size
  }

  /** The root of the tree so far: 32 new bytes. */
  root(): Uint8Array {
    // The right edge of the whole tree, from the largest subtree down: of each level those that its last tile ends in.
    const hashes = this.#edges.toReversed().flatMap(edge => {
      const frontier = Frontier.empty()
      for (const hash of edge) frontier.append(hash)
      return frontier.hashes
    })
    return Frontier.from(this.#size, hashes).root()
  }

  /** Adds a record. Returns what it made full, if anything: the bundle first, then tiles from the lowest level up. */
  add(record: Uint8Array, leaf: Uint8Array): readonly StoredObject[] {
    this.#size++
    this.#records.push(record)
    this.#edges[0]!.push(leaf)
    if (this.#records.length < TILE_WIDTH) return NONE
    const full: StoredObject[] = [
      {
        path: tilePath({ level: 'entries', index: this.#tileIndex(0) - 1, width: TILE_WIDTH }),
        bytes: encodeBundle(this.#records),
      },
    ]
    this.#records = []
    for (let level = 0; this.#edges[level]!.length === TILE_WIDTH; level++) {
      const hashes = this.#edges[level]!
      full.push({
        path: tilePath({ level, index: this.#tileIndex(level) - 1, width: TILE_WIDTH }),
        bytes: hashTile(hashes),
      })
      this.#edges[level] = []
      this.#edges[level + 1] ??= []
      this.#edges[level + 1]!.push(fullTileRoot(hashes))
    }
    return full
  }

  /** The partial bundle and tiles of the tree as it is now, the bundle first. */
  partials(): StoredObject[] {
    const objects: StoredObject[] = []
    const width = this.#records.length
    if (width > 0)
      objects.push({
        path: tilePath({ level: 'entries', index: this.#tileIndex(0), width }),
        bytes: encodeBundle(this.#records),
      })
    for (const [level, hashes] of this.#edges.entries())
      if (hashes.length > 0)
        objects.push({
          path: tilePath({ level, index: this.#tileIndex(level), width: hashes.length }),
          bytes: hashTile(hashes),
        })
    return objects
  }

  /** The hashes of tile `index` of `level`, if that is the one at the right edge. */
  edge(level: number, index: number): readonly Uint8Array[] | undefined {
    return index === this.#tileIndex(level) ? this.#edges[level] : undefined
  }

  /** The index of the tile of `level` that the next hash goes to. */
  #tileIndex(level: number): number {
    return Math.floor(this.size / TILE_WIDTH ** (level + 1))
  }
}

const NONE: readonly StoredObject[] = []
