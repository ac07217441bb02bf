import { equalBytes } from '../../bytes/equal.js'
import { isDeedlogError, quote, VerificationError } from '../../errors.js'
import { hashOf, readHash, readScheme, type SignatureScheme, verifySignature } from './algorithms.js'
import { type Certificate, parseCertificate } from './certificate.js'
import { context, DerReader, type DerValue, notDer, readAll, TAG } from './der.js'

/*
 * CMS SignedData, RFC 5652 §5, as RFC 3161 §2.4.2 narrows it: one TSTInfo, one signer, signed attributes.
 */

/** A token whose signature is good: who made it is known, and whether they may is not asked yet. */
export interface SignedToken {
  /** The bytes of the TSTInfo. */
  readonly content: Uint8Array
  readonly signer: Certificate
  /** All certificates that came with it. */
  readonly certificates: readonly Certificate[]
}

const OID = {
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const

const CERTIFICATES_MAX = 32

/**
 * Opens a token and checks that its signature, and what its signature covers, hold together.
 *
 * @param known  Certificates that need not be in the token.
 * @throws {MalformedError} `der`, `tsa.algorithm`
 * @throws {VerificationError} `tsa.content-type`, `tsa.digest`, `tsa.signing-certificate`, `tsa.signature`
 */
export function openToken(token: DerValue, known: readonly Certificate[]): SignedToken {
  const outer = DerReader.inside(token)
  if (outer.oid() !== OID.signedData) throw notDer('a token that is no SignedData')
  const explicit = outer.read(context(0))
  outer.end()
  const reader = DerReader.inside(readAll(explicit.content))
  // RFC 5652 §5.1: 3, because what is signed is not plain data.
  if (reader.number() !== 3) throw notDer('a SignedData that is not of version 3')
  const hashes = DerReader.inside(reader.read(TAG.set)).rest()
  const content = readContent(reader.sequence())
  const certificates = readCertificates(reader.optional(context(0)))
  reader.optional(context(1))
  const signers = DerReader.inside(reader.read(TAG.set)).rest()
  reader.end()
  // RFC 3161 §2.4.2: "The time-stamp token MUST NOT contain any signatures other than the signature of the TSA."
  if (signers.length !== 1 || hashes.length !== 1) throw notDer(`${signers.length} signers where one must be`)
  const signer = verifySigner(signers[0]!, content, [...certificates, ...known])
  return { content, signer, certificates }
}

function readContent(reader: DerReader): Uint8Array {
  const type = reader.oid()
  if (type !== OID.tstInfo)
    throw new VerificationError('tsa.content-type', `what is signed is ${quote(type)}, and no time stamp`)
  const explicit = DerReader.inside(reader.read(context(0)))
  reader.end()
  const content = explicit.octets()
  explicit.end()
  return content
}

/** Those that can be read. One that cannot links nothing, and whoever else's it is does not matter. */
function readCertificates(set: DerValue | undefined): Certificate[] {
  const all = set ? DerReader.inside(set).rest() : []
  if (all.length > CERTIFICATES_MAX) throw notDer(`${all.length} certificates`)
  return all.flatMap(({ tag, whole }) => {
    try {
      return tag === TAG.sequence ? [parseCertificate(whole)] : []
    } catch (error) {
      if (isDeedlogError(error)) return []
      throw error
    }
  })
}

function verifySigner(info: DerValue, content: Uint8Array, candidates: readonly Certificate[]): Certificate {
  const reader = DerReader.inside(info)
  const version = reader.number()
  const identifier = reader.any()
  const hash = readHash(reader.read(TAG.sequence))
  const attributes = reader.read(context(0))
  const scheme: SignatureScheme = readScheme(reader.read(TAG.sequence), hash)
  const signature = reader.octets()
  reader.optional(context(1))
  reader.end()
  // RFC 5652 §5.3: 1 with issuer and serial, 3 with a key id.
  if (version !== (identifier.tag === TAG.sequence ? 1 : 3)) throw notDer('a SignerInfo of a version that does not fit')
  const signer = candidates.find(certificate => isNamed(identifier, certificate))
  if (!signer)
    throw new VerificationError('tsa.signing-certificate', 'the certificate of the signer is not in the token', {
      expected: 'the certificate that the request asked for',
    })
  checkAttributes(attributes, hashOf(hash, content), signer)
  // RFC 5652 §5.4: what is signed are the attributes as a SET OF, not under the tag they bear in the message.
  const message = attributes.whole.slice()
  message[0] = TAG.set
  if (!verifySignature(signer.key, scheme, message, signature))
    throw new VerificationError('tsa.signature', `the signature of ${quote(signer.title)} is not good`)
  return signer
}

function isNamed(identifier: DerValue, { issuer, serial, keyId }: Certificate): boolean {
  if (identifier.tag === context(0, false)) return keyId !== undefined && equalBytes(identifier.content, keyId)
  if (identifier.tag !== TAG.sequence) return false
  const reader = DerReader.inside(identifier)
  const name = reader.read(TAG.sequence).whole
  const number = reader.integer()
  reader.end()
  return equalBytes(name, issuer) && equalBytes(number, serial)
}

function checkAttributes(set: DerValue, digest: Uint8Array, signer: Certificate): void {
  const attributes = readAttributes(set)
  const type = attributes.get(OID.contentType)
  if (!type || new DerReader(type.whole).oid() !== OID.tstInfo)
    throw new VerificationError('tsa.content-type', 'the signature is not one of a time stamp')
  const stated = attributes.get(OID.messageDigest)
  if (!stated || !equalBytes(new DerReader(stated.whole).octets(), digest))
    throw new VerificationError('tsa.digest', 'the signature is over other content than is here')
  const bindings = [attributes.get(OID.signingCertificateV2), attributes.get(OID.signingCertificate)] as const
  const good = bindings.every((binding, i) => binding === undefined || isBoundTo(binding, signer, i === 0))
  // Without it another certificate over the same key could be put in its place. RFC 5816 §2.2.1, RFC 2634 §5.4.
  if (!good || bindings.every(binding => binding === undefined))
    throw new VerificationError('tsa.signing-certificate', `the signature is not bound to ${quote(signer.title)}`, {
      expected: 'the hash of the signer’s certificate among what is signed',
    })
}

/** The one value of each attribute, by its type. RFC 5652 §5.3: a type is there once. */
function readAttributes(set: DerValue): ReadonlyMap<string, DerValue> {
  const attributes = new Map<string, DerValue>()
  for (const attribute of DerReader.inside(set).rest()) {
    const reader = DerReader.inside(attribute)
    const type = reader.oid()
    const values = DerReader.inside(reader.read(TAG.set)).rest()
    reader.end()
    if (attributes.has(type) || values.length !== 1) throw notDer('a signed attribute that is not there once')
    attributes.set(type, values[0]!)
  }
  return attributes
}

/** Whether a SigningCertificate (its second version, or the first with SHA-1) names this certificate first. */
function isBoundTo(value: DerValue, { der, serial, issuer }: Certificate, isSecond: boolean): boolean {
  const list = DerReader.inside(readAll(value.whole)).sequence()
  const reader = list.sequence()
  const stated = isSecond && reader.next === TAG.sequence ? readHash(reader.read(TAG.sequence)) : undefined
  const hash = stated ?? (isSecond ? 'sha256' : 'sha1')
  if (!equalBytes(reader.octets(), hashOf(hash, der))) return false
  if (reader.isDone) return true
  const named = reader.sequence()
  reader.end()
  const names = named.sequence().rest()
  const number = named.integer()
  named.end()
  const name = names.length === 1 && names[0]!.tag === context(4) ? names[0]!.content : undefined
  return name !== undefined && equalBytes(name, issuer) && equalBytes(number, serial)
}
