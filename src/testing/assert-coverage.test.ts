import { AssertionError } from 'node:assert'
import { describe, expect, test } from 'vitest'
import { memory } from '../log/index.js'
import { Recorder } from '../recorder/recorder.js'
import { ListBackend } from '../recorder/testkit.js'
import type { CallRequest, CoveredTool } from '../recorder/types.js'
import { assertCoverage, type ExpectedCoverage } from './assert-coverage.js'

const WRAPPED: readonly CoveredTool[] = [
  { name: 'pay', wrapped: true },
  { name: 'refund', wrapped: true },
]

async function recorded(
  tools: readonly CoveredTool[],
  calls: readonly (Partial<CallRequest> & { name: string })[],
  more: { unseen?: string[]; loss?: string } = {},
) {
  const backend = memory()
  const recorder = new Recorder({ backend, agent: { id: 'did:example:shop' }, unseen: more.unseen ?? [] })
  await recorder.coverage(tools)
  for (const { name, ...request } of calls) {
    const ticket = await recorder.intent({ tool: { name }, args: {}, ...request }, { verdict: 'allow' })
    await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  }
  if (more.loss) await recorder.loss(more.loss)
  await recorder.flush()
  return backend
}

const failure = async (backend: Awaited<ReturnType<typeof recorded>>, expected: ExpectedCoverage) => {
  const error = await assertCoverage(backend, expected).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(AssertionError)
  return (error as AssertionError).message.split('\n').slice(1)
}

describe('assertCoverage', () => {
  test('is content when every tool is wrapped or was called, and nothing was missed', async () => {
    const backend = await recorded(WRAPPED, [{ name: 'pay' }, { name: 'read_file' }])
    await assertCoverage(backend, { tools: ['pay', 'refund', 'read_file'], called: ['pay'] })
  })

  test('names what is missing, what nobody expected, and what was never called', async () => {
    const backend = await recorded(WRAPPED, [{ name: 'pay' }])
    expect(await failure(backend, { tools: ['pay', 'write_file'], called: ['pay', 'write_file'] })).toEqual([
      '  - "write_file" was neither declared nor called',
      '  - "write_file" was never called',
      '  - "refund" is there, and is not expected',
    ])
  })

  test('names what passes the recorder by', async () => {
    const backend = await recorded(
      [{ name: 'pay', wrapped: false }],
      [{ name: 'pay', unmediated: true, belated: true }],
      { unseen: ['adk.code-execution'], loss: 'test' },
    )
    expect(await failure(backend, { tools: ['pay'], unseen: [] })).toEqual([
      '  - calls of kind "adk.code-execution" go unseen',
      '  - calls of "pay" by "did:example:shop" pass the recorder by, as one stream says',
      '  - 1 call was seen, and could not have been held back',
      '  - 1 call was written down after the fact',
      '  - one loss record says that records or outcomes are missing, 0 as far as they count',
    ])
  })

  test('leaves a name that no tool has to the model that made it up', async () => {
    const backend = await recorded(WRAPPED, [{ name: 'pya', tool: { name: 'pya', registered: false } }])
    await assertCoverage(backend, { tools: ['pay', 'refund'] })
  })

  test('takes a tool named like a property of every object for what it is', async () => {
    const backend = await recorded([{ name: '__proto__', wrapped: true }], [{ name: 'constructor' }])
    await assertCoverage(backend, { tools: ['__proto__', 'constructor'], called: ['constructor'] })
  })

  test('refuses a backend that cannot be read back', async () => {
    await expect(assertCoverage(new ListBackend(), { tools: [] })).rejects.toThrow(TypeError)
  })
})
