import { UnavailableError } from '../core/errors.js'
import type { ApprovalAnswer, Approver } from '../govern/evaluator.js'
import type { Reporting } from './reporting.js'
import type { Runtime } from './runtime.js'
import type { Ticket } from './types.js'

/** What an approver made of a call. `unanswered`: there is none, it failed, or it took too long. */
export type Approval = 'approved' | 'declined' | 'unanswered'

/** Who is asked about calls with the verdict `review`, and for how long. */
export interface Approving {
  readonly approver: Approver | undefined
  /** The id of the agent whose calls they are. */
  readonly agent: string
  readonly timeoutMs: number
  readonly runtime: Runtime
  readonly reporting: Reporting
}

/**
 * The approver's answer about a call whose intent is written; undefined when there is none. Never rejects.
 * @param args the arguments, as the approver is to see them
 */
export async function askApprover(
  { approver, agent, timeoutMs, runtime, reporting }: Approving,
  ticket: Ticket,
  args: unknown,
): Promise<ApprovalAnswer | undefined> {
  const { call, tool, argsRoot, intent } = ticket
  if (!approver || !intent) return undefined
  const abort = new AbortController()
  let cancel = () => {}
  const timeout = new Promise<undefined>(resolve => {
    cancel = runtime.later(timeoutMs, () => resolve(undefined))
  })
  try {
    const asked = approver.ask({ call, agent, tool, args, root: argsRoot, intent, signal: abort.signal })
    const answer = await Promise.race([asked, timeout])
    if (answer === undefined) throw new UnavailableError('recorder.unanswered', 'the approver gave no answer in time')
    if (typeof answer !== 'object' || answer === null || typeof answer.approved !== 'boolean')
      throw new TypeError('an approver answers with { approved, by, channel }')
    return answer
  } catch (error) {
    reporting.report(error)
    return undefined
  } finally {
    cancel()
    abort.abort()
  }
}
