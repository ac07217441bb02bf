import { ed25519PublicKey } from '#crypto'
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

/**
 * Refuses a log whose head is behind any later checkpoint of it that is known here: the one everybody sees, and those
 * that records cite. Somebody put an old private folder back; going on would sign a second history.
 *
 * @param origin  Of the log, for its key's name.
 * @throws {UnavailableError} `log.rolled-back`, with sizes and dates of both
 */
export async function refuseRollback(disk: Disk, layout: Layout, origin: string): Promise<void> {
  const head = await reading(layout.head, disk.readFile(layout.head))
  const headSize = head && claimedSize(head)
  if (headSize === undefined) return // the writer says what is wrong with it
  const names = (await reading(layout.notes, disk.list(layout.notes))) ?? []
  const notes = names.filter(name => /^[0-9a-f]{64}$/.test(name)).slice(0, NOTES_MAX)
  for (const path of [layout.checkpoint, ...notes.map(name => `${layout.notes}/${name}`)]) {
    const note = await reading(path, disk.readFile(path))
    const size = note && claimedSize(note)
    if (note === undefined || size === undefined || size <= headSize) continue
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

// A recorder cites one a minute at most. Reading more at each start would make starting slower as a log grows; the
// checkpoint that everybody sees is compared always.
const NOTES_MAX = 256
