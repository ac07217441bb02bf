// An agent of OpenAI Agents whose tool calls are recorded. `node examples/openai-agents/main.mjs [folder]` needs no key: the
// model follows a script. Needs `npm install @openai/agents zod`.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, run, tool as sdkTool, setTracingDisabled } from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents/testing'
import { files, Recorder } from 'deedlog'
import { assertCoverage, openaiAgents, recordAgent, witnessed } from 'deedlog/openai-agents'
import { z } from 'zod'

setTracingDisabled(true)
const folder = process.argv[2] ?? join(mkdtempSync(join(tmpdir(), 'deedlog-')), 'audit')
const noLargeRefunds = {
  evaluate: ({ tool, args }) =>
    tool === 'refund' && args.cents > 10_000
      ? { verdict: 'deny', rule: 'no-large-refunds', reason: 'Refunds over 100 euros are for people.' }
      : { verdict: 'allow' },
}
const recorder = new Recorder({
  ...openaiAgents,
  backend: files(folder),
  agent: { id: 'did:example:shop' },
  evaluator: noLargeRefunds,
})
const tool = witnessed(sdkTool)
const refund = tool({
  name: 'refund',
  description: 'Refunds an order.',
  parameters: z.object({ order: z.string(), cents: z.number().int() }),
  execute: async ({ order, cents }) => ({ refunded: order, cents }),
})
const call = (callId, args) => functionCall('refund', args, { callId })
const model = new ScriptedModel([
  [call('a', { order: '17', cents: 1250 }), call('b', { order: '18', cents: 200_000 })],
  [assistantMessage('Order 17 is refunded; somebody has to look at order 18.')],
])
const agent = recordAgent(new Agent({ name: 'shop', model, tools: [refund] }), recorder, { session: 'demo' })
assertCoverage(agent)
const { finalOutput } = await run(agent, 'Refund order 17 (12.50 euros) and order 18 (2000 euros).')
await recorder.close()
console.log(`${finalOutput}\n\nnpx deedlog list ${folder}\nnpx deedlog verify ${folder} --trust ${folder}.trust`)
