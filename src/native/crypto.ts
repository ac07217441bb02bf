import { createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'

/*
 * `#crypto` on Node. See `src/core/crypto/pure.ts` for what each function promises; this file only makes them fast.
 * `crypto.hash` with a string result avoids a Buffer per hash, which costs more than the hash itself.
 */

export function sha256(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(32)
  sha256Into(data, out, 0)
  return out
}

export function sha256Into(data: Uint8Array, out: Uint8Array, at: number): void {
  if (at + 32 > out.length) throw new RangeError(`32 bytes do not fit at ${at} of ${out.length}`)
  view(out).latin1Write(hash('sha256', data, 'latin1' as 'hex'), at, 32)
}

export const sha256Hex = (data: Uint8Array): string => hash('sha256', data, 'hex')

export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  const jwk = createPublicKey(privateKey(seed)).export({ format: 'jwk' })
  return new Uint8Array(Buffer.from(jwk.x!, 'base64url'))
}

export const ed25519Sign = (message: Uint8Array, seed: Uint8Array): Uint8Array =>
  new Uint8Array(sign(null, message, privateKey(seed)))

/** OpenSSL checks S < L and compares [S]B - [k]A with R byte for byte: exactly the equation, and no rule on the key. */
export function ed25519Equation(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false
  const key = remembered(publicKeys, publicKey, () =>
    createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' }),
  )
  return verify(null, message, key, signature)
}

// RFC 8410: the DER of everything before the 32 key bytes, in PKCS#8 and in SubjectPublicKeyInfo.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

// Importing a key costs as much as signing with it, and a process uses few keys. A WeakMap keyed by the caller's
// seed array lets a secret be forgotten together with its owner.
const privateKeys = new WeakMap<Uint8Array, KeyObject>()
const publicKeys = new Map<string, KeyObject>()
const PUBLIC_KEYS_MAX = 1024

function privateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== 32) throw new RangeError(`an Ed25519 seed has 32 bytes, not ${seed.length}`)
  let key = privateKeys.get(seed)
  if (!key) {
    key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
    privateKeys.set(seed, key)
  }
  return key
}

function remembered(cache: Map<string, KeyObject>, bytes: Uint8Array, make: () => KeyObject): KeyObject {
  const name = view(bytes).latin1Slice(0, bytes.length)
  let key = cache.get(name)
  if (!key) {
    if (cache.size >= PUBLIC_KEYS_MAX) cache.clear()
    key = make()
    cache.set(name, key)
  }
  return key
}

const view = (bytes: Uint8Array): Buffer & LatinBuffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Buffer & LatinBuffer

/** Documented on Node's Buffer only as `write`/`toString` with an encoding; these skip the encoding look-up. */
interface LatinBuffer {
  latin1Write(text: string, offset: number, length: number): number
  latin1Slice(start: number, end: number): string
}
