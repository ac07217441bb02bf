import { evaluateSafely } from '../../govern/decide.js'
import type { Decision, PolicyEvaluator } from '../../govern/evaluator.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallRequest, Ticket } from '../../recorder/types.js'
import { type Denial, denialOf, UNRECORDED } from '../denial.js'

/** A call that may run; the ticket is absent only where nothing is recorded. */
export interface Admitted {
  readonly ticket: Ticket | undefined
}

/** What is known of a call besides what it asks for. */
export interface Circumstances {
  /** The answer of a user whom ADK asked for a confirmation. */
  readonly confirmed?: boolean | undefined
  /** The rules are not asked about it. */
  readonly unjudged?: boolean
  /** It is denied whatever the rules say, for this reason. */
  readonly refused?: string | undefined
}

export interface GateOptions {
  /** Undefined: decisions are made and nothing is recorded. */
  readonly recorder: Recorder | undefined
  readonly evaluator: PolicyEvaluator | undefined
  readonly agentDid: string
  /** Told of each denied call. */
  readonly denied: (tool: string, decision: Decision) => void
  /** Told what must not reach the host. */
  readonly report: (error: Error) => void
}

/** Every call goes through here before it may run, whichever way it came. Never throws. */
export class Gate {
  readonly recorder: Recorder | undefined
  readonly #options: GateOptions
  #closed = false

  constructor(options: GateOptions) {
    this.recorder = options.recorder
    this.#options = options
  }

  /** From now on nothing passes: what would happen after the end of the records would not be in them. */
  close(): void {
    this.#closed = true
  }

  /** Decides on a call, records that durably, and asks the approver where the rules want one. */
  async admit(request: CallRequest, circumstances: Circumstances = {}): Promise<Admitted | Denial> {
    const { recorder } = this
    try {
      if (this.#closed) return UNRECORDED
      return recorder
        ? await this.#recorded(request, recorder, circumstances)
        : await this.#unrecorded(request, circumstances)
    } catch (error) {
      this.#options.report(error as Error)
      return UNRECORDED
    }
  }

  async #recorded(request: CallRequest, recorder: Recorder, its: Circumstances): Promise<Admitted | Denial> {
    const judged = fixed(its) ?? (await recorder.decide(request))
    const asksUser = its.confirmed !== undefined && (judged.verdict === 'allow' || judged.verdict === 'not_evaluated')
    // ADK has asked a user and has an answer: the call hangs on it as on any other approval.
    const decision: Decision = asksUser ? { ...judged, verdict: 'review' } : judged
    // Once this has resolved the intent is durable. A tool that ran before would leave no trace if we died now.
    const ticket = await recorder.intent(request, decision)
    if (decision.verdict === 'deny') return this.#deny(request, decision)
    if (asksUser) {
      // Not enforced: ADK leaves it to the tool to heed the answer. One that does not is found out by these records.
      await recorder.review(ticket, { approved: its.confirmed === true, ...ADK_USER })
    } else if (decision.verdict === 'review') {
      try {
        const approval = await recorder.approve(ticket, request.args)
        if (approval === 'declined') return this.#deny(request, decision, 'An approver declined the call.')
        if (approval === 'unanswered') return this.#deny(request, decision)
      } catch (error) {
        await recorder.outcome(ticket, { status: 'not_executed', executed: 'no' })
        throw error
      }
    }
    return { ticket }
  }

  async #unrecorded(request: CallRequest, its: Circumstances): Promise<Admitted | Denial> {
    const { evaluator, agentDid, report } = this.#options
    const given = fixed(its)
    if (!evaluator && !given) return { ticket: undefined }
    const asked = { agent: agentDid, tool: request.tool.name, args: request.args }
    const decision = given ?? (await evaluateSafely(evaluator!, asked, report))
    const passes = decision.verdict === 'allow' || decision.verdict === 'not_evaluated'
    return passes ? { ticket: undefined } : this.#deny(request, decision)
  }

  #deny(request: CallRequest, decision: Decision, reason?: string): Denial {
    this.#options.denied(request.tool.name, decision)
    return denialOf(decision, reason)
  }
}

// A word for whoever answers a confirmation of ADK: it knows a user's id at most, and that is a person's.
const ADK_USER = { by: 'adk.user', channel: 'adk.confirmation' }

/** The decision on a call that the rules are not asked about. */
function fixed({ refused, unjudged }: Circumstances): Decision | undefined {
  if (refused !== undefined) return { verdict: 'deny', reason: refused }
  return unjudged ? { verdict: 'not_evaluated' } : undefined
}
