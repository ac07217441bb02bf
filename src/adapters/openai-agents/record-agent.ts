import { quote } from '../../core/errors.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallRequest } from '../../recorder/types.js'
import type { Arrival } from '../ai-sdk/admission.js'
import { runOnce } from '../ai-sdk/execution.js'
import { knownTools } from '../ai-sdk/known-tools.js'
import { ToolRefusedError } from '../ai-sdk/refusal.js'
import { read } from '../read.js'
import { refsOf } from '../refs.js'
import {
  type AgentHandoff,
  type Invoke,
  type InvokeDetails,
  isAgent,
  isFunctionTool,
  isHandoff,
  type RecordableAgent,
} from './shapes.js'
import { passed, SHOWN, tells } from './witnessed.js'

export interface RecordAgentOptions {
  /** The program's own id of the conversation; it stays in the vault. A function is given the run's context. */
  readonly session?: string | ((runContext: unknown) => string | undefined)
  /** On whose behalf. Committed, never written out. A function is given the run's context. */
  readonly principal?: unknown
}

interface Recording {
  readonly recorder: Recorder
  readonly options: RecordAgentOptions
}

const agents = new WeakMap<object, { readonly recorder: Recorder; readonly getAllTools: unknown }>()
const recordedFunctions = new WeakMap<object, Recorder>()

/**
 * Decides on and records every call of an agent's function tools, of its MCP servers' tools and of its hand-offs, and those
 * of every agent it hands over to. The agent and its tools are changed in place, once: the SDK finds its own notes on a
 * tool by the tool itself, and a copy would lose them. Returns the agent.
 *
 * @throws {TypeError} an agent or a tool that another recorder records already
 */
export function recordAgent<A extends RecordableAgent>(
  agent: A,
  recorder: Recorder,
  options: RecordAgentOptions = {},
): A {
  const before = agents.get(agent)
  if (before?.recorder === recorder) return agent
  if (before) throw new TypeError(`the agent ${quote(agent.name)} is recorded by another recorder already`)
  const recording = { recorder, options }
  const { getAllTools, getEnabledHandoffs } = agent
  const recorded = async (...of: never[]) => {
    const tools = await getAllTools.apply(agent, of)
    for (const tool of tools) recordTool(tool, recording)
    knownTools(recorder).declare()
    return tools
  }
  agents.set(agent, { recorder, getAllTools: recorded })
  // On the agent and not on its list of tools: MCP servers are asked for theirs at each turn.
  define(agent, 'getAllTools', recorded)
  define(agent, 'getEnabledHandoffs', async (...of: never[]) => {
    const handoffs = await getEnabledHandoffs.apply(agent, of)
    return handoffs.map(handoff => (isHandoff(handoff) ? recordedHandoff(handoff, recording) : handoff))
  })
  for (const tool of agent.tools) recordTool(tool, recording)
  for (const next of agent.handoffs) {
    const reached = isAgent(next) ? next : read(next, 'agent')
    if (isAgent(reached)) recordAgent(reached, recorder, options)
  }
  return agent
}

/** Whether calls of this tool come to a recorder, or will, since its agent asks us at each turn. */
export const isRecordedTool = (tool: object): boolean =>
  isFunctionTool(tool) && (recordedFunctions.has(tool.invoke) || Object.isExtensible(tool))

export const isRecordedAgent = (agent: RecordableAgent): boolean => agents.get(agent)?.getAllTools === agent.getAllTools

function recordTool(tool: object, recording: Recording): void {
  const { recorder } = recording
  if (!isFunctionTool(tool)) {
    knownTools(recorder).add({ name: String(read(tool, 'name') ?? read(tool, 'type')), wrapped: false })
    return
  }
  const before = recordedFunctions.get(tool.invoke)
  if (before && before !== recorder)
    throw new TypeError(`the tool ${quote(tool.name)} is recorded by another recorder already`)
  if (before) return
  const described = describe(tool.name, tool.description, tool.parameters, 'function')
  const { invoke } = tool
  const tellsUs = tells(tool)
  const recorded: Invoke = async (context, input, details) => {
    const arrival = arrivalOf(described, { context, input, details }, recording)
    const body = () => invoke.call(tool, context, input, details)
    if (tellsUs) return passed(arrival, body)
    try {
      return await runOnce(arrival, body, SHOWN)
    } catch (error) {
      // The model reads it, as it reads what the SDK makes of a tool's own errors. Thrown, it would end the run.
      if (error instanceof ToolRefusedError) return error.message
      throw error
    }
  }
  define(tool, 'invoke', recorded)
  const wrapped = tool.invoke === recorded
  if (wrapped) recordedFunctions.set(recorded, recorder)
  const digest = recorder.definitionDigest(described.definition)
  knownTools(recorder).add({ name: tool.name, digest, wrapped })
}

/**
 * A hand-off is a call that the model makes. One that is denied throws: the SDK knows no answer to a hand-off but the next
 * agent, so the run ends.
 */
function recordedHandoff(handoff: AgentHandoff, recording: Recording): AgentHandoff {
  if (recordedFunctions.has(handoff.onInvokeHandoff)) return handoff
  const { recorder, options } = recording
  const { toolName, toolDescription, inputJsonSchema } = handoff
  const described = describe(toolName, toolDescription, inputJsonSchema, 'handoff')
  const onInvokeHandoff = async (context: unknown, input: string) => {
    const arrival = arrivalOf(described, { context, input, details: undefined }, recording)
    let next: unknown
    // What the log keeps of an agent is its name: the object has the whole program in it.
    const witness = {
      returned: () => ({ status: 'succeeded', executed: 'yes', output: { value: read(next, 'name') } }) as const,
    }
    await runOnce(
      arrival,
      async () => {
        next = await handoff.onInvokeHandoff(context, input)
      },
      witness,
    )
    if (isAgent(next)) recordAgent(next, recorder, options)
    return next
  }
  recordedFunctions.set(onInvokeHandoff, recorder)
  return Object.create(Object.getPrototypeOf(handoff), {
    ...Object.getOwnPropertyDescriptors(handoff),
    onInvokeHandoff: { value: onInvokeHandoff, writable: true, configurable: true, enumerable: true },
  })
}

interface Described {
  readonly name: string
  readonly kind: string
  readonly definition: unknown
}

const describe = (name: string, description: unknown, inputSchema: unknown, kind: string): Described => ({
  name,
  kind,
  definition: { name, ...(typeof description === 'string' && { description }), inputSchema },
})

function arrivalOf(
  tool: CallRequest['tool'],
  call: { readonly context: unknown; readonly input: string; readonly details: InvokeDetails },
  { recorder, options }: Recording,
): Arrival {
  const asked = (given: unknown): unknown => (typeof given === 'function' ? given(call.context) : given)
  const session = asked(options.session)
  const principal = asked(options.principal)
  const refs = refsOf({ call: read(call.details, 'toolCall', 'callId') }, undefined)
  const signal = read(call.details, 'signal')
  return {
    recorder,
    request: {
      tool,
      args: argsOf(call.input),
      ...(typeof session === 'string' && { session }),
      ...(principal !== undefined && { principal }),
      ...(refs && { refs }),
    },
    signal: signal instanceof AbortSignal ? signal : undefined,
    approval: undefined,
  }
}

/** What the model wrote, as rules want to read it; as it stands where it is no JSON. */
function argsOf(input: string): unknown {
  try {
    return JSON.parse(input)
  } catch {
    return input
  }
}

const define = (object: object, name: string, value: unknown): boolean =>
  Reflect.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: name === 'invoke' })
