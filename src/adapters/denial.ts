import type { Decision } from '../govern/evaluator.js'

/**
 * What the model sees in the place of a result. Exactly these three members, `null` and not absent where there is
 * nothing to say: programs written for the Python plugin read them.
 */
export interface Denial {
  readonly error: 'policy_denied' | 'policy_error' | 'audit_unavailable'
  readonly reason: string | null
  readonly matched_rule: string | null
}

export const denialOf = (decision: Decision, reason = decision.reason): Denial => ({
  error: decision.failed ? 'policy_error' : 'policy_denied',
  reason: reason ?? null,
  matched_rule: decision.rule ?? null,
})

/** The call cannot be recorded, so it must not happen. Why, is for the operator and not for the model. */
export const UNRECORDED: Denial = Object.freeze({
  error: 'audit_unavailable',
  reason: 'The call cannot be recorded, so the tool was not run.',
  matched_rule: null,
})

const LINE_MAX = 200

/** What is said of a denied call. Names and reasons may hold anything; a line of a log file holds one line. */
export function denialLine(tool: string, { verdict, reason, rule }: Decision): string {
  const shown = (text: string | undefined) => JSON.stringify(text?.slice(0, LINE_MAX) ?? null)
  return `deedlog: tool ${shown(tool)} denied (${verdict}): ${shown(reason)}, rule ${shown(rule)}`
}
