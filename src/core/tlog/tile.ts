import { concatBytes } from '../bytes/equal.js'
import { MalformedError, quote } from '../errors.js'
import { checkInteger, parseInteger } from './integer.js'
import { HASH_LENGTH, type NodeId, nodeHash } from './merkle.js'

/*
 * C2SP tlog-tiles: the tree in pieces of 256 hashes, each a static file. A tile of level l holds tree hashes of
 * level 8l (subtrees of 256^l entries); the seven levels between two tiles are hashed again by whoever reads one.
 */

/** Hashes of a full tile, entries of a full bundle. */
export const TILE_WIDTH = 256

/** One tile of hashes, or one bundle of entries. */
export interface TileId {
  /** 0 to 63, or `entries` for an entry bundle. */
  readonly level: number | 'entries'
  /** Position among the tiles of its level, from 0. */
  readonly index: number
  /** Hashes or entries in it, 1 to 256; below 256 it is partial. */
  readonly width: number
}

/**
 * The path of a tile or bundle under the log's prefix: `tile/0/x001/x234/067`, `tile/entries/000.p/12`.
 * @throws {RangeError} when `id` is none.
 * @see C2SP tlog-tiles, "Merkle Tree" and "Log entries"
 */
export function tilePath(id: TileId): string {
  checkTileId(id)
  const digits = String(id.index).padStart(Math.ceil(String(id.index).length / 3) * 3, '0')
  const elements = digits.match(/.{3}/g)!.map((three, i, all) => (i < all.length - 1 ? `x${three}` : three))
  return `tile/${id.level}/${elements.join('/')}${id.width < TILE_WIDTH ? `.p/${id.width}` : ''}`
}

/**
 * The tile or bundle that a path names. Paths have one form each: what {@link tilePath} would not write is refused.
 * @throws {MalformedError} `tile.path`.
 */
export function parseTilePath(path: string): TileId {
  const id = path.length <= PATH_LENGTH_MAX ? matchTilePath(path) : undefined
  if (!id || tilePath(id) !== path)
    throw new MalformedError('tile.path', `${quote(path)} is no path of a tile or entry bundle`, {
      expected: 'tile/<level or "entries">/<index as x001/x234/067>, with .p/<width> when partial',
    })
  return id
}

function matchTilePath(path: string): TileId | undefined {
  const match = /^tile\/(entries|\d\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path)
  if (!match) return undefined
  const level = match[1] === 'entries' ? 'entries' : Number(match[1])
  const index = parseInteger(match[2]!.replace(/[x/]/g, '').replace(/^0+(?=\d)/, ''))
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3])
  if (index === undefined || (level !== 'entries' && level > LEVEL_MAX)) return undefined
  // A full tile has no `.p`, so that it has one path.
  if (match[3] !== undefined && (width < 1 || width >= TILE_WIDTH)) return undefined
  return { level, index, width }
}

const LEVEL_MAX = 63
// The longest: level `entries`, 2^53-1 in six elements, a width of three digits.
const PATH_LENGTH_MAX = 'tile/entries/x009/x007/x199/x254/x740/991.p/255'.length

/**
 * Every hash tile and entry bundle that a tree of `newSize` has and one of `oldSize` has not, full and partial:
 * what a log must have written before it signs `newSize`. Bundles first, then tiles by level and index.
 *
 * @throws {RangeError} unless 0 <= oldSize <= newSize <= 2^53-1.
 */
export function tilesBetween(oldSize: number, newSize: number): TileId[] {
  checkInteger(oldSize, 'size')
  checkInteger(newSize, 'size')
  if (oldSize > newSize) throw new RangeError(`size ${oldSize} is above size ${newSize}`)
  const tiles = tilesOfLevel('entries', oldSize, newSize)
  for (let level = 0; level <= TILE_LEVEL_MAX; level++)
    tiles.push(...tilesOfLevel(level, hashesAt(level, oldSize), hashesAt(level, newSize)))
  return tiles
}

/** The tiles of one level that change when its hashes grow from `from` to `to`. */
function tilesOfLevel(level: TileId['level'], from: number, to: number): TileId[] {
  if (from === to) return []
  const tiles: TileId[] = []
  const full = Math.floor(to / TILE_WIDTH)
  for (let index = Math.floor(from / TILE_WIDTH); index < full; index++) tiles.push({ level, index, width: TILE_WIDTH })
  if (to % TILE_WIDTH > 0) tiles.push({ level, index: full, width: to % TILE_WIDTH })
  return tiles
}

/**
 * The partial tiles of a tree of `size`, the partial entry bundle first: at most one per level.
 * @throws {RangeError} unless `size` is a safe integer from 0.
 */
export function partialsOf(size: number): TileId[] {
  checkInteger(size, 'size')
  const partials = partialOfLevel('entries', size)
  for (let level = 0; level <= TILE_LEVEL_MAX; level++) partials.push(...partialOfLevel(level, hashesAt(level, size)))
  return partials
}

function partialOfLevel(level: TileId['level'], hashes: number): TileId[] {
  const width = hashes % TILE_WIDTH
  return width > 0 ? [{ level, index: Math.floor(hashes / TILE_WIDTH), width }] : []
}

/**
 * The tile of a tree of `size` from which the hash of `node` can be computed, at the width it has at that size.
 * @throws {RangeError} when the tree has no such node.
 */
export function tileForNode(node: NodeId, size: number): TileId {
  checkInteger(size, 'size')
  const { level, index, from, count } = placeOf(node)
  const width = Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH)
  if (from + count > width)
    throw new RangeError(`a tree of size ${size} has no perfect subtree ${node.index} at level ${node.level}`)
  return { level, index, width }
}

/**
 * The hash of `node` out of the bytes of tile `id`: 32 new bytes.
 * @throws {MalformedError} `tile.length` when `bytes` is not as long as the width of the tile says.
 * @throws {RangeError} when `node` is not in that tile.
 */
export function nodeInTile(node: NodeId, id: TileId, bytes: Uint8Array): Uint8Array {
  const { level, index, from, count } = placeOf(node)
  if (id.level !== level || id.index !== index || from + count > id.width)
    throw new RangeError(`node ${node.index} of level ${node.level} is not in ${tilePath(id)}`)
  return perfectRoot(splitTile(bytes, id.width).slice(from, from + count)).slice()
}

/** Where a node is found: tile level and index, and the `count` hashes from `from` in it that it is the root of. */
function placeOf(node: NodeId): { level: number; index: number; from: number; count: number } {
  checkInteger(node.level, 'level')
  checkInteger(node.index, 'index')
  const level = Math.floor(node.level / 8)
  const count = 2 ** (node.level % 8)
  const perTile = TILE_WIDTH / count
  return { level, index: Math.floor(node.index / perTile), from: (node.index % perTile) * count, count }
}

/**
 * The bytes of the hash tile that holds `hashes`, in order: their concatenation.
 * @throws {RangeError} unless they are 1 to 256 hashes of 32 bytes.
 */
export function hashTile(hashes: readonly Uint8Array[]): Uint8Array {
  checkWidth(hashes.length)
  for (const hash of hashes)
    if (hash.length !== HASH_LENGTH) throw new RangeError(`a hash has 32 bytes, not ${hash.length}`)
  return concatBytes(...hashes)
}

/**
 * The hashes in a tile's bytes, as views of them.
 * @throws {MalformedError} `tile.length` unless there are exactly `width` hashes.
 * @throws {RangeError} unless `width` is from 1 to 256.
 */
export function splitTile(bytes: Uint8Array, width: number): Uint8Array[] {
  checkWidth(width)
  if (bytes.length !== width * HASH_LENGTH)
    throw new MalformedError('tile.length', `a tile of ${bytes.length} bytes`, {
      expected: `${width * HASH_LENGTH} bytes, 32 for each of ${width} hashes`,
    })
  return Array.from({ length: width }, (_, i) => bytes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH))
}

/**
 * The hash that a full tile is in the level above. A partial tile has none: C2SP tlog-tiles, "Partial Tiles", it
 * "MUST NOT be hashed into a tile at the level above".
 *
 * @throws {RangeError} unless there are 256 hashes of 32 bytes.
 */
export function fullTileRoot(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length !== TILE_WIDTH) throw new RangeError(`a full tile has ${TILE_WIDTH} hashes, not ${hashes.length}`)
  return perfectRoot(hashes)
}

/** The root over 2^n hashes of one level. */
function perfectRoot(hashes: readonly Uint8Array[]): Uint8Array {
  let level = hashes
  while (level.length > 1)
    level = Array.from({ length: level.length / 2 }, (_, i) => nodeHash(level[2 * i]!, level[2 * i + 1]!))
  return level[0]!
}

/** The number of hashes that a tree of `size` has at a tile level. */
const hashesAt = (level: number, size: number): number => Math.floor(size / TILE_WIDTH ** level)

// 256^7 is above 2^53: no tree of ours has a hash at tile level 7.
const TILE_LEVEL_MAX = 6

function checkTileId(id: TileId): void {
  if (id.level !== 'entries') {
    checkInteger(id.level, 'level')
    if (id.level > LEVEL_MAX) throw new RangeError(`tile level ${id.level} is above ${LEVEL_MAX}`)
  }
  checkInteger(id.index, 'index')
  checkWidth(id.width)
}

function checkWidth(width: number): void {
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH)
    throw new RangeError(`a tile is 1 to ${TILE_WIDTH} wide, not ${width}`)
}
