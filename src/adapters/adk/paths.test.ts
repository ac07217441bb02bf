import { AgentTool, BasePlugin, FunctionTool, LlmAgent } from '@google/adk'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { scriptedModel } from '../../testing/index.js'
import { AnnouncedCalls, type Turn } from './announced.js'
import { AuditTrailPlugin, type RecordingOptions } from './index.js'
import { ListBackend, run } from './testkit.js'

/*
 * What only events tell of, and what the model is shown. `test/matrix/adk` holds one row per path of a call on a log on
 * disk; here is what is quicker to see without one.
 */

function trail(options: Partial<RecordingOptions> = {}) {
  const backend = new ListBackend()
  const errors: Error[] = []
  const plugin = new AuditTrailPlugin({ auditBackend: backend, onError: error => errors.push(error), ...options })
  return { plugin, backend, errors }
}

const tool = (name: string, execute: () => unknown = () => ({ ok: name })) =>
  new FunctionTool({ name, description: `Does ${name}.`, parameters: z.object({}), execute: async () => execute() })

const calls = (...names: string[]) => ({ calls: names.map(name => ({ name })) })

/** Somebody else's plugin. */
class Other extends BasePlugin {
  constructor(callbacks: object) {
    super('other')
    Object.assign(this, callbacks)
  }
}

const other = (callbacks: object) => new Other(callbacks)

describe('calls that no callback tells of', () => {
  test('of tools that are not there are recorded before anything is run', async () => {
    const { plugin, backend, errors } = trail()
    await run({ plugins: [plugin], tools: [tool('x')], turns: [calls('x', 'nowhere', 'x'), 'done'] })
    await plugin.close()
    expect(backend.log.calls()).toEqual([
      '? intent:not_evaluated outcome:not_executed/no',
      'x intent:not_evaluated outcome:succeeded/yes',
      'x intent:not_evaluated outcome:not_executed/no',
    ])
    expect(backend.log.of('intent')[0]!.values['toolName']).toBe('nowhere')
    expect(errors).toEqual([])
  })

  test('are waited for in the turn they were made in, and taken once, also when ids repeat', () => {
    const announced = new AnnouncedCalls()
    const turn = (branch: string): Turn => ({ invocation: 'i', branch, agent: 'a', invocationContext: {} })
    const content = (n: number) => ({ parts: [{ functionCall: { name: 'x', id: 'same', args: { n } } }] })
    for (const [branch, n] of [
      ['left', 1],
      ['right', 2],
      ['left', 3],
    ] as const)
      for (const call of announced.read(turn(branch), content(n))) announced.add(call)
    expect(announced.take(turn('right'), 'x', 'same')).toBe(true)
    expect(announced.take(turn('right'), 'x', 'same')).toBe(false)
    expect(announced.take(turn('left'), 'y', 'same')).toBe(false)
    expect(announced.leftOf(turn('left')).map(call => call.args)).toEqual([{ n: 1 }, { n: 3 }])
    expect(announced.leftOfRun('i')).toEqual([])
  })

  test('of ADK itself, and names that every object has, are not taken for missing tools', () => {
    const announced = new AnnouncedCalls()
    const turn: Turn = { invocation: 'i', branch: undefined, agent: 'a', invocationContext: {} }
    announced.offer(turn, { x: {} })
    const read = (name: unknown) => announced.read(turn, { parts: [{ functionCall: { name } }] })
    expect(read('adk_request_confirmation')).toEqual([])
    expect(read('constructor')).toEqual([])
    expect(read('__proto__')).toEqual([])
    expect(read(5)).toEqual([])
    expect(read('x')).toMatchObject([{ registered: true }])
    expect(read('y')).toMatchObject([{ registered: false }])
  })

  test('from whatever events and messages there may be do no harm', async () => {
    const { plugin, errors } = trail()
    for (const bad of [
      null,
      undefined,
      5,
      'x',
      {},
      { content: { parts: [null, 5, { functionCall: 5 }] } },
    ] as never[]) {
      expect(await plugin.onEventCallback({ invocationContext: bad, event: bad })).toBeUndefined()
      expect(await plugin.beforeModelCallback({ callbackContext: bad, llmRequest: bad })).toBeUndefined()
      expect(await plugin.afterModelCallback({ callbackContext: bad, llmResponse: bad })).toBeUndefined()
      expect(await plugin.beforeAgentCallback({ agent: bad })).toBeUndefined()
    }
    expect(errors).toEqual([])
  })

  test('of a client are pending until it answers, once per call', async () => {
    const { plugin, backend } = trail()
    const { runner, session, go } = await run({
      plugins: [plugin],
      tools: [tool('x')],
      turns: ['hello', calls('x'), 'done'],
    })
    const ids: string[] = []
    for await (const event of runner.runAsync({
      userId: 'ann',
      sessionId: session.id,
      newMessage: { role: 'user', parts: [{ text: 'go' }] },
      runConfig: { pauseOnToolCalls: true },
    }))
      for (const part of event.content?.parts ?? []) if (part.functionCall) ids.push(part.functionCall.id!)
    const [id] = ids
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:pending/unknown'])
    const answer = { functionResponse: { id, name: 'x', response: { n: 1 } } }
    await go([answer])
    await go([answer]).catch(() => {})
    await plugin.close()
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:pending/unknown outcome:succeeded/yes late'])
    expect(backend.log.of('intent')[0]!.record.unmediated).toBe(true)
  })
})

describe('what the model is shown', () => {
  const shown = (backend: ListBackend) => backend.log.of('outcome').map(row => row.values['visible'])

  test('is not repeated where nobody changed it', async () => {
    const { plugin, backend } = trail()
    const tools = [tool('x', () => [1]), tool('y', () => 5), tool('z', () => undefined)]
    await run({ plugins: [plugin, other({})], tools, turns: [calls('x', 'y', 'z'), 'done'] })
    expect(shown(backend)).toEqual([undefined, undefined, undefined])
  })

  test('is what the last of all callbacks made of it', async () => {
    const { plugin, backend } = trail()
    const agent = new LlmAgent({
      name: 'shop',
      model: scriptedModel([calls('x'), 'done']),
      tools: [tool('x')],
      afterToolCallback: [
        async ({ response }) => {
          ;(response as { ok: string }).ok = 'changed in place'
          return undefined
        },
      ],
    })
    const { first } = await run({ plugins: [plugin, other({})], agent })
    expect(first.responses[0]!.response).toEqual({ ok: 'changed in place' })
    expect(shown(backend)).toEqual([{ ok: 'changed in place' }])
    expect(backend.log.of('outcome')[0]!.values['output']).toEqual({ ok: 'x' })
  })

  test('is an error where an error stands, whatever a callback answers', async () => {
    const { plugin, backend } = trail()
    const failing = tool('x', () => {
      throw new Error('boom')
    })
    const late = other({ afterToolCallback: async () => ({ fine: true }) })
    const { first } = await run({ plugins: [plugin, late], tools: [failing], turns: [calls('x'), 'done'] })
    expect(first.responses[0]!.response).toEqual({ error: "Error in tool 'x': boom" })
    expect(shown(backend)).toEqual([undefined])
  })

  test('is not known when a callback throws, and the outcome is there all the same', async () => {
    const { plugin, backend } = trail()
    const agent = new LlmAgent({
      name: 'shop',
      model: scriptedModel([calls('x'), 'done']),
      tools: [tool('x')],
      afterToolCallback: () => {
        throw new Error('of the agent')
      },
    })
    await run({ plugins: [plugin], agent })
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:succeeded/yes'])
  })

  test('is not waited for where the tool is run by something else than ADK', async () => {
    const { plugin, backend } = trail()
    const inner = tool('inner')
    const outer = new FunctionTool({
      name: 'outer',
      description: 'Runs another tool.',
      parameters: z.object({}),
      execute: async (_, toolContext) => inner.runAsync({ args: {}, toolContext: toolContext! }),
    })
    await run({ plugins: [plugin, other({})], tools: [outer, inner], turns: [calls('outer'), 'done'] })
    expect(backend.log.calls()).toEqual([
      'outer intent:not_evaluated outcome:succeeded/yes',
      'inner intent:not_evaluated outcome:succeeded/yes',
    ])
    const [first, second] = backend.log.of('intent')
    expect(second!.record.parent).toBe(first!.leaf)
  })
})

describe('options', () => {
  const nested = () =>
    new AgentTool({
      agent: new LlmAgent({
        name: 'inner',
        description: 'x',
        model: scriptedModel([calls('x'), 'inner done']),
        tools: [tool('x')],
      }),
    })

  test('refuse agents inside tools, and say so in the record', async () => {
    const { plugin, backend } = trail({ agentTools: 'refuse' })
    const { first } = await run({ plugins: [plugin], tools: [nested()], turns: [calls('inner'), 'done'] })
    expect(first.responses[0]!.response).toMatchObject({ error: 'policy_denied' })
    expect(backend.log.calls()).toEqual(['inner intent:deny'])
  })

  test('refuse to be second', async () => {
    const { plugin } = trail({ whenNotFirst: 'refuse' })
    await expect(run({ plugins: [other({}), plugin], tools: [tool('x')], turns: [calls('x')] })).rejects.toThrow(
      /not the first/,
    )
  })

  test('with other words are refused', () => {
    expect(() => trail({ agentTools: 'ignore' as never })).toThrow(TypeError)
    expect(() => trail({ whenNotFirst: 'never' as never })).toThrow(TypeError)
  })
})
