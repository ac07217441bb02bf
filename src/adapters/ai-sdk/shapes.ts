import { isObject, read } from '../read.js'

/*
 * The AI SDK's objects by their shape, as versions 5, 6 and 7 have them in common. `ai` is never imported: a program
 * may have several versions of it.
 */

/** What we use of the second argument of a tool's `execute`. */
export interface ToolCallOptions {
  readonly toolCallId: string
  /** The messages that the model was sent, and no others. */
  readonly messages: readonly unknown[]
  readonly abortSignal?: AbortSignal
  /** Of version 7. */
  readonly context?: unknown
  /** Of versions 5 and 6. */
  readonly experimental_context?: unknown
}

export type Execute = (this: unknown, input: unknown, options: ToolCallOptions) => unknown

/** The tool's function, where the program and not the client or the provider runs it. */
export function executeOf(tool: object): Execute | undefined {
  const execute = read(tool, 'execute')
  return typeof execute === 'function' ? (execute as Execute) : undefined
}

/** What sort of tool it is, for the record: `function`, `dynamic`, `provider`, `provider-defined`. */
export function kindOf(tool: object): string {
  const type = read(tool, 'type')
  return typeof type === 'string' ? type : 'function'
}

/** MCP's way to say in a result that it is none. Without running a getter of the tool's own. */
export function saysError(output: unknown): boolean {
  try {
    return isObject(output) && Object.getOwnPropertyDescriptor(output, 'isError')?.value === true
  } catch {
    return false
  }
}

export const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && typeof read(value, Symbol.asyncIterator) === 'function'

/** By its tag, which realms share and `bind` keeps. A generator that was compiled to something older has none. */
export const isAsyncGeneratorFunction = (execute: Execute): boolean =>
  Object.prototype.toString.call(execute) === '[object AsyncGeneratorFunction]'

/** One piece of a message or a step. */
export interface Part {
  readonly type: string
  readonly [name: string]: unknown
}

// Bounds the work on one message or step: a model and a client wrote them.
const PARTS_MAX = 10_000

/** The parts of a message or a step; none where its content is a text. */
export function partsOf(holder: unknown): Part[] {
  const content = read(holder, 'content')
  if (!Array.isArray(content)) return []
  return content.slice(0, PARTS_MAX).filter((part): part is Part => isObject(part) && typeof part['type'] === 'string')
}
