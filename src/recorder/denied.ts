import { DeedlogError } from '../core/errors.js'
import type { Decision } from '../govern/evaluator.js'

/** The rules or an approver said no: the function was not run. Trying again without a change gives the same answer. */
export class CallDeniedError extends DeedlogError {
  override readonly name = 'CallDeniedError'
  readonly decision: Decision

  constructor(tool: string, decision: Decision) {
    const reason = decision.reason ?? 'no rule allows it'
    super('call.denied', `the call of ${JSON.stringify(tool.slice(0, 80))} was denied: ${reason.slice(0, 500)}`)
    this.decision = decision
  }
}
