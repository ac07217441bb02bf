import { isDeedlogError, quote, UnavailableError } from '../core/errors.js'
import { decodeBundle, parseCheckpoint, parseNote, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import type { LogSource, RawEntry } from './source.js'

/**
 * The entries of a log that lies in entry bundles, as C2SP tlog-tiles names them.
 *
 * @param to  Default: as many as the checkpoint covers.
 * @throws {UnavailableError} `source.entries-missing` when a bundle is not there
 * @throws {MalformedError} `bundle.length` when one does not parse
 */
export async function* tiledEntries(
  { checkpoint, tile }: Pick<LogSource, 'checkpoint'> & Required<Pick<LogSource, 'tile'>>,
  { from = 0, to }: { readonly from?: number; readonly to?: number } = {},
): AsyncGenerator<RawEntry> {
  const size = await sizeIn(checkpoint)
  const end = to ?? size
  for (let index = from; index < end; ) {
    const bundle = Math.floor(index / TILE_WIDTH)
    const first = bundle * TILE_WIDTH
    // A partial bundle is named for the size of the tree, not for how much of it somebody wants to read.
    const width = Math.min(TILE_WIDTH, Math.max(end, size) - first)
    const entries = await readBundle(tile, bundle, width)
    for (; index < Math.min(first + width, end); index++) yield { index, record: entries[index - first]! }
  }
}

/** The first `width` entries of a bundle. */
async function readBundle(
  tile: (path: string) => Promise<Uint8Array | undefined>,
  index: number,
  width: number,
): Promise<Uint8Array[]> {
  const bytes = await tile(tilePath({ level: 'entries', index, width }))
  if (bytes) return decodeBundle(bytes, width)
  // C2SP tlog-tiles, "Partial Tiles": a partial one may be gone once the full one is there.
  const full = width < TILE_WIDTH ? await tile(tilePath({ level: 'entries', index, width: TILE_WIDTH })) : undefined
  if (full) return decodeBundle(full, TILE_WIDTH).slice(0, width)
  throw new UnavailableError(
    'source.entries-missing',
    `entries ${index * TILE_WIDTH} to ${index * TILE_WIDTH + width - 1} are not here: ${quote(tilePath({ level: 'entries', index, width }))}`,
    { expected: 'every entry bundle that the checkpoint implies' },
  )
}

/** The size that a checkpoint states; 0 when there is none that parses, which verification reports. */
async function sizeIn(checkpoint: () => Promise<Uint8Array | undefined>): Promise<number> {
  try {
    const note = await checkpoint()
    return note ? parseCheckpoint(parseNote(note).text).size : 0
  } catch (error) {
    if (isDeedlogError(error) && error.name === 'MalformedError') return 0
    throw error
  }
}
