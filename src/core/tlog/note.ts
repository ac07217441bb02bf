import { fromBase64, toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import { fromUtf8, isWellFormed, toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote, VerificationError } from '../errors.js'
import { verifyEd25519 } from './ed25519.js'
import { ALGORITHM, isKeyName, type VerifierKey } from './vkey.js'

/** A text and the signatures under it. Parsed says nothing: only {@link verifyNote} says who signed. */
export interface SignedNote {
  /** What is signed; ends with a newline. */
  readonly text: string
  /** 1 to 100 of them, in their order. */
  readonly signatures: readonly NoteSignature[]
}

export interface NoteSignature {
  readonly name: string
  /** A uint32. It finds a key; it proves nothing. */
  readonly keyId: number
  /** What follows the key ID: at least one byte. */
  readonly signature: Uint8Array
  /** The whole signature line, without its newline. */
  readonly line: string
}

/** Bytes of the longest note we read: a hundred ML-DSA-44 cosignatures fit. */
export const NOTE_BYTES_MAX = 2 ** 20
// Bounds the work a stranger can cause before any key has been looked up. C2SP signed-note asks for 16 or more; a
// checkpoint with 32 witnesses that sign with two keys each must pass.
const SIGNATURES_MAX = 100

/**
 * A signed note. Formatting what this returns gives the same bytes again.
 *
 * @throws {MalformedError} `note.length` above {@link NOTE_BYTES_MAX}; `utf8`; `note.characters` for an ASCII control
 *   character other than newline; `note.separator` without an empty line before the signatures; `note.signatures` when
 *   there are none or more than 100; `note.line` for a signature line that is not one, also one whose base64 is not
 *   canonical.
 * @see C2SP signed-note, "Format"
 */
export function parseNote(bytes: Uint8Array): SignedNote {
  if (bytes.length > NOTE_BYTES_MAX)
    throw new MalformedError('note.length', `a note of ${bytes.length} bytes`, {
      expected: `at most ${NOTE_BYTES_MAX}`,
    })
  const whole = fromUtf8(bytes)
  if (CONTROLS.test(whole))
    throw new MalformedError('note.characters', 'the note contains a control character', {
      expected: 'none below U+0020 but newline',
    })
  // "The text is separated from the signatures by the last empty line in the note": it may hold others.
  const separator = whole.lastIndexOf('\n\n')
  if (separator < 0)
    throw new MalformedError('note.separator', 'the note has no empty line between its text and its signatures')
  const lines = whole.slice(separator + 2).split('\n', SIGNATURES_MAX + 2)
  if (lines.pop() !== '' || lines.length === 0 || lines.length > SIGNATURES_MAX)
    throw new MalformedError('note.signatures', 'the note does not end in signature lines', {
      expected: `1 to ${SIGNATURES_MAX} lines, each with its newline`,
    })
  return { text: whole.slice(0, separator + 1), signatures: lines.map(parseSignatureLine) }
}

/**
 * One signature line, without its newline, as a witness returns it.
 * @throws {MalformedError} `note.line`.
 */
export function parseSignatureLine(line: string): NoteSignature {
  const refuse = (why: string, cause?: unknown): never => {
    throw new MalformedError('note.line', `${quote(line)} is no signature line: ${why}`, {
      expected: `"${SIGNATURE_MARK}<key name> <base64>"`,
      cause,
    })
  }
  if (!line.startsWith(SIGNATURE_MARK)) refuse('it does not begin with an em dash and a space')
  const afterName = line.indexOf(' ', SIGNATURE_MARK.length)
  if (afterName < 0) refuse('it has no signature')
  const name = line.slice(SIGNATURE_MARK.length, afterName)
  if (!isKeyName(name)) refuse('its key name is none')
  let payload = new Uint8Array(0)
  try {
    payload = Uint8Array.from(fromBase64(line.slice(afterName + 1)))
  } catch (cause) {
    refuse('its signature is not canonical base64', cause)
  }
  if (payload.length <= KEY_ID_LENGTH) refuse('nothing follows the key ID')
  const keyId = ((payload[0]! * 256 + payload[1]!) * 256 + payload[2]!) * 256 + payload[3]!
  return { name, keyId, signature: payload.subarray(KEY_ID_LENGTH), line }
}

const SIGNATURE_MARK = '\u2014 '
const KEY_ID_LENGTH = 4
const CONTROLS = /[\u0000-\u0009\u000b-\u001f]/

/**
 * The bytes of a note.
 *
 * @param text  Ends with a newline; no ASCII control characters but newlines.
 * @param signatures  1 to 100.
 * @throws {RangeError} for what {@link parseNote} would not take.
 */
export function formatNote(
  text: string,
  signatures: readonly { readonly name: string; readonly keyId: number; readonly signature: Uint8Array }[],
): Uint8Array {
  if (!text.endsWith('\n') || CONTROLS.test(text) || !isWellFormed(text))
    throw new RangeError(`${quote(text)} cannot be signed: a note's text is well-formed and ends with a newline`)
  if (signatures.length < 1 || signatures.length > SIGNATURES_MAX)
    throw new RangeError(`a note has 1 to ${SIGNATURES_MAX} signatures, not ${signatures.length}`)
  const bytes = toUtf8(`${text}\n${signatures.map(signature => `${formatSignatureLine(signature)}\n`).join('')}`)
  if (bytes.length > NOTE_BYTES_MAX) throw new RangeError(`a note has at most ${NOTE_BYTES_MAX} bytes`)
  return bytes
}

/**
 * A signature line, without its newline.
 * @throws {RangeError} for a name, key ID or signature that no line can carry.
 */
export function formatSignatureLine(signature: {
  readonly name: string
  readonly keyId: number
  readonly signature: Uint8Array
}): string {
  const { name, keyId, signature: rest } = signature
  if (!isKeyName(name)) throw new RangeError(`${quote(name)} is no key name`)
  if (!Number.isInteger(keyId) || keyId < 0 || keyId >= 2 ** 32) throw new RangeError(`key ID ${keyId} is no uint32`)
  if (rest.length === 0) throw new RangeError('a signature has at least one byte')
  return `${SIGNATURE_MARK}${name} ${toBase64(concatBytes(uint32(keyId), rest))}`
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(KEY_ID_LENGTH)
  for (let i = KEY_ID_LENGTH - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
  return bytes
}

/**
 * Who of `keys` signed the note with Ed25519 (type 0x01). Keys of other types are passed over: cosignatures are
 * checked by `verifyCosignatures`.
 *
 * Every signature of a known key is checked, also a repeated one: one bad line refuses the whole note.
 *
 * @returns The keys with a good signature, each once, in the order of their lines; at least one.
 * @throws {VerificationError} `note.signature` when a signature of a known key (same name and same ID) is bad;
 *   `note.unsigned` when no line is by a known key.
 * @see C2SP signed-note, "Signatures"
 */
export function verifyNote(note: SignedNote, keys: readonly VerifierKey[]): VerifierKey[] {
  const message = toUtf8(note.text)
  const signers = new Set<VerifierKey>()
  for (const { name, keyId, signature } of note.signatures) {
    for (const key of keys) {
      if (key.algorithm !== ALGORITHM.ed25519 || key.name !== name || key.keyId !== keyId) continue
      if (!verifyEd25519(signature, message, key.publicKey))
        throw new VerificationError('note.signature', `the signature of ${quote(key.text)} does not fit the note`)
      signers.add(key)
    }
  }
  if (signers.size === 0)
    throw new VerificationError('note.unsigned', 'no trusted key has signed the note', {
      expected:
        keys.length === 0
          ? 'at least one trusted key'
          : `a signature of ${keys
              .map(key => key.name)
              .map(quote)
              .join(' or ')}`,
    })
  return [...signers]
}

/**
 * The bytes of a note with one Ed25519 signature.
 *
 * @param text  Ends with a newline.
 * @param key   Of type 0x01.
 * @param sign  Returns the 64-byte signature of the message it is given.
 * @throws {RangeError} for a text that no note can hold, a key of another type, and when what `sign` returns is no
 *   good signature of `key`: a signer that holds another key would publish what nobody can verify.
 */
export function signNote(text: string, key: VerifierKey, sign: (message: Uint8Array) => Uint8Array): Uint8Array {
  if (key.algorithm !== ALGORITHM.ed25519) throw new RangeError(`key ${quote(key.text)} is not of type 1, Ed25519`)
  const message = toUtf8(text)
  const signature = sign(message)
  if (!verifyEd25519(signature, message, key.publicKey))
    throw new RangeError(`the signer does not hold the secret of ${quote(key.text)}`)
  return formatNote(text, [{ name: key.name, keyId: key.keyId, signature }])
}
