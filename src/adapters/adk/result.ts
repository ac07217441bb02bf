import type { CallResult } from '../../recorder/types.js'
import { isObject, read } from '../read.js'
import { type HostTool, isFunctionTool, type ToolRun } from './shapes.js'
import type { Slot } from './slot.js'

interface Circumstances {
  readonly tool: HostTool
  readonly slot: Pick<Slot, 'bodyEntered' | 'bodyThrew'>
  readonly run: ToolRun
}

/** What a tool that returned has done. `waits`: the call will come back. */
export function returned(
  result: unknown,
  { tool, slot, run }: Circumstances,
): CallResult & { waits?: 'confirmation' | 'long-running' } {
  const body = isFunctionTool(tool) ? slot.bodyEntered : undefined
  const context = run.toolContext
  if (asks(context, 'requestedToolConfirmations') && read(context, 'toolConfirmation') === undefined)
    return { status: 'pending', executed: executedBy(body), visible: { value: result }, waits: 'confirmation' }
  // Declined, or kept from running by ADK in some other way; what came back is ADK's and not the tool's.
  if (body === false) return { status: 'not_executed', executed: 'no', visible: { value: result } }
  if (asks(context, 'requestedAuthConfigs'))
    return { status: 'pending', executed: executedBy(body), output: { value: result } }
  if (read(tool, 'isLongRunning') === true)
    return { status: 'pending', executed: 'yes', output: { value: result }, waits: 'long-running' }
  return { status: saysError(result) ? 'reported_error' : 'succeeded', executed: 'yes', output: { value: result } }
}

/** What a tool that threw has done. Anything can be thrown, also nothing. */
export function thrown(error: unknown, { tool, slot, run }: Circumstances): CallResult {
  const value = slot.bodyThrew ? slot.bodyThrew.value : error
  // ADK refused the arguments: the tool's own code never began.
  if (isFunctionTool(tool) && !slot.bodyEntered) return { status: 'not_executed', executed: 'no', error: { value } }
  if (read(run.toolContext, 'abortSignal', 'aborted') === true && read(value, 'name') === 'AbortError')
    return { status: 'cancelled', executed: 'unknown', error: { value } }
  return { status: 'failed', executed: 'yes', error: { value } }
}

/** A result that says itself that it is none: MCP's `isError`, or a truthy `error`, which is how ADK shows errors to the model. */
export function saysError(result: unknown): boolean {
  if (!isObject(result)) return false
  try {
    const own = (name: string): unknown => Object.getOwnPropertyDescriptor(result, name)?.value
    return own('isError') === true || Boolean(own('error'))
  } catch {
    return false
  }
}

function executedBy(body: boolean | undefined): 'yes' | 'no' | 'unknown' {
  return body === undefined ? 'unknown' : body ? 'yes' : 'no'
}

function asks(context: object, what: 'requestedToolConfirmations' | 'requestedAuthConfigs'): boolean {
  const id = read(context, 'functionCallId')
  const requests = read(context, 'actions', what)
  return typeof id === 'string' && isObject(requests) && Object.hasOwn(requests, id)
}
