import { p256, p384 } from '@noble/curves/nist.js'
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'

/*
 * Signatures of time-stamp authorities, where there is no Node. RSA is written out: verifying takes one power with a
 * small exponent, and comparing an encoding that we make ourselves leaves nothing to parse.
 */

/** Names of hash functions in certificates and time stamps. SHA-1 only names certificates; nothing is signed with it. */
export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512'

const HASHES = { sha1, sha256, sha384, sha512 } as const

/** An RSA public key: modulus and exponent, big-endian, no leading zero bytes. */
export interface RsaKey {
  readonly modulus: Uint8Array
  readonly exponent: Uint8Array
}

/** PKCS #1 v1.5, or PSS with MGF1 of the same hash and a salt of so many bytes. RFC 8017 §8.1, §8.2. */
export type RsaPadding = 'pkcs1' | { readonly saltLength: number }

export type CurveName = 'P-256' | 'P-384'

/** Hash of `data`: new bytes. */
export const digest = (hash: HashName, data: Uint8Array): Uint8Array => HASHES[hash](data)

/**
 * Whether an RSA signature is good. Bounds on the size of the key are the caller's.
 * @param signature  As long as the modulus.
 */
export function rsaVerify(
  { modulus, exponent }: RsaKey,
  padding: RsaPadding,
  hash: HashName,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const n = toInteger(modulus)
  const s = toInteger(signature)
  if (signature.length !== modulus.length || s >= n) return false
  const encoded = toBytes(power(s, toInteger(exponent), n), modulus.length)
  const hashed = digest(hash, message)
  if (padding === 'pkcs1') {
    const expected = pkcs1Encoding(hash, hashed, modulus.length)
    return expected?.every((byte, i) => byte === encoded[i]) ?? false
  }
  return pssHolds(encoded, n.toString(2).length - 1, hash, hashed, padding.saltLength)
}

/**
 * Whether an ECDSA signature is good. Both s and -s are taken, as everywhere in certificates.
 *
 * @param publicKey  The uncompressed point: 0x04, x, y.
 * @param signature  r and s, each as long as the field.
 */
export function ecdsaVerify(
  curve: CurveName,
  publicKey: Uint8Array,
  hash: HashName,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { verify, Point } = curve === 'P-256' ? p256 : p384
  const width = curve === 'P-256' ? 32 : 48
  if (publicKey.length !== 1 + 2 * width || publicKey[0] !== 4 || signature.length !== 2 * width) return false
  try {
    Point.fromBytes(publicKey)
    return verify(signature, digest(hash, message), publicKey, { prehash: false, lowS: false })
  } catch {
    return false // a point that is not on the curve; r or s that is 0 or too large
  }
}

// RFC 8017 §9.2, note 1: the DER of DigestInfo up to the hash itself.
const DIGEST_INFO: Readonly<Record<HashName, string>> = {
  sha1: '3021300906052b0e03021a05000414',
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
}

/** EMSA-PKCS1-v1_5, RFC 8017 §9.2; undefined when the key is too short for the hash. */
function pkcs1Encoding(hash: HashName, hashed: Uint8Array, length: number): Uint8Array | undefined {
  const prefix = DIGEST_INFO[hash].match(/../g)!.map(pair => Number.parseInt(pair, 16))
  const padding = length - prefix.length - hashed.length - 3
  if (padding < 8) return undefined
  return new Uint8Array([0, 1, ...new Array<number>(padding).fill(0xff), 0, ...prefix, ...hashed])
}

/** EMSA-PSS-VERIFY, RFC 8017 §9.1.2. @param bits  Of the encoded message: one less than of the modulus. */
function pssHolds(all: Uint8Array, bits: number, hash: HashName, hashed: Uint8Array, saltLength: number): boolean {
  const length = Math.ceil(bits / 8)
  const encoded = all.subarray(all.length - length)
  // With a modulus of 8n+1 bits there is one byte more than the encoding has.
  if (all.length > length && all[0] !== 0) return false
  const hashLength = hashed.length
  const maskedLength = length - hashLength - 1
  if (maskedLength < saltLength + 1 || encoded[length - 1] !== 0xbc) return false
  const h = encoded.subarray(maskedLength, maskedLength + hashLength)
  const mask = mgf1(hash, h, maskedLength)
  const db = encoded.slice(0, maskedLength).map((byte, i) => byte ^ mask[i]!)
  const spare = 8 * length - bits
  if (encoded[0]! >> (8 - spare) !== 0) return false
  db[0] = db[0]! & (0xff >> spare)
  const saltAt = maskedLength - saltLength
  if (db.subarray(0, saltAt - 1).some(byte => byte !== 0) || db[saltAt - 1] !== 1) return false
  const whole = new Uint8Array(8 + hashLength + saltLength)
  whole.set(hashed, 8)
  whole.set(db.subarray(saltAt), 8 + hashLength)
  return digest(hash, whole).every((byte, i) => byte === h[i])
}

/** RFC 8017 §B.2.1. */
function mgf1(hash: HashName, seed: Uint8Array, length: number): Uint8Array {
  const mask = new Uint8Array(length)
  const block = new Uint8Array(seed.length + 4)
  block.set(seed)
  for (let counter = 0, at = 0; at < length; counter++) {
    block[seed.length + 2] = counter >> 8
    block[seed.length + 3] = counter & 0xff
    const part = digest(hash, block)
    mask.set(part.subarray(0, length - at), at)
    at += part.length
  }
  return mask
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n
  for (const bit of exponent.toString(2)) {
    result = (result * result) % modulus
    if (bit === '1') result = (result * base) % modulus
  }
  return result
}

function toInteger(bytes: Uint8Array): bigint {
  let hex = '0x0'
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return BigInt(hex)
}

function toBytes(value: bigint, length: number): Uint8Array {
  const hex = value.toString(16).padStart(2 * length, '0')
  return new Uint8Array(length).map((_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}
