import { equalBytes } from '../../bytes/equal.js'
import { fromUtf8 } from '../../bytes/utf8.js'
import { MalformedError } from '../../errors.js'
import { type PublicKey, readPublicKey, readScheme, type SignatureScheme, verifySignature } from './algorithms.js'
import { context, DerReader, type DerValue, notDer, readAll, TAG } from './der.js'
import { certificateTime } from './der-time.js'

/** An X.509 certificate, as far as a time stamp needs it. RFC 5280 §4.1. Nothing of it has been verified. */
export interface Certificate {
  /** All of it. */
  readonly der: Uint8Array
  /** What is signed. */
  readonly tbs: Uint8Array
  readonly serial: Uint8Array
  /** Names, as they are encoded: compared byte for byte. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  /** The subject's common name, or what else there is to show; a stranger's text. */
  readonly title: string
  /** Milliseconds since 1970, both included. */
  readonly from: number
  readonly to: number
  readonly key: PublicKey
  readonly scheme: SignatureScheme
  readonly signature: Uint8Array
  /** From its extensions; absent where it says nothing. */
  readonly isAuthority: boolean
  readonly pathLength?: number
  /** Bits of RFC 5280 §4.2.1.3. */
  readonly usage?: ReadonlySet<number>
  readonly purposes?: { readonly critical: boolean; readonly oids: readonly string[] }
  readonly keyId?: Uint8Array
}

export const CERTIFICATE_BYTES_MAX = 32_768

export const USAGE = { digitalSignature: 0, nonRepudiation: 1, certificateSign: 5 } as const

/**
 * Reads a certificate, X.509 version 3 in DER.
 *
 * @throws {MalformedError} `der`; `tsa.algorithm` for a key or signature of a kind that is not taken;
 *   `tsa.certificate` for a critical extension that is not known here: it may be a condition
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > CERTIFICATE_BYTES_MAX) throw notDer(`a certificate of ${der.length} bytes`)
  const outer = DerReader.inside(readAll(der))
  const tbs = outer.read(TAG.sequence)
  const algorithm = outer.read(TAG.sequence)
  const signature = outer.bits()
  outer.end()
  const reader = DerReader.inside(tbs)
  const version = DerReader.inside(reader.read(context(0)))
  if (version.number() !== 2) throw notDer('a certificate that is not of version 3')
  version.end()
  const serial = reader.integer()
  // What is not signed must say the same as what is, or one signature would have two meanings.
  if (!equalBytes(reader.read(TAG.sequence).whole, algorithm.whole))
    throw notDer('two signature algorithms in a certificate')
  const issuer = reader.read(TAG.sequence).whole
  const validity = reader.sequence()
  const from = certificateTime(validity)
  const to = certificateTime(validity)
  validity.end()
  const subject = reader.read(TAG.sequence)
  const key = readPublicKey(reader.read(TAG.sequence))
  reader.optional(context(1, false))
  reader.optional(context(2, false))
  const extensions = reader.optional(context(3))
  reader.end()
  return {
    der,
    tbs: tbs.whole,
    serial,
    issuer,
    subject: subject.whole,
    title: titleOf(subject),
    from,
    to,
    key,
    scheme: readScheme(algorithm),
    signature,
    isAuthority: false,
    ...(extensions && readExtensions(extensions)),
  }
}

type Extended = Pick<Certificate, 'pathLength' | 'usage' | 'purposes' | 'keyId'> & { isAuthority?: boolean }

const OID = {
  keyId: '2.5.29.14',
  usage: '2.5.29.15',
  alternativeName: '2.5.29.17',
  constraints: '2.5.29.19',
  policies: '2.5.29.32',
  purposes: '2.5.29.37',
} as const

// Names and policies of certificates are not judged: whose they are is said by the root that an auditor pins.
const PASSED_OVER: ReadonlySet<string> = new Set([OID.alternativeName, OID.policies])

function readExtensions(value: DerValue): Extended {
  const list = new DerReader(value.content)
  const all = list.sequence().rest()
  list.end()
  const found: { -readonly [name in keyof Extended]: Extended[name] } = {}
  const seen = new Set<string>()
  for (const extension of all) {
    const { oid, critical, content } = readExtension(extension)
    if (seen.has(oid)) throw notDer('an extension that is there twice')
    seen.add(oid)
    if (oid === OID.constraints) Object.assign(found, readConstraints(content))
    else if (oid === OID.usage) found.usage = whole(content, reader => reader.namedBits())
    else if (oid === OID.purposes) found.purposes = { critical, oids: readOids(content) }
    else if (oid === OID.keyId) found.keyId = whole(content, reader => reader.octets())
    else if (critical && !PASSED_OVER.has(oid))
      throw new MalformedError('tsa.certificate', `a certificate has the critical extension ${oid}`, {
        expected: 'none that could be a condition that is not known here',
      })
  }
  return found
}

/** An Extension of a certificate or of a token. */
export function readExtension(value: DerValue): {
  readonly oid: string
  readonly critical: boolean
  readonly content: Uint8Array
} {
  if (value.tag !== TAG.sequence) throw notDer('an extension that is none')
  const reader = DerReader.inside(value)
  const oid = reader.oid()
  // DER leaves out what is the default; certificates in the wild write it, and it changes no meaning.
  const critical = reader.next === TAG.boolean && reader.boolean()
  const content = reader.octets()
  reader.end()
  return { oid, critical, content }
}

function readConstraints(content: Uint8Array): Extended {
  return whole(content, outer => {
    const reader = outer.sequence()
    const isAuthority = reader.next === TAG.boolean && reader.boolean()
    const pathLength = reader.isDone ? undefined : reader.number()
    reader.end()
    return { isAuthority, ...(pathLength === undefined ? {} : { pathLength }) }
  })
}

const readOids = (content: Uint8Array): string[] =>
  whole(content, outer =>
    outer
      .sequence()
      .rest()
      .map(value => new DerReader(value.whole).oid()),
  )

function whole<T>(content: Uint8Array, read: (reader: DerReader) => T): T {
  const reader = new DerReader(content)
  const value = read(reader)
  reader.end()
  return value
}

const COMMON_NAME = '2.5.4.3'
const TITLE_MAX = 128

/** What a name calls itself: its last common name, else its last part. */
function titleOf(name: DerValue): string {
  let title = ''
  for (const set of DerReader.inside(name).rest())
    for (const part of DerReader.inside(set).rest()) {
      const reader = DerReader.inside(part)
      const oid = reader.oid()
      const value = reader.any()
      reader.end()
      if (oid === COMMON_NAME || title === '') title = textOf(value)
    }
  return title
}

/** The text of a directory string; of what is no UTF-8, which only old kinds are, its Latin-1 reading. */
function textOf({ content }: DerValue): string {
  const bytes = content.subarray(0, TITLE_MAX)
  try {
    return fromUtf8(bytes)
  } catch {
    return String.fromCharCode(...bytes)
  }
}

/** Whether the key of `issuer` has signed `certificate`. Says nothing of whether it may. */
export const isSignedBy = (certificate: Certificate, issuer: Certificate): boolean =>
  verifySignature(issuer.key, certificate.scheme, certificate.tbs, certificate.signature)
