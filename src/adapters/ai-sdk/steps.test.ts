import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { recordStep, recordSteps, recordTools } from './index.js'
import { generate, judged, majors, partsOf, setUp, stream } from './testkit.js'

describe.each(majors)('recordStep on $name', major => {
  const { sdk } = major
  const add = sdk.tool({
    inputSchema: z.object({ a: z.number() }),
    execute: async ({ a }: { a: number }) => a + 1,
  })
  const ask = sdk.tool({ inputSchema: z.object({}) })
  const web = {
    type: major.name === 'ai 5' ? 'provider-defined' : 'provider',
    id: 'test.web',
    name: 'web',
    args: {},
    isProviderExecuted: true,
    inputSchema: z.object({}),
  }

  const WRONG = [
    { id: 'a', name: 'add', args: { a: 1 } },
    { id: 'b', name: 'rm -rf', args: { path: '/' } },
    { id: 'c', name: 'add', args: { a: 'one' } },
    { id: 'd', name: 'add', args: '{"a":' },
  ]
  const RECORDED = [
    'add intent:not_evaluated outcome:succeeded/yes',
    '? intent:not_evaluated outcome:not_executed/no',
    'add intent:not_evaluated outcome:not_executed/no',
    'add intent:not_evaluated outcome:not_executed/no',
  ]

  test.each(['generate', 'stream'] as const)(
    'calls of no tool or with wrong arguments are recorded after the fact, once (%s)',
    async way => {
      const { log, recorder } = setUp()
      const tools = recordTools({ add }, recorder)
      const options = { onStepFinish: (step: object) => recordStep(step, recorder, { session: 's' }) }
      if (way === 'generate') await recordSteps(await generate(major, [WRONG], tools, options).result, recorder)
      else {
        const { result } = stream(major, [WRONG], tools, options)
        await partsOf(result)
        await recordSteps(result, recorder)
      }
      const { calls, exceptions, view } = await judged({ log, recorder })
      expect(calls).toEqual(RECORDED)
      expect(exceptions).toEqual(['call.belated'])
      const unknown = view.of('intent')[1]!
      expect(unknown.record).toMatchObject({ belated: true, refs: { call: 'b' } })
      expect(unknown.values).toEqual({ args: { path: '/' }, toolName: 'rm -rf' })
      expect(view.of('outcome').filter(({ record }) => record.executed === 'no' && record.error)).toHaveLength(3)
    },
  )

  test('without it nothing false is recorded of them', async () => {
    const { log, recorder } = setUp()
    await generate(major, [WRONG], recordTools({ add }, recorder)).result
    const { calls, exceptions, report } = await judged({ log, recorder })
    expect(calls).toEqual(RECORDED.slice(0, 1))
    expect(exceptions).toEqual([])
    expect(report.completeness.coverage.unseen).toContain('ai-sdk.invalid-call')
  })

  test('tools that the client or the provider executes are declared, and their calls are seen afterwards', async () => {
    const { log, recorder } = setUp()
    const tools = recordTools({ add, ask, web }, recorder)
    expect(tools.ask).toBe(ask)
    const turn = [
      { id: 'a', name: 'ask' },
      { id: 'w', name: 'web', provider: { result: { hits: 3 } } },
    ]
    await recordSteps(await generate(major, [turn], tools).result, recorder)
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual([
      'ask intent:not_evaluated outcome:pending/unknown',
      'web intent:not_evaluated outcome:succeeded/yes',
    ])
    expect(exceptions).toEqual(['call.belated', 'call.pending-at-end', 'call.unmediated'])
    expect(view.of('intent')[1]!.record.tool.kind).toBe('provider')
    expect(view.of('outcome')[1]!.values).toEqual({ output: { hits: 3 } })
    const covered = view.of('coverage').flatMap(({ record }) => record.tools ?? [])
    expect(covered.map(({ name, wrapped }) => [name, wrapped])).toEqual([
      ['add', 'yes'],
      ['ask', 'no'],
      ['web', 'no'],
    ])
  })

  test('a tool that went round us is seen by its result', async () => {
    const { log, recorder } = setUp()
    const raw = sdk.tool({ inputSchema: z.object({}), execute: () => 'nobody saw me' })
    const boom = sdk.tool({
      inputSchema: z.object({}),
      execute: () => {
        throw new Error('nor me')
      },
    })
    const turn = [
      { id: 'a', name: 'raw' },
      { id: 'b', name: 'boom' },
    ]
    await recordSteps(await generate(major, [turn], { raw, boom }).result, recorder)
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual([
      '? intent:not_evaluated outcome:succeeded/yes',
      '? intent:not_evaluated outcome:failed/unknown',
    ])
    expect(view.of('intent').map(({ values }) => values['toolName'])).toEqual(['raw', 'boom'])
    expect(exceptions).toEqual(['call.belated', 'call.unmediated'])
  })
})

describe('recordStep', () => {
  const call = (more: object) => ({ type: 'tool-call', toolCallId: 'a', toolName: 'add', input: {}, ...more })
  const add = { execute: () => 1 }

  test('sees a call that the SDK has left out, as it does when an answer was cut off', async () => {
    const { log, recorder } = setUp()
    recordTools({ add }, recorder)
    await recordStep({ content: [call({})] }, recorder)
    expect((await judged({ log, recorder })).calls).toEqual(['add intent:not_evaluated outcome:not_executed/no'])
  })

  test('goes by the result of what a provider ran, also when the SDK knows no such tool', async () => {
    const { log, recorder } = setUp()
    const known = { toolCallId: 'a', toolName: 'web', providerExecuted: true }
    const content = [call({ ...known, invalid: true }), { type: 'tool-result', output: 1, ...known }]
    await recordStep({ content }, recorder)
    expect((await judged({ log, recorder })).calls).toEqual(['? intent:not_evaluated outcome:succeeded/yes'])
  })

  test('gives each of two calls with one id its own answer', async () => {
    const { log, recorder } = setUp()
    const end = { toolCallId: 'a', toolName: 'web' }
    const content = [
      call({ toolName: 'web' }),
      call({ toolName: 'web' }),
      { type: 'tool-error', error: 'x', ...end },
      { type: 'tool-result', output: 1, ...end },
    ]
    await recordStep({ content }, recorder)
    expect((await judged({ log, recorder })).calls).toEqual([
      '? intent:not_evaluated outcome:failed/unknown',
      '? intent:not_evaluated outcome:succeeded/yes',
    ])
  })

  test('of a run that has failed there are no steps, and that is not its business', async () => {
    const { recorder } = setUp()
    await recordSteps({ steps: Promise.reject(new Error('aborted')) }, recorder)
    await recorder.close()
  })

  test('takes anything for a step', async () => {
    const { log, recorder } = setUp()
    const hostile = {
      get content(): never {
        throw new Error('no')
      },
    }
    for (const step of [{}, { content: 'text' }, { content: [null, 7, { type: 3 }] }, hostile])
      await recordStep(step, recorder)
    await recordStep({ content: [{ type: 'tool-call' }, { type: 'tool-call', toolName: '__proto__' }] }, recorder)
    const { calls, view } = await judged({ log, recorder })
    expect(calls).toHaveLength(2)
    expect(view.of('intent').map(({ values }) => values['toolName'])).toEqual(['', '__proto__'])
  })

  test('counts what it cannot record, and does not reject', async () => {
    const { log, recorder } = setUp()
    log.isDown = true
    await recordStep({ content: [call({ invalid: true })] }, recorder)
    log.isDown = false
    const { view, report } = await judged({ log, recorder })
    // The recorder kept what it could: either the records are there, or a loss says that they are not.
    expect(view.of('intent').length + report.completeness.losses.counted).toBeGreaterThan(0)
  })
})
