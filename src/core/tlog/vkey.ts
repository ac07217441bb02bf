import { MLDSA44_KEY_LENGTH, sha256 } from '#crypto'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import { isWellFormed, toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import { ED25519_KEY_LENGTH, isEd25519Key } from './ed25519.js'

/** The signature types of C2SP signed-note, "Signature types", that we know. */
export const ALGORITHM = { ed25519: 0x01, cosignature: 0x04, mldsa44: 0x06 } as const

/** A public key with the name and the ID that its signature lines carry. Make it with the functions below only. */
export interface VerifierKey {
  readonly name: string
  /** First four bytes of SHA-256(name || LF || algorithm || public key), as a uint32. */
  readonly keyId: number
  /** One of {@link ALGORITHM}. */
  readonly algorithm: number
  /** 32 bytes for Ed25519, 1,312 for ML-DSA-44. */
  readonly publicKey: Uint8Array
  /** The vkey: `<name>+<8 hex digits>+<base64 of algorithm and key>`. */
  readonly text: string
}

/**
 * The key that a vkey names.
 *
 * @throws {MalformedError} `vkey.secret` for a signer key; `vkey.syntax` unless it has three parts, the last in
 *   canonical base64; `vkey.name` for a name that no signature line can carry; `vkey.algorithm` for a type outside
 *   {@link ALGORITHM}; `vkey.key` for a key of the wrong length or one under which anybody can sign (spec/record.md
 *   §3); `vkey.id` when the ID is not the one these parts have, or not in lowercase.
 * @see C2SP signed-note, "Verifier keys"
 */
export function parseVerifierKey(text: string): VerifierKey {
  // Its parts would be quoted one by one below, and then nothing tells any more that they are secret.
  if (text.startsWith('PRIVATE+KEY+'))
    throw new MalformedError('vkey.secret', 'this is a signer key: its secret must not be given to anybody', {
      expected: 'the verifier key, <name>+<id>+<key>',
    })
  // The name has no plus sign, the base64 may have several: cut at the first two.
  const afterName = text.indexOf('+')
  const afterId = text.indexOf('+', afterName + 1)
  if (afterName < 0 || afterId < 0)
    throw new MalformedError('vkey.syntax', `${quote(text)} is no verifier key`, { expected: '<name>+<id>+<key>' })
  const key = decodeKeyMaterial(text, text.slice(afterId + 1))
  const parsed = makeKey(text.slice(0, afterName), key[0] ?? -1, key.slice(1))
  // Making the text again and comparing checks the ID and every spelling at once.
  if (parsed.text !== text)
    throw new MalformedError(
      'vkey.id',
      `verifier key ${quote(text)} has ID ${quote(text.slice(afterName + 1, afterId))}`,
      {
        expected: `${idDigits(parsed.keyId)}, the start of the hash of its name and key`,
      },
    )
  return parsed
}

function decodeKeyMaterial(text: string, base64: string): Uint8Array {
  try {
    return fromBase64(base64)
  } catch (cause) {
    throw new MalformedError('vkey.syntax', `${quote(text)} is no verifier key: its key is not canonical base64`, {
      expected: '<name>+<id>+<key>',
      cause,
    })
  }
}

/**
 * The verifier key of a public key under a name.
 * @throws {MalformedError} `vkey.name`, `vkey.algorithm`, `vkey.key` as {@link parseVerifierKey}.
 */
export function formatVerifierKey(name: string, algorithm: number, publicKey: Uint8Array): VerifierKey {
  return makeKey(name, algorithm, publicKey.slice())
}

function makeKey(name: string, algorithm: number, publicKey: Uint8Array): VerifierKey {
  if (!isKeyName(name))
    throw new MalformedError('vkey.name', `${quote(name)} is no key name`, { expected: 'no spaces, no plus sign' })
  checkPublicKey(name, algorithm, publicKey)
  const material = concatBytes(Uint8Array.of(algorithm), publicKey)
  const digest = sha256(concatBytes(toUtf8(`${name}\n`), material))
  const keyId = ((digest[0]! * 256 + digest[1]!) * 256 + digest[2]!) * 256 + digest[3]!
  return { name, keyId, algorithm, publicKey, text: `${name}+${idDigits(keyId)}+${toBase64(material)}` }
}

function checkPublicKey(name: string, algorithm: number, publicKey: Uint8Array): void {
  const refuse = (code: string, what: string, expected: string): never => {
    throw new MalformedError(code, `the key of ${quote(name)} ${what}`, { expected })
  }
  if (algorithm === ALGORITHM.mldsa44) {
    if (publicKey.length !== MLDSA44_KEY_LENGTH) refuse('vkey.key', `has ${publicKey.length} bytes`, '1312 bytes')
  } else if (algorithm === ALGORITHM.ed25519 || algorithm === ALGORITHM.cosignature) {
    if (publicKey.length !== ED25519_KEY_LENGTH) refuse('vkey.key', `has ${publicKey.length} bytes`, '32 bytes')
    // No signature under such a key is ever taken; saying so here tells the person who is about to trust it.
    if (!isEd25519Key(publicKey))
      refuse(
        'vkey.key',
        'lets anybody sign: it is not canonical or of small order',
        'a key made by Ed25519 key generation',
      )
  } else refuse('vkey.algorithm', `is of type ${algorithm}`, 'type 1, 4 or 6')
}

/**
 * Whether `text` can be the name of a key: not empty, well-formed, no Unicode space, no plus sign; and no ASCII
 * control character, which no note can contain.
 * @see C2SP signed-note, "Format"
 */
export const isKeyName = (text: string): boolean => text !== '' && isWellFormed(text) && !OUTSIDE_NAMES.test(text)

// Unicode's White_Space, spelled out: `\s` has U+FEFF, which is none, and lacks U+0085, which is one.
const OUTSIDE_NAMES = /[\u0000-\u0020+\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

const idDigits = (keyId: number): string => keyId.toString(16).padStart(8, '0')
