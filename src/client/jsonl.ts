import { isHash } from '../core/bytes/hex.js'
import { quote, UnavailableError } from '../core/errors.js'
import { NOTE_BYTES_MAX } from '../core/tlog/index.js'
import type { Layout } from '../log/layout.js'
import { anchorsIn } from './anchors.js'
import { claimedKeys } from './claimed-keys.js'
import { linesOf } from './lines.js'
import { notWitnessedIn } from './not-witnessed.js'
import { awaitingIn, disclosuresIn, movedIn } from './private-files.js'
import { asUnreadable, openForeignFile, readForeignFile } from './read-file.js'
import type { LogSource } from './source.js'

/** A log in one file, a record and a newline for each entry, its checkpoint beside it. */
export const jsonlSource = (layout: Layout): LogSource => ({
  kind: 'jsonl',
  name: layout.target,
  suppliedTrust: [],
  checkpoint: () => readForeignFile(layout.checkpoint, NOTE_BYTES_MAX),
  entries: ({ from = 0, to = Number.POSITIVE_INFINITY } = {}) => linesOf(piecesOf(layout.target), from, to),
  note: async hash => (isHash(hash) ? readForeignFile(`${layout.notes}/${hash}`, NOTE_BYTES_MAX) : undefined),
  moved: () => movedIn(layout.moved),
  anchors: () => anchorsIn(layout.anchors),
  awaiting: () => awaitingIn(layout.target),
  notWitnessed: () => notWitnessedIn(layout),
  disclosures: index => disclosuresIn(layout.target, index),
  verifierKeys: () => claimedKeys(layout.trustFile),
  close: async () => {},
})

const CHUNK_BYTES = 256 * 1024

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  // The target itself may be a link that the user named; what lies around it may not.
  const file = await openForeignFile(path)
  if (!file) throw new UnavailableError('target.missing', `there is nothing at ${quote(path)}`)
  try {
    for (let at = 0; ; ) {
      const { bytesRead, buffer } = await file
        .read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at)
        .catch(error => {
          throw asUnreadable(error, path)
        })
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
