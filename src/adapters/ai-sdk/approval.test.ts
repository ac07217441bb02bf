import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Recorder } from '../../recorder/recorder.js'
import { recordDeclined, recordStep, recordTools } from './index.js'
import { generate, judged, type Major, majors, partsOf, setUp, stream } from './testkit.js'

interface Message {
  readonly role: string
  readonly content: unknown
}

const PAY = { id: 'c1', name: 'pay', args: { to: 'ann' } }

/** A run that ends with the question whether `pay` may run. */
async function ask(major: Major, recorder: Recorder, tools: object) {
  const start: Message[] = [{ role: 'user', content: 'go' }]
  const { result } = generate(major, [[PAY]], tools, {
    prompt: undefined,
    messages: start,
    onStepFinish: (step: object) => recordStep(step, recorder),
  })
  const { steps, response } = await result
  const request = steps[0]!.content.find(({ type }) => type === 'tool-approval-request')!
  const answered = (approved: boolean) => [
    ...start,
    ...response.messages,
    {
      role: 'tool',
      content: [{ type: 'tool-approval-response', approvalId: request['approvalId'], approved, reason: 'because' }],
    },
  ]
  return { answered }
}

describe.each(majors.filter(({ hasApprovals }) => hasApprovals))('the approvals of $name', major => {
  const { sdk } = major
  const paying = (recorder: Recorder, count: { ran: number }, more: object = { needsApproval: true }) =>
    recordTools(
      {
        pay: sdk.tool({ inputSchema: z.object({ to: z.string() }), execute: () => `paid ${++count.ran}`, ...more }),
      },
      recorder,
    )
  const resume = (messages: object[], tools: object, way: 'generate' | 'stream') =>
    way === 'generate'
      ? generate(major, ['thanks'], tools, { prompt: undefined, messages }).result
      : partsOf(stream(major, ['thanks'], tools, { prompt: undefined, messages }).result)

  test.each(['generate', 'stream'] as const)(
    'an approved call is asked about, reviewed and run, as two attempts (%s)',
    async way => {
      const { log, recorder } = setUp({ evaluator: { evaluate: () => ({ verdict: 'allow', policy: 'p', rule: 'r' }) } })
      const count = { ran: 0 }
      const tools = paying(recorder, count)
      const { answered } = await ask(major, recorder, tools)
      expect(count.ran).toBe(0)
      const messages = answered(true)
      await recordDeclined(messages, recorder)
      await resume(messages, tools, way)
      expect(count.ran).toBe(1)
      const { calls, exceptions, view } = await judged({ log, recorder })
      expect(calls).toEqual([
        'pay intent:review outcome:not_executed/no',
        'pay intent:review review:approved outcome:succeeded/yes',
      ])
      expect(exceptions).toEqual([])
      const [asked, ran] = view.of('intent')
      expect(asked!.record.attempt).toBeUndefined()
      expect(ran!.record.attempt).toBe(2)
      expect(ran!.record.decision.policy).toBe('ai-sdk.approval')
      expect(ran!.values['decision.reason']).toBe('The program asks a person; the rules allow it (p, r).')
      expect(view.of('review')[0]!.record.approver).toEqual({ id: 'user', channel: 'ai-sdk' })
    },
  )

  test('a declined call is recorded as declined, once, and does not run', async () => {
    const { log, recorder } = setUp()
    const count = { ran: 0 }
    const tools = paying(recorder, count)
    const { answered } = await ask(major, recorder, tools)
    const messages = answered(false)
    await recordDeclined(messages, recorder, { answeredBy: 'visitor-7' })
    await resume(messages, tools, 'generate')
    // The answer stays in the history of later runs.
    await recordDeclined([...messages, { role: 'user', content: 'and now?' }], recorder)
    expect(count.ran).toBe(0)
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual(['pay intent:review outcome:not_executed/no', 'pay intent:review review:rejected'])
    expect(view.of('intent')[1]!.values).toEqual({ args: { to: 'ann' } })
    expect(view.of('review')[0]!.record.approver.id).toBe('visitor-7')
    expect(exceptions).toEqual([])
  })

  test('an approval is no way round the rules', async () => {
    for (const verdict of ['deny', 'review'] as const) {
      const { log, recorder } = setUp({ evaluator: { evaluate: () => ({ verdict }) } })
      const count = { ran: 0 }
      const tools = paying(recorder, count)
      const { answered } = await ask(major, recorder, tools)
      await resume(answered(true), tools, 'generate')
      expect(count.ran).toBe(0)
      const { calls, exceptions } = await judged({ log, recorder })
      expect(calls[1]).toBe(verdict === 'deny' ? 'pay intent:deny' : 'pay intent:review outcome:not_executed/no')
      expect(exceptions).toEqual([])
    }
  })

  test('an approval of an earlier run does not speak for a later call with its id', async () => {
    const { log, recorder } = setUp()
    const count = { ran: 0 }
    const asking = paying(recorder, count)
    const messages = (await ask(major, recorder, asking)).answered(true)
    const { response, responseMessages } = await generate(major, ['thanks'], asking, { prompt: undefined, messages })
      .result
    const later = [...messages, ...(responseMessages ?? response.messages), { role: 'user', content: 'again' }]
    await generate(major, [[PAY]], paying(recorder, count, {}), { prompt: undefined, messages: later }).result
    const { calls } = await judged({ log, recorder })
    expect(calls[2]).toBe('pay intent:not_evaluated outcome:succeeded/yes')
  })

  test('a recorder that is down keeps an approved call from running', async () => {
    const { log, recorder } = setUp()
    const count = { ran: 0 }
    const tools = paying(recorder, count)
    const { answered } = await ask(major, recorder, tools)
    log.isDown = true
    await resume(answered(true), tools, 'generate')
    expect(count.ran).toBe(0)
    log.isDown = false
    await recorder.close()
  })
})

test('a declined call that comes to its tool all the same does not run', async () => {
  const { log, recorder } = setUp()
  let ran = 0
  const { pay } = recordTools({ pay: { execute: (..._: unknown[]) => ++ran } }, recorder)
  const messages = [
    { role: 'assistant', content: [{ type: 'tool-approval-request', approvalId: 'q', toolCallId: 'c' }] },
    { role: 'tool', content: [{ type: 'tool-approval-response', approvalId: 'q', approved: false }] },
  ]
  await expect(pay.execute({}, { toolCallId: 'c', messages })).rejects.toMatchObject({ code: 'call.denied' })
  expect(await pay.execute({}, { toolCallId: 'd', messages })).toBe(1)
  const { calls, exceptions } = await judged({ log, recorder })
  expect(calls).toEqual(['pay intent:review review:rejected', 'pay intent:not_evaluated outcome:succeeded/yes'])
  expect(exceptions).toEqual([])
})

describe('toolApproval of ai 7', () => {
  const major = majors.find(({ name }) => name === 'ai 7')!

  test.each(['generate', 'stream'] as const)('denies without asking, and the step tells us (%s)', async way => {
    const { log, recorder } = setUp()
    let ran = 0
    const pay = major.sdk.tool({ inputSchema: z.object({ to: z.string() }), execute: () => ++ran })
    const options = {
      toolApproval: { pay: { type: 'denied', reason: 'not on Sundays' } },
      onStepEnd: (step: object) => recordStep(step, recorder),
    }
    const tools = recordTools({ pay }, recorder)
    if (way === 'generate') await generate(major, [[PAY]], tools, options).result
    else await partsOf(stream(major, [[PAY]], tools, options).result)
    expect(ran).toBe(0)
    const { calls, exceptions, view } = await judged({ log, recorder })
    expect(calls).toEqual(['pay intent:deny'])
    expect(view.of('intent')[0]!.values).toEqual({ args: { to: 'ann' }, 'decision.reason': 'not on Sundays' })
    expect(exceptions).toEqual(['call.belated'])
  })

  test('approves without asking: one call, recorded once', async () => {
    const { log, recorder } = setUp()
    const pay = major.sdk.tool({ inputSchema: z.object({ to: z.string() }), execute: () => 'paid' })
    await generate(major, [[PAY]], recordTools({ pay }, recorder), {
      toolApproval: { pay: 'approved' },
      onStepEnd: (step: object) => recordStep(step, recorder),
    }).result
    const { calls, exceptions } = await judged({ log, recorder })
    expect(calls).toEqual(['pay intent:not_evaluated outcome:succeeded/yes'])
    expect(exceptions).toEqual([])
  })
})
