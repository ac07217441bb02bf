import { readTrail } from '../anchor/index.js'
import { quote } from '../errors.js'
import type { AnchorJudgement } from './anchor-kinds.js'
import { timeOf } from './times.js'

/**
 * What a trail is worth offline: that its reference is of this checkpoint. The service signs nothing; so it is the record of
 * a third party, and counts for no time, until somebody has looked up what stands in a chain.
 *
 * @throws {MalformedError} {@link readTrail}
 * @throws {VerificationError} {@link readTrail}
 */
export function judgeTrail(evidence: Uint8Array, digest: Uint8Array): AnchorJudgement {
  const { host, id, actionRef, seconds, tx } = readTrail(evidence, digest)
  const when = seconds === undefined ? '' : `, which says ${timeOf(seconds)}`
  const lookUp =
    tx === undefined
      ? `whether ${quote(host)} has a trail ${quote(id)} with the action_ref ${actionRef}`
      : `whether transaction ${tx} of chain 42161 ("arbitrum-one") succeeded, is final, and marks ${actionRef} as used`
  return { status: 'lookup', lookUp, detail: `a third-party record: the word of ${quote(host)}${when}` }
}
