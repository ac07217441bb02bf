import type { ApprovalAnswer, Decision } from '../../govern/evaluator.js'
import type { Recorder } from '../../recorder/recorder.js'
import { read } from '../read.js'
import { type RecordingContext, requestOf } from './describe.js'
import { knownTools } from './known-tools.js'
import { losing } from './losing.js'
import { type Part, partsOf } from './shapes.js'

/*
 * The SDK's own approvals (versions 6 and 7): a tool with `needsApproval`, or `toolApproval`, ends the run with a
 * question, and the answer comes back with the messages of a later run. The messages may have passed through the
 * client's hands: what we record of them is that this host went by them.
 */

/** An answer that stands in the messages. */
export type UserApproval = Pick<ApprovalAnswer, 'approved' | 'by' | 'channel'>

/** Name of the policy in the records: not the rules, but the SDK and the program asked for a person. */
export const POLICY = 'ai-sdk.approval'

/** The decision of a call that the rules let pass and the program had a person asked about. */
export const asksTheUser = ({ verdict, policy, rule }: Decision): Decision => ({
  verdict: 'review',
  policy: POLICY,
  ...(verdict === 'allow' && {
    reason: `The program asks a person; the rules allow it (${[policy, rule].filter(Boolean).join(', ') || 'by default'}).`,
  }),
})

/** What the messages that its run began with say of this call. */
export function approvalOf(messages: unknown, toolCallId: unknown, by: string): UserApproval | undefined {
  const about = answers(messages).filter(({ request }) => request['toolCallId'] === toolCallId)
  if (about.length === 0) return undefined
  return { approved: about.some(({ response }) => response['approved'] === true), by, channel: 'ai-sdk' }
}

export interface RecordDeclinedOptions extends RecordingContext {
  /** Pseudonym of whoever answers, a `word`: never a name or an address. Default `user`. */
  readonly answeredBy?: string
}

/**
 * Records the calls that a person has declined, as the messages for the next run say. No tool hears of those: give the
 * messages to this before you give them to the SDK. Never rejects.
 */
export async function recordDeclined(
  messages: readonly object[],
  recorder: Recorder,
  options: RecordDeclinedOptions = {},
): Promise<void> {
  const known = knownTools(recorder)
  known.declare()
  const calls = answers(messages).filter(({ response }) => response['approved'] === false)
  await Promise.all(
    calls.map(({ request }) =>
      losing(recorder, async () => {
        const call = callOf(messages, request)
        const name = typeof call?.['toolName'] === 'string' ? call['toolName'] : ''
        const tool = { name, registered: known.has(name) }
        const about = { tool, args: call?.['input'], toolCallId: request['toolCallId'], attempt: 2 }
        const ticket = await recorder.intent(requestOf(about, options), { verdict: 'review', policy: POLICY })
        await recorder.review(ticket, { approved: false, by: options.answeredBy ?? 'user', channel: 'ai-sdk' })
      }),
    ),
  )
}

interface Answer {
  readonly response: Part
  readonly request: Part
}

/**
 * The answers in the last message, which are the ones that the SDK goes by: earlier ones belong to earlier runs, whose
 * ids may be those of other calls.
 */
function answers(messages: unknown): Answer[] {
  const last = Array.isArray(messages) ? messages.at(-1) : undefined
  if (read(last, 'role') !== 'tool') return []
  const responses = partsOf(last).filter(({ type }) => type === 'tool-approval-response')
  if (responses.length === 0) return []
  const requests = new Map(assistantParts(messages, 'tool-approval-request').map(part => [part['approvalId'], part]))
  return responses.flatMap(response => {
    const request = requests.get(response['approvalId'])
    return request ? [{ response, request }] : []
  })
}

const callOf = (messages: unknown, request: Part): Part | undefined =>
  assistantParts(messages, 'tool-call').findLast(part => part['toolCallId'] === request['toolCallId'])

// A conversation that is longer than this is looked at from its end.
const MESSAGES_MAX = 10_000

const assistantParts = (messages: unknown, type: string): Part[] =>
  (Array.isArray(messages) ? messages.slice(-MESSAGES_MAX) : [])
    .filter(message => read(message, 'role') === 'assistant')
    .flatMap(partsOf)
    .filter(part => part.type === type)
