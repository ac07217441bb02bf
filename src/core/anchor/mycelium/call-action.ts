import { isDeedlogError } from '../../errors.js'
import { timeMs } from '../../record/index.js'
import { type ActionPreimage, actionRef, actionRefV2, myceliumRef } from './refs.js'

/** What the intent of a call says, as far as an action is made of it. */
export interface CallFacts {
  /** Id of the agent. */
  readonly agent: string
  readonly tool: string
  /** Leaf hash of the intent, lowercase hex. */
  readonly intent: string
  /** A record's time. */
  readonly time: string
  readonly verdict: string
  readonly policy?: string
  readonly rule?: string
}

/** A call in the words of Mycelium Trails. */
export interface CallAction {
  readonly preimage: ActionPreimage
  readonly action_ref: string
  readonly action_ref_v2: string
  /** Of a call that was allowed under a policy: what the policy let it do. */
  readonly authorization_ref?: string
  /** Of a call that was denied. */
  readonly restraint_receipt_ref?: string
}

/**
 * The action that a call is: its agent, its tool, and as its scope the leaf hash of its intent, which commits to the
 * arguments and the decision. Whoever has the record computes the same; the references name the call, and prove nothing that the log does not.
 *
 * @returns a sentence, where the names are outside of what trails take
 */
export function callAction({ agent, tool, intent, time, verdict, policy, rule }: CallFacts): CallAction | string {
  const preimage = { agent_id: agent, action_type: tool, scope: `deedlog:intent:${intent}`, timestamp: time }
  let action_ref: string
  try {
    action_ref = actionRef(preimage)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return error.message
  }
  const ms = timeMs(time)
  const authorization = { action_ref, authorized_scope: preimage.scope, decision_ts: ms, policy_id: policy ?? '' }
  const restraint = {
    action_ref,
    decision_id: intent,
    reason_code: rule ?? policy ?? 'denied',
    timestamp_ms: ms,
    verdict: 'denied',
  }
  return {
    preimage,
    action_ref,
    action_ref_v2: actionRefV2(preimage),
    ...(verdict === 'allow' && policy !== undefined ? { authorization_ref: myceliumRef(authorization) } : {}),
    ...(verdict === 'deny' ? { restraint_receipt_ref: myceliumRef(restraint) } : {}),
  }
}
