import { ed25519PublicKey } from '#crypto'
import { parseAnchorFile, parseAnchorFileName } from '../core/anchor/index.js'
import { UnavailableError } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import {
  ALGORITHM,
  formatVerifierKey,
  NOTE_BYTES_MAX,
  parseCheckpoint,
  parseNote,
  verifyCheckpoint,
} from '../core/tlog/index.js'
import type { Disk } from './disk.js'
import { reading } from './disk-error.js'
import type { Layout } from './layout.js'
import { FileKeys } from './stores/file-keys.js'
import { readStandings, standingsPath } from './witness-standing.js'

/**
 * Refuses a log whose head is behind any later checkpoint of it that is known here: the one everybody sees, those that
 * records cite, those that were anchored, and those that witnesses have cosigned. Somebody put an old private folder back; going on would sign a second history.
 *
 * @param origin  Of the log, for its key's name.
 * @throws {UnavailableError} `log.rolled-back`, with sizes and dates of both
 */
export async function refuseRollback(disk: Disk, layout: Layout, origin: string): Promise<void> {
  const head = await reading(layout.head, disk.readFile(layout.head))
  const headSize = head && claimedSize(head)
  if (headSize === undefined) return // the writer says what is wrong with it
  for await (const { path, note } of knownCheckpoints(disk, layout, headSize)) {
    const size = claimedSize(note)
    if (size === undefined || size <= headSize) continue
    // Anybody may have put a note there; only our own signature binds us.
    if (!(await isOurs(disk, layout, origin, note))) continue
    const [headDate, laterDate] = [await dateOf(disk, layout.head), await dateOf(disk, path)]
    throw new UnavailableError(
      'log.rolled-back',
      `an older copy of this log was put back: ${layout.head} (${headDate}) has signed ${headSize} records, and ${path} ` +
        `(${laterDate}) has ${size}. Nothing was changed`,
      {
        expected:
          'the newest private folder back in its place; where there is none, `deedlog continue` carries on anew',
      },
    )
  }
}

/**
 * Signed notes that lie beside a log and may be of a checkpoint of more than `above` entries: the one that everybody
 * sees, those that records cite, those that were anchored, and those that witnesses have cosigned. Nobody has looked at
 * what they say.
 */
async function* knownCheckpoints(
  disk: Disk,
  layout: Layout,
  above: number,
): AsyncGenerator<{ readonly path: string; readonly note: Uint8Array }> {
  const names = (await reading(layout.notes, disk.list(layout.notes))) ?? []
  const notes = names.filter(name => /^[0-9a-f]{64}$/.test(name)).slice(0, NOTES_MAX)
  for (const path of [layout.checkpoint, ...notes.map(name => `${layout.notes}/${name}`)]) {
    const note = await reading(path, disk.readFile(path))
    if (note) yield { path, note }
  }
  // Named for the size, so that the last of them are of the largest trees.
  const anchors = ((await reading(layout.anchors, disk.list(layout.anchors))) ?? []).toReversed()
  for (const name of anchors.filter(each => (parseAnchorFileName(each)?.size ?? 0) > above).slice(0, ANCHORS_MAX)) {
    const path = `${layout.anchors}/${name}`
    const note = noteIn(await reading(path, disk.readFile(path)))
    if (note) yield { path, note }
  }
  for (const { cosigned } of await readStandings(disk, layout))
    if (cosigned && cosigned.size > above) yield { path: standingsPath(layout), note: cosigned.note }
}

/** The checkpoint that was to be anchored; undefined in a file that is none, or does not have it. */
function noteIn(file: Uint8Array | undefined): Uint8Array | undefined {
  try {
    return file && parseAnchorFile(file).note
  } catch {
    // Damaged: whoever verifies the log says so.
    return undefined
  }
}

/** The size that a note claims, whoever signed it; undefined for what is no checkpoint. */
function claimedSize(note: Uint8Array): number | undefined {
  if (note.length > NOTE_BYTES_MAX) return undefined
  try {
    return parseCheckpoint(parseNote(note).text).size
  } catch {
    return undefined
  }
}

async function isOurs(disk: Disk, layout: Layout, origin: string, note: Uint8Array): Promise<boolean> {
  const keys = new FileKeys(disk, layout)
  const seeds = [await keys.get('log'), await keys.get('former-log')].filter(seed => seed !== undefined)
  try {
    const own = seeds.map(seed => formatVerifierKey(origin, ALGORITHM.ed25519, ed25519PublicKey(seed)))
    verifyCheckpoint(parseNote(note), own)
    return true
  } catch {
    return false
  }
}

async function dateOf(disk: Disk, path: string): Promise<string> {
  const found = await reading(path, disk.stat(path))
  return found?.changedMs === undefined ? 'of unknown date' : `of ${formatTime(Math.floor(found.changedMs))}`
}

// Anchors of larger trees than the head's: none, unless an old copy was put back, and then any of them will do.
const ANCHORS_MAX = 64
// A recorder cites one a minute at most. Reading more at each start would make starting slower as a log grows; the
// checkpoint that everybody sees is compared always.
const NOTES_MAX = 256
