import type { Decision } from '../../govern/evaluator.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallRequest, Ticket } from '../../recorder/types.js'
import { asksTheUser, type UserApproval } from './approval.js'
import { knownTools } from './known-tools.js'
import { denied, ToolRefusedError, unrecorded } from './refusal.js'

/** A call that has come to `execute` and has not run yet. */
export interface Arrival {
  readonly recorder: Recorder
  readonly request: CallRequest
  readonly signal: AbortSignal | undefined
  /** What a person has answered to the SDK about this call. */
  readonly approval: UserApproval | undefined
}

/**
 * Decides on a call, records that durably, and waits for the approval that the rules want. When it resolves, the tool
 * may run.
 *
 * @throws {ToolRefusedError} `call.denied`, `call.unrecorded`
 * @throws the signal's reason, when the run is aborted before the tool could begin
 */
export async function admit({ recorder, request, signal, approval }: Arrival): Promise<Ticket> {
  knownTools(recorder).declare()
  // No await before this: the arguments are captured as they came.
  const rules = await recorder.decide(request)
  const decision = approval && permits(rules) ? asksTheUser(rules) : rules
  let ticket: Ticket
  try {
    // Once this has resolved the intent is durable. A tool that ran before would leave no trace if we died now.
    ticket = await recorder.intent(request, decision)
  } catch (error) {
    throw unrecorded(error)
  }
  if (decision.verdict === 'deny') throw denied(decision)
  try {
    if (approval && decision !== rules) {
      await recorder.review(ticket, approval)
      // The SDK does not run what was declined. Whoever does in its place is not helped.
      if (!approval.approved) throw denied(decision, 'A person declined the call.')
    } else if (decision.verdict === 'review') await approved(recorder, ticket, request.args, signal)
    // Nobody hears a signal twice: a tool that begins now would wait for an abort that has been.
    signal?.throwIfAborted()
  } catch (error) {
    await recorder.outcome(ticket, { status: 'not_executed', executed: 'no' })
    throw error instanceof ToolRefusedError || (signal?.aborted && error === signal.reason) ? error : unrecorded(error)
  }
  return ticket
}

const permits = ({ verdict }: Decision): boolean => verdict === 'allow' || verdict === 'not_evaluated'

/** Waits for the recorder's approver, but not longer than the run does. */
async function approved(
  recorder: Recorder,
  ticket: Ticket,
  args: unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  const answer = await unlessAborted(recorder.approve(ticket, args), signal)
  if (answer === 'declined') throw denied(ticket.decision, 'An approver declined the call.')
  if (answer === 'unanswered') throw denied(ticket.decision)
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  let stop = () => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
    // Either may still reject with nobody left to hear it.
    promise.catch(() => {})
    aborted.catch(() => {})
  }
}
