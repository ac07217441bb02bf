import { describe, expect, test } from 'vitest'
import { UnavailableError } from '../core/errors.js'
import type { PolicyEvaluator } from '../govern/evaluator.js'
import { recorded } from './recorded.js'
import { Recorder } from './recorder.js'
import { deferred, HeldRuntime, ListBackend, settled } from './testkit.js'
import type { CallRequest, RecorderOptions } from './types.js'

const agent = { id: 'did:example:agent' }

function setUp(options: Partial<RecorderOptions> = {}) {
  const backend = new ListBackend()
  const runtime = new HeldRuntime()
  const errors: Error[] = []
  const recorder = new Recorder({ backend, agent, onError: error => errors.push(error), ...options }, runtime)
  return { backend, runtime, recorder, errors }
}

const request = (over: Partial<CallRequest> = {}): CallRequest => ({
  tool: { name: 'pay' },
  args: { to: 'acme', amount: 5 },
  ...over,
})

async function call(recorder: Recorder, over: Partial<CallRequest> = {}) {
  const asked = request(over)
  return recorder.intent(asked, await recorder.decide(asked))
}

const down = () => {
  throw new UnavailableError('test.down', 'the log is down', { retryable: true })
}

describe('a call', () => {
  test('is an intent before and an outcome after, in one stream of one log, and discloses what was committed', async () => {
    const { backend, recorder, errors } = setUp({ host: { framework: 'none', version: '1' }, unseen: ['mcp-direct'] })
    expect(backend.calls).toBe(0)
    const ticket = await call(recorder, { session: 's1', principal: 'ann', refs: { run: 'r-1' } })
    await recorder.outcome(ticket, {
      status: 'succeeded',
      executed: 'yes',
      args: { value: { to: 'acme', amount: 5 } },
      output: { value: { paid: true } },
      durationUs: 12,
      startedAt: new Date(0),
    })
    await recorder.close()
    const { log } = backend
    expect(log.types()).toBe('log stream.start coverage intent outcome session.end stream.end')
    const [intent] = log.of('intent')
    expect(intent!.record.tool).toEqual({ name: 'pay' })
    expect(intent!.record.decision).toEqual({ verdict: 'not_evaluated' })
    expect(intent!.record.refs).toEqual({ run: 'r-1' })
    expect(intent!.values).toEqual({ args: { to: 'acme', amount: 5 }, principal: 'ann' })
    expect(intent!.leaf).toBe(ticket.intent)
    const [outcome] = log.of('outcome')
    expect(outcome!.record.args).toBeUndefined()
    expect(outcome!.record.durationUs).toBe(12)
    expect(outcome!.record.startedAt).toBeUndefined()
    expect(outcome!.values).toEqual({ output: { paid: true } })
    expect(log.of('stream.end')[0]!.record).toMatchObject({ calls: 1, pending: 0 })
    expect(log.of('session.end')[0]!.record.calls).toBe(1)
    expect(backend.closed).toBe(1)
    expect(errors).toEqual([])
  })
})
