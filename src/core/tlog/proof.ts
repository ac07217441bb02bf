import { fromBase64, toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import { type Checkpoint, parseCheckpoint } from './checkpoint.js'
import { checkInteger, parseInteger } from './integer.js'
import { verifyCheckpoint } from './log-signature.js'
import { HASH_LENGTH, verifyInclusion } from './merkle.js'
import { NOTE_BYTES_MAX, parseNote } from './note.js'
import type { VerifierKey } from './vkey.js'

/** That one entry is in a log: the content of a `.tlog-proof` file. */
export interface TlogProof {
  /** Position of the entry, from 0. */
  readonly index: number
  /** Inclusion proof, leaf's sibling first; at most 53 hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[]
  /** The signed checkpoint, with cosignatures if there are any: the bytes of a note. */
  readonly checkpoint: Uint8Array
  /** Opaque, 1 to 48,000 bytes. Nothing vouches for it. */
  readonly extra?: Uint8Array
}

/** Bytes of the longest `extra`: the widespread Go reader takes lines up to 64 KiB. */
export const EXTRA_BYTES_MAX = 48_000

// A tree of 2^53-1 entries is 53 levels deep.
const HASHES_MAX = 53
const HEADER = 'c2sp.org/tlog-proof@v1'
// The lines before the checkpoint at their longest, in characters, with room to spare.
const PREAMBLE_LENGTH_MAX = 70_000

/**
 * A tlog-proof. Formatting what this returns gives the same bytes again.
 *
 * @throws {MalformedError} `proof.syntax` for anything that is not C2SP tlog-proof v1 or breaks a limit above;
 *   `utf8`, `note.*`, `checkpoint.*` for the checkpoint in it.
 * @see C2SP tlog-proof, "Format"
 */
export function parseTlogProof(bytes: Uint8Array): TlogProof {
  if (bytes.length > PREAMBLE_LENGTH_MAX + NOTE_BYTES_MAX) throw malformed(`it has ${bytes.length} bytes`)
  const whole = fromUtf8(bytes)
  // No line before the checkpoint is empty, so the first empty line ends them.
  const separator = whole.indexOf('\n\n')
  if (separator < 0) throw malformed('it has no empty line before the checkpoint')
  if (separator > PREAMBLE_LENGTH_MAX) throw malformed('the lines before its checkpoint are too long')
  const lines = whole.slice(0, separator).split('\n', HASHES_MAX + 4)
  if (lines.shift() !== HEADER) throw malformed(`its first line is not ${HEADER}`)
  const extra = lines[0]?.startsWith('extra ') ? parseExtra(lines.shift()!.slice('extra '.length)) : undefined
  const index = parseIndexLine(lines.shift())
  if (lines.length > HASHES_MAX) throw malformed(`it has more than ${HASHES_MAX} hashes`)
  const proof = lines.map(parseHash)
  const checkpoint = toUtf8(whole.slice(separator + 2))
  parseCheckpoint(parseNote(checkpoint).text)
  return extra === undefined ? { index, proof, checkpoint } : { index, proof, checkpoint, extra }
}

function parseExtra(base64: string): Uint8Array {
  const extra = parseBase64(base64)
  if (extra.length < 1 || extra.length > EXTRA_BYTES_MAX)
    throw malformed(`its extra data has ${extra.length} bytes, not 1 to ${EXTRA_BYTES_MAX}`)
  return extra
}

function parseIndexLine(line: string | undefined): number {
  const index = line?.startsWith('index ') ? parseInteger(line.slice('index '.length)) : undefined
  if (index === undefined)
    throw malformed(`${line === undefined ? 'it has no index' : `${quote(line)} is no index line`}`)
  return index
}

function parseHash(line: string): Uint8Array {
  const hash = parseBase64(line)
  if (hash.length !== HASH_LENGTH) throw malformed(`${quote(line)} is no hash of ${HASH_LENGTH} bytes`)
  return hash
}

function parseBase64(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (cause) {
    throw malformed(`${quote(text)} is not canonical base64`, cause)
  }
}

const malformed = (why: string, cause?: unknown): MalformedError =>
  new MalformedError('proof.syntax', `this is no tlog-proof: ${why}`, {
    expected: 'C2SP tlog-proof v1: header, extra if any, index, hashes, an empty line, a signed checkpoint',
    cause,
  })

/**
 * The bytes of a tlog-proof.
 * @throws {RangeError} for an index, hashes or extra data outside the limits of {@link TlogProof}.
 * @throws {MalformedError} `note.*`, `checkpoint.*` when `checkpoint` is no signed checkpoint.
 */
export function formatTlogProof(proof: TlogProof): Uint8Array {
  checkInteger(proof.index, 'index')
  if (proof.proof.length > HASHES_MAX) throw new RangeError(`a proof has at most ${HASHES_MAX} hashes`)
  if (proof.proof.some(hash => hash.length !== HASH_LENGTH)) throw new RangeError('a hash has 32 bytes')
  const extra = proof.extra
  if (extra && (extra.length < 1 || extra.length > EXTRA_BYTES_MAX))
    throw new RangeError(`extra data has 1 to ${EXTRA_BYTES_MAX} bytes, not ${extra.length}`)
  parseCheckpoint(parseNote(proof.checkpoint).text)
  const lines = [HEADER, ...(extra ? [`extra ${toBase64(extra)}`] : []), `index ${proof.index}`]
  lines.push(...proof.proof.map(toBase64), '', '')
  return concatBytes(toUtf8(lines.join('\n')), proof.checkpoint)
}

/**
 * Checks that a log has an entry at the proof's index. Whether enough witnesses cosigned is asked separately
 * (`verifyCosignatures`, `meetsQuorum`).
 *
 * @param leaf  Leaf hash of the entry, 32 bytes: computed from the entry itself, never taken from the proof.
 * @param logKeys  Keys of the logs that are accepted, each named as its log's origin.
 * @returns The checkpoint that covers the entry.
 * @throws {VerificationError} `checkpoint.origin`, `note.signature`, `note.unsigned`, `inclusion`
 * @throws {MalformedError} `note.*`, `checkpoint.*`, `proof.index`, `proof.length`, `proof.hash`
 * @see C2SP tlog-proof, "Verifying a tlog proof", steps 2 and 4
 */
export function verifyTlogProof(proof: TlogProof, leaf: Uint8Array, logKeys: readonly VerifierKey[]): Checkpoint {
  const checkpoint = verifyCheckpoint(parseNote(proof.checkpoint), logKeys)
  verifyInclusion(proof.index, checkpoint.size, leaf, proof.proof, checkpoint.root)
  return checkpoint
}
