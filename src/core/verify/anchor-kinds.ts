import { type Certificate, verifyTimestamp } from '../anchor/index.js'
import { equalBytes } from '../bytes/equal.js'
import { isDeedlogError } from '../errors.js'
import type { Trust } from './trust.js'

/** What an anchor's evidence is worth by itself, before it is held against the tree. */
export type AnchorJudgement =
  | {
      /** It is of this checkpoint, and whoever made it is trusted. */
      readonly status: 'holds'
      /** The checkpoint existed by then: seconds since 1970, rounded up, the width of the clock included. */
      readonly seconds: number
      /** Who says so, in the trust file's words. */
      readonly by: string
      readonly detail?: string
    }
  | {
      /** It is good, and nobody the auditor trusts vouches for whoever made it: shown, not counted. */
      readonly status: 'unpinned'
      readonly seconds?: number
      readonly detail: string
    }
  | {
      /** It holds as far as that can be told offline. */
      readonly status: 'lookup'
      /** The single fact that is left to look up, in one sentence. */
      readonly lookUp: string
      /** What it says by itself. */
      readonly seconds?: number
      readonly detail?: string
    }
  | {
      /** What it claims is false, or it is of another checkpoint. */
      readonly status: 'bad'
      readonly detail: string
    }
  | {
      /** It cannot be read, or is of a kind that is not known here. */
      readonly status: 'unknown'
      readonly detail: string
    }

/**
 * Judges the evidence of one kind. Pure; bad evidence is an answer, never an exception.
 *
 * @param evidence  Bytes that a stranger wrote; at most 65,536.
 * @param digest    What must have been anchored, 32 bytes: `anchoredDigest` of this log's checkpoint.
 * @param trust     Undefined when nobody outside is trusted.
 */
export type AnchorJudge = (evidence: Uint8Array, digest: Uint8Array, trust: Trust | undefined) => AnchorJudgement

/** By the kind of an anchor. One line per kind; a kind that is not here is kept and shown as not checked. */
const JUDGES: ReadonlyMap<string, AnchorJudge> = new Map([['rfc3161', judgeTimestamp]])

export function judgeAnchor(
  kind: string,
  evidence: Uint8Array,
  digest: Uint8Array,
  trust: Trust | undefined,
): AnchorJudgement {
  const judge = JUDGES.get(kind)
  if (!judge) return { status: 'unknown', detail: 'this verifier does not know evidence of this kind' }
  try {
    return judge(evidence, digest, trust)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    // What cannot be read accuses nobody.
    return { status: error.name === 'VerificationError' ? 'bad' : 'unknown', detail: error.message }
  }
}

function judgeTimestamp(response: Uint8Array, digest: Uint8Array, trust: Trust | undefined): AnchorJudgement {
  const { timeMs, accuracyMs = 0, policy, title } = verifyTimestamp(response, { digest })
  const seconds = Math.ceil((timeMs + accuracyMs) / 1000)
  const pinned = trust?.tsas ?? []
  const root = pinned.length === 0 ? undefined : pinnedRoot(response, digest, pinned)
  if (root === undefined || 'why' in root)
    return {
      status: 'unpinned',
      seconds,
      detail: `stamped by ${title}: ${root?.why ?? 'the trust file names no time-stamp authority'}`,
    }
  const tsa = pinned.find(each => equalBytes(each.certificate.der, root.der) && (each.policy ?? policy) === policy)
  if (!tsa) return { status: 'unpinned', seconds, detail: `stamped under the policy ${policy}, which is not pinned` }
  return { status: 'holds', seconds, by: `time-stamp authority ${tsa.name}` }
}

/** The pinned certificate behind a token, or why there is none. */
function pinnedRoot(
  response: Uint8Array,
  digest: Uint8Array,
  pinned: readonly { readonly certificate: Certificate }[],
): Certificate | { readonly why: string } {
  try {
    return verifyTimestamp(response, { digest, roots: pinned.map(({ certificate }) => certificate) }).root!
  } catch (error) {
    if (isDeedlogError(error) && (error.code === 'tsa.chain' || error.code === 'tsa.expired'))
      return { why: error.message }
    throw error
  }
}
