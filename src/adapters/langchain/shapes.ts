import { isObject } from '../read.js'

/*
 * LangChain's objects by their shape. Nothing of it is imported: a program may have `@langchain/core` twice.
 */

/** A structured tool: `_call` gets the arguments as its schema made them, and a config with the run's signal. */
export interface LangChainTool {
  readonly name: string
  readonly description?: string
  readonly schema?: unknown
  readonly responseFormat?: unknown
  _call: (this: unknown, args: unknown, ...of: unknown[]) => unknown
}

export const isStructuredTool = (tool: unknown): tool is LangChainTool =>
  isObject(tool) && typeof tool['name'] === 'string' && typeof tool['_call'] === 'function'

/** What a middleware's `wrapToolCall` is given, as far as we use it. */
export interface ToolCallRequest {
  readonly toolCall: { readonly id?: string; readonly name: string; readonly args: unknown }
  readonly tool?: unknown
  readonly runtime?: unknown
}

/** A copy of a tool with another `_call`, whose prototype is the tool: classes, getters and fields stay what they are. */
export const withCall = <T extends LangChainTool>(tool: T, call: LangChainTool['_call']): T =>
  Object.create(tool, { _call: { value: call, writable: true, configurable: true } })

/** Waiting for a person: LangGraph ends the run by an error and comes back to the tool later, from its beginning. */
export const isInterrupt = (error: unknown): boolean =>
  isObject(error) && (error['name'] === 'GraphInterrupt' || error['name'] === 'NodeInterrupt')
