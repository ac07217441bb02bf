import { equalBytes } from '../../bytes/equal.js'
import { quote, VerificationError } from '../../errors.js'
import { type Certificate, isSignedBy, USAGE } from './certificate.js'

// Bounds the work that a stranger's certificates can cause.
const SIGNATURES_MAX = 64
const DEPTH_MAX = 8

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8'
const ANY_PURPOSE = '2.5.29.37.0'

/**
 * RFC 3161 §2.3: whoever stamps does nothing else with that key.
 * @throws {VerificationError} `tsa.key-usage`
 */
export function checkStamper({ purposes, usage, title }: Certificate): void {
  if (!purposes?.critical || purposes.oids.length !== 1 || purposes.oids[0] !== TIME_STAMPING)
    throw new VerificationError('tsa.key-usage', `the certificate of ${quote(title)} is not for time stamping alone`, {
      expected: 'one extended key usage, critical, and only timeStamping',
    })
  const others = [...(usage ?? [USAGE.digitalSignature])].filter(
    bit => bit !== USAGE.digitalSignature && bit !== USAGE.nonRepudiation,
  )
  if (others.length > 0 || usage?.size === 0)
    throw new VerificationError('tsa.key-usage', `the key of ${quote(title)} is not for signatures alone`, {
      expected: 'digitalSignature, nonRepudiation, or both',
    })
}

/**
 * Finds a path from the signer to a root that is trusted: names and signatures link it, every certificate of it is
 * valid at that time, and whoever issues may.
 *
 * @param others  Certificates that came with the token: they can only link.
 * @param atMs    The time of the token, since 1970.
 * @returns the root, which is the signer's own certificate where that is pinned
 * @throws {VerificationError} `tsa.expired` when a path is there and part of it is not valid at that time;
 *   `tsa.chain` when there is none
 */
export function findRoot(
  signer: Certificate,
  others: readonly Certificate[],
  roots: readonly Certificate[],
  atMs: number,
): Certificate {
  let signatures = 0
  let expired: Certificate | undefined
  const isIssuer = (issuer: Certificate, of: Certificate, below: number): boolean => {
    if (!equalBytes(issuer.subject, of.issuer) || !mayIssue(issuer, below)) return false
    if (++signatures > SIGNATURES_MAX) throw noPath(signer, `more than ${SIGNATURES_MAX} signatures to try`)
    return isSignedBy(of, issuer)
  }
  const isValid = (certificate: Certificate): boolean => {
    const valid = certificate.from <= atMs && atMs <= certificate.to
    if (!valid) expired ??= certificate
    return valid
  }
  /** @param below  Authorities between `certificate` and the signer, `certificate` among them. */
  const climb = (certificate: Certificate, below: number, used: readonly Certificate[]): Certificate | undefined => {
    if (!isValid(certificate)) return undefined
    const pinned = roots.find(root => equalBytes(root.der, certificate.der))
    if (pinned) return pinned
    if (below >= DEPTH_MAX) return undefined
    for (const root of roots) if (isIssuer(root, certificate, below) && isValid(root)) return root
    for (const other of others)
      if (!used.includes(other) && allowsStamping(other) && isIssuer(other, certificate, below)) {
        const root = climb(other, below + 1, [...used, other])
        if (root) return root
      }
    return undefined
  }
  const root = climb(signer, 0, [signer])
  if (root) return root
  if (expired)
    throw new VerificationError(
      'tsa.expired',
      `the certificate of ${quote(expired.title)} is not valid at the time of the token`,
      { expected: 'certificates that were valid when the token was made' },
    )
  throw noPath(signer, 'no path leads to one that is pinned')
}

/** @param below  Authorities that are already below it. */
function mayIssue({ isAuthority, pathLength, usage }: Certificate, below: number): boolean {
  return isAuthority && (usage?.has(USAGE.certificateSign) ?? true) && below <= (pathLength ?? DEPTH_MAX)
}

/** An authority that is bound to other purposes cannot make one that stamps. */
const allowsStamping = ({ purposes }: Certificate): boolean =>
  purposes === undefined || purposes.oids.includes(TIME_STAMPING) || purposes.oids.includes(ANY_PURPOSE)

const noPath = (signer: Certificate, why: string): VerificationError =>
  new VerificationError('tsa.chain', `${quote(signer.title)} is not known: ${why}`, {
    expected: 'a root that the trust file pins, or links to one in the token',
  })
