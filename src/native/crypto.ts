import { constants, createPrivateKey, createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import {
  type CurveName,
  type HashName,
  ed25519Equation as pureEquation,
  type RsaKey,
  type RsaPadding,
} from '../core/crypto/pure.js'

export { keccak256 } from '../core/crypto/keccak.js'
export {
  MLDSA44_KEY_LENGTH,
  MLDSA44_SIGNATURE_LENGTH,
  mldsa44PublicKey,
  mldsa44Sign,
  mldsa44Verify,
} from '../core/crypto/mldsa.js'
export type { CurveName, HashName, RsaKey, RsaPadding } from '../core/crypto/pure.js'

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
  // One character per byte. A loop over 32 of them costs less than any view that could copy them at once.
  const digest = hash('sha256', data, 'latin1' as 'hex')
  for (let i = 0; i < 32; i++) out[at + i] = digest.charCodeAt(i)
}

export const sha256Hex = (data: Uint8Array): string => hash('sha256', data, 'hex')

export function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  return keyPair(seed).publicKey.slice()
}

export const ed25519Sign = (message: Uint8Array, seed: Uint8Array): Uint8Array =>
  new Uint8Array(sign(null, message, keyPair(seed).key))

/** Zeroes a seed and drops the key made of it, so that nothing can sign with it any more. */
export function ed25519Forget(seed: Uint8Array): void {
  keyPairs.delete(seed)
  seed.fill(0)
}

/**
 * OpenSSL checks S < L and compares [S]B - [k]A with R byte for byte: exactly the equation, and no rule on the key. But
 * from 3.5 on (Node 24) it also refuses points of small order, R among them, so that one record would be good on one
 * Node and bad on another. What it refuses with such a point is decided by the equation spelled out.
 */
export function ed25519Equation(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== 64 || publicKey.length !== 32) return false
  const key = remembered(publicKeys, publicKey, () =>
    createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' }),
  )
  if (verify(null, message, key, signature)) return true
  return (isSmall(signature) || isSmall(publicKey)) && pureEquation(signature, message, publicKey)
}

export const digest = (name: HashName, data: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.from(hash(name, data, 'hex'), 'hex'))

export function rsaVerify(
  { modulus, exponent }: RsaKey,
  padding: RsaPadding,
  name: HashName,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  // OpenSSL would look at a shorter one as well.
  if (signature.length !== modulus.length) return false
  const jwk = { kty: 'RSA', n: base64url(modulus), e: base64url(exponent) }
  const key = importedOrNone(jwk)
  if (!key) return false
  return padding === 'pkcs1'
    ? verify(name, message, { key, padding: constants.RSA_PKCS1_PADDING }, signature)
    : verify(
        name,
        message,
        { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: padding.saltLength },
        signature,
      )
}

export function ecdsaVerify(
  curve: CurveName,
  publicKey: Uint8Array,
  name: HashName,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const width = curve === 'P-256' ? 32 : 48
  if (publicKey.length !== 1 + 2 * width || publicKey[0] !== 4 || signature.length !== 2 * width) return false
  const [x, y] = [publicKey.subarray(1, 1 + width), publicKey.subarray(1 + width)]
  const key = importedOrNone({ kty: 'EC', crv: curve, x: base64url(x), y: base64url(y) })
  return key !== undefined && verify(name, message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** A public key; undefined when it is none, such as a point beside its curve. */
function importedOrNone(jwk: { readonly kty: string; readonly [member: string]: string }): KeyObject | undefined {
  try {
    return remembered(jwkKeys, Buffer.from(JSON.stringify(jwk)), () => createPublicKey({ key: jwk, format: 'jwk' }))
  } catch {
    return undefined
  }
}

const base64url = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')

// y of the points of order 1, 2, 4 and 8, little-endian, and the spellings above 2^255-19 of the first two.
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
])

/** Whether the point that `bytes` begin with is of small order, whatever the sign of its x. */
function isSmall(bytes: Uint8Array): boolean {
  const y = Buffer.from(bytes.subarray(0, 32))
  y[31]! &= 0x7f
  return SMALL_ORDER.has(y.toString('hex'))
}

// RFC 8410: the DER of everything before the 32 key bytes, in PKCS#8 and in SubjectPublicKeyInfo.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

// Importing a key costs as much as signing with it, and a process uses few keys. A WeakMap keyed by the caller's
// seed array lets a secret be forgotten together with its owner.
const keyPairs = new WeakMap<Uint8Array, KeyPair>()
const publicKeys = new Map<string, KeyObject>()
const jwkKeys = new Map<string, KeyObject>()
const PUBLIC_KEYS_MAX = 1024

interface KeyPair {
  readonly key: KeyObject
  readonly publicKey: Uint8Array
}

function keyPair(seed: Uint8Array): KeyPair {
  if (seed.length !== 32) throw new RangeError(`an Ed25519 seed has 32 bytes, not ${seed.length}`)
  let pair = keyPairs.get(seed)
  if (!pair) {
    const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
    const jwk = createPublicKey(key).export({ format: 'jwk' })
    pair = { key, publicKey: new Uint8Array(Buffer.from(jwk.x!, 'base64url')) }
    keyPairs.set(seed, pair)
  }
  return pair
}

function remembered(cache: Map<string, KeyObject>, bytes: Uint8Array, make: () => KeyObject): KeyObject {
  const name = latin1(bytes)
  let key = cache.get(name)
  if (!key) {
    if (cache.size >= PUBLIC_KEYS_MAX) cache.clear()
    key = make()
    cache.set(name, key)
  }
  return key
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
