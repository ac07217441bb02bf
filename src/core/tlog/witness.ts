import { sha256Hex } from '#crypto'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import { checkInteger, parseInteger } from './integer.js'
import { HASH_LENGTH } from './merkle.js'
import { type NoteSignature, parseSignatureLine } from './note.js'

/** What a log hands a witness: a checkpoint, and why it goes on from the one the witness cosigned last. */
export interface AddCheckpoint {
  /** Size of the checkpoint that the witness is thought to have cosigned last; 0 for none. */
  readonly old: number
  /** Consistency proof from `old` to the checkpoint, at most 63 hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[]
  /** The signed note. Not parsed yet. */
  readonly note: Uint8Array
}

/** A checkpoint with a hundred Ed25519 signatures, or eight of ML-DSA-44, and the longest proof. */
export const ADD_CHECKPOINT_BYTES_MAX = 2 ** 15
/** C2SP tlog-witness: "The client MUST NOT send more than 63 consistency proof lines". */
const PROOF_HASHES_MAX = 63

/**
 * Reads the body of `add-checkpoint`.
 *
 * @throws {MalformedError} `witness.request` for anything but an old size line, proof lines, an empty line and a note;
 *   `witness.request-length` above {@link ADD_CHECKPOINT_BYTES_MAX}; `utf8`. The note itself is the caller's to parse.
 * @see C2SP tlog-witness, "add-checkpoint"
 */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpoint {
  if (body.length > ADD_CHECKPOINT_BYTES_MAX)
    throw new MalformedError('witness.request-length', `a request of ${body.length} bytes`, {
      expected: `at most ${ADD_CHECKPOINT_BYTES_MAX}`,
    })
  const end = body.findIndex((byte, i) => byte === NEWLINE && body[i + 1] === NEWLINE)
  if (end < 0) throw malformed('it has no empty line before the checkpoint')
  const [first, ...hashes] = fromUtf8(body.subarray(0, end)).split('\n', PROOF_HASHES_MAX + 2)
  if (hashes.length > PROOF_HASHES_MAX) throw malformed(`its proof has more than ${PROOF_HASHES_MAX} hashes`)
  const old = first!.startsWith(OLD) ? parseInteger(first!.slice(OLD.length)) : undefined
  if (old === undefined) throw malformed(`${quote(first)} is no old size line`)
  return { old, proof: hashes.map(parseHash), note: body.slice(end + 2) }
}

/**
 * The body of `add-checkpoint`.
 * @throws {RangeError} for what {@link parseAddCheckpoint} would not take
 */
export function formatAddCheckpoint({ old, proof, note }: AddCheckpoint): Uint8Array {
  checkInteger(old, 'size')
  if (proof.length > PROOF_HASHES_MAX || proof.some(hash => hash.length !== HASH_LENGTH))
    throw new RangeError(`a proof has at most ${PROOF_HASHES_MAX} hashes of ${HASH_LENGTH} bytes`)
  const head = [`${OLD}${old}`, ...proof.map(toBase64), ''].map(line => `${line}\n`).join('')
  const body = concatBytes(toUtf8(head), note)
  if (body.length > ADD_CHECKPOINT_BYTES_MAX)
    throw new RangeError(`the note has ${note.length} bytes, too many to send`)
  return body
}

/**
 * The signature lines a witness answers with.
 *
 * @throws {MalformedError} `note.line`, `utf8`, `witness.answer` for no line, more than 16, or a last one without its
 *   newline
 * @see C2SP tlog-witness, "a sequence of one or more note signature lines"
 */
export function parseCosignatureLines(body: Uint8Array): NoteSignature[] {
  const lines = fromUtf8(body).split('\n', COSIGNATURES_MAX + 2)
  if (lines.pop() !== '' || lines.length === 0 || lines.length > COSIGNATURES_MAX)
    throw new MalformedError('witness.answer', 'a witness answered with something other than signature lines', {
      expected: `1 to ${COSIGNATURES_MAX} lines, each with its newline`,
    })
  return lines.map(parseSignatureLine)
}

/**
 * The size in the body of a 409: what the witness cosigned last. Undefined when it says none, as older witnesses do.
 * @see C2SP tlog-witness, "the tree size of the latest cosigned checkpoint in decimal, followed by a newline"
 */
export function parseConflict(body: Uint8Array): number | undefined {
  const digits = /^([0-9]{1,16})\n$/.exec(String.fromCharCode(...body.subarray(0, 20)))?.[1]
  return digits === undefined ? undefined : parseInteger(digits)
}

/**
 * Where a witness serves the newest checkpoint that it cosigned, below its monitoring prefix.
 * @see C2SP tlog-witness, "Monitor Retrieval Mechanism"
 */
export const monitoringPath = (origin: string): string => `${sha256Hex(toUtf8(origin))}/checkpoint`

function parseHash(line: string): Uint8Array {
  try {
    const hash = fromBase64(line)
    if (hash.length === HASH_LENGTH) return hash
  } catch {
    // The same answer for every line that is no hash.
  }
  throw malformed(`${quote(line)} is no hash`)
}

const malformed = (why: string): MalformedError =>
  new MalformedError('witness.request', `this is no add-checkpoint request: ${why}`, {
    expected: '"old <size>", up to 63 hashes in base64, an empty line, and a signed checkpoint',
  })

const OLD = 'old '
const NEWLINE = 0x0a
// A witness may sign with several keys; a client knows one or two of them.
const COSIGNATURES_MAX = 16
