import { equalBytes } from '../core/bytes/equal.js'
import { isDeedlogError } from '../core/errors.js'
import { leafHash, splitTile, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import type { AlteredEntry } from '../core/verify/index.js'
import type { LogSource } from './source.js'
import { readTile } from './tile-check.js'

/**
 * The entries that are not those the tiles were made of, in the bundles that are here: after some are missing or do
 * not parse, the tree over all of them is not known, and the others still can be told one by one.
 *
 * @param size  Of the tree. Only after `tilesHashTo`, which has read a tile for each bundle: it is a stranger's number.
 * @param most  Of them to be returned; all are counted.
 */
export async function alteredEntries(
  source: LogSource,
  size: number,
  most: number,
): Promise<{ readonly entries: readonly AlteredEntry[]; readonly count: number }> {
  const { tile } = source
  const entries: AlteredEntry[] = []
  let count = 0
  const add = (entry: AlteredEntry): void => {
    count++
    // A copy of its own: a view would keep its whole bundle in memory.
    if (entries.length < most) entries.push({ ...entry, bytes: entry.bytes.slice() })
  }
  for (let first = 0; tile && first < size; first += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - first)
    const hashes = await readTile(tile, { level: 0, index: first / TILE_WIDTH, width })
    if (hashes?.length !== width * 32) continue
    const expected = splitTile(hashes, width)
    try {
      for await (const { index, record } of source.entries({ from: first, to: first + width }))
        if (!equalBytes(leafHash(record), expected[index - first]!)) add({ index, bytes: record })
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      const located = error.code === 'bundle.length' && (await locateInBundle(tile, first / TILE_WIDTH, width))
      if (located) add(located)
    }
  }
  return { entries, count }
}

/**
 * The first entry of a bundle that does not parse which is not the one its tile was made of. The entries before a
 * changed length still hash to their places in the tile; the first that does not is the one whose bytes, or whose
 * length, were changed.
 */
async function locateInBundle(
  tiles: NonNullable<LogSource['tile']>,
  bundle: number,
  width: number,
): Promise<AlteredEntry | undefined> {
  const tile = await readTile(tiles, { level: 0, index: bundle, width })
  const bytes = await tiles(tilePath({ level: 'entries', index: bundle, width }))
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
