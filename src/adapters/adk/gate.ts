import { evaluateSafely } from '../../govern/decide.js'
import type { Decision, PolicyEvaluator } from '../../govern/evaluator.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallRequest, Ticket } from '../../recorder/types.js'
import { type Denial, denialOf, UNRECORDED } from './denial.js'

/** A call that may run; the ticket is absent only where nothing is recorded. */
export interface Admitted {
  readonly ticket: Ticket | undefined
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
  async admit(request: CallRequest): Promise<Admitted | Denial> {
    const { recorder } = this
    try {
      if (this.#closed) return UNRECORDED
      return recorder ? await this.#recorded(request, recorder) : await this.#unrecorded(request)
    } catch (error) {
      this.#options.report(error as Error)
      return UNRECORDED
    }
  }

  async #recorded(request: CallRequest, recorder: Recorder): Promise<Admitted | Denial> {
    const decision = await recorder.decide(request)
    // Once this has resolved the intent is durable. A tool that ran before would leave no trace if we died now.
    const ticket = await recorder.intent(request, decision)
    if (decision.verdict === 'deny') return this.#deny(request, decision)
    if (decision.verdict === 'review') {
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

  async #unrecorded(request: CallRequest): Promise<Admitted | Denial> {
    const { evaluator, agentDid, report } = this.#options
    if (!evaluator) return { ticket: undefined }
    const asked = { agent: agentDid, tool: request.tool.name, args: request.args }
    const decision = await evaluateSafely(evaluator, asked, report)
    const passes = decision.verdict === 'allow' || decision.verdict === 'not_evaluated'
    return passes ? { ticket: undefined } : this.#deny(request, decision)
  }

  #deny(request: CallRequest, decision: Decision, reason?: string): Denial {
    this.#options.denied(request.tool.name, decision)
    return denialOf(decision, reason)
  }
}
