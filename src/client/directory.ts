import { opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { isHash } from '../core/bytes/hex.js'
import { isDeedlogError, quote, UnavailableError } from '../core/errors.js'
import {
  decodeBundle,
  NOTE_BYTES_MAX,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  TILE_WIDTH,
  tilePath,
} from '../core/tlog/index.js'
import type { Layout } from '../log/layout.js'
import { claimedKeys } from './claimed-keys.js'
import { awaitingIn, disclosuresIn } from './private-files.js'
import { readBundleFile, readForeignFile, readTileFile } from './read-file.js'
import type { LogSource, RawEntry } from './source.js'

/** A log as C2SP tlog-tiles lays it out in a folder. */
export function directorySource(place: {
  readonly name: string
  /** The folder that holds `checkpoint` and `tile/`. */
  readonly publicFolder: string
  /** The writer's own files, where the target includes them. */
  readonly layout: Layout | undefined
  readonly suppliedTrust: readonly string[]
}): LogSource {
  const { layout, publicFolder } = place
  const checkpoint = () => readForeignFile(join(publicFolder, 'checkpoint'), NOTE_BYTES_MAX)
  const tile = async (path: string): Promise<Uint8Array | undefined> => {
    const { level } = parseTilePath(path)
    return level === 'entries' ? readBundleFile(publicFolder, path) : readTileFile(publicFolder, path)
  }
  return {
    kind: 'directory',
    name: place.name,
    publicFolder,
    suppliedTrust: place.suppliedTrust,
    checkpoint,
    tile,
    entries: async function* ({ from = 0, to } = {}) {
      const size = await sizeIn(checkpoint)
      yield* entriesOf(tile, from, to ?? size, size)
    },
    keepsPruned: () => holdsSomething(join(publicFolder, 'kept')),
    note: async hash => (isHash(hash) ? readForeignFile(join(publicFolder, 'notes', hash), NOTE_BYTES_MAX) : undefined),
    ...(layout && {
      holder: layout.target,
      awaiting: () => awaitingIn(layout.target),
      disclosures: (index: number) => disclosuresIn(layout.target, index),
      verifierKeys: () => claimedKeys(layout.trustFile),
    }),
    close: async () => {},
  }
}

async function* entriesOf(
  tile: (path: string) => Promise<Uint8Array | undefined>,
  from: number,
  to: number,
  size: number,
): AsyncGenerator<RawEntry> {
  for (let index = from; index < to; ) {
    const bundle = Math.floor(index / TILE_WIDTH)
    const first = bundle * TILE_WIDTH
    // A partial bundle is named for the size of the tree, not for how much of it somebody wants to read.
    const width = Math.min(TILE_WIDTH, Math.max(to, size) - first)
    const entries = await readBundle(tile, bundle, width)
    for (; index < Math.min(first + width, to); index++) yield { index, record: entries[index - first]! }
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

/** Whether it is a folder with anything in it. */
async function holdsSomething(path: string): Promise<boolean> {
  const folder = await opendir(path).catch(() => undefined)
  try {
    return (await folder?.read()) != null
  } finally {
    await folder?.close()
  }
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
