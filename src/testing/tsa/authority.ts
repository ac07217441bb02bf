import { DerReader, readAll, TAG } from '../../core/anchor/tsp/der.js'
import { boolean, encode, integer, octets, oid, sequence } from '../../core/anchor/tsp/der-write.js'
import {
  type CertificateOptions,
  digestOf,
  generalizedTime,
  type HashName,
  hashAlgorithm,
  type Issued,
  type KeyKind,
  makeCertificate,
  makeKey,
  namedBits,
  signatureAlgorithm,
  signWith,
  TIME_STAMPING,
} from './certificates.js'

/** How an answer is to differ from a good one. Nothing here: it is good. */
export interface Answer {
  /** Milliseconds since 1970. Default: now. */
  readonly timeMs?: number
  /** What it is of, in place of what was asked. */
  readonly digest?: Uint8Array
  /** Another nonce; null for none. */
  readonly nonce?: Uint8Array | null
  readonly policy?: string
  /** In milliseconds; null for none. Default 1,000. */
  readonly accuracyMs?: number | null
  /** Of PKIStatusInfo; with anything but 0 and 1 there is no token. */
  readonly status?: number
  readonly failure?: number
  /** In the signed attributes. */
  readonly contentType?: string
  readonly messageDigest?: Uint8Array
  /** The hash in the signing-certificate attribute; null: no such attribute. */
  readonly boundTo?: Uint8Array | null
  /** The first version of that attribute, with SHA-1. */
  readonly firstVersion?: boolean
  /** With the issuer and serial number beside the hash. */
  readonly namesIssuer?: boolean
  /** Changes what was signed, after signing. */
  readonly alter?: (content: Uint8Array) => Uint8Array
  readonly alterSignature?: (signature: Uint8Array) => Uint8Array
  readonly certificates?: readonly Uint8Array[]
  /** Of signers: the same one so many times. */
  readonly signers?: number
  /** Of SignedData. */
  readonly version?: number
  readonly criticalExtension?: boolean
  /** Behind the answer. */
  readonly trailing?: Uint8Array
}

export interface AuthorityOptions {
  readonly kind?: KeyKind
  readonly hash?: HashName
  /** Of an RSA modulus. */
  readonly bits?: number
  /** An authority between the root and the one that stamps. */
  readonly intermediate?: boolean | Partial<CertificateOptions>
  /** How the certificates are to differ from good ones. */
  readonly signer?: Partial<CertificateOptions>
  readonly root?: Partial<CertificateOptions>
  /** A root that is there already. */
  readonly rootOf?: Issued
}

const POLICY = '1.2.3.4.1'
const [DIGITAL_SIGNATURE, CERTIFICATE_SIGN, CRL_SIGN] = [0, 5, 6]

/**
 * A time-stamp authority for tests: its own root, its own keys, and answers that are wrong in one way. Whoever trusts
 * its root trusts this process: it is no authority for anything else.
 */
export class TestAuthority {
  readonly root: Issued
  readonly intermediate: Issued | undefined
  readonly signer: Issued
  #serial = 0

  constructor(options: AuthorityOptions = {}) {
    const { kind = 'rsa', hash = 'sha256', bits } = options
    this.root =
      options.rootOf ??
      makeCertificate(makeKey(kind, hash, bits), {
        name: 'Test Root',
        authority: {},
        usage: [CERTIFICATE_SIGN!, CRL_SIGN!],
        ...options.root,
      })
    const between = options.intermediate
    this.intermediate = between
      ? makeCertificate(makeKey(kind, hash, bits), {
          name: 'Test Authority',
          issuer: this.root,
          serial: 2,
          authority: { pathLength: 0 },
          usage: [CERTIFICATE_SIGN!],
          ...(between === true ? {} : between),
        })
      : undefined
    this.signer = makeCertificate(makeKey(kind, hash, bits), {
      name: 'Test Time Stamps',
      issuer: this.intermediate ?? this.root,
      serial: 3,
      usage: [DIGITAL_SIGNATURE!],
      purposes: { critical: true, oids: [TIME_STAMPING] },
      ...options.signer,
    })
  }

  /** The answer to a TimeStampReq. */
  answer(request: Uint8Array, answer: Answer = {}): Uint8Array {
    const { status = 0, failure, trailing = new Uint8Array(0) } = answer
    const text = status > 1 ? [sequence(encode(0x0c, new TextEncoder().encode('refused by the test')))] : []
    const info = sequence(integer(status), ...text, ...(failure === undefined ? [] : [namedBits([failure])]))
    const response = status > 1 ? sequence(info) : sequence(info, this.#token(request, answer))
    return new Uint8Array([...response, ...trailing])
  }

  #token(request: Uint8Array, answer: Answer): Uint8Array {
    const { key, der } = this.signer
    const content = this.#content(request, answer)
    const attributes = encode(TAG.set, ...this.#attributes(content, answer))
    const { alter = asIs, alterSignature = asIs, signers = 1, version = 3 } = answer
    const hash = key.kind === 'ed25519' ? 'sha512' : key.hash
    const issuer = this.intermediate ?? this.root
    const info = sequence(
      integer(1),
      sequence(issuer.subject, integer(3)),
      hashAlgorithm(hash),
      retag(attributes, 0xa0),
      signatureAlgorithm(key),
      octets(alterSignature(signWith(key, attributes))),
    )
    const certificates = answer.certificates ?? [der, ...(this.intermediate ? [this.intermediate.der] : [])]
    const signedData = sequence(
      integer(version),
      encode(TAG.set, hashAlgorithm(hash)),
      sequence(oid('1.2.840.113549.1.9.16.1.4'), encode(0xa0, octets(alter(content)))),
      ...(certificates.length > 0 ? [encode(0xa0, ...certificates)] : []),
      encode(TAG.set, ...new Array<Uint8Array>(signers).fill(info)),
    )
    return sequence(oid('1.2.840.113549.1.7.2'), encode(0xa0, signedData))
  }

  #content(request: Uint8Array, answer: Answer): Uint8Array {
    const asked = readRequest(request)
    const { nonce = asked.nonce, policy = asked.policy ?? POLICY, accuracyMs = 1000, digest = asked.digest } = answer
    const seconds = accuracyMs === null ? 0 : Math.floor(accuracyMs / 1000)
    const millis = accuracyMs === null ? 0 : accuracyMs % 1000
    return sequence(
      integer(1),
      oid(policy),
      sequence(hashAlgorithm('sha256'), octets(digest)),
      integer(++this.#serial),
      generalizedTime(answer.timeMs ?? Date.now(), true),
      ...(accuracyMs === null
        ? []
        : [sequence(integer(seconds), ...(millis > 0 ? [retag(integer(millis), 0x80)] : []))]),
      ...(nonce ? [integer(nonce)] : []),
      ...(answer.criticalExtension
        ? [encode(0xa1, sequence(oid('1.2.3.4.5'), boolean(true), octets(new Uint8Array(2))))]
        : []),
    )
  }

  #attributes(content: Uint8Array, answer: Answer): Uint8Array[] {
    const { key, der } = this.signer
    const hash = key.kind === 'ed25519' ? 'sha512' : key.hash
    const { contentType = '1.2.840.113549.1.9.16.1.4', messageDigest = digestOf(hash, content), firstVersion } = answer
    const boundTo = answer.boundTo === undefined ? digestOf(firstVersion ? 'sha1' : 'sha256', der) : answer.boundTo
    const issuer = encode(0xa4, (this.intermediate ?? this.root).subject)
    const names = answer.namesIssuer ? [sequence(sequence(issuer), integer(3))] : []
    const binding = boundTo && sequence(sequence(sequence(octets(boundTo), ...names)))
    return [
      attribute('1.2.840.113549.1.9.3', oid(contentType)),
      attribute('1.2.840.113549.1.9.4', octets(messageDigest)),
      ...(binding ? [attribute(`1.2.840.113549.1.9.16.2.${firstVersion ? 12 : 47}`, binding)] : []),
    ]
  }
}

/** What a TimeStampReq asks for. */
function readRequest(request: Uint8Array): {
  readonly digest: Uint8Array
  readonly policy: string | undefined
  readonly nonce: Uint8Array | undefined
} {
  const reader = DerReader.inside(readAll(request))
  reader.number()
  const imprint = reader.sequence()
  imprint.read(TAG.sequence)
  const digest = imprint.octets()
  const policy = reader.next === TAG.oid ? reader.oid() : undefined
  const nonce = reader.next === TAG.integer ? reader.integer() : undefined
  return { digest, policy, nonce }
}

const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(oid(type), encode(TAG.set, value))

/** The same value under an implicit tag. */
function retag(der: Uint8Array, tag: number): Uint8Array {
  const copy = der.slice()
  copy[0] = tag
  return copy
}

const asIs = (bytes: Uint8Array): Uint8Array => bytes
