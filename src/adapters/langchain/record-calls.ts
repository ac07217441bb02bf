import type { Recorder } from '../../recorder/recorder.js'
import type { CallResult } from '../../recorder/types.js'
import type { Arrival } from '../ai-sdk/admission.js'
import type { Witness } from '../ai-sdk/execution.js'
import { knownTools } from '../ai-sdk/known-tools.js'
import { Entrance } from '../entrance.js'
import { isObject, read, readString } from '../read.js'
import { refsOf } from '../refs.js'
import { isInterrupt, isStructuredTool, type LangChainTool, type ToolCallRequest, withCall } from './shapes.js'

export interface RecordingOptions {
  /** The program's own id of the conversation; it stays in the vault. Default: the thread's id, where there is one. */
  readonly session?: string
  /** On whose behalf. Committed, never written out. */
  readonly principal?: unknown
}

/** What `createMiddleware` of `langchain` makes a middleware of. */
export interface RecordingMiddleware {
  readonly name: string
  // LangChain's own types of these depend on the agent's state.
  readonly wrapToolCall: <R extends ToolCallRequest, M>(
    request: R,
    handler: (request: R) => M | Promise<M>,
  ) => Promise<M>
}

const LOSS = 'langchain.unrecorded-call'
/** Under this name `assertCoverage` finds the middleware. */
export const MIDDLEWARE = 'deedlog'

/**
 * A middleware for `createAgent` that decides on and records every call, of whatever tool the agent has by then. Give it
 * last: what comes after it in the list stands between it and the tool.
 *
 * @example createAgent({ model, tools, middleware: [retry, createMiddleware(recordCalls(recorder))] })
 */
export function recordCalls(recorder: Recorder, options: RecordingOptions = {}): RecordingMiddleware {
  // The same call tried again comes as the same object.
  const attempts = new WeakMap<object, number>()
  const wrapToolCall: RecordingMiddleware['wrapToolCall'] = async (request, handler) => {
    const { tool, toolCall } = request
    const gated = isStructuredTool(tool) && !isRecorded(tool)
    const entrance = new Entrance(arrivalOf(request, recorder, options), LOSS)
    // A runnable as a tool has no function to be come to: what the model wrote is decided on, and a refusal, for which we
    // have no message of LangChain's, ends the run.
    if (isObject(tool) && !isStructuredTool(tool))
      return (await entrance.enter(toolCall.args, () => handler(request), { witness: MESSAGE })) as Awaited<
        ReturnType<typeof handler>
      >
    const next = () => {
      const attempt = (attempts.get(toolCall) ?? 0) + 1
      attempts.set(toolCall, attempt)
      return attempt
    }
    let message: Awaited<ReturnType<typeof handler>>
    try {
      message = await handler(gated ? { ...request, tool: gate(tool, () => entrance, SHOWN_AS_RESULT, next) } : request)
    } catch (error) {
      if (gated && !entrance.wasEntered) await entrance.neverEntered({ error: { value: error } })
      throw error
    }
    if (entrance.refused) markError(message)
    else if (!entrance.wasEntered && !(isStructuredTool(tool) && isRecorded(tool)))
      await unentered(entrance, tool, message)
    return message
  }
  return { name: MIDDLEWARE, wrapToolCall }
}

/**
 * Copies of tools that decide on and record every call themselves, for graphs without middleware: `ToolNode`, the older
 * `createReactAgent`, and tools that a program invokes. A refused call throws a `ToolRefusedError`, which a `ToolNode`
 * shows to the model.
 */
export function recordTools<T extends object>(
  tools: readonly T[],
  recorder: Recorder,
  options: RecordingOptions = {},
): T[] {
  return tools.map(tool => {
    if (!isStructuredTool(tool)) {
      knownTools(recorder).add({ name: readString(tool, 'name') ?? 'unnamed', wrapped: false })
      return tool
    }
    if (isRecorded(tool)) throw new TypeError('a tool is recorded already: its calls would be recorded twice')
    const made = gate(
      tool,
      (args, config) => {
        const toolCall = { name: tool.name, args, id: readString(config, 'toolCall', 'id') ?? '' }
        return new Entrance(arrivalOf({ tool, toolCall, runtime: config }, recorder, options), LOSS)
      },
      false,
      () => 1,
    )
    recorded.add(made)
    return made
  })
}

const recorded = new WeakSet<object>()

/** Whether a tool decides on and records its calls itself. */
export const isRecorded = (tool: object): boolean => recorded.has(tool)

const SHOWN_AS_RESULT = true

/** A copy of a tool whose function is come to through an entrance. */
function gate<T extends LangChainTool>(
  tool: T,
  entranceOf: (args: unknown, config: unknown) => Entrance,
  shown: boolean,
  next: () => number,
): T {
  return withCall(tool, async (args, ...of) => {
    const config = of[1]
    const entrance = entranceOf(args, config)
    const signal = read(config, 'signal')
    try {
      return await entrance.enter(args, () => tool._call(args, ...of), {
        signal: signal instanceof AbortSignal ? signal : undefined,
        attempt: next(),
        witness: WITNESS,
      })
    } catch (error) {
      if (!shown || !entrance.refused) throw error
      // Given as a result, so that no retry and no error handler in between takes it for a failure of the tool.
      const refusal = entrance.refused.message
      return tool.responseFormat === 'content_and_artifact' ? [refusal, undefined] : refusal
    }
  })
}

const WITNESS: Witness = {
  threw: (error): CallResult | undefined =>
    isInterrupt(error) ? { status: 'pending', executed: 'unknown' } : undefined,
}

const MESSAGE: Witness = {
  ...WITNESS,
  returned: message => ({
    status: read(message, 'status') === 'error' ? 'reported_error' : 'succeeded',
    executed: read(message, 'status') === 'error' ? 'unknown' : 'yes',
    output: { value: read(message, 'content') },
  }),
}

/** Never came to our copy of the tool: it does not exist, its arguments do not fit, or somebody answered in its place. */
function unentered(entrance: Entrance, tool: unknown, message: unknown): Promise<void> {
  const visible = { value: read(message, 'content') }
  const refused = tool === undefined || read(message, 'status') === 'error'
  return refused ? entrance.neverEntered({ visible }) : entrance.passedBy({ visible })
}

function arrivalOf(
  { toolCall, tool, runtime }: ToolCallRequest,
  recorder: Recorder,
  options: RecordingOptions,
): Arrival {
  const session = options.session ?? readString(runtime, 'configurable', 'thread_id')
  const refs = refsOf({ call: toolCall.id, run: read(runtime, 'runId') }, undefined)
  return {
    recorder,
    request: {
      tool: describe(toolCall.name, tool, recorder),
      args: toolCall.args,
      ...(session !== undefined && { session }),
      ...(options.principal !== undefined && { principal: options.principal }),
      ...(refs && { refs }),
    },
    signal: undefined,
    approval: undefined,
  }
}

function describe(name: string, tool: unknown, recorder: Recorder) {
  if (tool === undefined) return { name, registered: false }
  const known = knownTools(recorder)
  if (!known.has(name)) known.add({ name, wrapped: true })
  known.declare()
  const description = readString(tool, 'description')
  const schema = read(tool, 'schema')
  // A schema of Zod is a thicket of functions: only JSON Schema has a digest that others can make.
  const definition = isObject(schema) &&
    typeof schema['type'] === 'string' &&
    !('_def' in schema) && { name, description, schema }
  return { name, kind: 'function', ...(definition && { definition }) }
}

function markError(message: unknown): void {
  if (isObject(message) && 'tool_call_id' in message) Reflect.set(message, 'status', 'error')
}
