import { sha256 } from '#crypto'
import { asNonce, timestampRequest } from '../../src/core/anchor/index.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { type Answer, type AuthorityOptions, TestAuthority } from '../../src/testing/tsa/authority.js'
import { CODE_SIGNING, extension, TIME_STAMPING } from '../../src/testing/tsa/certificates.js'

/** One time stamp, and what three verifiers make of it. */
export interface TspRow {
  readonly name: string
  readonly authority?: AuthorityOptions
  readonly answer?: Answer
  /** Whether the verifier trusts another root. */
  readonly otherRoot?: true
  /** What ours refuses it with; absent: it is good. */
  readonly code?: string
  /** Whether these accept it; absent: as ours. */
  readonly openssl?: boolean
  readonly pkijs?: boolean
}

export const DATA = toUtf8('example.com/log\n7\n')
export const DIGEST = sha256(DATA)
const RANDOM = new Uint8Array(12).fill(0x77)
export const NONCE = asNonce(RANDOM)
export const REQUEST = timestampRequest(DIGEST, RANDOM)

const purposes = (critical: boolean, ...oids: string[]) => ({ signer: { purposes: { critical, oids } } })
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
const NOW = Date.now()
const YEAR_MS = 31_557_600_000

/** The good ones: a twin for all that follow. */
const good: readonly TspRow[] = [
  { name: 'RSA 2048' },
  { name: 'RSA 4096 with SHA-512', authority: { kind: 'rsa', bits: 4096, hash: 'sha512' } },
  // OpenSSL's time stamps are PKCS #7, which knows no PSS.
  { name: 'RSA-PSS', authority: { kind: 'rsa-pss' }, openssl: false },
  { name: 'ECDSA P-256', authority: { kind: 'p256' } },
  { name: 'ECDSA P-384 with SHA-384', authority: { kind: 'p384', hash: 'sha384' } },
  // OpenSSL 3.0 and pkijs 4 know no Ed25519 in CMS.
  { name: 'Ed25519', authority: { kind: 'ed25519' }, openssl: false, pkijs: false },
  { name: 'an authority between', authority: { kind: 'p256', intermediate: true } },
  { name: 'no accuracy', authority: { kind: 'p256' }, answer: { accuracyMs: null } },
  { name: 'a fraction of a second', authority: { kind: 'p256' }, answer: { timeMs: NOW - (NOW % 1000) + 120 } },
  { name: 'the first version of the binding', authority: { kind: 'p256' }, answer: { firstVersion: true } },
  { name: 'a binding with issuer and serial', authority: { kind: 'p256' }, answer: { namesIssuer: true } },
  { name: 'nonRepudiation beside digitalSignature', authority: { kind: 'p256', signer: { usage: [0, 1] } } },
  { name: 'granted with changes', authority: { kind: 'p256' }, answer: { status: 1 } },
]

const bad: readonly TspRow[] = [
  { name: 'another root', otherRoot: true, code: 'tsa.chain' },
  { name: 'no purpose', authority: { signer: { purposes: undefined } as never }, code: 'tsa.key-usage', pkijs: true },
  {
    name: 'a purpose that is not critical',
    authority: purposes(false, TIME_STAMPING),
    code: 'tsa.key-usage',
    pkijs: true,
  },
  {
    name: 'another purpose besides',
    authority: purposes(true, TIME_STAMPING, CODE_SIGNING),
    code: 'tsa.key-usage',
    pkijs: true,
  },
  { name: 'another purpose', authority: purposes(true, CODE_SIGNING), code: 'tsa.key-usage', pkijs: true },
  { name: 'a key for certificates', authority: { signer: { usage: [0, 5] } }, code: 'tsa.key-usage', pkijs: true },
  { name: 'another imprint', answer: { digest: new Uint8Array(32) }, code: 'tsa.imprint' },
  { name: 'another nonce', answer: { nonce: new Uint8Array(12).fill(0x42) }, code: 'tsa.nonce', pkijs: true },
  { name: 'no nonce', answer: { nonce: null }, code: 'tsa.nonce', pkijs: true },
  {
    name: 'an attribute with another content type',
    answer: { contentType: '1.2.840.113549.1.7.1' },
    code: 'tsa.content-type',
    openssl: true,
    pkijs: true,
  },
  { name: 'another message digest', answer: { messageDigest: new Uint8Array(32) }, code: 'tsa.digest' },
  { name: 'content changed after signing', answer: { alter: flip }, code: 'tsa.digest' },
  {
    name: 'a binding to another certificate',
    answer: { boundTo: new Uint8Array(32) },
    code: 'tsa.signing-certificate',
    pkijs: true,
  },
  { name: 'no binding', answer: { boundTo: null }, code: 'tsa.signing-certificate', pkijs: true },
  { name: 'no certificate', answer: { certificates: [] }, code: 'tsa.signing-certificate' },
  { name: 'a bad signature', answer: { alterSignature: flip }, code: 'tsa.signature' },
  {
    name: 'a signer that was not yet valid',
    authority: { signer: { from: NOW - YEAR_MS } },
    answer: { timeMs: NOW - 2 * YEAR_MS },
    code: 'tsa.expired',
    openssl: true,
  },
  {
    name: 'a root that was not yet valid',
    authority: { root: { from: NOW - YEAR_MS } },
    answer: { timeMs: NOW - 2 * YEAR_MS },
    code: 'tsa.expired',
    openssl: true,
  },
  { name: 'a signer that has run out', authority: { signer: { to: Date.UTC(2021, 0) } }, code: 'tsa.expired' },
  { name: 'bytes behind the end', answer: { trailing: new Uint8Array(4) }, code: 'der', openssl: true, pkijs: true },
  { name: 'a refusal', answer: { status: 2, failure: 14 }, code: 'tsa.status' },
  { name: 'two signers', answer: { signers: 2 }, code: 'der', pkijs: true },
  { name: 'a SignedData of version 1', answer: { version: 1 }, code: 'der', openssl: true, pkijs: true },
  {
    name: 'a critical extension in the token',
    answer: { criticalExtension: true },
    code: 'tsa.response',
    openssl: true,
    pkijs: true,
  },
  {
    name: 'a critical extension in the certificate',
    authority: { signer: { extra: [extension('1.2.3.4.5.6', new Uint8Array([5, 0]), true)] } },
    code: 'tsa.signing-certificate',
    pkijs: true,
  },
  { name: 'a root that is no authority', authority: { root: { authority: false } }, code: 'tsa.chain' },
  { name: 'a root that may not certify', authority: { root: { usage: [0] } }, code: 'tsa.chain' },
  {
    name: 'a root that allows nobody between',
    authority: { intermediate: true, root: { authority: { pathLength: 0 } } },
    code: 'tsa.chain',
    pkijs: true,
  },
  { name: 'an authority between that is none', authority: { intermediate: { authority: false } }, code: 'tsa.chain' },
  {
    name: 'an authority between for other purposes',
    authority: { intermediate: { purposes: { critical: false, oids: [CODE_SIGNING] } } },
    code: 'tsa.chain',
    openssl: true,
    pkijs: true,
  },
  {
    name: 'RSA 1024',
    authority: { kind: 'rsa', bits: 1024 },
    code: 'tsa.algorithm',
    openssl: true,
    pkijs: true,
  },
  { name: 'SHA-1', authority: { kind: 'rsa', hash: 'sha1' }, code: 'tsa.algorithm', openssl: true, pkijs: true },
  {
    name: 'ECDSA P-521',
    authority: { kind: 'p521', hash: 'sha512' },
    code: 'tsa.algorithm',
    openssl: true,
    pkijs: true,
  },
]

export const ROWS: readonly TspRow[] = [
  ...good,
  ...bad.map(row => ({ ...row, authority: { kind: 'p256' as const, ...row.authority } })),
]

/** The answer of a row, and the root that its verifier trusts, in DER. */
export function answerOf({ authority = {}, answer = {}, otherRoot }: TspRow): {
  response: Uint8Array
  root: Uint8Array
} {
  const tsa = new TestAuthority(authority)
  return {
    response: tsa.answer(REQUEST, answer),
    root: (otherRoot ? new TestAuthority(authority) : tsa).root.der,
  }
}
