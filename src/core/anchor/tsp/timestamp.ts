import { equalBytes } from '../../bytes/equal.js'
import { toHex } from '../../bytes/hex.js'
import { MalformedError, VerificationError } from '../../errors.js'
import type { Certificate } from './certificate.js'
import { checkStamper, findRoot } from './chain.js'
import { DerReader, type DerValue, readAll, TAG } from './der.js'
import { openToken } from './signed-data.js'
import { parseTstInfo } from './tst-info.js'

/** What a time stamp must say besides being good. */
export interface Expected {
  /** SHA-256 of what was stamped, 32 bytes. */
  readonly digest: Uint8Array
  /** The nonce that was sent, its content. Known only to whoever asked: an auditor later cannot check it. */
  readonly nonce?: Uint8Array
  /** Under which it must have been stamped, dotted. */
  readonly policy?: string
  /** Whose word counts. Absent: who stamped is not asked, and `root` of the answer is undefined. */
  readonly roots?: readonly Certificate[]
}

/** A good time stamp. */
export interface Timestamp {
  /** Milliseconds since 1970, rounded up. */
  readonly timeMs: number
  /** How far off the clock may be; undefined where the authority does not say. */
  readonly accuracyMs: number | undefined
  readonly policy: string
  /** Lowercase hex. */
  readonly serial: string
  /** What the signer's certificate calls itself: a stranger's text, unless `root` is there. */
  readonly title: string
  /** The pinned certificate that vouches for the signer. */
  readonly root: Certificate | undefined
}

/** Longest answer of an authority that is looked at. */
export const RESPONSE_BYTES_MAX = 65_536

/**
 * Verifies the answer of a time-stamp authority: all of a TimeStampResp, in DER.
 *
 * @throws {MalformedError} `der`, `tsa.response`, `tsa.algorithm`, `tsa.certificate`: it cannot be read, and accuses nobody
 * @throws {VerificationError} `tsa.status` when the authority refused; `tsa.imprint`, `tsa.nonce`, `tsa.policy` when it
 *   is of something else; `tsa.content-type`, `tsa.digest`, `tsa.signing-certificate`, `tsa.signature`,
 *   `tsa.key-usage` when it is no good time stamp; `tsa.chain`, `tsa.expired` when nobody who is trusted made it
 * @see spec/anchors.md, "Time stamps"
 */
export function verifyTimestamp(response: Uint8Array, expected: Expected): Timestamp {
  const { roots } = expected
  const { content, signer, certificates } = openToken(readResponse(response), roots ?? [])
  const info = parseTstInfo(content)
  if (info.hash !== 'sha256' || !equalBytes(info.digest, expected.digest))
    throw new VerificationError(
      'tsa.imprint',
      `the time stamp is of ${info.hash} ${toHex(info.digest)}, and ${toHex(expected.digest)} was to be stamped`,
    )
  if (expected.nonce && !(info.nonce && equalBytes(info.nonce, expected.nonce)))
    throw new VerificationError('tsa.nonce', 'the time stamp answers another request', {
      expected: 'the nonce that was sent',
    })
  if (expected.policy !== undefined && info.policy !== expected.policy)
    throw new VerificationError('tsa.policy', `it was stamped under ${info.policy}, and not under ${expected.policy}`)
  checkStamper(signer)
  const root = roots && findRoot(signer, certificates, roots, info.timeMs)
  const { timeMs, accuracyMs, policy, serial } = info
  return { timeMs, accuracyMs, policy, serial, title: signer.title, root }
}

// RFC 3161 §2.4.2: granted, and granted with changes. The token is there with these alone.
const GRANTED: readonly number[] = [0, 1]

/** The token of an answer. */
function readResponse(bytes: Uint8Array): DerValue {
  if (bytes.length > RESPONSE_BYTES_MAX)
    throw new MalformedError('tsa.response', `the answer has ${bytes.length} bytes`, {
      expected: `at most ${RESPONSE_BYTES_MAX}`,
    })
  const reader = DerReader.inside(readAll(bytes))
  const info = reader.sequence()
  const status = info.number()
  info.optional(TAG.sequence)
  const failure = info.next === TAG.bitString ? info.namedBits() : new Set<number>()
  info.end()
  const token = reader.optional(TAG.sequence)
  reader.end()
  if (!GRANTED.includes(status))
    throw new VerificationError('tsa.status', `the authority did not stamp: status ${status}, ${reasonsOf(failure)}`)
  if (!token) throw new MalformedError('tsa.response', 'the authority granted the request, and there is no token')
  return token
}

/** RFC 3161 §2.4.2, PKIFailureInfo. */
const FAILURES: { readonly [bit: number]: string } = {
  0: 'the hash function is not taken',
  2: 'the request is not allowed',
  5: 'the request is not understood',
  14: 'its clock is not available',
  15: 'the policy is not supported',
  16: 'an extension is not supported',
  17: 'what is asked for is not available',
  25: 'a failure of its own',
}

const reasonsOf = (bits: ReadonlySet<number>): string =>
  [...bits].map(bit => FAILURES[bit] ?? `reason ${bit}`).join(', ') || 'no reason given'
