/*
 * The objects of OpenAI Agents by their shape. `@openai/agents` is never imported: a program may have it twice.
 */

/** What comes with a call: `toolCall.callId` and `signal` are what we use. The SDK keeps things by this very object. */
export type InvokeDetails = object | undefined

export type Invoke = (this: unknown, context: unknown, input: string, details?: InvokeDetails) => Promise<unknown>

/** A tool of any kind; those of the type `function` have an `invoke` that the program runs. */
interface AgentTool {
  readonly type: string
  readonly name: string
}

export interface FunctionTool extends AgentTool {
  readonly description?: string
  readonly parameters?: unknown
  invoke: Invoke
}

export interface AgentHandoff {
  readonly toolName: string
  readonly toolDescription?: string
  readonly inputJsonSchema?: unknown
  onInvokeHandoff: (context: unknown, input: string) => unknown
}

/** The part of an agent that we replace: the runner asks these for what it may call, at each turn. */
export interface RecordableAgent {
  readonly name: string
  readonly tools: readonly object[]
  readonly handoffs: readonly object[]
  getAllTools(...of: never[]): Promise<object[]>
  getEnabledHandoffs(...of: never[]): Promise<object[]>
}

export const isFunctionTool = (tool: object): tool is FunctionTool =>
  (tool as Partial<FunctionTool>).type === 'function' && typeof (tool as Partial<FunctionTool>).invoke === 'function'

export const isAgent = (value: unknown): value is RecordableAgent =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<RecordableAgent>).getAllTools === 'function' &&
  typeof (value as Partial<RecordableAgent>).getEnabledHandoffs === 'function'

export const isHandoff = (value: object): value is AgentHandoff =>
  typeof (value as Partial<AgentHandoff>).onInvokeHandoff === 'function'
