import { FunctionTool, InMemoryRunner, isBaseLlm, LlmAgent, LogLevel, setLogLevel } from '@google/adk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { type ScriptedTurn, scriptedModel } from './index.js'

setLogLevel(LogLevel.ERROR)

const call: ScriptedTurn = { text: 'Adding.', calls: [{ name: 'add', args: { a: 2, b: 3 }, id: 'call-1' }] }

async function texts(turns: readonly ScriptedTurn[]) {
  const model = scriptedModel(turns)
  const add = new FunctionTool({
    name: 'add',
    description: 'Adds.',
    parameters: z.object({ a: z.number(), b: z.number() }),
    execute: async ({ a, b }) => ({ sum: a + b }),
  })
  const agent = new LlmAgent({ name: 'sums', model, tools: [add] })
  const runner = new InMemoryRunner({ agent, appName: 'sums' })
  const said: string[] = []
  for await (const event of runner.runEphemeral({
    userId: 'ann',
    newMessage: { role: 'user', parts: [{ text: 'go' }] },
  }))
    for (const part of event.content?.parts ?? []) if (part.text) said.push(part.text)
  return { said, model }
}

test('plays text, calls and answers in order, and remembers what it was asked', async () => {
  const { said, model } = await texts([
    call,
    request => `It is ${JSON.stringify(request.contents.at(-1)?.parts?.[0]?.functionResponse?.response)}.`,
  ])
  expect(said).toEqual(['Adding.', 'It is {"sum":5}.'])
  expect(model.requests).toHaveLength(2)
})

test('comes to an end when its script has', async () => {
  expect((await texts([call])).said).toEqual(['Adding.', '(end of script)'])
})

test('is a model to ADK, and has no live connection', async () => {
  const model = scriptedModel([])
  expect(isBaseLlm(model)).toBe(true)
  await expect(model.connect({} as never)).rejects.toThrow(/live/)
})
