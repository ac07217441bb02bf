import {
  type AnchorMode,
  asNonce,
  type Certificate,
  isAnchorName,
  NONCE_BYTES,
  RESPONSE_BYTES_MAX,
  timestampRequest,
  verifyTimestamp,
} from '../core/anchor/index.js'
import { quote, UnavailableError, VerificationError } from '../core/errors.js'
import type { Anchor, AnchoredCheckpoint, Attempt, Progress } from './anchor.js'
import { fetchBounded } from './http.js'

/** A time-stamp authority that a log asks. */
export interface Rfc3161Options {
  /** Where requests are posted, `http:` or `https:`. It may hold a secret, and is never shown whole. */
  readonly url: string
  /** The operator's word for it. Lowercase letters, digits, hyphens. */
  readonly name: string
  /** Default `queue`. */
  readonly mode?: AnchorMode
  /** Under which it is to stamp, a dotted object identifier. */
  readonly policy?: string
  /** Roots that its certificate must lead to. Absent: who stamps is not asked here; an auditor asks, with a `tsa` line. */
  readonly roots?: readonly Certificate[]
  /** How far its clock may be from ours, in milliseconds. Default 300,000. */
  readonly skewMs?: number
  readonly timeoutMs?: number
}

/**
 * An anchor that asks a time-stamp authority. The whole answer is the evidence; before it counts, it is verified as an
 * auditor will verify it, and besides that it answers our request (nonce) and that its time is about ours.
 *
 * @throws {TypeError} for an address or a name that is none
 * @see RFC 3161 §3.4 (over HTTP), spec/anchors.md
 */
export function rfc3161(options: Rfc3161Options): Anchor {
  const { url, name, mode = 'queue', timeoutMs } = options
  const address = addressOf(url)
  if (!isAnchorName(name))
    throw new TypeError(`the anchor's name ${quote(name)} is not lowercase letters, digits, hyphens`)
  return {
    kind: 'rfc3161',
    name,
    mode,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    submit: (checkpoint, attempt) => submit(address, options, checkpoint, attempt),
  }
}

async function submit(
  address: URL,
  { policy, roots, skewMs = SKEW_MS }: Rfc3161Options,
  { digest }: AnchoredCheckpoint,
  { signal, nowMs, random }: Attempt,
): Promise<Progress> {
  const nonce = random(NONCE_BYTES)
  const evidence = await post(address, timestampRequest(digest, nonce, policy), signal)
  const { timeMs } = verifyTimestamp(evidence, {
    digest,
    nonce: asNonce(nonce),
    ...(policy === undefined ? {} : { policy }),
    ...(roots === undefined ? {} : { roots }),
  })
  // An old token is no harm to anybody but us: it would date this checkpoint before it existed.
  if (Math.abs(timeMs - nowMs) > skewMs)
    throw new VerificationError(
      'tsa.time',
      `the time stamp is ${Math.round((timeMs - nowMs) / 1000)} s off our clock`,
      {
        expected: `at most ${Math.round(skewMs / 1000)} s either way; one of the two clocks is wrong`,
      },
    )
  return { state: 'anchored', evidence }
}

const SKEW_MS = 300_000

async function post(address: URL, body: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
  const failed = (why: string, cause?: unknown, retryable = true): UnavailableError =>
    new UnavailableError('anchor.http', `the authority at ${quote(address.host)} ${why}`, {
      cause,
      retryable,
      expected: 'the answer of a time-stamp authority',
    })
  const answer = await fetchBounded(address.href, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/timestamp-query', accept: REPLY },
    signal,
    bytesMax: RESPONSE_BYTES_MAX,
    failed: cause => failed('could not be asked, or did not finish its answer', cause),
  })
  // What does not even find the way there will not find it later; all else may pass.
  const isFinal = answer.status === 404 || answer.status === 405 || answer.status === 410
  if (answer.status !== 200) throw failed(`answered with HTTP status ${answer.status}`, undefined, !isFinal)
  // RFC 3161 §3.4. A page of a proxy or a portal is no answer, whatever is in it.
  if (answer.contentType !== REPLY) throw failed(`answered with ${quote(answer.contentType)}, not with ${REPLY}`)
  return answer.body
}

const REPLY = 'application/timestamp-reply'

function addressOf(url: string): URL {
  let address: URL
  try {
    address = new URL(url)
  } catch {
    throw new TypeError('the address of a time-stamp authority is no URL')
  }
  if (address.protocol !== 'http:' && address.protocol !== 'https:')
    throw new TypeError(`the address of a time-stamp authority is of ${quote(address.protocol)}, not http: or https:`)
  if (address.username !== '' || address.password !== '')
    throw new TypeError(
      'the address of a time-stamp authority holds a user name or password, which fetch does not send',
    )
  return address
}
