import { read } from '../read.js'

/*
 * ADK's objects by their shape. A program that uses `require` and `import` has ADK twice, with two of every class, so
 * `instanceof` would be wrong; ADK marks its classes with registered symbols for the same reason.
 */

/** What we use of a tool. */
export interface HostTool {
  readonly name: string
  readonly isLongRunning?: boolean
  runAsync(request: ToolRun): Promise<unknown>
}

/** What a tool is run with. */
export interface ToolRun {
  readonly args: unknown
  readonly toolContext: object
}

/** What we use of an agent. */
export interface HostAgent {
  readonly name: string
  runAsync(context: object): AsyncGenerator<unknown, void>
}

const FUNCTION_TOOL = Symbol.for('google.adk.functionTool')
const AGENT_TOOL = Symbol.for('google.adk.agentTool')
const BASE_AGENT = Symbol.for('google.adk.baseAgent')

export const isFunctionTool = (tool: unknown): boolean => read(tool, FUNCTION_TOOL) === true

export const isTool = (tool: unknown): tool is HostTool =>
  typeof read(tool, 'runAsync') === 'function' && typeof read(tool, 'name') === 'string'

/** The agent inside an `AgentTool`. */
export function agentOf(tool: unknown): HostAgent | undefined {
  const agent = read(tool, AGENT_TOOL) === true ? read(tool, 'agent') : undefined
  return isAgent(agent) ? agent : undefined
}

const isAgent = (agent: unknown): agent is HostAgent =>
  read(agent, BASE_AGENT) === true && typeof read(agent, 'runAsync') === 'function'

/** What sort of tool it is, for the record. */
export function kindOf(tool: unknown): string {
  if (read(tool, AGENT_TOOL) === true) return 'agent'
  if (isFunctionTool(tool)) return read(tool, 'isLongRunning') === true ? 'function-long-running' : 'function'
  return read(tool, 'mcpSessionManager') === undefined ? 'tool' : 'mcp'
}
