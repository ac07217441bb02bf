import type { Decision } from '../../govern/evaluator.js'
import type { CallRequest } from '../../recorder/types.js'
import { denialOf, UNRECORDED } from '../denial.js'
import { denied, unrecorded } from './answer.js'
import type { Upstream } from './connection.js'
import { refsOfMeta, sameCall } from './links.js'
import { type Message, member } from './message.js'
import type { OpenCall } from './open-call.js'
import type { Passage, Passed } from './passage.js'

interface Arrival {
  readonly message: Message
  /** The text of the message, where readers may differ about it. */
  readonly flawed: string | undefined
  readonly call: OpenCall
  /** The call that this one repeats, with the answers that the server wanted. */
  readonly before: OpenCall | undefined
  readonly session: string | undefined
  /** The call is not open any more. */
  readonly forget: () => void
}

/** Decides on a call and records that. When it resolves to a passage, the server may be sent it. Never rejects. */
export async function admitCall(upstream: Upstream, arrival: Arrival): Promise<Passage> {
  const { recorder } = upstream.options
  const { call, message, before, forget } = arrival
  const request = requestOf(upstream, arrival)
  // No await before this: the arguments are captured as they came, and intents are begun in the order of the calls.
  const rules = await recorder.decide(judgedOf(request, arrival))
  // What rules say of one reading is nothing about the others.
  const decision = arrival.flawed !== undefined && rules.verdict !== 'not_evaluated' ? UNJUDGED : rules
  try {
    // Once this has resolved the intent is durable. A call that went on before would leave no trace if we died now.
    call.ticket = await recorder.intent(request, decision)
  } catch (error) {
    forget()
    upstream.warn(`a call was refused, it cannot be recorded: ${error instanceof Error ? error.message : 'unknown'}`)
    return { pass: false, answer: unrecorded(message, UNRECORDED) }
  }
  // The server had said that it cannot go on without answers; here they are, with another call.
  await before?.end({ status: 'reported_error', executed: 'unknown', error: { value: 'input required' } })
  if (decision.verdict === 'deny') {
    forget()
    return { pass: false, answer: denied(message, denialOf(decision)) }
  }
  return decision.verdict === 'review'
    ? { pass: 'later', passage: reviewed(upstream, arrival, request, decision) }
    : passing(arrival)
}

const UNJUDGED: Decision = { verdict: 'deny', reason: 'The message can be read in more than one way.' }

function passing({ call, forget }: Arrival): Passed {
  const intent = call.ticket?.intent
  return {
    pass: true,
    ...(intent !== undefined && { intent }),
    sent: () => call.send(),
    withdraw: async () => {
      forget()
      await call.drop('another call of its batch was refused')
    },
  }
}

/** Waits for the approver. What comes meanwhile goes on; a call that is taken back is not sent. */
async function reviewed(
  upstream: Upstream,
  arrival: Arrival,
  request: CallRequest,
  decision: Decision,
): Promise<Passed> {
  const { call, message, forget } = arrival
  try {
    const answer = await upstream.options.recorder.approve(call.ticket!, request.args)
    if (answer === 'approved') {
      if (!call.takenBack) return passing(arrival)
      await call.drop('taken back by the client')
      forget()
      return { pass: false }
    }
    forget()
    const reason = answer === 'declined' ? 'An approver declined the call.' : decision.reason
    return { pass: false, answer: denied(message, denialOf(decision, reason)) }
  } catch {
    await call.drop()
    forget()
    return { pass: false, answer: unrecorded(message, UNRECORDED) }
  }
}

function requestOf(upstream: Upstream, { message, flawed, call, before, session }: Arrival): CallRequest {
  const { catalogue, options } = upstream
  const { params } = message
  const name = member(params, 'name')
  const tool = typeof name === 'string' ? name : ''
  const digest = catalogue.digestOf(tool)
  const same = sameCall(params)
  const refs = refsOfMeta(params, before?.ticket?.call)
  return {
    tool: {
      name: tool,
      registered: catalogue.has(tool),
      kind: 'mcp',
      ...(options.server !== undefined && { server: options.server }),
      ...(digest !== undefined && { digest }),
    },
    args: recordedArgs(params, flawed),
    ...(session !== undefined && { session }),
    ...(refs && { refs }),
    ...(same !== undefined && { same }),
    ...(call.attempt > 1 && { attempt: call.attempt }),
  }
}

/**
 * What is committed as arguments: those of the call; with the answers that a server wanted, where the client sent some;
 * the text of the whole message, where readers may differ about it.
 */
function recordedArgs(params: unknown, flawed: string | undefined): unknown {
  if (flawed !== undefined) return { message: flawed }
  const answers = member(params, 'inputResponses')
  return answers === undefined ? argumentsOf(params) : { arguments: argumentsOf(params), inputResponses: answers }
}

const argumentsOf = (params: unknown): unknown => member(params, 'arguments') ?? {}

/** What the rules are asked about: the arguments as the tool gets them. */
const judgedOf = (request: CallRequest, { message, flawed }: Arrival): CallRequest =>
  flawed === undefined && member(message['params'], 'inputResponses') === undefined
    ? request
    : { ...request, args: argumentsOf(message['params']) }
