import { fromUtf8 } from '../../core/bytes/utf8.js'
import { MalformedError } from '../../core/errors.js'

/*
 * What Claude Code writes to the standard input of a hook. The transcript that it names is never opened: it holds the
 * whole conversation, and records are made of calls alone.
 */

/** One tool call as the host names it: unique at a time, by custom. */
export interface HookCall {
  /** The host's own ids; models and resumed sessions may repeat them. */
  readonly session: string
  readonly id: string
  readonly tool: string
  readonly args: unknown
  /** The name of the MCP server that offers the tool. */
  readonly server?: string
  readonly agent?: unknown
}

export type HookEvent =
  | { readonly kind: 'before'; readonly call: HookCall }
  | { readonly kind: 'succeeded'; readonly call: HookCall; readonly output: unknown; readonly durationUs?: number }
  | { readonly kind: 'failed'; readonly call: HookCall; readonly error: unknown; readonly interrupted: boolean }
  | { readonly kind: 'refused'; readonly call: HookCall; readonly reason: unknown }
  /** Every call of one turn of the model has come to its end, of whatever kind. */
  | { readonly kind: 'batch'; readonly session: string; readonly ended: readonly Ended[] }
  | { readonly kind: 'session-end'; readonly session: string }
  /** An event that says nothing of calls. */
  | { readonly kind: 'other' }

export interface Ended {
  readonly id: string
  /** What the model was shown. */
  readonly shown: unknown
}

/** The longest payload of one event, in bytes. */
export const PAYLOAD_BYTES_MAX = 32 * 1024 * 1024

/**
 * @param bytes  UTF-8 JSON, at most {@link PAYLOAD_BYTES_MAX} bytes
 * @throws {MalformedError} `hook.payload` for anything that is no event of a hook
 */
export function parseHookEvent(bytes: Uint8Array): HookEvent {
  const event = objectOf(bytes)
  const name = own(event, 'hook_event_name')
  switch (name) {
    case 'PreToolUse':
      return { kind: 'before', call: callOf(event) }
    case 'PostToolUse':
      return { kind: 'succeeded', call: callOf(event), output: own(event, 'tool_response'), ...durationOf(event) }
    case 'PostToolUseFailure':
      return {
        kind: 'failed',
        call: callOf(event),
        error: own(event, 'error'),
        interrupted: own(event, 'is_interrupt') === true,
      }
    case 'PermissionDenied':
      return { kind: 'refused', call: callOf(event), reason: own(event, 'reason') }
    case 'PostToolBatch':
      return { kind: 'batch', session: idOf(event, 'session_id'), ended: endedIn(own(event, 'tool_calls')) }
    case 'SessionEnd':
      return { kind: 'session-end', session: idOf(event, 'session_id') }
    default:
      if (typeof name !== 'string') throw malformed('it names no event')
      return { kind: 'other' }
  }
}

type Fields = { readonly [name: string]: unknown }

function objectOf(bytes: Uint8Array): Fields {
  if (bytes.length > PAYLOAD_BYTES_MAX) throw malformed(`it is longer than ${PAYLOAD_BYTES_MAX} bytes`)
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(bytes))
  } catch (cause) {
    throw malformed('it is no JSON', cause)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('it is no object')
  return value as Fields
}

function callOf(event: Fields): HookCall {
  const tool = own(event, 'tool_name')
  if (typeof tool !== 'string' || tool === '') throw malformed('it names no tool')
  if (!Object.hasOwn(event, 'tool_input')) throw malformed('it has no tool_input')
  const server = own(own(event, 'mcp_server'), 'name')
  return {
    session: idOf(event, 'session_id'),
    id: idOf(event, 'tool_use_id'),
    tool,
    args: event['tool_input'],
    ...(typeof server === 'string' && server !== '' && { server }),
    agent: own(event, 'agent_type'),
  }
}

function idOf(event: Fields, name: string): string {
  const id = own(event, name)
  if (typeof id !== 'string' || id === '' || id.length > ID_LENGTH_MAX) throw malformed(`its ${name} is no id`)
  return id
}

function durationOf(event: Fields): { readonly durationUs?: number } {
  const us = Math.round(Number(own(event, 'duration_ms')) * 1000)
  return Number.isSafeInteger(us) && us >= 0 ? { durationUs: us } : {}
}

function endedIn(calls: unknown): readonly Ended[] {
  if (!Array.isArray(calls) || calls.length > BATCH_CALLS_MAX) throw malformed('its tool_calls are no list of calls')
  return calls.flatMap((call: unknown) => {
    const id = own(call, 'tool_use_id')
    return typeof id === 'string' && id !== '' ? [{ id, shown: own(call, 'tool_response') }] : []
  })
}

/** Only what the JSON itself says: `__proto__` is a name like any other. */
const own = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? (value as Fields)[name] : undefined

const malformed = (why: string, cause?: unknown): MalformedError =>
  new MalformedError('hook.payload', `what the hook was given is no event of Claude Code: ${why}`, {
    cause,
    expected: 'the JSON object that Claude Code writes to the standard input of a command hook',
  })

// Ids are some 40 characters; one is kept for each call.
const ID_LENGTH_MAX = 512
// A turn of a model asks for tens of calls.
const BATCH_CALLS_MAX = 10_000
