import { createPrivateKey } from 'node:crypto'
import { toBase64 } from '../core/bytes/base64.js'
import { concatBytes, equalBytes } from '../core/bytes/equal.js'
import { fromHex } from '../core/bytes/hex.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { UnavailableError } from '../core/errors.js'

/** An Ed25519 seed as the file that OpenSSL would write: PKCS#8 in PEM, RFC 8410 §7. */
export function encodePrivateKey(seed: Uint8Array): Uint8Array {
  return toUtf8(`-----BEGIN PRIVATE KEY-----\n${toBase64(pkcs8Of(seed))}\n-----END PRIVATE KEY-----\n`)
}

/** The DER of a PKCS#8 file with the seed. RFC 8410 §7. */
export const pkcs8Of = (seed: Uint8Array): Uint8Array => concatBytes(PKCS8_ED25519, seed)

/** The seed in such a DER. @throws {TypeError} for any other bytes */
export function seedOf(pkcs8: Uint8Array): Uint8Array {
  const seed = pkcs8.slice(PKCS8_ED25519.length)
  if (seed.length !== SEED_LENGTH || !equalBytes(pkcs8Of(seed), pkcs8)) throw new TypeError('no Ed25519 key')
  return seed
}

/**
 * The 32-byte seed in a PEM file without a passphrase.
 * @param path  For the message.
 * @throws {UnavailableError} `log.key` when it is no unencrypted Ed25519 private key.
 */
export function decodePrivateKey(bytes: Uint8Array, path: string): Uint8Array {
  try {
    const key = createPrivateKey(fromUtf8(bytes))
    if (key.asymmetricKeyType !== 'ed25519') throw new TypeError(`its type is ${key.asymmetricKeyType}`)
    return new Uint8Array(Buffer.from(key.export({ format: 'jwk' }).d!, 'base64url'))
  } catch (cause) {
    throw new UnavailableError('log.key', `${path} is not a private key that can be used here`, {
      cause,
      expected: 'an unencrypted Ed25519 key, PKCS#8 in PEM',
    })
  }
}

const SEED_LENGTH = 32
// The DER of everything before the seed. RFC 8410 §7.
const PKCS8_ED25519 = fromHex('302e020100300506032b657004220420')
