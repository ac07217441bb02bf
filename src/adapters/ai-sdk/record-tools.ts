import { quote } from '../../core/errors.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallRequest } from '../../recorder/types.js'
import type { Arrival } from './admission.js'
import { approvalOf } from './approval.js'
import { definitionOf } from './definition.js'
import { type RecordingContext, requestOf } from './describe.js'
import { runInPieces, runOnce } from './execution.js'
import { knownTools } from './known-tools.js'
import { unrecorded } from './refusal.js'
import { type Execute, executeOf, isAsyncGeneratorFunction, kindOf, type ToolCallOptions } from './shapes.js'

export interface RecordToolsOptions {
  /** The program's own id of the conversation; it stays in the vault. */
  readonly session?: string | ((call: ToolCallOptions) => string | undefined)
  /** On whose behalf. Committed, never written out. A function is asked for each call. */
  readonly principal?: unknown
  /** Which of several agents of one recorder; the program's own name for it, never a person's. */
  readonly agent?: string
  /** Pseudonym of whoever answers the SDK's own approval requests, a `word`. Default `user`. */
  readonly answeredBy?: string
  /**
   * Names of tools whose `execute` returns an async iterable without being an async generator function. Of others that
   * do, the SDK gets the last piece and no preliminary ones: whether a function will return one cannot be known before
   * it is called, and it is not called before its intent is durable.
   */
  readonly streaming?: readonly string[]
}

/**
 * Wraps the tools of a `generateText`, `streamText` or agent of the AI SDK (versions 5, 6, 7), so that every execution
 * is decided on and recorded: the tool runs only after its intent is durable. The given tools stay as they are; those
 * that somebody else executes are returned as they are, and declared.
 *
 * A call that is denied, declined or cannot be recorded throws a `ToolRefusedError` to the SDK, which shows it to the
 * model and goes on.
 *
 * @throws {TypeError} a tool that is wrapped already: its calls would be recorded twice
 */
export function recordTools<T extends { readonly [name: string]: object }>(
  tools: T,
  recorder: Recorder,
  options: RecordToolsOptions = {},
): T {
  const known = knownTools(recorder)
  const recorded = Object.entries(tools).map(([name, tool]) => {
    const execute = executeOf(tool)
    if (execute && wrappers.has(execute))
      throw new TypeError(`the tool ${quote(name)} is recorded already: its calls would be recorded twice`)
    const definition = definitionOf(name, tool)
    const digest = definition === undefined ? undefined : recorder.definitionDigest(definition)
    known.add({ name, ...(digest && { digest }), wrapped: execute !== undefined })
    if (!execute) return [name, tool]
    const described = { name, kind: kindOf(tool), ...(definition !== undefined && { definition }) }
    const streams = isAsyncGeneratorFunction(execute) || options.streaming?.includes(name) === true
    const arrive = (input: unknown, call: ToolCallOptions) => arrival(described, input, call, { recorder, options })
    return [name, withExecute(tool, wrap(tool, execute, arrive, streams))]
  })
  return Object.fromEntries(recorded) as T
}

// Wrapped once more, a call would be two in the records.
const wrappers = new WeakSet<Execute>()

function wrap(
  tool: object,
  execute: Execute,
  arrive: (input: unknown, call: ToolCallOptions) => Arrival,
  streams: boolean,
): Execute {
  // A tool that gives one value must stay a function that promises one: of a generator the SDK may stop asking for
  // pieces, and what became of the call would never be seen.
  const wrapper: Execute = streams
    ? (input, call) => runInPieces(arrive(input, call), () => execute.call(tool, input, call))
    : async (input, call) => runOnce(arrive(input, call), () => execute.call(tool, input, call))
  wrappers.add(wrapper)
  return wrapper
}

function arrival(
  tool: CallRequest['tool'],
  args: unknown,
  call: ToolCallOptions,
  { recorder, options }: { readonly recorder: Recorder; readonly options: RecordToolsOptions },
): Arrival {
  const approval = approvalOf(call?.messages, call?.toolCallId, options.answeredBy ?? 'user')
  const about = { tool, args, toolCallId: call?.toolCallId, ...(approval && { attempt: 2 }) }
  return {
    recorder,
    request: requestOf(about, contextOf(call, options)),
    signal: call?.abortSignal,
    approval,
  }
}

/** @throws {ToolRefusedError} when the program's own functions throw: a record without its session would mislead */
function contextOf(call: ToolCallOptions, options: RecordToolsOptions): RecordingContext {
  const { agent } = options
  try {
    const session = typeof options.session === 'function' ? options.session(call) : options.session
    const principal: unknown = typeof options.principal === 'function' ? options.principal(call) : options.principal
    return { ...(session !== undefined && { session }), principal, ...(agent !== undefined && { agent }) }
  } catch (error) {
    throw unrecorded(error)
  }
}

/** A copy of a tool with another `execute`. Getters, symbols and the SDK's hidden properties go along. */
function withExecute<T extends object>(tool: T, execute: Execute): T {
  return Object.create(Object.getPrototypeOf(tool), {
    ...Object.getOwnPropertyDescriptors(tool),
    execute: { value: execute, writable: true, configurable: true, enumerable: true },
  })
}
