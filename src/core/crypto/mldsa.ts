import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'

/** Bytes of an ML-DSA-44 public key. FIPS 204, table 2. */
export const MLDSA44_KEY_LENGTH = 1312
/** Bytes of an ML-DSA-44 signature. */
export const MLDSA44_SIGNATURE_LENGTH = 2420

/**
 * Whether `signature` is a good ML-DSA-44 signature of `message`, with an empty context. The same code everywhere: Node
 * has its own from version 24 on only. About a millisecond.
 *
 * Never throws: hostile bytes of any length give false.
 *
 * @see FIPS 204, algorithm 3
 */
export function mldsa44Verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== MLDSA44_SIGNATURE_LENGTH || publicKey.length !== MLDSA44_KEY_LENGTH) return false
  try {
    return ml_dsa44.verify(signature, message, publicKey)
  } catch {
    return false // a signature whose hint or whose norm is out of range
  }
}

/** The public key of a 32-byte seed. */
export const mldsa44PublicKey = (seed: Uint8Array): Uint8Array => ml_dsa44.keygen(seed).publicKey

/** The signature of `message`, deterministic. Some five milliseconds, thirteen at worst: never on an event loop. */
export const mldsa44Sign = (message: Uint8Array, seed: Uint8Array): Uint8Array =>
  ml_dsa44.sign(message, ml_dsa44.keygen(seed).secretKey, { extraEntropy: false })
