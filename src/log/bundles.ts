import { decodeBundle, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import { damaged } from './journal-scan.js'
import type { Objects, SequencedRecord } from './ports.js'

/**
 * The records `from` up to, not including, `to`, from the entry bundles of a tree of `size` entries that was signed.
 * Nobody vouches for them here: the caller compares them with a root, or with what it knows.
 *
 * @throws {UnavailableError} `log.damaged` when a bundle is not there or is none
 */
export async function* readBundles(
  objects: Pick<Objects, 'get'>,
  range: { readonly from: number; readonly to: number; readonly size: number },
): AsyncGenerator<SequencedRecord> {
  const { from, to, size } = range
  for (let index = from; index < to; ) {
    const start = index - (index % TILE_WIDTH)
    const { path, records } = await readBundle(objects, start, Math.min(TILE_WIDTH, size - start))
    for (; index < to && index < start + records.length; index++) {
      const [record, place] = [records[index - start]!, `${path}, entry ${index - start}`]
      yield { index, record, place: () => place }
    }
  }
}

async function readBundle(
  objects: Pick<Objects, 'get'>,
  start: number,
  width: number,
): Promise<{ readonly path: string; readonly records: readonly Uint8Array[] }> {
  const id = { level: 'entries', index: start / TILE_WIDTH } as const
  const path = tilePath({ ...id, width })
  let bytes = await objects.get(path)
  let found = width
  if (!bytes && width < TILE_WIDTH) {
    // Superseded: a partial bundle goes when the full one is there for good.
    bytes = await objects.get(tilePath({ ...id, width: TILE_WIDTH }))
    found = TILE_WIDTH
  }
  if (!bytes) throw damaged(path, start, 'the entry bundle is not there, and the journal no longer holds its records')
  try {
    return { path, records: decodeBundle(bytes, found).slice(0, width) }
  } catch {
    throw damaged(path, start, 'it is no entry bundle')
  }
}
