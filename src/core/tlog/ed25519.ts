import { ed25519Equation } from '#crypto'

/** Bytes of an Ed25519 public key. */
export const ED25519_KEY_LENGTH = 32
/** Bytes of an Ed25519 signature. */
export const ED25519_SIGNATURE_LENGTH = 64

/**
 * Whether `signature` is good, by the one rule that holds for records and notes alike. RFC 8032 leaves room for
 * verifiers that disagree; two auditors who disagree about a signature disagree about history. So: 64 and 32 bytes,
 * a key that {@link isEd25519Key} takes, S below the group order, and encode([S]B - [k]A) = R byte for byte, without
 * the cofactor.
 *
 * Never throws: hostile bytes of any length give false.
 *
 * @see spec/record.md §3
 */
export function verifyEd25519(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.length !== ED25519_SIGNATURE_LENGTH || !isEd25519Key(publicKey)) return false
  return ed25519Equation(signature, message, publicKey)
}

/**
 * Whether `publicKey` may sign at all: 32 bytes, y below 2^255-19 and not one of the five y of small order. Under a
 * key of small order one signature is good for every message (or for one in a few), so whoever pins it pins nobody;
 * a y of 2^255-19 or more is a second spelling of another key.
 *
 * That y lies on the curve is not asked here; the equation fails when it does not.
 */
export function isEd25519Key(publicKey: Uint8Array): boolean {
  if (publicKey.length !== ED25519_KEY_LENGTH) return false
  // The top bit is the sign of x. Both signs of a small-order y are of small order (and x = 0 has only one).
  const y = Uint8Array.from(publicKey)
  y[31]! &= 0x7f
  return isBelowPrime(y) && !SMALL_ORDER.some(small => small.every((byte, i) => byte === y[i]))
}

/** Little-endian `y` of 255 bits against 2^255-19, whose bytes are ed, thirty times ff, 7f. */
function isBelowPrime(y: Uint8Array): boolean {
  if (y[31] !== 0x7f || y[0]! < 0xed) return true
  for (let i = 1; i < 31; i++) if (y[i] !== 0xff) return true
  return false
}

/** y of the eight points of order 1, 2, 4 and 8, from spec/record.md §3; those of order 8 come as two y with two x each. */
const SMALL_ORDER = [
  0n,
  1n,
  2n ** 255n - 20n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
].map(littleEndian)

function littleEndian(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0; i < 32; i++) bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn)
  return bytes
}
