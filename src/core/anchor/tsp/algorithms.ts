import { type CurveName, digest, ecdsaVerify, type HashName, type RsaKey, type RsaPadding, rsaVerify } from '#crypto'
import { MalformedError, quote } from '../../errors.js'
import { verifyEd25519 } from '../../tlog/index.js'
import { context, DerReader, type DerValue, notDer, readAll, TAG } from './der.js'

/** A public key of a certificate, of a kind and size that is taken. */
export type PublicKey =
  | { readonly kind: 'rsa'; readonly key: RsaKey }
  | { readonly kind: 'ecdsa'; readonly curve: CurveName; readonly point: Uint8Array }
  | { readonly kind: 'ed25519'; readonly key: Uint8Array }

/** How something was signed. */
export type SignatureScheme =
  | { readonly kind: 'rsa'; readonly hash: HashName; readonly padding: RsaPadding }
  | { readonly kind: 'ecdsa'; readonly hash: HashName }
  | { readonly kind: 'ed25519' }

const HASH_OIDS: { readonly [oid: string]: HashName } = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
}
export const OID_SHA256 = '2.16.840.1.101.3.4.2.1'

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1'
const RSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const ED25519 = '1.3.101.112'
const EC_PUBLIC_KEY = '1.2.840.10045.2.1'
const RSA_WITH: { readonly [oid: string]: HashName } = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
}
const ECDSA_WITH: { readonly [oid: string]: HashName } = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
}
const CURVES: { readonly [oid: string]: readonly [CurveName, number] } = {
  '1.2.840.10045.3.1.7': ['P-256', 65],
  '1.3.132.0.34': ['P-384', 97],
}

const RSA_BITS_MIN = 2048
// Bounds the work of one check. Nobody stamps with more.
const RSA_BITS_MAX = 8192

/** An AlgorithmIdentifier: the name, and whatever parameters stand behind it. */
function algorithm(value: DerValue): { readonly oid: string; readonly parameters: DerValue | undefined } {
  const reader = DerReader.inside(value)
  const oid = reader.oid()
  const parameters = reader.isDone ? undefined : reader.any()
  reader.end()
  return { oid, parameters }
}

/** A hash function of the SHA-2 family, its parameters absent or NULL. @throws {MalformedError} `tsa.algorithm` */
export function readHash(value: DerValue): HashName {
  const { oid, parameters } = algorithm(value)
  const hash = own(HASH_OIDS, oid)
  if (!hash || !isNullOrNone(parameters)) throw unknown('hash function', oid)
  return hash
}

/**
 * How a signature was made.
 *
 * @param hash  The hash that goes with it, where something beside it says which: CMS does, a certificate does not.
 * @throws {MalformedError} `tsa.algorithm` for any that is not taken, or that is another hash
 */
export function readScheme(value: DerValue, hash?: HashName): SignatureScheme {
  const scheme = schemeOf(value, hash)
  // RFC 8419 §3.1: with signed attributes Ed25519 goes with SHA-512.
  const own = scheme.kind === 'ed25519' ? 'sha512' : scheme.hash
  if (hash !== undefined && own !== hash)
    throw new MalformedError('tsa.algorithm', `the signature is with ${own}, and the digest with ${hash}`)
  return scheme
}

function schemeOf(value: DerValue, hash: HashName | undefined): SignatureScheme {
  const { oid, parameters } = algorithm(value)
  if (oid === RSA_PSS && parameters) return pssScheme(parameters)
  const rsa = oid === RSA_ENCRYPTION ? hash : own(RSA_WITH, oid)
  if (rsa && isNullOrNone(parameters)) return { kind: 'rsa', hash: rsa, padding: 'pkcs1' }
  const ecdsa = own(ECDSA_WITH, oid)
  if (ecdsa && !parameters) return { kind: 'ecdsa', hash: ecdsa }
  if (oid === ED25519 && !parameters) return { kind: 'ed25519' }
  throw unknown('signature', oid)
}

/** RFC 4055 §3.1. The defaults are SHA-1's, so all but the trailer must be there. */
function pssScheme(parameters: DerValue): SignatureScheme {
  if (parameters.tag !== TAG.sequence) throw notDer('parameters of PSS')
  const reader = DerReader.inside(parameters)
  const hash = readHash(inside(reader.read(context(0))))
  const mask = algorithm(inside(reader.read(context(1))))
  const saltReader = DerReader.inside(reader.read(context(2)))
  const saltLength = saltReader.number()
  saltReader.end()
  reader.end()
  const maskHash = mask.oid === MGF1 && mask.parameters?.tag === TAG.sequence ? readHash(mask.parameters) : undefined
  if (maskHash !== hash || saltLength > SALT_MAX) throw unknown('mask of PSS', mask.oid)
  return { kind: 'rsa', hash, padding: { saltLength } }
}

const SALT_MAX = 64

const inside = (value: DerValue): DerValue => readAll(value.content)

/** A SubjectPublicKeyInfo. @throws {MalformedError} `tsa.algorithm` for a kind or size that is not taken */
export function readPublicKey(info: DerValue): PublicKey {
  const reader = DerReader.inside(info)
  const { oid, parameters } = algorithm(reader.read(TAG.sequence))
  const bits = reader.bits()
  reader.end()
  if (oid === RSA_ENCRYPTION && isNullOrNone(parameters)) return { kind: 'rsa', key: readRsaKey(bits) }
  if (oid === ED25519 && !parameters && bits.length === 32) return { kind: 'ed25519', key: bits }
  if (oid === EC_PUBLIC_KEY && parameters?.tag === TAG.oid) {
    const curve = new DerReader(parameters.whole).oid()
    const [name, length] = own(CURVES, curve) ?? []
    if (name && bits.length === length && bits[0] === 4) return { kind: 'ecdsa', curve: name, point: bits }
    throw unknown('curve', curve)
  }
  throw unknown('public key', oid)
}

function readRsaKey(bits: Uint8Array): RsaKey {
  const reader = DerReader.inside(readAll(bits))
  const modulus = unsigned(reader.integer())
  const exponent = unsigned(reader.integer())
  reader.end()
  const size = modulus.length * 8 - Math.clz32(modulus[0]!) + 24
  const isOdd = (bytes: Uint8Array): boolean => bytes[bytes.length - 1]! % 2 === 1
  if (size < RSA_BITS_MIN || size > RSA_BITS_MAX || !isOdd(modulus))
    throw new MalformedError('tsa.algorithm', `an RSA key of ${size} bits`, {
      expected: `${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits`,
    })
  // A large exponent buys nothing and costs whoever verifies; 1 would make every signature good.
  if (exponent.length > 4 || !isOdd(exponent) || (exponent.length === 1 && exponent[0]! < 3))
    throw new MalformedError('tsa.algorithm', 'an RSA key with an exponent that is 1, even or too large')
  return { modulus, exponent }
}

function unsigned(content: Uint8Array): Uint8Array {
  if (content[0]! >= 0x80 || (content.length === 1 && content[0] === 0)) throw notDer('a key that is not above 0')
  return content[0] === 0 ? content.subarray(1) : content
}

/** Whether `signature`, as it stands in a certificate or token, is good. */
export function verifySignature(
  key: PublicKey,
  scheme: SignatureScheme,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (key.kind === 'rsa' && scheme.kind === 'rsa')
    return rsaVerify(key.key, scheme.padding, scheme.hash, message, signature)
  if (key.kind === 'ed25519' && scheme.kind === 'ed25519') return verifyEd25519(signature, message, key.key)
  if (key.kind !== 'ecdsa' || scheme.kind !== 'ecdsa') return false
  const reader = DerReader.inside(readAll(signature))
  const width = (key.point.length - 1) / 2
  const raw = new Uint8Array(2 * width)
  for (const end of [width, 2 * width]) {
    const part = unsigned(reader.integer())
    if (part.length > width) return false
    raw.set(part, end - part.length)
  }
  reader.end()
  return ecdsaVerify(key.curve, key.point, scheme.hash, message, raw)
}

export const hashOf = (hash: HashName, data: Uint8Array): Uint8Array => digest(hash, data)

const isNullOrNone = (parameters: DerValue | undefined): boolean =>
  parameters === undefined || (parameters.tag === TAG.null && parameters.content.length === 0)

const own = <T>(table: { readonly [name: string]: T }, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined

const unknown = (what: string, oid: string): MalformedError =>
  new MalformedError('tsa.algorithm', `the ${what} ${quote(oid)} is not taken`, {
    expected: 'RSA from 2048 bits, ECDSA on P-256 or P-384, Ed25519; SHA-256, SHA-384, SHA-512',
  })
