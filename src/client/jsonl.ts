import { isHash } from '../core/bytes/hex.js'
import { quote, UnavailableError } from '../core/errors.js'
import { ENTRY_BYTES_MAX, NOTE_BYTES_MAX } from '../core/tlog/index.js'
import type { Layout } from '../log/layout.js'
import { claimedKeys } from './claimed-keys.js'
import { awaitingIn, disclosuresIn, movedIn } from './private-files.js'
import { asUnreadable, openForeignFile, readForeignFile } from './read-file.js'
import type { LogSource, RawEntry } from './source.js'

/** A log in one file, a record and a newline for each entry, its checkpoint beside it. */
export const jsonlSource = (layout: Layout): LogSource => ({
  kind: 'jsonl',
  name: layout.target,
  suppliedTrust: [],
  checkpoint: () => readForeignFile(layout.checkpoint, NOTE_BYTES_MAX),
  entries: ({ from = 0, to = Number.POSITIVE_INFINITY } = {}) => linesOf(layout.target, from, to),
  note: async hash => (isHash(hash) ? readForeignFile(`${layout.notes}/${hash}`, NOTE_BYTES_MAX) : undefined),
  moved: () => movedIn(layout.moved),
  awaiting: () => awaitingIn(layout.target),
  disclosures: index => disclosuresIn(layout.target, index),
  verifierKeys: () => claimedKeys(layout.trustFile),
  close: async () => {},
})

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 0x0a

/**
 * Lines of the file without their newlines. A line longer than any entry is cut: it is no record either way. What
 * follows the last newline is a write that was not finished, and no entry.
 */
async function* linesOf(path: string, from: number, to: number): AsyncGenerator<RawEntry> {
  // The target itself may be a link that the user named; what lies around it may not.
  const file = await openForeignFile(path)
  if (!file) throw new UnavailableError('target.missing', `there is nothing at ${quote(path)}`)
  try {
    let index = 0
    let rest: Uint8Array = new Uint8Array(0)
    for (let at = 0; index < to; ) {
      const { bytesRead, buffer } = await file
        .read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at)
        .catch(error => {
          throw asUnreadable(error, path)
        })
      if (bytesRead === 0) return
      at += bytesRead
      const chunk = buffer.subarray(0, bytesRead)
      let begin = 0
      for (let end = chunk.indexOf(NEWLINE); end >= 0 && index < to; end = chunk.indexOf(NEWLINE, begin)) {
        const line = join(rest, chunk.subarray(begin, end))
        rest = NOTHING
        begin = end + 1
        if (index >= from) yield { index, record: line }
        index++
      }
      rest = join(rest, chunk.subarray(begin))
    }
  } finally {
    await file.close()
  }
}

const NOTHING = new Uint8Array(0)

/** The two together, as far as an entry can reach and one byte beyond, so that what was cut is still too long. */
function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0 && b.length <= ENTRY_BYTES_MAX) return new Uint8Array(b)
  const whole = new Uint8Array(Math.min(a.length + b.length, ENTRY_BYTES_MAX + 1))
  whole.set(a.subarray(0, whole.length))
  whole.set(b.subarray(0, whole.length - Math.min(a.length, whole.length)), Math.min(a.length, whole.length))
  return whole
}
