import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { HaltedError, UnavailableError } from '../core/errors.js'
import { parseRecord } from '../core/record/schema.js'
import type { ApprovalAnswer, Decision, PolicyEvaluator } from '../govern/evaluator.js'
import { recorded } from './recorded.js'
import { Recorder } from './recorder.js'
import { deferred, HeldRuntime, ListBackend, settled } from './testkit.js'
import type { CallRequest, RecorderOptions } from './types.js'
import { RECORDER } from './version.js'

const agent = { id: 'did:example:agent' }

function setUp(options: Partial<RecorderOptions> = {}, limits?: { ms: number; records: number }) {
  const backend = new ListBackend()
  const runtime = new HeldRuntime()
  const errors: { code?: string; message: string }[] = []
  const recorder = new Recorder({ backend, agent, onError: error => errors.push(error), ...options }, runtime, limits)
  return { backend, runtime, recorder, errors, codes: () => errors.map(error => error.code) }
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

const says = (decision: Decision): PolicyEvaluator => ({ evaluate: () => decision })
const paid = { status: 'succeeded', executed: 'yes', output: { value: { paid: true } } } as const

const down = () => {
  throw new UnavailableError('test.down', 'the log is down', { retryable: true })
}
describe('a call', () => {
  test('is an intent before and an outcome after, in one stream of one log, and discloses what was committed', async () => {
    const { backend, recorder, errors } = setUp({ host: { framework: 'none', version: '1' }, unseen: ['mcp-direct'] })
    expect(backend.calls).toBe(0)
    const ticket = await call(recorder, { session: 's1', principal: 'ann', refs: { run: 'r-1' } })
    await recorder.outcome(ticket, { ...paid, args: { value: request().args }, durationUs: 12, startedAt: new Date(0) })
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

  test('may run only when its intent is durable', async () => {
    const { backend, recorder } = setUp()
    const gate = deferred()
    backend.before = (_, number) => (number === 0 ? undefined : gate.promise)
    let mayRun = false
    const intent = call(recorder).then(() => {
      mayRun = true
    })
    await settled()
    await settled()
    expect(mayRun).toBe(false)
    gate.resolve()
    await intent
    expect(mayRun).toBe(true)
    expect(backend.log.of('intent')).toHaveLength(1)
  })

  test('that was denied is over: nothing more is written, unless it ran all the same', async () => {
    const evaluator = says({ verdict: 'deny', policy: 'p', rule: 'r', reason: 'no' })
    const { backend, recorder } = setUp({ evaluator })
    const ticket = await call(recorder)
    await recorder.outcome(ticket, { status: 'not_executed', executed: 'no' })
    const other = await call(recorder)
    await recorder.outcome(other, paid)
    await recorder.close()
    expect(backend.log.calls()).toEqual(['pay intent:deny', 'pay intent:deny outcome:succeeded/yes'])
    const [intent] = backend.log.of('intent')
    expect(intent!.record.decision).toMatchObject({ verdict: 'deny', policy: 'p', rule: 'r' })
    expect(intent!.values['decision.reason']).toBe('no')
    expect(backend.log.of('stream.end')[0]!.record).toMatchObject({ calls: 2, pending: 0 })
  })

  test('is denied and recorded when the evaluator throws or gives no verdict', async () => {
    for (const evaluate of [
      () => {
        throw new Error('broken rules')
      },
      () => undefined as never,
      async () => ({ verdict: 'maybe' }) as never,
    ]) {
      const { backend, recorder, errors } = setUp({ evaluator: { evaluate } })
      const ticket = await call(recorder)
      expect(ticket.decision).toMatchObject({ verdict: 'deny', failed: true })
      expect(backend.log.calls()).toEqual(['pay intent:deny'])
      expect(errors).toHaveLength(1)
    }
  })

  test('has one final outcome; a provisional one may be followed by one that is late', async () => {
    const { backend, recorder, codes } = setUp()
    const once = await call(recorder)
    await recorder.outcome(once, paid)
    await recorder.outcome(once, paid)
    expect(codes()).toEqual(['recorder.second-outcome'])
    const twice = await call(recorder)
    await recorder.outcome(twice, { status: 'pending', executed: 'yes' })
    await recorder.outcome(twice, { status: 'pending', executed: 'yes' })
    await recorder.outcome(twice, { status: 'failed', executed: 'yes', error: { value: new RangeError('late') } })
    await recorder.close()
    expect(backend.log.calls()).toEqual([
      'pay intent:not_evaluated outcome:succeeded/yes',
      'pay intent:not_evaluated outcome:pending/yes outcome:failed/yes late',
    ])
  })

  test('says that other arguments were executed exactly when they were, also where redaction hides which', async () => {
    const { backend, recorder } = setUp({ redact: () => 'redacted' })
    const args = { to: 'acme' }
    const same = await call(recorder, { args })
    await recorder.outcome(same, { ...paid, args: { value: { to: 'acme' } } })
    const changed = await call(recorder, { args })
    args.to = 'mallory'
    const given = recorder.snapshot(changed, 'args', args)
    args.to = 'acme'
    await recorder.outcome(changed, { ...paid, args: given })
    const [first, second] = backend.log.of('outcome')
    expect(first!.record.args).toBeUndefined()
    expect(second!.record.args).toBeDefined()
    expect(second!.values).toMatchObject({ args: 'redacted', output: 'redacted' })
  })

  test('commits to the arguments as they were when it was decided on, not as they are when it is written', async () => {
    const { backend, recorder } = setUp()
    const args = { to: 'acme' }
    const asked = request({ args })
    const decision = await recorder.decide(asked)
    args.to = 'mallory'
    const ticket = await recorder.intent(asked, decision)
    await recorder.outcome(ticket, { ...paid, args: { value: args } })
    expect(backend.log.of('intent')[0]!.values['args']).toEqual({ to: 'acme' })
    expect(backend.log.of('outcome')[0]!.values['args']).toEqual({ to: 'mallory' })
  })

  test('names its parent, its attempt and its tool’s definition, and what went round us', async () => {
    const { backend, recorder } = setUp()
    const definition = { name: 'pay', parameters: { type: 'object' } }
    const parent = await call(recorder, { tool: { name: 'agent', kind: 'agent', server: 'srv' } })
    await call(recorder, { parent, attempt: 2, unmediated: true, belated: true, tool: { name: 'pay', definition } })
    const [digest, same] = ['ab'.repeat(32), parent.intent!]
    await call(recorder, { same, tool: { name: 'pay', digest } })
    await call(recorder, { same: 'x', tool: { name: 'pay', digest: 'x' } })
    const [one, two, three, four] = backend.log.of('intent')
    expect(three!.record).toMatchObject({ same, tool: { name: 'pay', digest } })
    expect([four!.record.same, four!.record.tool]).toEqual([undefined, { name: 'pay' }])
    expect(one!.record.tool).toEqual({ name: 'agent', kind: 'agent', server: 'srv' })
    expect(two!.record).toMatchObject({ parent: parent.intent, attempt: 2, unmediated: true, belated: true })
    expect(two!.record.tool.digest).toBe(recorder.definitionDigest({ parameters: { type: 'object' }, name: 'pay' }))
  })

  test('of a tool whose name is not registered or no text is recorded as ?, the name committed', async () => {
    const { backend, recorder } = setUp()
    await call(recorder, { tool: { name: 'made_up', registered: false } })
    await call(recorder, { tool: { name: 'two\nlines' } })
    await call(recorder, { tool: { name: 'x'.repeat(256) } })
    expect(backend.log.of('intent').map(row => [row.record.tool.name, row.values['toolName']])).toEqual([
      ['?', 'made_up'],
      ['?', 'two\nlines'],
      ['?', 'x'.repeat(256)],
    ])
  })
})

describe('a review', () => {
  const evaluator = says({ verdict: 'review' })

  test('that approves binds the arguments it names', async () => {
    const { backend, recorder } = setUp({ evaluator })
    const ticket = await call(recorder)
    const answer = { approved: true, by: 'boss-1', channel: 'cli' }
    await recorder.review(ticket, answer, { value: { to: 'acme', amount: 1 } })
    await recorder.outcome(ticket, { ...paid, args: { value: { to: 'acme', amount: 1 } } })
    expect(backend.log.calls()).toEqual(['pay intent:review review:approved outcome:succeeded/yes'])
    expect(backend.log.of('review')[0]!.values).toEqual({ args: { to: 'acme', amount: 1 } })
    expect(backend.log.of('review')[0]!.record.approver).toEqual({ id: 'boss-1', channel: 'cli' })
    expect(backend.log.of('outcome')[0]!.record.args).toBeUndefined()
  })

  test('is asked of the approver, who sees what an approval binds', async () => {
    const seen: unknown[] = []
    const approver = {
      ask: async (asked: object) => {
        seen.push(asked)
        return { approved: true, by: 'ann@example.com and+others', channel: 'chat' }
      },
    }
    const { backend, recorder } = setUp({ evaluator, approver })
    const ticket = await call(recorder)
    expect(await recorder.approve(ticket, request().args)).toBe('approved')
    expect(seen[0]).toMatchObject({ call: ticket.call, tool: 'pay', intent: ticket.intent, root: ticket.argsRoot })
    expect(ticket.argsRoot).toBe(backend.log.of('intent')[0]!.record.args.root)
    expect(backend.log.of('review')[0]!.record.approver.id).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  test('that declines ends the call', async () => {
    const approver = { ask: async () => ({ approved: false, by: 'boss', channel: 'cli' }) }
    const { backend, recorder } = setUp({ evaluator, approver })
    const ticket = await call(recorder)
    expect(await recorder.approve(ticket, {})).toBe('declined')
    await recorder.outcome(ticket, { status: 'not_executed', executed: 'no' })
    await recorder.close()
    expect(backend.log.calls()).toEqual(['pay intent:review review:rejected'])
    expect(backend.log.of('stream.end')[0]!.record.pending).toBe(0)
  })

  test('without an answer closes the call as not executed: no approver, one that throws, one that takes too long', async () => {
    const hanging = { ask: () => new Promise<never>(() => {}) }
    const throwing = { ask: () => Promise.reject(new Error('no')) }
    const lying = { ask: async () => 'yes' as never }
    for (const approver of [undefined, throwing, lying, hanging]) {
      const { backend, recorder, runtime } = setUp({
        evaluator,
        reviewTimeoutMs: 1000,
        ...(approver && { approver }),
      })
      const ticket = await call(recorder)
      const approval = recorder.approve(ticket, {})
      await settled()
      await runtime.pass(1000)
      expect(await approval).toBe('unanswered')
      expect(backend.log.calls()).toEqual(['pay intent:review outcome:not_executed/no'])
    }
  })

  test('is only of a call with that verdict, and must be durable before the call runs', async () => {
    const { recorder } = setUp()
    const answer = { approved: true, by: 'b', channel: 'c' }
    await expect(recorder.review(await call(recorder), answer)).rejects.toThrow(TypeError)
    const other = setUp({ evaluator })
    const ticket = await call(other.recorder)
    other.backend.before = down
    const review = other.recorder.review(ticket, answer)
    const rejected = expect(review).rejects.toMatchObject({ code: 'test.down' })
    await other.runtime.pass(200)
    await rejected
  })
})

describe('batches', () => {
  test('gather while one append is in flight; the last record of each is signed, nobody waits for a timer', async () => {
    const { backend, recorder } = setUp()
    const gate = deferred()
    await call(recorder)
    backend.before = () => gate.promise
    const first = call(recorder)
    await settled()
    const calls = Array.from({ length: 200 }, (_, i) => call(recorder, { session: `s${i % 3}` }))
    await settled()
    expect(backend.calls).toBe(3)
    gate.resolve()
    await Promise.all([first, ...calls])
    expect(backend.batches.map(batch => batch.length)).toEqual([1, 2, 1, 200])
    for (const batch of backend.batches) expect(parseRecord(batch.at(-1)!.record).json['sig']).toBeDefined()
    expect(backend.log.of('intent')).toHaveLength(202)
  })

  test('of two appends of one stream never overlap', async () => {
    const { backend, recorder } = setUp()
    let inFlight = 0
    let most = 0
    backend.before = async () => {
      most = Math.max(most, ++inFlight)
      await settled()
      inFlight--
    }
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const ticket = await call(recorder)
        await settled()
        await recorder.outcome(ticket, paid)
      }),
    )
    expect(most).toBe(1)
    expect(new Set(backend.log.of('intent').map(row => row.record.call)).size).toBe(100)
    expect(backend.log.of('outcome')).toHaveLength(100)
  })
})

describe('when the log cannot be written', () => {
  test('a strict call is refused, and so is the next; later the same bytes are taken and the call is closed', async () => {
    const { backend, recorder, runtime } = setUp()
    await recorder.outcome(await call(recorder, { session: 's' }), paid)
    backend.before = down
    const refused = call(recorder, { session: 's' })
    const rejected = expect(refused).rejects.toMatchObject({ code: 'test.down' })
    await runtime.pass(500)
    await rejected
    expect(recorder.broken).toMatchObject({ code: 'test.down' })
    backend.before = () => {}
    await expect(call(recorder)).rejects.toMatchObject({ name: 'UnavailableError', code: 'recorder.broken' })
    await runtime.pass(2000)
    await recorder.outcome(await call(recorder, { session: 's' }), paid)
    expect(recorder.broken).toBeUndefined()
    await recorder.close()
    expect(backend.log.calls()).toEqual([
      'pay intent:not_evaluated outcome:succeeded/yes',
      'pay intent:not_evaluated outcome:not_executed/no',
      'pay intent:not_evaluated outcome:succeeded/yes',
    ])
    expect(backend.log.of('intent').map(row => row.record.session!.n)).toEqual([0, 1, 2])
    expect(backend.log.of('stream.end')[0]!.record).toMatchObject({ calls: 3, pending: 0 })
  })

  test('a batch that was taken although the append failed is handed over again and not written twice', async () => {
    const { backend, recorder, runtime } = setUp()
    const ticket = await call(recorder)
    let failures = 2
    backend.after = () => {
      if (failures-- > 0) throw new Error('the answer was lost')
    }
    const outcome = recorder.outcome(ticket, paid)
    await runtime.pass(500)
    await outcome
    expect(recorder.broken).toBeUndefined()
    expect(backend.log.of('outcome')).toHaveLength(1)
  })

  test('an outcome never rejects, blocks the next call, and is written when writing works again', async () => {
    const { backend, recorder, runtime } = setUp()
    const ticket = await call(recorder)
    const other = await call(recorder)
    backend.before = down
    const outcome = recorder.outcome(ticket, paid)
    await runtime.pass(500)
    await outcome
    await recorder.outcome(other, paid)
    await expect(call(recorder)).rejects.toMatchObject({ code: 'recorder.broken' })
    backend.before = () => {}
    await runtime.pass(2000)
    await call(recorder)
    expect(backend.log.of('outcome')).toHaveLength(2)
    expect(backend.log.of('loss')).toHaveLength(0)
  })

  test('an append that hangs fails after its time; should it succeed later, nothing is lost', async () => {
    const { backend, recorder, runtime } = setUp({ appendTimeoutMs: 5000 })
    await call(recorder)
    const gate = deferred()
    backend.before = () => gate.promise
    const hanging = call(recorder)
    const rejected = expect(hanging).rejects.toMatchObject({ code: 'recorder.timeout' })
    await runtime.pass(5000)
    await rejected
    await expect(call(recorder)).rejects.toMatchObject({ code: 'recorder.broken' })
    gate.resolve()
    await settled()
    await settled()
    await recorder.outcome(await call(recorder), paid)
    expect(backend.log.calls()).toEqual([
      'pay intent:not_evaluated',
      'pay intent:not_evaluated outcome:not_executed/no',
      'pay intent:not_evaluated outcome:succeeded/yes',
    ])
  })

  test('a log that halts, refuses, or is locked for good is not asked again', async () => {
    for (const error of [
      new HaltedError('test.halted', 'nobody knows'),
      new UnavailableError('test.locked', 'locked'),
    ]) {
      const { backend, recorder, runtime } = setUp()
      await call(recorder)
      backend.before = () => Promise.reject(error)
      await expect(call(recorder)).rejects.toBe(error)
      const asked = backend.calls
      await runtime.pass(10_000)
      await expect(call(recorder)).rejects.toMatchObject({ code: 'recorder.broken' })
      expect(backend.calls).toBe(asked)
      await expect(recorder.close()).rejects.toBe(error)
    }
  })

  test('a stream that could not be opened is opened by a later call', async () => {
    const { backend, recorder, runtime } = setUp()
    backend.before = down
    const rejected = expect(call(recorder)).rejects.toMatchObject({ code: 'test.down' })
    await runtime.pass(500)
    await rejected
    backend.before = () => {}
    await runtime.pass(2000)
    await call(recorder)
    expect(backend.log.types()).toBe('log stream.start intent outcome intent')
  })

  test('a log that acknowledges other records than it was given is not believed', async () => {
    const backend = new ListBackend()
    const logs = async () => [{ id: '0'.repeat(64), origin: 'example.com/log' }]
    const lying = Object.assign(backend, { logs })
    const runtime = new HeldRuntime()
    const recorder = new Recorder({ backend: lying, agent, onError: () => {} }, runtime)
    const rejected = expect(call(recorder)).rejects.toMatchObject({ code: 'recorder.receipt' })
    await runtime.pass(500)
    await rejected
  })
})

describe('tiers', () => {
  test('can be changed while nothing can be written, and the log says by whom and why', async () => {
    const { backend, recorder, runtime } = setUp()
    await recorder.outcome(await call(recorder), paid)
    backend.before = down
    await runtime.pass(0)
    const refused = call(recorder)
    const rejected = expect(refused).rejects.toThrow()
    await runtime.pass(1000)
    await rejected
    const change = recorder.changeTier('degraded', { by: 'ops-1', reason: 'the disk is full and the ship must sail' })
    await runtime.pass(1000)
    await change
    const letThrough = call(recorder)
    await runtime.pass(1000)
    await recorder.outcome(await letThrough, paid)
    backend.before = () => {}
    await runtime.pass(2000)
    await recorder.changeTier('strict', { by: 'ops-1', reason: 'over' })
    await recorder.outcome(await call(recorder), paid)
    await recorder.close()
    const { log } = backend
    // Streams that wait for the log to come back may come back in any order.
    expect(
      log
        .of('intent')
        .map(({ record }) => record.tier ?? 'strict')
        .sort(),
    ).toEqual(['degraded', 'strict', 'strict', 'strict'])
    expect(log.of('coverage').map(({ values }) => values['detail'])).toEqual([
      { tier: { tier: 'degraded', by: 'ops-1', reason: 'the disk is full and the ship must sail' } },
      { tier: { tier: 'strict', by: 'ops-1', reason: 'over' } },
    ])
    const configs = log.of('stream.start').map(({ record }) => record.config)
    expect([configs.length, new Set(configs).size]).toEqual([3, 2])
    expect(log.of('stream.end').map(({ record }) => record.pending)).toEqual([0, 0, 0])
    await expect(recorder.changeTier('degraded', {} as never)).rejects.toThrow(TypeError)
    await expect(recorder.changeTier('none' as never, { by: 'x', reason: 'y' })).rejects.toThrow(TypeError)
  })

  test('degraded waits, then lets the tool run; what was kept is written later, marked as belated', async () => {
    const { backend, recorder, runtime } = setUp({ tier: 'degraded' })
    await recorder.outcome(await call(recorder), paid)
    backend.before = down
    const pending = call(recorder)
    await runtime.pass(500)
    await recorder.outcome(await pending, paid)
    const kept = await call(recorder)
    expect(kept.intent).toBeUndefined()
    await recorder.outcome(kept, paid)
    backend.before = () => {}
    await runtime.pass(2000)
    await recorder.outcome(await call(recorder), paid)
    await recorder.close()
    expect(backend.log.of('intent').map(row => [row.record.tier, row.record.belated])).toEqual([
      ['degraded', undefined],
      ['degraded', undefined],
      ['degraded', true],
      ['degraded', undefined],
    ])
    expect(backend.log.of('outcome')).toHaveLength(4)
    expect(backend.log.of('stream.end')[0]!.record).toMatchObject({ calls: 4, pending: 0 })
  })

  test('lossy does not wait; what is lost is counted', async () => {
    const { backend, recorder, runtime } = setUp({ tier: tool => (tool === 'pay' ? 'lossy' : 'strict') })
    await recorder.outcome(await call(recorder), paid)
    backend.before = down
    const refused = call(recorder, { tool: { name: 'read' } }).catch(() => {})
    await runtime.pass(500)
    await refused
    await recorder.outcome(await call(recorder), paid)
    backend.before = () => {}
    await runtime.pass(2000)
    await recorder.outcome(await call(recorder), paid)
    await runtime.pass(0)
    await recorder.outcome(await call(recorder), paid)
    await recorder.close()
    expect(backend.log.calls().filter(line => line.startsWith('pay'))).toHaveLength(2)
    expect(backend.log.of('loss').map(row => row.record)).toMatchObject([{ reason: 'not-written', count: 4 }])
    expect(backend.log.of('intent')[0]!.record.tier).toBe('lossy')
  })
})

describe('streams and sessions', () => {
  test('number the calls of a session, end it, and begin another under the same name', async () => {
    const { backend, recorder } = setUp()
    await call(recorder, { session: 'a' })
    await call(recorder, { session: 'b' })
    await call(recorder, { session: 'a' })
    await recorder.sessionEnd('a')
    await recorder.sessionEnd('nobody')
    await call(recorder, { session: 'a' })
    await recorder.close()
    const [a0, b0, a1, again] = backend.log.of('intent').map(row => row.record.session!)
    expect([a0!.n, b0!.n, a1!.n, again!.n]).toEqual([0, 0, 1, 0])
    expect(a0!.id).toBe(a1!.id)
    expect(new Set([a0!.id, b0!.id, again!.id]).size).toBe(3)
    expect(JSON.stringify(backend.log.rows.map(row => row.json))).not.toContain('nobody')
    expect(backend.log.of('session.end').map(row => row.record.calls)).toEqual([2, 1, 1])
  })

  test('turn over after a day: the old one ends when its calls have', async () => {
    const { backend, recorder, runtime } = setUp()
    const long = await call(recorder, { session: 's' })
    await runtime.pass(24 * 60 * 60 * 1000)
    await recorder.outcome(await call(recorder, { session: 's' }), paid)
    expect(backend.log.of('stream.end')).toHaveLength(0)
    await recorder.outcome(long, paid)
    await settled()
    const starts = backend.log.of('stream.start')
    expect(backend.log.of('stream.end').map(row => row.record.stream)).toEqual([starts[0]!.leaf])
    const [one, two] = backend.log.of('intent').map(row => row.record)
    expect(one!.stream).not.toBe(two!.stream)
    expect(one!.session!.id).not.toBe(two!.session!.id)
    expect(two!.session!.n).toBe(0)
    await recorder.close()
    expect(backend.log.of('stream.end')).toHaveLength(2)
  })

  test('turn over after so many records', async () => {
    const { backend, recorder } = setUp({}, { ms: 1e9, records: 4 })
    for (let i = 0; i < 6; i++) await recorder.outcome(await call(recorder), paid)
    await recorder.close()
    expect(backend.log.of('stream.start').length).toBeGreaterThan(2)
    for (const { record } of backend.log.of('stream.end')) expect(record.pending).toBe(0)
  })

  test('say how many calls are pending at the end; what comes after it is refused or counted as lost', async () => {
    const { backend, recorder, codes } = setUp()
    const open = await call(recorder)
    await recorder.outcome(await call(recorder), { status: 'pending', executed: 'yes' })
    await recorder.outcome(await call(recorder), paid)
    await recorder.close()
    await recorder.close()
    expect(backend.log.of('stream.end')[0]!.record).toMatchObject({ calls: 3, pending: 2 })
    await recorder.outcome(open, paid)
    await expect(call(recorder)).rejects.toMatchObject({ code: 'recorder.closed' })
    await recorder.loss('x')
    expect(codes()).toEqual(['recorder.closed'])
    expect(backend.log.types().endsWith('stream.end')).toBe(true)
    expect(backend.closed).toBe(1)
  })

  test('are swept: nobody knows how the open calls ended', async () => {
    const { backend, recorder } = setUp()
    await call(recorder)
    await recorder.sweep('shutdown')
    expect(backend.log.calls()).toEqual(['pay intent:not_evaluated outcome:unknown/unknown'])
    expect(backend.log.of('outcome')[0]!.values['error.message']).toBe('shutdown')
  })

  test('are swept: a call that waits for its review was not run, and cannot be approved any more', async () => {
    const asked = deferred<ApprovalAnswer>()
    const { backend, recorder, codes } = setUp({ approver: { ask: () => asked.promise } })
    const review = { verdict: 'review' } as const
    const waiting = await recorder.intent({ tool: { name: 'refund' }, args: {} }, review)
    const approved = await recorder.intent({ tool: { name: 'pay' }, args: {} }, review)
    await recorder.review(approved, { approved: true, by: 'boss', channel: 'test' })
    const answer = recorder.approve(waiting, {})
    await recorder.sweep('connection-lost')
    asked.resolve({ approved: true, by: 'boss', channel: 'test' })
    await expect(answer).rejects.toMatchObject({ code: 'recorder.call-over' })
    await recorder.outcome(waiting, { status: 'not_executed', executed: 'no' })
    await recorder.outcome(approved, paid)
    expect(backend.log.calls()).toEqual([
      'refund intent:review outcome:not_executed/no',
      'pay intent:review review:approved outcome:unknown/unknown outcome:succeeded/yes late',
    ])
    expect(codes()).toEqual([])
  })

  test('are swept by session, and leave alone what is over', async () => {
    const { backend, recorder } = setUp()
    await call(recorder, { session: 'one' })
    await call(recorder, { session: 'two' })
    await recorder.outcome(await call(recorder, { session: 'one' }), paid)
    await recorder.sweep('gone', { session: 'one' })
    expect(backend.log.of('outcome').map(({ record }) => record.status)).toEqual(['succeeded', 'unknown'])
    expect(backend.log.calls()[1]).toBe('pay intent:not_evaluated')
  })

  test('open with every file of rules, 32 to a record, each record naming the one before', async () => {
    const files = Array.from({ length: 70 }, (_, i) => ({ digest: `${i % 10}`.repeat(64), name: `${i + 100}.yaml` }))
    const evaluator = { ...says({ verdict: 'allow' }), rules: { engine: { name: 'e', version: '1' }, files } }
    const { backend, recorder } = setUp({ evaluator })
    await call(recorder)
    const parts = backend.log.of('rules')
    expect(parts.map(row => row.record.files.length)).toEqual([32, 32, 6])
    expect(parts.map(row => row.record.part)).toEqual([undefined, parts[0]!.leaf, parts[1]!.leaf])
    expect(parts.flatMap(row => row.record.files)).toEqual(files)
    expect(backend.log.of('intent')[0]!.record.decision.rules).toBe(parts[2]!.leaf)
  })

  test('say who observes and what holds the key', async () => {
    const { backend, recorder } = setUp({ observer: 'proxy', custody: 'daemon' })
    await call(recorder)
    expect(backend.log.of('stream.start')[0]!.record).toMatchObject({ observer: 'proxy', custody: 'daemon' })
  })

  test('declare coverage once, again when it changes, in as many records as it takes', async () => {
    const gaps = ['a.yaml: no rules']
    const { backend, recorder } = setUp({
      unseen: ['b', 'a', 'not a word'],
      evaluator: { ...says({ verdict: 'allow' }), gaps },
    })
    const tools = Array.from({ length: 80 }, (_, i) => ({
      name: `${i}${'"'.repeat(120)}`,
      digest: 'ab'.repeat(32),
      wrapped: i % 2 === 0,
    }))
    await recorder.coverage(tools)
    await recorder.coverage(tools)
    expect(backend.log.of('coverage').flatMap(row => row.record.tools ?? [])).toHaveLength(80)
    expect(backend.log.of('coverage').find(row => row.record.unseen)!.record.unseen).toEqual(['a', 'b'])
    expect(backend.log.of('coverage').find(row => row.record.detail)!.values['detail']).toEqual({ rules: gaps })
    await recorder.coverage([{ name: 'bad\u0000name', wrapped: false }])
    expect(backend.log.of('coverage').at(-1)!.record.tools).toEqual([{ name: '?', wrapped: 'no' }])
  })
})

describe('a backend', () => {
  test('without append, flush or close is refused at construction, as is an agent id that is no word', () => {
    expect(() => new Recorder({ backend: {} as never, agent })).toThrow(TypeError)
    expect(() => new Recorder({ backend: new ListBackend(), agent: { id: 'two words' } })).toThrow(/no word/)
    expect(() => new Recorder({ backend: new ListBackend(), agent, valueBytesMax: 0 })).toThrow(RangeError)
  })

  test('of the user’s own gets a complete log of its own, also when the first append fails', async () => {
    const { backend, recorder, runtime } = setUp()
    backend.after = (_, number) => {
      if (number === 0) throw new Error('the answer was lost')
    }
    const done = call(recorder)
    await runtime.pass(500)
    await done
    expect(backend.log.types()).toBe('log stream.start intent')
    const [zero] = backend.log.rows
    expect(backend.log.of('stream.start')[0]!.record.logs).toEqual([
      { id: zero!.leaf, origin: (zero!.record as { origin: string }).origin },
    ])
  })

  test('that two recorders share is closed by the last of them', async () => {
    const backend = new ListBackend()
    const one = new Recorder({ backend, agent })
    const two = new Recorder({ backend, agent })
    await call(one)
    await call(two)
    await one.close()
    expect([backend.flushed, backend.closed]).toEqual([1, 0])
    await two.close()
    expect(backend.closed).toBe(1)
  })

  test('that keeps no disclosures gets none, and the recorder says so', async () => {
    const backend = new ListBackend()
    Object.defineProperty(backend, 'keepsDisclosures', { value: false })
    const errors: { code?: string; message: string }[] = []
    const recorder = new Recorder({ backend, agent, onError: error => errors.push(error) })
    await call(recorder)
    expect(backend.entries.every(entry => entry.disclosures === undefined)).toBe(true)
    expect(errors.map(error => error.code)).toEqual(['recorder.disclosures-dropped'])
    const { backend: keeping, recorder: told, errors: none } = setUp({ keepDisclosures: false })
    await call(told)
    expect(keeping.entries.every(entry => entry.disclosures === undefined)).toBe(true)
    expect(none).toEqual([])
  })
})

describe('recorded()', () => {
  test('runs a function only after its intent, and gives back what it gives', async () => {
    const { backend, recorder } = setUp()
    const order: string[] = []
    backend.after = batch => {
      order.push(...batch.map(entry => String(parseRecord(entry.record).json['type'])))
    }
    const add = recorded(recorder, 'add', (a: number, b: number) => {
      order.push('ran')
      return a + b
    })
    expect(await add(2, 3)).toBe(5)
    expect(order).toEqual(['log', 'stream.start', 'intent', 'ran', 'outcome'])
    expect(backend.log.of('intent')[0]!.values['args']).toEqual([2, 3])
    const fail = recorded(recorder, 'fail', () => {
      throw undefined
    })
    await expect(fail()).rejects.toBeUndefined()
    expect(backend.log.of('outcome').at(-1)!.values).toEqual({ 'error.message': { $undefined: true } })
  })

  test('links a call to the one in whose course it was made, passes `this` on, and refuses generators', async () => {
    const { backend, recorder } = setUp()
    const inner = recorded(recorder, 'inner', async () => 1, { session: 's', refs: { run: 'r-1' } })
    const counter = {
      step: 2,
      add: recorded(recorder, 'add', function (this: { step: number }, n: number) {
        return inner().then(() => n + this.step)
      } as (n: number) => Promise<number>),
    }
    expect(await counter.add(40)).toBe(42)
    await inner()
    const [outer, linked, alone] = backend.log.of('intent')
    expect([outer!.record.parent, linked!.record.parent, alone!.record.parent]).toEqual([
      undefined,
      outer!.leaf,
      undefined,
    ])
    expect(linked!.record).toMatchObject({ refs: { run: 'r-1' }, session: { n: 0 } })
    expect(() => recorded(recorder, 'pieces', async function* () {})).toThrow(TypeError)
    expect(() => recorded(recorder, 'pieces', function* () {})).toThrow(TypeError)
  })

  test('does not run it when it is denied, declined, or cannot be recorded', async () => {
    let ran = 0
    const run = () => ++ran
    const denied = setUp({ evaluator: says({ verdict: 'deny', reason: 'no' }) })
    await expect(recorded(denied.recorder, 'f', run)()).rejects.toMatchObject({ code: 'call.denied' })
    const review = setUp({ evaluator: says({ verdict: 'review' }) })
    await expect(recorded(review.recorder, 'f', run)()).rejects.toMatchObject({ code: 'call.denied' })
    const broken = setUp()
    broken.backend.before = down
    const rejected = expect(recorded(broken.recorder, 'f', run)()).rejects.toMatchObject({ code: 'test.down' })
    await broken.runtime.pass(500)
    await rejected
    expect(ran).toBe(0)
    const fine = setUp()
    await recorded(fine.recorder, 'f', run)()
    expect(ran).toBe(1)
  })
})

test('the version in the records is the package’s', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(RECORDER.version).toBe(version)
})
