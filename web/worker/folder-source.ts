import type { LogSource } from '../../src/client/source.js'
import { tiledEntries } from '../../src/client/tiled-entries.js'
import { isHash } from '../../src/core/bytes/hex.js'
import { MalformedError, quote } from '../../src/core/errors.js'
import { ENTRY_BYTES_MAX, NOTE_BYTES_MAX, parseTilePath, TILE_WIDTH, tilePath } from '../../src/core/tlog/index.js'
import { KEPT_BYTES_MAX } from '../../src/core/verify/index.js'
import type { Evidence } from '../protocol.js'
import { anchorsAmong } from './anchors.js'
import { bytesOf } from './files.js'
import { jsonlSource } from './jsonl-source.js'

// The longest that the format allows: 256 hashes; 256 entries of 65,535 bytes with their lengths.
const TILE_BYTES_MAX = TILE_WIDTH * 32
const BUNDLE_BYTES_MAX = TILE_WIDTH * (ENTRY_BYTES_MAX + 2)
const FIRST_BUNDLE = tilePath({ level: 'entries', index: 0, width: TILE_WIDTH })

/**
 * A log in a folder: one that a log is kept in, its public part, or one that holds a JSONL log and its checkpoint. What
 * lies under `private/` is never read.
 *
 * @throws {MalformedError} `target.no-log`
 */
export function folderSource(folder: Evidence & { readonly kind: 'folder' }): LogSource {
  const files = new Map<string, File>()
  // A path begins with the name of the folder itself.
  for (const { path, file } of folder.files) files.set(path.slice(path.indexOf('/') + 1), file)
  const supplied = [...files.keys()].filter(path => !path.includes('/') && path.endsWith('.trust'))
  for (const at of ['log/', '']) if (holdsTree(files, at)) return treeSource(folder.name, files, at, supplied)
  const lines = [...files.keys()].filter(path => !path.includes('/') && files.has(`${path}.checkpoint`))
  const [only] = lines
  if (only !== undefined && lines.length === 1) {
    const beside = { notes: filesIn(files, `${only}.notes/`), anchors: filesIn(files, `${only}.anchors/`) }
    const [file, checkpoint] = [files.get(only)!, files.get(`${only}.checkpoint`)]
    const source = jsonlSource({ kind: 'jsonl', name: `${folder.name}/${only}`, file, checkpoint, ...beside })
    return { ...source, suppliedTrust: supplied }
  }
  throw new MalformedError('target.no-log', `the folder ${quote(folder.name)} holds no log`, {
    expected: 'a folder with log/checkpoint, or with checkpoint and tile/, or with one JSONL log and its checkpoint',
  })
}

function holdsTree(files: ReadonlyMap<string, File>, at: string): boolean {
  if (files.has(`${at}checkpoint`)) return true
  for (const path of files.keys()) if (path.startsWith(`${at}tile/`)) return true
  return false
}

function treeSource(
  name: string,
  files: ReadonlyMap<string, File>,
  at: string,
  suppliedTrust: readonly string[],
): LogSource {
  const read = async (path: string, most: number): Promise<Uint8Array | undefined> => {
    const file = files.get(at + path)
    return file && bytesOf(file, most)
  }
  const checkpoint = () => read('checkpoint', NOTE_BYTES_MAX)
  const tile = async (path: string) =>
    read(path, parseTilePath(path).level === 'entries' ? BUNDLE_BYTES_MAX : TILE_BYTES_MAX)
  return {
    kind: 'directory',
    name,
    suppliedTrust,
    checkpoint,
    tile,
    entries: range => tiledEntries({ checkpoint, tile }, range),
    // Pruning takes the first bundle away first: as long as it is there, all are.
    kept: async () => (files.has(at + FIRST_BUNDLE) ? undefined : read('kept/records.jsonl', KEPT_BYTES_MAX)),
    anchors: async () => anchorsAmong(filesIn(files, `${at}anchors/`)),
    note: async hash => (isHash(hash) ? read(`notes/${hash}`, NOTE_BYTES_MAX) : undefined),
    close: async () => {},
  }
}

/** The files directly in a folder, by their names. */
const filesIn = (files: ReadonlyMap<string, File>, folder: string): Map<string, File> =>
  new Map([...files].flatMap(([path, file]) => (path.startsWith(folder) ? [[path.slice(folder.length), file]] : [])))
