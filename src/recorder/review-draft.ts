import { isKey, isSig } from '../core/record/formats.js'
import type { Review } from '../core/record/types.js'
import type { ApprovalAnswer } from '../govern/evaluator.js'
import type { Call } from './call.js'
import type { ChainedMember, Pending } from './stream.js'
import { asWord } from './text.js'
import type { Snapshot, Values } from './values.js'

/**
 * The review of a call whose intent is written.
 *
 * @param args    the arguments approved, where they are not those in force
 * @param sealed  called when the review has its place
 */
export function reviewDraft(
  call: Call,
  answer: ApprovalAnswer,
  args: Snapshot | undefined,
  { values, sealed }: { readonly values: Values; readonly sealed: () => void },
): Pending {
  const kept = values.commitments()
  const { approval } = answer
  const approved = answer.approved === true
  const body: Omit<Review, ChainedMember> = {
    type: 'review',
    call: call.call,
    intent: call.intent!,
    verdict: approved ? 'approved' : 'rejected',
    approver: { id: asWord(answer.by), channel: asWord(answer.channel) },
    ...(args && { args: kept.add('args', args.json) }),
    ...(approval &&
      isKey(approval.key) &&
      isSig(approval.sig) && { approval: { key: approval.key, sig: approval.sig } }),
  }
  return { make: () => body, disclosures: kept.disclosures(), keep: !approved, sealed }
}
