import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Decision } from '../../govern/evaluator.js'
import { Recorder } from '../../recorder/recorder.js'
import { ListBackend } from '../../recorder/testkit.js'
import { HookCalls } from './calls.js'
import type { HookCall } from './events.js'
import { KeptTickets } from './kept.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-hooks-'))
})
afterEach(() => {
  chmodSync(folder, 0o700)
  rmSync(folder, { recursive: true })
})

const call = (id: string, args: unknown = { command: 'ls' }): HookCall => ({ session: 's', id, tool: 'Bash', args })
const before = (id: string, args?: unknown) => ({ kind: 'before', call: call(id, args) }) as const
const after = (id: string, args?: unknown) => ({ kind: 'succeeded', call: call(id, args), output: 'a' }) as const
const batch = (...ids: string[]) =>
  ({ kind: 'batch', session: 's', ended: ids.map(id => ({ id, shown: 'refused' })) }) as const

function daemon(decision: Decision = { verdict: 'allow' }, approved = true) {
  const backend = new ListBackend()
  const errors: Error[] = []
  const recorder = new Recorder({
    backend,
    agent: { id: 'did:example:hook' },
    evaluator: { evaluate: () => decision },
    approver: { ask: async () => ({ approved, by: 'r-7', channel: 'callback' }) },
    onError: error => errors.push(error),
  })
  const written = () =>
    backend.entries
      .map(({ record }) => JSON.parse(new TextDecoder().decode(record)) as { [name: string]: unknown })
      .filter(({ type }) => type === 'intent' || type === 'outcome' || type === 'review')
  const told = () => written().map(record => record['status'] ?? record['type'])
  return { calls: new HookCalls(recorder, new KeptTickets(folder)), recorder, errors, written, told }
}

test('a call is let go by silence, once its intent is written, and its end finds it', async () => {
  const { calls, written, told, errors } = daemon()
  expect(await calls.take(before('a'))).toEqual({})
  expect(told()).toEqual(['intent'])
  expect(readdirSync(folder)).toHaveLength(1)
  await calls.take(after('a'))
  expect(told()).toEqual(['intent', 'succeeded'])
  expect(written()[1]).toMatchObject({ call: written()[0]!['call'], executed: 'yes' })
  expect(written()[1]).not.toHaveProperty('args')
  expect(readdirSync(folder)).toEqual([])
  expect(errors).toEqual([])
})

test('what was executed is compared with what was decided on', async () => {
  const { calls, written } = daemon()
  await calls.take(before('a'))
  await calls.take(after('a', { command: 'rm' }))
  expect(written()[1]).toHaveProperty('args')
})

test('an end told twice, or after its turn, is recorded once', async () => {
  const { calls, told, errors } = daemon()
  await calls.take(before('a'))
  await Promise.all([calls.take(after('a')), calls.take(after('a')), calls.take(batch('a'))])
  await calls.take({ kind: 'failed', call: call('a'), error: 'x', interrupted: false })
  expect(told()).toEqual(['intent', 'succeeded'])
  expect(errors).toEqual([])
})

test('a call that another process began is found by what it left, and ends late', async () => {
  const first = daemon()
  await first.calls.take(before('a'))
  const second = daemon()
  await second.calls.take(after('a', { command: 'other' }))
  expect(second.written()).toMatchObject([
    { type: 'outcome', status: 'succeeded', late: true, call: first.written()[0]!['call'] },
  ])
  expect(readdirSync(folder)).toEqual([])
})

test('a denied call has its reason, no end, and no file', async () => {
  const { calls, told, errors } = daemon({ verdict: 'deny', reason: 'no shells', rule: 'shells' })
  expect(await calls.take(before('a'))).toEqual({ deny: 'Denied by policy (shells): no shells' })
  await calls.take(batch('a'))
  await calls.take({ kind: 'refused', call: call('a'), reason: 'denied' })
  expect(told()).toEqual(['intent'])
  expect(readdirSync(folder)).toEqual([])
  expect(errors).toEqual([])
})

test('a denied call that ran all the same is told as one', async () => {
  const { calls, written, told } = daemon({ verdict: 'deny' })
  await calls.take(before('a'))
  await calls.take(after('a'))
  expect(told()).toEqual(['intent', 'succeeded'])
  expect(written()[1]!['call']).toBe(written()[0]!['call'])
})

test.each([
  [true, {}, ['intent', 'review']],
  [false, { deny: 'Denied by policy: an approver declined it' }, ['intent', 'review']],
] as const)('a call to be reviewed waits for its approver (%s)', async (approved, answer, records) => {
  const { calls, told } = daemon({ verdict: 'review' }, approved)
  expect(await calls.take(before('a'))).toEqual(answer)
  await calls.take(batch(...(approved ? [] : ['a'])))
  expect(told()).toEqual(records)
})

test('an id that comes again while its call is open is a second attempt, and the end is that one’s', async () => {
  const { calls, written, told } = daemon()
  await Promise.all([calls.take(before('a')), calls.take(before('a'))])
  await calls.take(after('a'))
  expect(told()).toEqual(['intent', 'unknown', 'intent', 'succeeded'])
  expect(written()[2]).toMatchObject({ attempt: 2 })
  expect(written()[3]!['call']).toBe(written()[2]!['call'])
})

test('the same id in another session is another call', async () => {
  const { calls, told } = daemon()
  await calls.take(before('a'))
  await calls.take({ kind: 'succeeded', call: { ...call('a'), session: 's a' }, output: 1 })
  expect(told()).toEqual(['intent', 'intent', 'succeeded'])
})

test('a call that ran unasked is recorded as one that nobody could hold back', async () => {
  const { calls, written } = daemon()
  await calls.take(after('never-asked'))
  expect(written()).toMatchObject([{ type: 'intent', unmediated: true, belated: true }, { status: 'succeeded' }])
})

test('of a call whose turn ended without it nobody knows, and what still comes is late', async () => {
  const { calls, written, told } = daemon()
  await calls.take(before('a'))
  await calls.take(batch('a', 'b'))
  expect(written()[1]).toMatchObject({ status: 'unknown', executed: 'unknown' })
  await calls.take(after('a'))
  expect(told()).toEqual(['intent', 'unknown', 'succeeded'])
  expect(written()[2]).toMatchObject({ late: true })
})

test('a call that the host refused was not run, and a session that ends leaves nothing open', async () => {
  const { calls, told } = daemon()
  await calls.take(before('a'))
  await calls.take({ kind: 'refused', call: call('a'), reason: 'no' })
  await calls.take(before('b'))
  await calls.take({ kind: 'session-end', session: 's' })
  expect(told()).toEqual(['intent', 'not_executed', 'intent', 'unknown'])
  expect(readdirSync(folder)).toEqual([])
})

test('a call whose ticket cannot be kept is not let go', async () => {
  const { calls, written } = daemon()
  rmSync(folder, { recursive: true })
  await expect(calls.take(before('a'))).rejects.toThrow('ENOENT')
  expect(written()).toMatchObject([{ type: 'intent' }, { status: 'not_executed', executed: 'no' }])
  folder = mkdtempSync(join(tmpdir(), 'deedlog-hooks-'))
})

test('a call that cannot be recorded is not let go', async () => {
  const { calls, recorder } = daemon()
  await recorder.close()
  await expect(calls.take(before('a'))).rejects.toThrow('closed')
})
