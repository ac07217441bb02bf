import { equalBytes } from '../core/bytes/equal.js'
import { leafHash, splitTile, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import type { AlteredEntry } from '../core/verify/index.js'
import type { LogSource } from './source.js'
import { readTile } from './tile-check.js'

/**
 * The first entry of a bundle that does not parse which is not the one its tile was made of. The entries before a
 * changed length still hash to their places in the tile; the first that does not is the one whose bytes, or whose
 * length, were changed.
 *
 * @param index  Of any entry of the bundle.
 * @param size   Of the tree.
 */
export async function locateInBundle(
  source: LogSource,
  index: number,
  size: number,
): Promise<AlteredEntry | undefined> {
  if (!source.tile) return undefined
  const bundle = Math.floor(index / TILE_WIDTH)
  const width = Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH)
  const tile = await readTile(source.tile, { level: 0, index: bundle, width })
  const bytes = await source.tile(tilePath({ level: 'entries', index: bundle, width }))
  if (!bytes || tile?.length !== width * 32) return undefined
  let at = 0
  for (const [i, hash] of splitTile(tile, width).entries()) {
    const length = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    const entry = bytes.subarray(at + 2, at + 2 + length)
    if (!equalBytes(leafHash(entry), hash)) return { index: bundle * TILE_WIDTH + i, bytes: entry }
    at += 2 + length
  }
  return undefined
}

/** The bytes of some entries as they are now; those that cannot be read are left out. */
export async function readEntries(source: LogSource, indexes: readonly number[]): Promise<AlteredEntry[]> {
  const found: AlteredEntry[] = []
  for (const index of indexes)
    for await (const { record } of source.entries({ from: index, to: index + 1 })) found.push({ index, bytes: record })
  return found
}
