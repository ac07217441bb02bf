// An agent of LangChain.js whose tool calls are recorded. `node examples/langchain/main.mjs [folder]` needs no key: the
// model is a fake. Needs `npm install langchain @langchain/core zod`.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AIMessage } from '@langchain/core/messages'
import { fakeModel } from '@langchain/core/testing'
import { files, Recorder } from 'deedlog'
import { assertCoverage, langchain, recordCalls } from 'deedlog/langchain'
import { createAgent, createMiddleware, tool } from 'langchain'
import { z } from 'zod'

const folder = process.argv[2] ?? join(mkdtempSync(join(tmpdir(), 'deedlog-')), 'audit')
const noLargeRefunds = {
  evaluate: ({ tool, args }) =>
    tool === 'refund' && args.cents > 10_000
      ? { verdict: 'deny', rule: 'no-large-refunds', reason: 'Refunds over 100 euros are for people.' }
      : { verdict: 'allow' },
}
const recorder = new Recorder({
  ...langchain,
  backend: files(folder),
  agent: { id: 'did:example:shop' },
  evaluator: noLargeRefunds,
})
const refund = tool(async ({ order, cents }) => ({ refunded: order, cents }), {
  name: 'refund',
  description: 'Refunds an order.',
  schema: z.object({ order: z.string(), cents: z.number().int() }),
})
const call = (id, args) => ({ id, name: 'refund', args })
const model = fakeModel()
  .respondWithTools([call('a', { order: '17', cents: 1250 }), call('b', { order: '18', cents: 200_000 })])
  .respond(new AIMessage('Order 17 is refunded; somebody has to look at order 18.'))
const parts = { tools: [refund], middleware: [createMiddleware(recordCalls(recorder, { session: 'demo' }))] }
assertCoverage(parts)
const agent = createAgent({ model, ...parts })
const { messages } = await agent.invoke({
  messages: [{ role: 'user', content: 'Refund order 17 (12.50 euros) and order 18 (2000 euros).' }],
})
await recorder.close()
console.log(
  `${messages.at(-1).content}\n\nnpx deedlog list ${folder}\nnpx deedlog verify ${folder} --trust ${folder}.trust`,
)
