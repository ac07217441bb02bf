import { afterEach, expect, test } from 'vitest'
import { Recorder } from './recorder.js'
import { ListBackend } from './testkit.js'

/*
 * OpenTelemetry's API as it keeps itself: under a registered symbol, with the active span in the active context.
 */

const API = Symbol.for('opentelemetry.js.api.1')
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN')
const holder = globalThis as { [API]?: unknown }

afterEach(() => {
  delete holder[API]
})

function activate(span: unknown): void {
  holder[API] = { context: { active: () => ({ getValue: (key: symbol) => (key === SPAN ? span : undefined) }) } }
}

function tracing(ids: object) {
  const attributes: { [name: string]: string } = {}
  activate({ spanContext: () => ids, setAttributes: (more: object) => Object.assign(attributes, more) })
  return attributes
}

const ids = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) }

function setUp() {
  const backend = new ListBackend()
  const errors: Error[] = []
  const recorder = new Recorder({ backend, agent: { id: 'did:example:a' }, onError: error => errors.push(error) })
  const call = (refs?: { readonly [name: string]: string }) =>
    recorder.intent({ tool: { name: 'pay' }, args: {}, ...(refs && { refs }) }, { verdict: 'not_evaluated' })
  return { backend, errors, recorder, call, refs: () => backend.log.of('intent').map(({ record }) => record.refs) }
}

test('a call names the span that is active, and the span names the call', async () => {
  const attributes = tracing(ids)
  const { call, refs, backend } = setUp()
  const ticket = await call({ run: 'r1' })
  expect(refs()).toEqual([{ run: 'r1', span_id: ids.spanId, trace_id: ids.traceId }])
  expect(attributes).toEqual({
    'deedlog.record.id': ticket.call,
    'deedlog.leaf.hash': backend.log.of('intent')[0]!.leaf,
  })
})

test('a span learns nothing of a call that could not be recorded', async () => {
  const attributes = tracing(ids)
  const { call, backend } = setUp()
  backend.before = () => {
    throw new Error('down')
  }
  await expect(call()).rejects.toThrow()
  expect(attributes).toEqual({})
})

test.each([
  ['no API', undefined],
  ['no span', () => activate(undefined)],
  ['a span that is none', () => activate('span')],
  ['the ids of a span that is not recorded', () => tracing({ traceId: '0'.repeat(32), spanId: '0'.repeat(16) })],
  ['ids that are sentences', () => tracing({ traceId: 'ann@example.com', spanId: { toString: () => 'x' } })],
  ['no context of it', () => activate({ spanContext: () => undefined })],
  ['a span that throws', () => activate({ spanContext: () => fail(), setAttributes: () => fail() })],
  ['a getter that throws', () => Object.defineProperty(holder, API, { get: fail, configurable: true })],
])('%s leaves the call as it is', async (_, arrange) => {
  arrange?.()
  const { call, refs, errors } = setUp()
  await call()
  expect(refs()).toEqual([undefined])
  expect(errors).toEqual([])
})

function fail(): never {
  throw new Error('not a word of this')
}
