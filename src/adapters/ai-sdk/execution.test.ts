import { existsSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ApprovalAnswer, Approver, Decision } from '../../govern/evaluator.js'
import { deferred } from '../../recorder/testkit.js'
import { recordTools, ToolRefusedError } from './index.js'
import { generate, judged, majors, partsOf, setUp, stream } from './testkit.js'

const says = (decision: Decision) => ({ evaluator: { evaluate: () => decision } })
const answers = (answer: ApprovalAnswer | Error): Approver => ({
  ask: async () => {
    if (answer instanceof Error) throw answer
    return answer
  },
})
const refusalShown = (shown: { value: unknown }[]) => shown.map(({ value }) => JSON.parse(String(value)))

describe.each(majors)('recordTools on $name', major => {
  const { sdk } = major
  const noInput = z.object({})
  const tool = (execute: (...given: never[]) => unknown, more: object = {}) =>
    sdk.tool({ description: 'Does it.', inputSchema: noInput, execute, ...more })

  test('a call is an intent before its tool runs and an outcome after, over the arguments that the tool got', async () => {
    const { log, recorder, errors } = setUp()
    let before: string[] = []
    const add = sdk.tool({
      description: 'Adds.',
      inputSchema: z.object({ a: z.number(), b: z.number().default(7) }),
      execute: async ({ a, b }: { a: number; b: number }) => {
        before = log.view.calls()
        return a + b
      },
    })
    const tools = recordTools({ add }, recorder, { session: 's-1', principal: 'ann', agent: 'adder' })
    const run = generate(major, [[{ id: 'c1', name: 'add', args: { a: 1 } }], 'eight'], tools)
    expect((await run.result).text).toBe('eight')
    expect(run.shown()).toEqual([{ type: 'json', value: 8 }])
    expect(before).toEqual(['add intent:not_evaluated'])
    const { calls, exceptions, view, report } = await judged({ log, recorder })
    expect(calls).toEqual(['add intent:not_evaluated outcome:succeeded/yes'])
    expect(exceptions).toEqual([])
    expect(report.exitCode).toBe(0)
    const [intent] = view.of('intent')
    expect(intent!.values).toEqual({ args: { a: 1, b: 7 }, principal: 'ann' })
    expect(intent!.record.refs).toEqual({ call: 'c1', agent: 'adder' })
    expect(intent!.record.session?.n).toBe(0)
    expect(intent!.record.tool).toMatchObject({ name: 'add', kind: 'function', digest: expect.any(String) })
    const [outcome] = view.of('outcome')
    expect(outcome!.values).toEqual({ output: 8 })
    expect(outcome!.record.args).toBeUndefined()
    expect(outcome!.record.durationUs).toBeGreaterThanOrEqual(0)
    expect(view.of('coverage')[0]!.record.tools).toEqual([
      { name: 'add', wrapped: 'yes', digest: intent!.record.tool.digest },
    ])
    expect(errors).toEqual([])
  })

  test('whatever a tool throws is recorded, shown to the model, and does not end the run', async () => {
    const thrown: unknown[] = [new RangeError('too much'), 'a string', undefined, { code: 7 }]
    const { log, recorder } = setUp()
    const boom = tool(() => {
      throw thrown[calls++]
    })
    let calls = 0
    const turns = thrown.map(() => [{ name: 'boom' }])
    const run = generate(major, turns, recordTools({ boom }, recorder))
    expect((await run.result).text).toBe('done')
    expect(run.shown().map(({ type }) => type)).toEqual(thrown.map(() => 'error-text'))
    const { calls: recorded, exceptions, view } = await judged({ log, recorder })
    expect(recorded).toEqual(thrown.map(() => 'boom intent:not_evaluated outcome:failed/yes'))
    expect(exceptions).toEqual([])
    expect(view.of('outcome').map(({ record, values }) => [record.error?.name, values['error.message']])).toEqual([
      ['RangeError', 'too much'],
      [undefined, 'a string'],
      [undefined, { $undefined: true }],
      [undefined, { code: 7 }],
    ])
  })

  test('calls of one step run side by side, and each has its own records', async () => {
    const { log, recorder } = setUp()
    const all = deferred()
    let inside = 0
    const meet = tool(async () => {
      if (++inside === 3) all.resolve()
      await all.promise
      return inside
    })
    const turns = [['x', 'y', 'z'].map(id => ({ id, name: 'meet' }))]
    await generate(major, turns, recordTools({ meet }, recorder)).result
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(Array(3).fill('meet intent:not_evaluated outcome:succeeded/yes'))
    expect(exceptions).toEqual([])
  })

  test('a call id that comes again is another call', async () => {
    const { log, recorder } = setUp()
    const tools = recordTools({ again: tool(() => 'ok') }, recorder)
    const turns = [[{ name: 'again' }, { name: 'again' }], [{ name: 'again' }]]
    await generate(major, turns, tools).result
    await generate(major, turns, tools).result
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toHaveLength(6)
    expect(new Set(view.of('intent').map(({ record }) => record.call)).size).toBe(6)
    expect(exceptions).toEqual([])
  })

  test('a hundred concurrent calls, counted by the tools themselves, are the calls recorded', async () => {
    const { log, recorder } = setUp()
    const ran = { one: 0, pieces: 0, boom: 0 }
    const tools = recordTools(
      {
        one: tool(async () => ++ran.one),
        pieces: tool(async function* () {
          yield 'first'
          yield ++ran.pieces
        }),
        boom: tool(async () => {
          throw new Error(`boom ${++ran.boom}`)
        }),
      },
      recorder,
    )
    const names = Object.keys(ran)
    const calls = (from: number) =>
      Array.from({ length: 10 }, (_, i) => ({ id: `c${from + i}`, name: names[(from + i) % 3]! }))
    await Promise.all(Array.from({ length: 10 }, (_, i) => generate(major, [calls(i * 10)], tools).result))
    const judgement = await judged({ log, recorder })
    expect(ran.one + ran.pieces + ran.boom).toBe(100)
    expect(judgement.report.conduct).toMatchObject({ calls: 100, byTool: ran })
    expect(judgement.report.conduct.byStatus).toEqual({ succeeded: ran.one + ran.pieces, failed: ran.boom })
    expect(judgement.exceptions).toEqual([])
  })

  test('a call that the rules deny does not run, and the model reads the refusal', async () => {
    const { log, recorder } = setUp(says({ verdict: 'deny', policy: 'p', rule: 'no-pay', reason: 'Not today.' }))
    let ran = 0
    const errors: unknown[] = []
    const run = generate(major, [[{ name: 'pay' }], 'sorry'], recordTools({ pay: tool(() => ++ran) }, recorder))
    const result = await run.result
    for (const part of result.steps[0]!.content) if (part.type === 'tool-error') errors.push(part['error'])
    expect(result.text).toBe('sorry')
    expect(ran).toBe(0)
    expect(refusalShown(run.shown())).toEqual([
      { error: 'policy_denied', reason: 'Not today.', matched_rule: 'no-pay' },
    ])
    expect(errors).toMatchObject([{ code: 'call.denied', refusal: { matched_rule: 'no-pay' } }])
    expect(errors[0]).toBeInstanceOf(ToolRefusedError)
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['pay intent:deny'])
    expect(exceptions).toEqual([])
  })

  test('rules that fail deny', async () => {
    const { log, recorder } = setUp({
      evaluator: {
        evaluate() {
          throw new Error('broken')
        },
      },
    })
    const run = generate(major, [[{ name: 'pay' }]], recordTools({ pay: tool(() => 'paid') }, recorder))
    await run.result
    expect(refusalShown(run.shown())).toMatchObject([{ error: 'policy_error' }])
    expect((await judged({ log, recorder })).calls).toEqual(['pay intent:deny'])
  })

  test('a call under review runs when it is approved, and otherwise does not', async () => {
    const by = { by: 'boss', channel: 'test' }
    for (const [approver, ran, calls] of [
      [answers({ approved: true, ...by }), 1, 'pay intent:review review:approved outcome:succeeded/yes'],
      [answers({ approved: false, ...by }), 0, 'pay intent:review review:rejected'],
      [answers(new Error('away')), 0, 'pay intent:review outcome:not_executed/no'],
      [undefined, 0, 'pay intent:review outcome:not_executed/no'],
    ] as const) {
      const { log, recorder } = setUp({ ...says({ verdict: 'review', rule: 'ask' }), ...(approver && { approver }) })
      let count = 0
      const run = generate(major, [[{ name: 'pay' }]], recordTools({ pay: tool(() => ++count) }, recorder))
      await run.result
      expect(count).toBe(ran)
      if (!ran) expect(refusalShown(run.shown())).toMatchObject([{ error: 'policy_denied', matched_rule: 'ask' }])
      const judgement = await judged({ log, recorder })
      expect(judgement.calls).toEqual([calls])
      expect(judgement.exceptions).toEqual([])
    }
  })

  test('a recorder that is down keeps the tool from running; one that is up does not', async () => {
    for (const isDown of [true, false]) {
      const { log, recorder } = setUp()
      const proof = `${log.dir}.ran`
      const pay = tool(() => {
        writeFileSync(proof, 'the money is gone')
        return 'paid'
      })
      log.isDown = isDown
      const run = generate(major, [[{ name: 'pay' }], 'well'], recordTools({ pay }, recorder))
      expect((await run.result).text).toBe('well')
      expect(existsSync(proof)).toBe(!isDown)
      if (isDown) {
        expect(refusalShown(run.shown())).toMatchObject([{ error: 'audit_unavailable', matched_rule: null }])
        log.isDown = false
        await recorder.close().catch(() => {})
      } else {
        expect(run.shown()).toEqual([{ type: 'text', value: 'paid' }])
        await recorder.close()
      }
    }
  })

  test('a result that cannot be recorded is not lost, and the next call is refused', async () => {
    const { log, recorder } = setUp()
    let ran = 0
    const pay = tool(() => {
      log.isDown = true
      return `paid ${++ran}`
    })
    const tools = recordTools({ pay }, recorder)
    const run = generate(major, [[{ id: 'a', name: 'pay' }], [{ id: 'b', name: 'pay' }]], tools)
    await run.result
    const [first, second] = run.shown()
    expect(first).toEqual({ type: 'text', value: 'paid 1' })
    expect(JSON.parse(String(second!.value))).toMatchObject({ error: 'audit_unavailable' })
    expect(ran).toBe(1)
    log.isDown = false
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['pay intent:not_evaluated outcome:succeeded/yes'])
    expect(exceptions).toEqual([])
  })

  test('a tool that gives its output in pieces is still seen piece by piece, and its last one is the output', async () => {
    const { log, recorder } = setUp()
    const count = tool(async function* () {
      yield { n: 1 }
      yield { n: 2 }
    })
    const streamed = stream(major, [[{ name: 'count' }]], recordTools({ count }, recorder))
    const results = (await partsOf(streamed.result)).filter(({ type }) => type === 'tool-result')
    expect(results.map(({ output, preliminary }) => [output, preliminary === true])).toEqual([
      [{ n: 1 }, true],
      [{ n: 2 }, true],
      [{ n: 2 }, false],
    ])
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual(['count intent:not_evaluated outcome:succeeded/yes'])
    expect(view.of('outcome')[0]!.values).toEqual({ output: { n: 2 } })
    expect(exceptions).toEqual([])
  })

  test('a plain function that returns pieces gives the last one, or all where it is said to be streaming', async () => {
    const { log, recorder } = setUp()
    async function* pieces() {
      yield 1
      yield 2
    }
    const make = () => tool(() => pieces())
    const tools = {
      ...recordTools({ quiet: make() }, recorder),
      ...recordTools({ loud: make(), single: tool(async () => 3) }, recorder, { streaming: ['loud', 'single'] }),
    }
    for (const [name, outputs] of [
      ['quiet', [2]],
      ['loud', [1, 2, 2]],
      ['single', [3, 3]],
    ] as const) {
      const parts = await partsOf(stream(major, [[{ name }]], tools).result)
      expect(parts.filter(({ type }) => type === 'tool-result').map(({ output }) => output)).toEqual(outputs)
    }
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual(['quiet', 'loud', 'single'].map(name => `${name} intent:not_evaluated outcome:succeeded/yes`))
    expect(view.of('outcome').map(({ values }) => values['output'])).toEqual([2, 2, 3])
    expect(exceptions).toEqual([])
  })

  test('pieces that end in a throw are a failure', async () => {
    const { log, recorder } = setUp()
    const count = tool(async function* () {
      yield 1
      throw new Error('no more')
    })
    const run = generate(major, [[{ name: 'count' }]], recordTools({ count }, recorder))
    await run.result
    expect(run.shown()[0]!.type).toBe('error-text')
    expect((await judged({ log, recorder })).calls).toEqual(['count intent:not_evaluated outcome:failed/yes'])
  })

  test('calls of a model that a tool has asked are the children of that call', async () => {
    const { log, recorder } = setUp()
    const inner = recordTools({ leaf: tool(async () => 'leaf') }, recorder)
    const ask = async () => (await generate(major, [[{ name: 'leaf' }], 'inner done'], inner).result).text
    const askInPieces = async function* () {
      yield 'wait'
      yield await ask()
    }
    const outer = { ...recordTools({ ask: tool(ask), askInPieces: tool(askInPieces) }, recorder), ...inner }
    await generate(major, [[{ name: 'ask' }], [{ name: 'askInPieces' }], [{ name: 'leaf' }]], outer).result
    const { exceptions, view } = await judged({ log, recorder })
    const nameOf = (leaf: string | undefined) => view.of('intent').find(row => row.leaf === leaf)?.record.tool.name
    expect(view.of('intent').map(({ record }) => [record.tool.name, nameOf(record.parent)])).toEqual([
      ['ask', undefined],
      ['leaf', 'ask'],
      ['askInPieces', undefined],
      ['leaf', 'askInPieces'],
      ['leaf', undefined],
    ])
    expect(exceptions).toEqual([])
  })

  test('a result that says itself that it is an error is recorded as one', async () => {
    const { log, recorder } = setUp()
    const mcp = tool(() => ({ isError: true, content: [{ type: 'text', text: 'no such file' }] }))
    await generate(major, [[{ name: 'mcp' }]], recordTools({ mcp }, recorder)).result
    expect((await judged({ log, recorder })).calls).toEqual(['mcp intent:not_evaluated outcome:reported_error/yes'])
  })

  test('other arguments than those decided on are evidence; what the tool does to its own is not', async () => {
    const { log, recorder } = setUp({
      evaluator: {
        evaluate({ args }) {
          if ((args as { change: boolean }).change) Object.assign(args as object, { to: 'mallory' })
          return { verdict: 'allow' }
        },
      },
    })
    const send = sdk.tool({
      inputSchema: z.object({ to: z.string(), change: z.boolean() }),
      execute: (input: { to: string }) => {
        input.to = 'used up'
        return 'sent'
      },
    })
    const tools = recordTools({ send }, recorder)
    await generate(major, [[{ name: 'send', args: { to: 'ann', change: false } }]], tools).result
    await generate(major, [[{ name: 'send', args: { to: 'ann', change: true } }]], tools).result
    const { exceptions, view } = await judged({ log, recorder })
    expect(exceptions).toEqual(['call.other-arguments'])
    expect(view.of('outcome').map(({ values }) => values['args'])).toEqual([undefined, { to: 'mallory', change: true }])
  })
})
