import { type Timestamp, verifyTimestamp } from '../anchor/index.js'
import { equalBytes } from '../bytes/equal.js'
import { isDeedlogError, quote } from '../errors.js'
import { judgeChain } from './chain-anchor.js'
import { judgeTrail } from './trail-anchor.js'
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
type AnchorJudge = (evidence: Uint8Array, digest: Uint8Array, trust: Trust | undefined) => AnchorJudgement

/** By the kind of an anchor. One line per kind; a kind that is not here is kept and shown as not checked. */
const JUDGES: ReadonlyMap<string, AnchorJudge> = new Map([
  ['rfc3161', judgeTimestamp],
  ['evm', judgeChain],
  ['mycelium', judgeTrail],
])

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
  const pinned = trust?.tsas ?? []
  try {
    const roots = pinned.map(({ certificate }) => certificate)
    const { root, policy, ...stamp } = verifyTimestamp(response, { digest, roots })
    const tsa = pinned.find(
      each => root && equalBytes(each.certificate.der, root.der) && (each.policy ?? policy) === policy,
    )
    if (tsa) return { status: 'holds', seconds: secondsOf(stamp), by: `time-stamp authority ${tsa.name}` }
    return {
      status: 'unpinned',
      seconds: secondsOf(stamp),
      detail: `stamped under the policy ${policy}, which is not pinned`,
    }
  } catch (error) {
    if (!isDeedlogError(error) || !NOT_KNOWN.has(error.code)) throw error
    const stamp = verifyTimestamp(response, { digest })
    const why = pinned.length === 0 ? 'the trust file names no time-stamp authority' : error.message
    return { status: 'unpinned', seconds: secondsOf(stamp), detail: `stamped by ${quote(stamp.title)}: ${why}` }
  }
}

// Nobody who is trusted stands behind it, which says nothing against it.
const NOT_KNOWN: ReadonlySet<string> = new Set(['tsa.chain', 'tsa.expired'])

/** By when it was stamped, at the latest: the authority's clock may be so far off as it says. */
const secondsOf = ({ timeMs, accuracyMs = 0 }: Pick<Timestamp, 'timeMs' | 'accuracyMs'>): number =>
  Math.ceil((timeMs + accuracyMs) / 1000)
