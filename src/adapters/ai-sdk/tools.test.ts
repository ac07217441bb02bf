import * as ai5 from 'ai5'
import * as ai6 from 'ai6'
import * as ai7 from 'ai7'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { recordTools, type ToolCallOptions } from './index.js'
import { judged, setUp } from './testkit.js'

const call: ToolCallOptions = { toolCallId: 'c', messages: [] }
const run = (tool: object, input: unknown = {}, options = call) =>
  (tool as { execute(input: unknown, call: ToolCallOptions): Promise<unknown> }).execute(input, options)

test('tools keep their types in every version', async () => {
  const { recorder } = setUp()
  const five = recordTools(
    { add: ai5.tool({ inputSchema: z.object({ a: z.number() }), execute: ({ a }) => a + 1 }) },
    recorder,
  )
  const six = recordTools(
    { add: ai6.tool({ inputSchema: z.object({ a: z.number() }), execute: async ({ a }) => a + 1 }) },
    recorder,
  )
  const seven = recordTools(
    { add: ai7.tool({ inputSchema: z.object({ a: z.number() }), execute: async ({ a }) => a + 1 }) },
    recorder,
  )
  // What the SDKs take, and what they make of it: these lines are for the type checker.
  const taken: [ai5.ToolSet, ai6.ToolSet, ai7.ToolSet] = [five, six, seven]
  const input: [ai5.InferToolInput<typeof five.add>, ai6.InferToolInput<typeof six.add>] = [{ a: 1 }, { a: 1 }]
  expect(taken.map(tools => Object.keys(tools))).toEqual([['add'], ['add'], ['add']])
  expect(input).toHaveLength(2)
  await recorder.close()
})

test('everything of a tool goes along, hidden, frozen, inherited or under a symbol, and its `this` is its own', async () => {
  const { log, recorder } = setUp()
  const mark = Symbol('mark')
  class Counter {
    #count = 0
    readonly description = 'Counts.'
    get title() {
      return 'Counter'
    }
    execute() {
      return ++this.#count
    }
  }
  const hidden = Object.defineProperty({ execute: () => 1, [mark]: 'seen' }, 'experimental_toolCaller', { value: 7 })
  const counter = new Counter()
  const frozen = Object.freeze({ execute: () => 'ice' })
  const tools = recordTools({ hidden, counter, frozen }, recorder)
  expect(tools.hidden[mark]).toBe('seen')
  expect((tools.hidden as { experimental_toolCaller?: number }).experimental_toolCaller).toBe(7)
  expect(Object.keys(tools.hidden)).toEqual(['execute'])
  expect(tools.counter.title).toBe('Counter')
  expect(tools.counter).toBeInstanceOf(Counter)
  expect(await run(tools.counter)).toBe(1)
  expect(await run(tools.frozen)).toBe('ice')
  // The given tools are as they were.
  expect(counter.execute()).toBe(2)
  expect((await judged({ log, recorder })).calls).toHaveLength(2)
})

test('any name is a name', async () => {
  const { log, recorder } = setUp()
  const names = ['__proto__', 'constructor', 'a b\n', '\ud800', 'x'.repeat(300)]
  const tools = recordTools(Object.fromEntries(names.map(name => [name, { execute: () => name }])), recorder)
  expect(Object.keys(tools)).toEqual(names)
  for (const name of names) expect(await run(Object.getOwnPropertyDescriptor(tools, name)!.value)).toBe(name)
  const { exceptions, view } = await judged({ log, recorder })
  expect(view.of('intent').map(({ record }) => record.tool.name)).toEqual(['__proto__', 'constructor', '?', '?', '?'])
  expect(exceptions).toEqual([])
})

test('making tools touches no log', async () => {
  const { log, recorder } = setUp()
  recordTools({ add: { execute: () => 1 } }, recorder)
  await recorder.flush()
  expect(log.entries).toEqual([])
  await recorder.close()
})

test('a tool that is recorded already is refused', async () => {
  const { recorder } = setUp()
  const tools = recordTools({ add: { execute: () => 1 } }, recorder)
  expect(() => recordTools(tools, recorder)).toThrow('"add" is recorded already')
  await recorder.close()
})

test('the definition is what the model is told, where that is to be had', async () => {
  const { log, recorder } = setUp()
  const schema = { type: 'object', properties: { a: { type: 'number' } } } as const
  const inputSchema = ai7.jsonSchema<{ a: number }>(schema)
  const tools = recordTools(
    {
      json: ai7.tool({ description: 'J', inputSchema, execute: () => 1 }),
      zod: { description: 'Z', inputSchema: z.object({ a: z.number() }), execute: () => 1 },
      promised: { inputSchema: { jsonSchema: Promise.resolve(schema) }, execute: () => 1 },
      unsayable: { inputSchema: z.object({ a: z.custom<Map<string, string>>() }).transform(() => 1), execute: () => 1 },
      none: { execute: () => 1 },
    },
    recorder,
  )
  for (const tool of Object.values(tools)) await run(tool)
  const digests = Object.fromEntries(
    (await judged({ log, recorder })).view
      .of('coverage')
      .flatMap(({ record }) => record.tools ?? [])
      .map(({ name, digest }) => [name, digest]),
  )
  const json = recorder.definitionDigest({ name: 'json', description: 'J', inputSchema: schema })
  expect(digests).toMatchObject({ json, zod: expect.any(String) })
  expect([digests['promised'], digests['unsayable'], digests['none']]).toEqual([undefined, undefined, undefined])
})

test('session and principal may depend on the call, and one that throws keeps the tool from running', async () => {
  const { log, recorder } = setUp()
  let ran = 0
  const options = {
    session: ({ context }: ToolCallOptions) => (context as { id: string }).id,
    principal: ({ context }: ToolCallOptions) => ({ user: (context as { id: string }).id }),
  }
  const tools = recordTools({ add: { execute: () => ++ran } }, recorder, options)
  for (const id of ['one', 'two', 'one']) await run(tools.add, {}, { ...call, context: { id } })
  await expect(run(tools.add)).rejects.toMatchObject({
    code: 'call.unrecorded',
    refusal: { error: 'audit_unavailable' },
  })
  expect(ran).toBe(3)
  const { view, report } = await judged({ log, recorder })
  expect(view.of('intent').map(({ record }) => record.session?.n)).toEqual([0, 0, 1])
  expect(view.of('intent')[1]!.values['principal']).toEqual({ user: 'two' })
  expect(report.completeness.sessions).toMatchObject({ total: 2, gaps: 0 })
})

test('an id or an agent that is no id or name is not written out', async () => {
  const { log, recorder } = setUp()
  const tools = recordTools({ add: { execute: () => 1 } }, recorder, { agent: 'Ann Miller, 4 Elm Street' })
  await run(tools.add, {}, { ...call, toolCallId: 'please pay ann' })
  expect((await judged({ log, recorder })).view.of('intent')[0]!.record.refs).toBeUndefined()
})

test('after the end of the records no tool runs', async () => {
  const { recorder } = setUp()
  let ran = 0
  const tools = recordTools({ add: { execute: () => ++ran } }, recorder)
  await recorder.close()
  await expect(run(tools.add)).rejects.toMatchObject({ refusal: { error: 'audit_unavailable' } })
  expect(ran).toBe(0)
})
