import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toUtf8 } from '../../core/bytes/utf8.js'
import { PAYLOAD_BYTES_MAX, parseHookEvent } from './events.js'

const parsed = (event: unknown) => parseHookEvent(toUtf8(typeof event === 'string' ? event : JSON.stringify(event)))
const call = { session_id: 's', tool_use_id: 'toolu_1', tool_name: 'mcp__files__read', tool_input: { path: 'a' } }

test('reads what Claude Code says of a call before and after it', () => {
  const event = { ...call, hook_event_name: 'PreToolUse', mcp_server: { name: 'files' }, agent_type: 'Explore' }
  expect(parsed(event)).toEqual({
    kind: 'before',
    call: {
      session: 's',
      id: 'toolu_1',
      tool: 'mcp__files__read',
      args: { path: 'a' },
      server: 'files',
      agent: 'Explore',
    },
  })
  expect(parsed({ ...call, hook_event_name: 'PostToolUse', tool_response: [1], duration_ms: 1.5 })).toMatchObject({
    kind: 'succeeded',
    output: [1],
    durationUs: 1500,
  })
  expect(parsed({ ...call, hook_event_name: 'PostToolUseFailure', error: 'no', is_interrupt: true })).toMatchObject({
    kind: 'failed',
    error: 'no',
    interrupted: true,
  })
  expect(parsed({ ...call, hook_event_name: 'Notification' })).toEqual({ kind: 'other' })
  expect(
    parsed({
      session_id: 's',
      hook_event_name: 'PostToolBatch',
      tool_calls: [{ tool_use_id: 'a', tool_response: 1 }, 7, null],
    }),
  ).toEqual({ kind: 'batch', session: 's', ended: [{ id: 'a', shown: 1 }] })
})

test.each([
  ['', 'no JSON'],
  ['{"hook_event_name":"PreToolUse"', 'no JSON'],
  ['[]', 'no object'],
  ['null', 'no object'],
  [{}, 'names no event'],
  ['{"__proto__":{"hook_event_name":"SessionEnd","session_id":"s"}}', 'names no event'],
  [{ ...call, hook_event_name: 'PreToolUse', tool_name: 7 }, 'names no tool'],
  [{ ...call, hook_event_name: 'PreToolUse', tool_input: undefined }, 'no tool_input'],
  [{ ...call, hook_event_name: 'PreToolUse', tool_use_id: '' }, 'tool_use_id is no id'],
  [{ ...call, hook_event_name: 'PostToolUse', session_id: 'x'.repeat(513) }, 'session_id is no id'],
  [{ hook_event_name: 'PostToolBatch', session_id: 's', tool_calls: {} }, 'no list of calls'],
])('refuses %j', (event, why) => {
  expect(() => parsed(event)).toThrow(
    expect.objectContaining({ code: 'hook.payload', message: expect.stringContaining(why) }),
  )
})

test('refuses what is too long before it is read, and what is no UTF-8', () => {
  expect(() => parseHookEvent(new Uint8Array(PAYLOAD_BYTES_MAX + 1))).toThrow('is longer')
  expect(() => parseHookEvent(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('no JSON')
})

test('reads an event or refuses it by its code, whatever comes', () => {
  const name = fc.constantFrom(
    'PreToolUse',
    'PostToolUse',
    'PostToolUseFailure',
    'PermissionDenied',
    'PostToolBatch',
    'SessionEnd',
  )
  const value = fc.oneof(fc.jsonValue(), fc.string())
  const event = fc.record(
    {
      hook_event_name: name,
      session_id: value,
      tool_use_id: value,
      tool_name: value,
      tool_input: value,
      tool_calls: value,
      duration_ms: value,
      mcp_server: value,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(event, fc.jsonValue()), anything => {
      try {
        expect(parsed(JSON.stringify(anything)).kind).toBeTypeOf('string')
      } catch (error) {
        expect(error).toHaveProperty('code', 'hook.payload')
      }
    }),
  )
})
