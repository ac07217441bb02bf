import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { boolean, encode, integer, octets, oid, sequence } from '../../core/anchor/tsp/der-write.js'

/*
 * Keys and X.509 certificates for tests, written by hand so that also those that no tool would make can be made.
 */

export type KeyKind = 'rsa' | 'rsa-pss' | 'p256' | 'p384' | 'p521' | 'ed25519'
export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512'

/** A key that signs as one kind of authority does. */
export interface SigningKey {
  readonly kind: KeyKind
  readonly hash: HashName
  readonly privateKey: KeyObject
  /** SubjectPublicKeyInfo. */
  readonly info: Uint8Array
}

/** A certificate and the key that goes with it. */
export interface Issued {
  readonly der: Uint8Array
  readonly key: SigningKey
  readonly subject: Uint8Array
}

export interface CertificateOptions {
  readonly name: string
  /** Absent: it signs itself. */
  readonly issuer?: Issued
  readonly serial?: number
  /** Milliseconds since 1970. Default: 2020 to 2100. */
  readonly from?: number
  readonly to?: number
  /** Whether it is an authority, and how many may be below; false for none of it. */
  readonly authority?: false | { readonly pathLength?: number }
  /** Named bits; absent: no such extension. */
  readonly usage?: readonly number[]
  /** Object identifiers, and whether they are critical; absent: no such extension. */
  readonly purposes?: { readonly critical: boolean; readonly oids: readonly string[] }
  /** Whole extensions, as they are. */
  readonly extra?: readonly Uint8Array[]
}

export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8'
export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3'

const CURVES: { readonly [kind: string]: string } = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1' }

/** @param bits  Of an RSA modulus; default 2048. */
export function makeKey(kind: KeyKind, hash: HashName = 'sha256', bits = 2048): SigningKey {
  const { privateKey, publicKey } =
    kind === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : kind === 'rsa' || kind === 'rsa-pss'
        ? generateKeyPairSync('rsa', { modulusLength: bits })
        : generateKeyPairSync('ec', { namedCurve: CURVES[kind]! })
  return { kind, hash, privateKey, info: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })) }
}

const HASH_OIDS: Readonly<Record<HashName, string>> = {
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}
const RSA_WITH = { sha1: 5, sha256: 11, sha384: 12, sha512: 13 } as const
const ECDSA_WITH = { sha256: 2, sha384: 3, sha512: 4 } as const

const NULL = new Uint8Array([5, 0])
const SALT_LENGTH = 32

export const hashAlgorithm = (hash: HashName): Uint8Array => sequence(oid(HASH_OIDS[hash]), NULL)

export const digestOf = (hash: HashName, bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(hash).update(bytes).digest())

/** AlgorithmIdentifier of the signatures that a key makes. */
export function signatureAlgorithm({ kind, hash }: SigningKey): Uint8Array {
  if (kind === 'ed25519') return sequence(oid('1.3.101.112'))
  if (kind === 'rsa') return sequence(oid(`1.2.840.113549.1.1.${RSA_WITH[hash]}`), NULL)
  if (kind !== 'rsa-pss')
    return hash === 'sha1' ? sequence(oid('1.2.840.10045.4.1')) : sequence(oid(`1.2.840.10045.4.3.${ECDSA_WITH[hash]}`))
  const mask = sequence(oid('1.2.840.113549.1.1.8'), hashAlgorithm(hash))
  const parameters = [encode(0xa0, hashAlgorithm(hash)), encode(0xa1, mask), encode(0xa2, integer(SALT_LENGTH))]
  return sequence(oid('1.2.840.113549.1.1.10'), sequence(...parameters))
}

export function signWith({ kind, hash, privateKey }: SigningKey, message: Uint8Array): Uint8Array {
  if (kind === 'ed25519') return new Uint8Array(sign(null, message, privateKey))
  const pss = { key: privateKey, padding: 6, saltLength: SALT_LENGTH }
  return new Uint8Array(sign(hash, message, kind === 'rsa-pss' ? pss : privateKey))
}

/** A Name of one common name. */
const nameOf = (text: string): Uint8Array =>
  sequence(encode(0x31, sequence(oid('2.5.4.3'), encode(0x0c, new TextEncoder().encode(text)))))

/** GeneralizedTime, with milliseconds where there are any and they are wanted. */
export function generalizedTime(ms: number, fraction = false): Uint8Array {
  const iso = new Date(ms).toISOString()
  const digits = iso.slice(0, 19).replace(/[-:T]/g, '')
  const rest = iso.slice(20, 23).replace(/0+$/, '')
  return encode(0x18, new TextEncoder().encode(`${digits}${fraction && rest !== '' ? `.${rest}` : ''}Z`))
}

export function extension(id: string, content: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(content))
}

/** A list of named bits, without zero bits at its end. */
export function namedBits(bits: readonly number[]): Uint8Array {
  const length = bits.length === 0 ? 0 : Math.floor(Math.max(...bits) / 8) + 1
  const bytes = new Uint8Array(1 + length)
  for (const bit of bits) bytes[1 + Math.floor(bit / 8)]! |= 0x80 >> (bit % 8)
  if (length > 0) bytes[0] = 7 - (Math.max(...bits) % 8)
  return encode(0x03, bytes)
}

export function makeCertificate(key: SigningKey, options: CertificateOptions): Issued {
  const { name, issuer, serial = 1, from = Date.UTC(2020, 0), to = Date.UTC(2100, 0), authority = false } = options
  const subject = nameOf(name)
  const signer = issuer?.key ?? key
  const extensions = [
    ...(authority ? [extension('2.5.29.19', sequence(boolean(true), ...lengthOf(authority.pathLength)), true)] : []),
    ...(options.usage ? [extension('2.5.29.15', namedBits(options.usage), true)] : []),
    ...(options.purposes
      ? [extension('2.5.29.37', sequence(...options.purposes.oids.map(oid)), options.purposes.critical)]
      : []),
    extension('2.5.29.14', octets(digestOf('sha1', key.info))),
    ...(options.extra ?? []),
  ]
  const tbs = sequence(
    encode(0xa0, integer(2)),
    integer(serial),
    signatureAlgorithm(signer),
    issuer?.subject ?? subject,
    sequence(generalizedTime(from), generalizedTime(to)),
    subject,
    key.info,
    encode(0xa3, sequence(...extensions)),
  )
  const signature = encode(0x03, new Uint8Array([0]), signWith(signer, tbs))
  return { der: sequence(tbs, signatureAlgorithm(signer), signature), key, subject }
}

const lengthOf = (pathLength: number | undefined): Uint8Array[] =>
  pathLength === undefined ? [] : [integer(pathLength)]
