import { ed25519 } from '@noble/curves/ed25519.js'
import { sha256 as nobleSha256, sha512 } from '@noble/hashes/sha2.js'

export { keccak256 } from './keccak.js'
export { MLDSA44_KEY_LENGTH, MLDSA44_SIGNATURE_LENGTH, mldsa44PublicKey, mldsa44Sign, mldsa44Verify } from './mldsa.js'
export {
  type CurveName,
  digest,
  ecdsaVerify,
  type HashName,
  type RsaKey,
  type RsaPadding,
  rsaVerify,
} from './public-key.js'

/*
 * `#crypto` where there is no Node: browsers, workers, bare contexts. Same functions, same results as
 * `src/native/crypto.ts`; one test suite holds both against each other.
 */

/** SHA-256 of `data`: 32 new bytes. */
export const sha256 = (data: Uint8Array): Uint8Array => nobleSha256(data)

/** Writes SHA-256 of `data` to `out` at offset `at` (32 bytes). `data` may be a view of `out`. */
export function sha256Into(data: Uint8Array, out: Uint8Array, at: number): void {
  out.set(nobleSha256(data), at)
}

/** SHA-256 of `data` as 64 lowercase hex digits. */
export function sha256Hex(data: Uint8Array): string {
  let hex = ''
  for (const byte of nobleSha256(data)) hex += byte.toString(16).padStart(2, '0')
  return hex
}

/** The 32-byte Ed25519 public key of a 32-byte seed. RFC 8032 §5.1.5. */
export const ed25519PublicKey = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed)

/** The 64-byte Ed25519 signature of `message`. Deterministic. RFC 8032 §5.1.6. */
export const ed25519Sign = (message: Uint8Array, seed: Uint8Array): Uint8Array => ed25519.sign(message, seed)

/** Zeroes a seed, so that nothing can sign with it any more. */
export const ed25519Forget = (seed: Uint8Array): void => {
  seed.fill(0)
}

/**
 * Whether encode([S]B - [k]A) = R, byte for byte, S below the group order: the equation alone.
 * The rules on the key itself are in `core/tlog/ed25519.ts`; call that one.
 *
 * The library's own `verify` multiplies by the cofactor and so accepts signatures with a torsion part, which
 * Node refuses; hence the equation is spelled out here.
 */
export function ed25519Equation(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  // Bytes beyond the 64th would be ignored below, and one signature would have many forms.
  if (signature.length !== 64 || publicKey.length !== 32) return false
  const R = signature.subarray(0, 32)
  const S = littleEndian(signature.subarray(32, 64))
  if (S >= ed25519.Point.Fn.ORDER) return false
  let A: InstanceType<typeof ed25519.Point>
  try {
    A = ed25519.Point.fromBytes(publicKey, true)
  } catch {
    return false // y is on no point of the curve
  }
  const hashed = new Uint8Array(64 + message.length)
  hashed.set(R, 0)
  hashed.set(publicKey, 32)
  hashed.set(message, 64)
  const k = littleEndian(sha512(hashed)) % ed25519.Point.Fn.ORDER
  const point = ed25519.Point.BASE.multiplyUnsafe(S).subtract(A.multiplyUnsafe(k))
  const encoded = point.toBytes()
  return encoded.every((byte, i) => byte === R[i])
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = value * 256n + BigInt(bytes[i]!)
  return value
}
