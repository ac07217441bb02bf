import { AgentTool, FunctionTool, LlmAgent } from '@google/adk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { recorded } from '../recorder/recorded.js'
import { Recorder } from '../recorder/recorder.js'
import { ListBackend } from '../recorder/testkit.js'
import { scriptedModel } from '../testing/index.js'
import { AgentGovernancePlugin, AuditTrailPlugin } from './adk/index.js'
import { run } from './adk/testkit.js'
import { recordTools } from './ai-sdk/index.js'
import { generate, majors } from './ai-sdk/testkit.js'

/*
 * One call may be made in the course of another, whichever host runs either: the real hosts, one inside the other.
 */

const say = (name: string) => ({ calls: [{ name, args: {} }] })
const newest = majors.at(-1)!

function tool(name: string, execute: () => unknown) {
  return new FunctionTool({
    name,
    description: 'x',
    parameters: z.object({}),
    execute: async () => execute() as object,
  })
}

const aiTool = (execute: () => unknown) =>
  newest.sdk.tool({ inputSchema: newest.sdk.jsonSchema({ type: 'object', properties: {} }), execute })

/** Each call with the tool of the one that made it. */
function families(backend: ListBackend): Record<string, string | undefined> {
  const intents = backend.log.of('intent')
  const nameOf = (leaf: string | undefined) => intents.find(row => row.leaf === leaf)?.record.tool.name
  return Object.fromEntries(intents.map(({ record }) => [record.tool.name, nameOf(record.parent)]))
}

test('a function inside an AI SDK tool inside an ADK tool names each the one around it', async () => {
  const backend = new ListBackend()
  const plugin = new AuditTrailPlugin({ auditBackend: backend })
  const recorder = plugin.recorder!
  const save = recorded(recorder, 'save', () => 'saved')
  const tools = recordTools({ write: aiTool(() => save()) }, recorder)
  const ask = tool('ask', async () => ({ text: (await generate(newest, [[{ name: 'write' }]], tools).result).text }))
  await run({ plugins: [plugin], tools: [ask, tool('last', save)], turns: [say('ask'), say('last'), 'done'] })
  await save()
  await plugin.close()
  const parents = backend.log.of('intent').map(({ record }) => record.parent)
  const [asked, written, saved, last] = backend.log.of('intent')
  expect(backend.log.of('intent').map(({ record }) => record.tool.name)).toEqual([
    'ask',
    'write',
    'save',
    'last',
    'save',
    'save',
  ])
  expect(parents).toEqual([undefined, asked!.leaf, written!.leaf, undefined, last!.leaf, undefined])
  expect(saved!.record.parent).toBe(written!.leaf)
})

test('the calls of an agent inside a tool inside an AI SDK tool, recorded by another recorder, name theirs', async () => {
  const backend = new ListBackend()
  const outside = new Recorder({ backend, agent: { id: 'did:example:outside' } })
  const plugin = new AuditTrailPlugin({ auditBackend: backend })
  const save = recorded(outside, 'save', () => ({ ok: true }))
  const inner = new LlmAgent({
    name: 'inner',
    description: 'x',
    model: scriptedModel([say('leaf'), 'inner done']),
    tools: [tool('leaf', save)],
  })
  const turns = [say('inner'), 'done']
  const go = () => run({ plugins: [plugin], tools: [new AgentTool({ agent: inner })], turns }).then(() => 'done')
  await generate(newest, [[{ name: 'go' }]], recordTools({ go: aiTool(go) }, outside)).result
  await Promise.all([plugin.close(), outside.close()])
  expect(families(backend)).toEqual({ go: undefined, inner: 'go', leaf: 'inner', save: 'leaf' })
})

test('an agent inside a tool is governed though an AI SDK tool stands between them', async () => {
  const backend = new ListBackend()
  const evaluator = {
    evaluate: ({ tool }: { tool: string }) => ({ verdict: tool === 'leaf' ? 'deny' : 'allow' }) as const,
  }
  const plugin = new AgentGovernancePlugin({ evaluator, auditBackend: backend, logger: { warn: () => {} } })
  let ran = 0
  const inner = new LlmAgent({
    name: 'inner',
    description: 'x',
    model: scriptedModel([say('leaf'), 'inner done']),
    tools: [tool('leaf', () => ({ ran: ran++ }))],
  })
  const nested = new AgentTool({ agent: inner })
  const context: { toolContext?: object } = {}
  const passOn = aiTool(() => nested.runAsync({ args: { request: 'go' }, toolContext: context.toolContext as never }))
  const tools = recordTools({ between: passOn }, plugin.recorder!)
  const outer = new FunctionTool({
    name: 'outer',
    description: 'x',
    parameters: z.object({}),
    execute: async (_, toolContext) => {
      context.toolContext = toolContext as object
      return { text: (await generate(newest, [[{ name: 'between' }]], tools).result).text }
    },
  })
  await run({ plugins: [plugin], tools: [outer, nested], turns: [say('outer'), 'done'] })
  await plugin.close()
  expect(ran).toBe(0)
  expect(families(backend)).toEqual({ outer: undefined, between: 'outer', inner: 'between', leaf: 'inner' })
})
