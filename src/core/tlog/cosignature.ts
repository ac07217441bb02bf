import { toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote, VerificationError } from '../errors.js'
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

/** The payload of a cosignature line after the key ID: time as a big-endian uint64, then the 64-byte signature. */
export function encodeCosignature(seconds: number, signature: Uint8Array): Uint8Array {
  checkInteger(seconds, 'time')
  if (signature.length !== ED25519_SIGNATURE_LENGTH)
    throw new RangeError(`an Ed25519 signature has 64 bytes, not ${signature.length}`)
  const payload = new Uint8Array(PAYLOAD_LENGTH)
  for (let i = TIME_LENGTH - 1, rest = seconds; i >= 0; i--, rest = Math.floor(rest / 256)) payload[i] = rest % 256
  payload.set(signature, TIME_LENGTH)
  return payload
}

/**
 * The time a cosigner put on the note, if its cosignature is good. Whether that time may lie in the future is the
 * caller's rule.
 *
 * @param signature  One of `note.signatures`, with the name and ID of `key`.
 * @param key  Of type 0x04, Ed25519.
 * @throws {MalformedError} `cosignature.length` unless the payload has 72 bytes; `cosignature.time` above 2^53-1 seconds.
 * @throws {VerificationError} `cosignature` when the signature is bad or another key's.
 * @throws {RangeError} when `key` is of another type.
 */
export function verifyCosignature(note: SignedNote, signature: NoteSignature, key: VerifierKey): { seconds: number } {
  if (key.algorithm !== ALGORITHM.cosignature) throw new RangeError(`key ${quote(key.text)} is not of type 4`)
  if (signature.name !== key.name || signature.keyId !== key.keyId)
    throw new VerificationError('cosignature', `the line of ${quote(signature.name)} is not by key ${quote(key.text)}`)
  const payload = signature.signature
  if (payload.length !== PAYLOAD_LENGTH)
    throw new MalformedError(
      'cosignature.length',
      `the cosignature of ${quote(key.name)} has ${payload.length} bytes`,
      {
        expected: `${PAYLOAD_LENGTH}, a time and an Ed25519 signature`,
      },
    )
  let seconds = 0
  for (const byte of payload.subarray(0, TIME_LENGTH)) seconds = seconds * 256 + byte
  // The specification allows 2^63-1; a double holds 2^53-1 exactly, 285 million years.
  if (!Number.isSafeInteger(seconds))
    throw new MalformedError('cosignature.time', `the cosignature of ${quote(key.name)} has time ${seconds}`, {
      expected: 'at most 9007199254740991 seconds',
    })
  if (!verifyEd25519(payload.subarray(TIME_LENGTH), cosignatureMessage(note.text, seconds), key.publicKey))
    throw new VerificationError('cosignature', `the cosignature of ${quote(key.text)} does not fit the note`)
  return { seconds }
}

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
 * The cosignatures of `keys` on a note, in the order of their lines. Keys of other types than 0x04 and lines of
 * unknown keys are passed over; one bad cosignature of a known key refuses the whole note.
 *
 * @throws {MalformedError} `cosignature.length`, `cosignature.time`
 * @throws {VerificationError} `cosignature`
 * @see C2SP signed-note, "Signatures"
 */
export function verifyCosignatures(note: SignedNote, keys: readonly VerifierKey[]): Cosignature[] {
  const found: Cosignature[] = []
  for (const signature of note.signatures)
    for (const key of keys)
      if (key.algorithm === ALGORITHM.cosignature && key.name === signature.name && key.keyId === signature.keyId)
        found.push({ key, ...verifyCosignature(note, signature, key) })
  return found
}

const TIME_LENGTH = 8
const PAYLOAD_LENGTH = TIME_LENGTH + ED25519_SIGNATURE_LENGTH
