import { decodeBundle, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import { damaged } from './journal-scan.js'
import type { Objects, SequencedRecord } from './ports.js'

/** A part of an entry bundle. */
export interface BundlePart {
  /** Index of its first record. */
  readonly first: number
  readonly records: readonly Uint8Array[]
  /** Of the bundle, and the first record's place in it. */
  readonly path: string
  readonly entry: number
}

/**
 * The records `from` up to, not including, `to`, from the entry bundles of a tree of `size` entries that was signed.
 * Nobody vouches for them here: the caller compares them with a root, or with what it knows.
 *
 * @throws {UnavailableError} `log.damaged` when a bundle is not there or is none
 */
export async function* readBundles(objects: Pick<Objects, 'get'>, range: BundleRange): AsyncGenerator<SequencedRecord> {
  for await (const { first, records, path, entry } of bundleParts(objects, range))
    for (const [i, record] of records.entries())
      yield { index: first + i, record, place: () => `${path}, entry ${entry + i}` }
}

export interface BundleRange {
  readonly from: number
  readonly to: number
  readonly size: number
}

/** As {@link readBundles}, by bundle. */
export async function* bundleParts(
  objects: Pick<Objects, 'get'>,
  { from, to, size }: BundleRange,
): AsyncGenerator<BundlePart> {
  for (let first = from; first < to; ) {
    const entry = first % TILE_WIDTH
    const start = first - entry
    const { path, records } = await readBundle(objects, start, Math.min(TILE_WIDTH, size - start))
    const part = records.slice(entry, to - start)
    yield { first, records: part, path, entry }
    first += part.length
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
