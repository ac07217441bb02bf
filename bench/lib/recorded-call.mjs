import { fileURLToPath } from 'node:url'
import { agtEvaluator, files, Recorder } from 'deedlog'
import { argsOf, outputOf, PRINCIPAL, shownOf, TOOL } from './calls.mjs'

const policyDir = fileURLToPath(new URL('../rules', import.meta.url))

/** A recorder as a user sets one up: rules of the Agent Governance Toolkit, a log in a directory. */
export const newRecorder = dir =>
  new Recorder({
    backend: files(dir),
    agent: { id: 'did:example:bench' },
    evaluator: agtEvaluator({ policyDir }),
  })

/** A call with nothing but what every call has: arguments and output. */
export async function recordPlainCall(recorder, i) {
  const request = { tool: { name: TOOL }, args: argsOf(i) }
  const ticket = await recorder.intent(request, await recorder.decide(request))
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: outputOf(i) } })
}

/** One whole call: rules, intent with two commitments, outcome with two commitments, both durable. */
export async function recordCall(recorder, i) {
  const request = { tool: { name: TOOL }, args: argsOf(i), session: 'bench', principal: PRINCIPAL }
  const decision = await recorder.decide(request)
  const ticket = await recorder.intent(request, decision)
  await recorder.outcome(ticket, {
    status: 'succeeded',
    executed: 'yes',
    args: { value: request.args },
    output: { value: outputOf(i) },
    visible: { value: shownOf(i) },
    durationUs: 12,
  })
}
