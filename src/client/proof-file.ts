import { realpath } from 'node:fs/promises'
import { quote, UnavailableError } from '../core/errors.js'
import { EXTRA_BYTES_MAX, NOTE_BYTES_MAX, parseTlogProof } from '../core/tlog/index.js'
import { type EntryOptions, type Report, verifyEntry } from '../core/verify/index.js'
import { readForeignFile } from './read-file.js'

/** Whether a target is a proof of one entry, by its name. */
export const isProofFile = (target: string): boolean => target.endsWith('.tlog-proof')

// A proof's lines before its checkpoint: `extra` in base64, an index, 53 hashes.
const PROOF_BYTES_MAX = NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX
// Longer than any record may be: whether it is one is for the verification to say.
const RECORD_BYTES_MAX = 65_535

/**
 * Verifies a record by its proof, both in files.
 *
 * @throws {UnavailableError} `target.missing`, `proof.no-record`, `file.unreadable`
 * @throws {MalformedError} `proof.syntax`, `note.*`, `checkpoint.*`, `file.kind`, `file.length`
 */
export async function verifyProofFile(target: string, record: string, options: EntryOptions): Promise<Report> {
  const proof = await read(target, PROOF_BYTES_MAX)
  if (!proof)
    throw new UnavailableError('target.missing', `there is nothing at ${quote(target)}`, {
      expected: 'the path of a proof',
    })
  const bytes = await read(record, RECORD_BYTES_MAX)
  if (!bytes)
    throw new UnavailableError('proof.no-record', `there is no record at ${quote(record)}`, {
      expected: 'the bytes of the record that the proof is of',
    })
  return verifyEntry(parseTlogProof(proof), bytes, options)
}

// The user may name either by a link.
const read = async (path: string, most: number): Promise<Uint8Array | undefined> =>
  readForeignFile(await realpath(path).catch(() => path), most)
