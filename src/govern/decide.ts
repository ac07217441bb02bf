import { types } from 'node:util'
import type { Decision, EvaluationRequest, PolicyEvaluator } from './evaluator.js'

const VERDICTS: ReadonlySet<unknown> = new Set(['allow', 'deny', 'review', 'not_evaluated'])

/**
 * The evaluator's decision; one that throws or answers with something else denies. Never rejects.
 * @param report told what the evaluator threw, which the decision only says in words
 */
export async function evaluateSafely(
  evaluator: PolicyEvaluator,
  request: EvaluationRequest,
  report: (error: Error) => void,
): Promise<Decision> {
  try {
    const decision = await evaluator.evaluate(request)
    if (VERDICTS.has(decision?.verdict)) return decision
    throw new TypeError('the evaluator gave no verdict: allow, deny, review or not_evaluated')
  } catch (thrown) {
    const error = types.isNativeError(thrown) ? thrown : new Error('the evaluator threw something that is no Error')
    report(error)
    return { verdict: 'deny', reason: `the rules could not be evaluated: ${error.message}`, failed: true }
  }
}
