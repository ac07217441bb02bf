import { MLDSA44_SIGNATURE_LENGTH, mldsa44Verify } from '#crypto'
import { concatBytes } from '../bytes/equal.js'
import { toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote, VerificationError } from '../errors.js'
import { type Checkpoint, parseCheckpoint } from './checkpoint.js'
import { ED25519_SIGNATURE_LENGTH, verifyEd25519 } from './ed25519.js'
import { checkInteger } from './integer.js'
import { formatSignatureLine, type NoteSignature, type SignedNote } from './note.js'
import { ALGORITHM, type VerifierKey } from './vkey.js'

/**
 * What an Ed25519 cosigner signs: that at this time the checkpoint was the largest consistent one it had seen.
 *
 * @param checkpointText  The whole text of the note, extension lines included; ends with a newline.
 * @param seconds  Since 1970, a safe integer.
 * @throws {RangeError} for another time.
 * @see C2SP tlog-cosignature, "Ed25519 signed message"
 */
export function cosignatureMessage(checkpointText: string, seconds: number): Uint8Array {
  checkInteger(seconds, 'time')
  return toUtf8(`cosignature/v1\ntime ${seconds}\n${checkpointText}`)
}

/** The payload of a cosignature line after the key ID: time as a big-endian uint64, then the signature. */
export function encodeCosignature(seconds: number, signature: Uint8Array): Uint8Array {
  if (signature.length !== ED25519_SIGNATURE_LENGTH && signature.length !== MLDSA44_SIGNATURE_LENGTH)
    throw new RangeError(`a signature has 64 bytes, or 2,420 of ML-DSA-44, not ${signature.length}`)
  return concatBytes(uint64(seconds, 'time'), signature)
}

/**
 * What an ML-DSA-44 cosigner signs about a whole tree. Unlike the Ed25519 message it names the cosigner, and leaves
 * extension lines out.
 *
 * @param cosigner  Name of the cosigner's key: 1 to 255 bytes of UTF-8, as the origin.
 * @param seconds   Since 1970, a safe integer; 0 says nothing about the tree being the largest.
 * @throws {RangeError} for names and times that the message cannot hold.
 * @see C2SP tlog-cosignature, "ML-DSA-44 signed message"
 */
export function treeMessage(cosigner: string, seconds: number, { origin, size, root }: Checkpoint): Uint8Array {
  const start = 0
  return concatBytes(
    toUtf8('subtree/v1\n\0'),
    prefixed(cosigner),
    uint64(seconds, 'time'),
    prefixed(origin),
    uint64(start, 'start'),
    uint64(size, 'size'),
    root,
  )
}

function prefixed(name: string): Uint8Array {
  const bytes = toUtf8(name)
  if (bytes.length < 1 || bytes.length > 255) throw new RangeError(`${quote(name)} is not 1 to 255 bytes long`)
  return concatBytes(Uint8Array.of(bytes.length), bytes)
}

function uint64(value: number, what: string): Uint8Array {
  checkInteger(value, what)
  const bytes = new Uint8Array(8)
  for (let i = 7, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  return bytes
}

/**
 * The time a cosigner put on the note, if its cosignature is good. Whether that time may lie in the future is the
 * caller's rule.
 *
 * @param signature  One of `note.signatures`, with the name and ID of `key`.
 * @param key  Of type 0x04, Ed25519, or 0x06, ML-DSA-44.
 * @returns 0 seconds only from an ML-DSA-44 cosigner that makes no statement about time.
 * @throws {MalformedError} `cosignature.length` unless the payload has 72 bytes, or 2,428; `cosignature.time` above
 *   2^53-1 seconds; `checkpoint.*` when an ML-DSA-44 key has signed what is no checkpoint.
 * @throws {VerificationError} `cosignature` when the signature is bad or another key's.
 * @throws {RangeError} when `key` is of another type.
 */
export function verifyCosignature(note: SignedNote, signature: NoteSignature, key: VerifierKey): { seconds: number } {
  if (!isCosigner(key)) throw new RangeError(`key ${quote(key.text)} is not of type 4 or 6`)
  if (signature.name !== key.name || signature.keyId !== key.keyId)
    throw new VerificationError('cosignature', `the line of ${quote(signature.name)} is not by key ${quote(key.text)}`)
  const isEd25519 = key.algorithm === ALGORITHM.cosignature
  const length = TIME_LENGTH + (isEd25519 ? ED25519_SIGNATURE_LENGTH : MLDSA44_SIGNATURE_LENGTH)
  const payload = signature.signature
  if (payload.length !== length)
    throw new MalformedError(
      'cosignature.length',
      `the cosignature of ${quote(key.name)} has ${payload.length} bytes`,
      {
        expected: `${length}, a time and a signature`,
      },
    )
  let seconds = 0
  for (const byte of payload.subarray(0, TIME_LENGTH)) seconds = seconds * 256 + byte
  // The specification allows 2^63-1; a double holds 2^53-1 exactly, 285 million years.
  if (!Number.isSafeInteger(seconds))
    throw new MalformedError('cosignature.time', `the cosignature of ${quote(key.name)} has time ${seconds}`, {
      expected: 'at most 9007199254740991 seconds',
    })
  const bare = payload.subarray(TIME_LENGTH)
  const isGood = isEd25519
    ? verifyEd25519(bare, cosignatureMessage(note.text, seconds), key.publicKey)
    : mldsa44Verify(bare, treeMessage(key.name, seconds, parseCheckpoint(note.text)), key.publicKey)
  if (!isGood) throw new VerificationError('cosignature', `the cosignature of ${quote(key.text)} does not fit the note`)
  return { seconds }
}

const isCosigner = ({ algorithm }: VerifierKey): boolean =>
  algorithm === ALGORITHM.cosignature || algorithm === ALGORITHM.mldsa44

/**
 * The signature line of an Ed25519 cosigner on a checkpoint, without its newline.
 *
 * @param key   Of type 0x04.
 * @param sign  Returns the 64-byte signature of the message it is given.
 * @throws {RangeError} for a key of another type, and when what `sign` returns is no good signature of `key`
 */
export function cosign(
  checkpointText: string,
  seconds: number,
  key: VerifierKey,
  sign: (message: Uint8Array) => Uint8Array,
): string {
  if (key.algorithm !== ALGORITHM.cosignature) throw new RangeError(`key ${quote(key.text)} is not of type 4`)
  const message = cosignatureMessage(checkpointText, seconds)
  const signature = sign(message)
  if (!verifyEd25519(signature, message, key.publicKey))
    throw new RangeError(`the signer does not hold the secret of ${quote(key.text)}`)
  return formatSignatureLine({ name: key.name, keyId: key.keyId, signature: encodeCosignature(seconds, signature) })
}

/** A good cosignature of a known key. */
export interface Cosignature {
  readonly key: VerifierKey
  readonly seconds: number
}

/**
 * The cosignatures of `keys` on a note, in the order of their lines. Keys of other types and lines of unknown
 * keys are passed over, and so are cosignatures that say nothing about time: they bound nothing. One bad cosignature of
 * a known key refuses the whole note.
 *
 * @throws {MalformedError} `cosignature.length`, `cosignature.time`
 * @throws {VerificationError} `cosignature`
 * @see C2SP signed-note, "Signatures"
 */
export function verifyCosignatures(note: SignedNote, keys: readonly VerifierKey[]): Cosignature[] {
  const found: Cosignature[] = []
  for (const signature of note.signatures)
    for (const key of keys)
      if (isCosigner(key) && key.name === signature.name && key.keyId === signature.keyId)
        found.push({ key, ...verifyCosignature(note, signature, key) })
  // As a time, 0 would say that the tree existed in 1970.
  return found.filter(({ key, seconds }) => key.algorithm === ALGORITHM.cosignature || seconds > 0)
}

const TIME_LENGTH = 8
