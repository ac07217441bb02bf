import { createCipheriv, createDecipheriv, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { fromBase64, toBase64 } from '../core/bytes/base64.js'
import { concatBytes, equalBytes } from '../core/bytes/equal.js'
import { fromHex } from '../core/bytes/hex.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { UnavailableError } from '../core/errors.js'
import { pkcs8Of, seedOf } from './keys.js'

/*
 * Key files under a passphrase: PKCS#8 EncryptedPrivateKeyInfo (RFC 5958 §3) with PBES2 (RFC 8018 §6.2): PBKDF2 with
 * HMAC-SHA-256, then AES-256-CBC. Node writes the same structure with 2,048 rounds, and takes no other number; so the
 * structure is built here, and OpenSSL reads it. One form, all lengths fixed: reading takes the four values that vary
 * from their places, builds the file again from them, and compares.
 */

/** Rounds of PBKDF2 for a new file: what OWASP asks of PBKDF2-HMAC-SHA256. */
export const PBKDF2_ROUNDS = 600_000

/** Bytes of the longest passphrase. */
export const PASSPHRASE_BYTES_MAX = 1024

/** Whether a file claims to be a key under a passphrase. */
export const isProtected = (file: Uint8Array): boolean => equalBytes(file.subarray(0, BEGIN_BYTES.length), BEGIN_BYTES)

/**
 * A key file that only the passphrase opens.
 *
 * @param seed    32 bytes.
 * @param random  Gives so many unguessable bytes.
 */
export async function protectSeed(
  seed: Uint8Array,
  passphrase: string,
  random: (length: number) => Uint8Array,
): Promise<Uint8Array> {
  const [salt, iv] = [random(SALT_LENGTH), random(IV_LENGTH)]
  const key = await deriveKey(passphrase, salt, PBKDF2_ROUNDS)
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const sealed = concatBytes(cipher.update(pkcs8Of(seed)), cipher.final())
  key.fill(0)
  return toPem(derOf({ salt, rounds: PBKDF2_ROUNDS, iv, sealed }))
}

/**
 * The 32-byte seed in such a file.
 *
 * @throws {UnavailableError} `key.passphrase`, always in the same words: which part of it was wrong would help to guess
 */
export async function openProtected(file: Uint8Array, passphrase: string): Promise<Uint8Array> {
  try {
    const { salt, rounds, iv, sealed } = parts(fromPem(file))
    const key = await deriveKey(passphrase, salt, rounds)
    const cipher = createDecipheriv('aes-256-cbc', key, iv)
    const opened = concatBytes(cipher.update(sealed), cipher.final())
    key.fill(0)
    return seedOf(opened)
  } catch {
    // Without the cause: padding and structure are told apart there.
    throw wrongPassphrase()
  }
}

const wrongPassphrase = (): UnavailableError =>
  new UnavailableError(
    'key.passphrase',
    'the passphrase does not open a key file of this log, or the file is damaged',
    {
      expected: 'the passphrase that the keys were protected with',
    },
  )

const deriveKey = (passphrase: string, salt: Uint8Array, rounds: number): Promise<Uint8Array> =>
  promisify(pbkdf2)(toUtf8(passphrase), salt, rounds, KEY_LENGTH, 'sha256')

interface Parts {
  readonly salt: Uint8Array
  readonly rounds: number
  readonly iv: Uint8Array
  readonly sealed: Uint8Array
}

/** Everything but the four values is constant. DER; RFC 8018 appendices A.2, A.4 and B.2.5. */
const derOf = ({ salt, rounds, iv, sealed }: Parts): Uint8Array =>
  concatBytes(
    HEAD,
    salt,
    ROUNDS_TAG,
    Uint8Array.of(rounds >> 16, (rounds >> 8) & 255, rounds & 255),
    MIDDLE,
    iv,
    TAIL,
    sealed,
  )

const SALT_LENGTH = 16
const IV_LENGTH = 16
const KEY_LENGTH = 32
// 48 bytes of PKCS#8, padded to whole blocks.
const SEALED_LENGTH = 64
// SEQUENCE { SEQUENCE { pbes2, SEQUENCE { SEQUENCE { pbkdf2, SEQUENCE { OCTET STRING salt
const HEAD = fromHex('3081a4306006092a864886f70d01050d3053303206092a864886f70d01050c30250410')
// INTEGER of three bytes: from 600,000 to 2^23 - 1 no fewer and no more.
const ROUNDS_TAG = fromHex('0203')
// SEQUENCE { hmacWithSHA256, NULL } } } SEQUENCE { aes256-CBC, OCTET STRING iv
const MIDDLE = fromHex('300c06082a864886f70d02090500301d060960864801650304012a0410')
// } } } OCTET STRING
const TAIL = fromHex('0440')

function parts(der: Uint8Array): Parts {
  let at = 0
  const take = (length: number): Uint8Array => {
    at += length
    return der.subarray(at - length, at)
  }
  take(HEAD.length)
  const salt = take(SALT_LENGTH)
  take(ROUNDS_TAG.length)
  const [high = 0, middle = 0, low = 0] = take(3)
  take(MIDDLE.length)
  const iv = take(IV_LENGTH)
  take(TAIL.length)
  const found = { salt, rounds: high * 65_536 + middle * 256 + low, iv, sealed: take(SEALED_LENGTH) }
  // Fewer rounds than ours would be a file that is easy to guess; what a file may ask for is bounded by its three bytes.
  if (found.rounds < PBKDF2_ROUNDS || found.rounds > ROUNDS_MAX || !equalBytes(derOf(found), der))
    throw new TypeError('it is no key file of this form')
  return found
}

const ROUNDS_MAX = 2 ** 23 - 1

const BEGIN = '-----BEGIN ENCRYPTED PRIVATE KEY-----\n'
const END = '-----END ENCRYPTED PRIVATE KEY-----\n'
const BEGIN_BYTES = toUtf8(BEGIN)

// RFC 7468: lines of 64 characters.
const toPem = (der: Uint8Array): Uint8Array => toUtf8(`${BEGIN}${toBase64(der).replace(/.{1,64}/g, '$&\n')}${END}`)

function fromPem(file: Uint8Array): Uint8Array {
  const text = fromUtf8(file)
  const der = fromBase64(text.slice(BEGIN.length, text.indexOf('-----END')).replaceAll('\n', ''))
  if (!equalBytes(toPem(der), file)) throw new TypeError('it is no PEM of this form')
  return der
}
