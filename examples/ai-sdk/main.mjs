// An agent of the Vercel AI SDK whose tool calls are recorded. `node examples/ai-sdk/main.mjs [folder]` needs no key: the
// model is a mock. With AI_MODEL set (such as openai/gpt-5-mini, and AI_GATEWAY_API_KEY) a real one is asked.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { files, Recorder } from 'deedlog'
import { aiSdk, recordStep, recordTools } from 'deedlog/ai-sdk'
import { z } from 'zod'

// A program of yours says `import { generateText, stepCountIs, tool } from 'ai'`. Here it goes by another name.
const { generateText, stepCountIs, tool } = await import('ai').catch(() => import('ai7'))

const folder = process.argv[2] ?? join(mkdtempSync(join(tmpdir(), 'deedlog-')), 'audit')
const noLargeRefunds = {
  evaluate: ({ tool, args }) =>
    tool === 'refund' && args.cents > 10_000
      ? { verdict: 'deny', rule: 'no-large-refunds', reason: 'Refunds over 100 euros are for people.' }
      : { verdict: 'allow' },
}
const recorder = new Recorder({
  ...aiSdk,
  backend: files(folder),
  agent: { id: 'did:example:shop' },
  evaluator: noLargeRefunds,
})
const refund = tool({
  description: 'Refunds an order.',
  inputSchema: z.object({ order: z.string(), cents: z.number().int() }),
  execute: async ({ order, cents }) => ({ refunded: order, cents }),
})
const { text } = await generateText({
  model: process.env.AI_MODEL ?? (await mockModel()),
  tools: recordTools({ refund }, recorder, { session: 'demo', principal: 'ann' }),
  prompt: 'Refund order 17 (12.50 euros) and order 18 (2000 euros).',
  stopWhen: stepCountIs(5),
  onStepFinish: step => recordStep(step, recorder),
})
await recorder.close()
console.log(`${text}\n\nnpx deedlog list ${folder}\nnpx deedlog verify ${folder} --trust ${folder}.trust`)

async function mockModel() {
  const { MockLanguageModelV4 } = await import('ai/test').catch(() => import('ai7/test'))
  const usage = { inputTokens: {}, outputTokens: {} }
  const call = (id, args) => ({ type: 'tool-call', toolCallId: id, toolName: 'refund', input: JSON.stringify(args) })
  const says = (reason, ...content) => ({ content, finishReason: { unified: reason }, usage, warnings: [] })
  return new MockLanguageModelV4({
    doGenerate: [
      says('tool-calls', call('a', { order: '17', cents: 1250 }), call('b', { order: '18', cents: 200_000 })),
      says('stop', { type: 'text', text: 'Order 17 is refunded; somebody has to look at order 18.' }),
    ],
  })
}
