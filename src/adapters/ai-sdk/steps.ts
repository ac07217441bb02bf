import type { Decision } from '../../govern/evaluator.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallResult } from '../../recorder/types.js'
import { read, readString } from '../read.js'
import { POLICY } from './approval.js'
import { type RecordingContext, requestOf } from './describe.js'
import { type KnownTools, knownTools } from './known-tools.js'
import { losing } from './losing.js'
import { type Part, partsOf, saysError } from './shapes.js'

export type RecordStepOptions = RecordingContext

/**
 * Records what a step shows and no tool of ours has seen: calls of unknown tools and with wrong arguments, calls that
 * the program's own approval has denied or asked about, calls that the SDK has left out, and those that somebody else
 * executes. For `onStepFinish` (`onStepEnd` of version 7); a call of a recorded tool that ran is not recorded again.
 * Never rejects.
 *
 * Most of this is over when we hear of it, and says so (`belated`): a verifier reports it as an exception.
 */
export async function recordStep(step: object, recorder: Recorder, options: RecordStepOptions = {}): Promise<void> {
  const known = knownTools(recorder)
  known.declare()
  const parts = partsOf(step)
  const sights = sightings(parts, known).filter(({ call }) => isNew(recorder, call))
  await Promise.all(sights.map(sighting => losing(recorder, () => write(sighting, recorder, options))))
}

/** `recordStep` for all steps of a result, also of one that is still streaming. Never rejects. */
export async function recordSteps(
  result: { readonly steps: readonly object[] | PromiseLike<readonly object[]> },
  recorder: Recorder,
  options: RecordStepOptions = {},
): Promise<void> {
  let steps: readonly object[]
  try {
    steps = await result.steps
  } catch {
    return // aborted or failed: the SDK tells of no steps then, and the program hears why from the result itself
  }
  for (const step of steps) await recordStep(step, recorder, options)
}

/** A call that a step shows, and what became of it. */
interface Sighting {
  readonly call: Part
  readonly registered: boolean
  readonly decision: Decision
  readonly unmediated?: true
  readonly belated?: true
  readonly result: CallResult
}

const NOT_EVALUATED: Decision = { verdict: 'not_evaluated' }
const NOT_EXECUTED = { status: 'not_executed', executed: 'no' } as const

async function write({ call, result, ...sighting }: Sighting, recorder: Recorder, options: RecordStepOptions) {
  const name = readString(call, 'toolName') ?? ''
  const { registered, decision, ...marks } = sighting
  const kind = read(call, 'providerExecuted') === true ? { kind: 'provider' } : {}
  const request = requestOf(
    { tool: { name, registered, ...kind }, args: call['input'], toolCallId: call['toolCallId'] },
    options,
  )
  const ticket = await recorder.intent({ ...request, ...marks }, decision)
  await recorder.outcome(ticket, result)
}

function sightings(parts: readonly Part[], known: KnownTools): Sighting[] {
  const answers = answersById(parts)
  return parts
    .filter(({ type }) => type === 'tool-call')
    .flatMap(call => {
      // Ids repeat, also within a step: each call takes the next answer of its id.
      const answer = answers.get(call['toolCallId'])?.shift()
      const name = readString(call, 'toolName') ?? ''
      const seen = sight(call, answer, known.isWrapped(name) && call['providerExecuted'] !== true)
      return seen ? [{ call, registered: known.has(name), ...seen }] : []
    })
}

/** Undefined: the call has come to its tool, and is recorded. */
function sight(
  call: Part,
  answer: Answer | undefined,
  wrapped: boolean,
): Omit<Sighting, 'call' | 'registered'> | undefined {
  const { end, approval } = answer ?? {}
  // A provider may well have run what the SDK finds no tool for.
  if (call['invalid'] === true && call['providerExecuted'] !== true) {
    const error = call['error'] ?? end?.['error']
    return { decision: NOT_EVALUATED, belated: true, result: { ...NOT_EXECUTED, error: { value: error } } }
  }
  if (approval?.type === 'tool-approval-response' && approval['approved'] === false) {
    const reason = readString(approval, 'reason')
    const decision: Decision = { verdict: 'deny', policy: POLICY, ...(reason !== undefined && { reason }) }
    return { decision, belated: true, result: NOT_EXECUTED }
  }
  // The call waits for an answer, so this is written before it can run. With the answer it comes back as a second
  // attempt, perhaps in another process: this one is over.
  if (approval?.type === 'tool-approval-request' && !end)
    return { decision: { verdict: 'review', policy: POLICY }, result: NOT_EXECUTED }
  if (wrapped) return end ? undefined : { decision: NOT_EVALUATED, belated: true, result: NOT_EXECUTED }
  return { decision: NOT_EVALUATED, belated: true, unmediated: true, result: resultOf(end) }
}

/** How a call ended that we had no hand in. */
function resultOf(end: Part | undefined): CallResult {
  if (end?.type === 'tool-result')
    return {
      status: saysError(end['output']) ? 'reported_error' : 'succeeded',
      executed: 'yes',
      output: { value: end['output'] },
    }
  if (end?.type === 'tool-error') return { status: 'failed', executed: 'unknown', error: { value: end['error'] } }
  // The client's, or a provider's that comes with a later step.
  return { status: 'pending', executed: 'unknown' }
}

interface Answer {
  /** Its result or error. */
  end?: Part
  /** A request that nobody has answered, or the answer. */
  approval?: Part
}

const ENDS = ['tool-result', 'tool-error']

function answersById(parts: readonly Part[]): Map<unknown, Answer[]> {
  const found = new Map<unknown, Answer[]>()
  const put = (id: unknown, as: keyof Answer, part: Part) => {
    const answers = found.get(id) ?? []
    found.set(id, answers)
    const open = answers.find(answer => !answer[as])
    if (open) open[as] = part
    else answers.push({ [as]: part })
  }
  for (const part of parts) {
    if (ENDS.includes(part.type)) put(part['toolCallId'], 'end', part)
    // An automatic request is followed by its answer, which says all.
    else if (part.type === 'tool-approval-request' && part['isAutomatic'] !== true)
      put(read(part, 'toolCall', 'toolCallId'), 'approval', part)
    else if (part.type === 'tool-approval-response') put(read(part, 'toolCall', 'toolCallId'), 'approval', part)
  }
  return found
}

// By the part that tells of the call: the SDK hands the same ones to `onStepFinish` and into the result.
const recordedParts = new WeakMap<Recorder, WeakSet<Part>>()

function isNew(recorder: Recorder, call: Part): boolean {
  const parts = recordedParts.get(recorder) ?? new WeakSet()
  recordedParts.set(recorder, parts)
  if (parts.has(call)) return false
  parts.add(call)
  return true
}
