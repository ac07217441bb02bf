import { join } from 'node:path'
import { isHash } from '../core/bytes/hex.js'
import { NOTE_BYTES_MAX, parseTilePath, TILE_WIDTH, tilePath } from '../core/tlog/index.js'
import { KEPT_BYTES_MAX } from '../core/verify/index.js'
import type { Layout } from '../log/layout.js'
import { anchorsIn } from './anchors.js'
import { claimedKeys } from './claimed-keys.js'
import { notWitnessedIn } from './not-witnessed.js'
import { awaitingIn, disclosuresIn } from './private-files.js'
import { readBundleFile, readForeignFile, readTileFile } from './read-file.js'
import type { LogSource } from './source.js'
import { tiledEntries } from './tiled-entries.js'

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
    entries: range => tiledEntries({ checkpoint, tile }, range),
    // Pruning takes the first bundle away first: as long as it is there, all are.
    kept: async () =>
      (await readBundleFile(publicFolder, FIRST_BUNDLE).catch(() => undefined))
        ? undefined
        : readForeignFile(join(publicFolder, 'kept', 'records.jsonl'), KEPT_BYTES_MAX),
    note: async hash => (isHash(hash) ? readForeignFile(join(publicFolder, 'notes', hash), NOTE_BYTES_MAX) : undefined),
    anchors: () => anchorsIn(join(publicFolder, 'anchors')),
    ...(layout && {
      holder: layout.target,
      awaiting: () => awaitingIn(layout.target),
      notWitnessed: () => notWitnessedIn(layout),
      disclosures: (index: number) => disclosuresIn(layout.target, index),
      verifierKeys: () => claimedKeys(layout.trustFile),
    }),
    close: async () => {},
  }
}

const FIRST_BUNDLE = tilePath({ level: 'entries', index: 0, width: TILE_WIDTH })
