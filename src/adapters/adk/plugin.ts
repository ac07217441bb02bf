import type { BasePlugin, BaseTool, Context, InvocationContext } from '@google/adk'
import { Recorder } from '../../recorder/recorder.js'
import { Reporting } from '../../recorder/reporting.js'
import type { Tier } from '../../recorder/types.js'
import { denialLine, UNRECORDED } from '../denial.js'
import { isObject, read, readString } from '../read.js'
import { keyOf, type Turn, turnOf } from './announced.js'
import { flushAtExit, forgetAtExit } from './at-exit.js'
import { describeCall, waitingKey, waitingKeyOf } from './describe.js'
import { currentSlot, pluginsOf, wrapTool } from './execution.js'
import { Gate } from './gate.js'
import { type AgentToolMode, DEFAULT_AGENT_DID, oneOf, recorderOptions, type Setup } from './options.js'
import { saysError } from './result.js'
import { agentOf, type HostTool, isTool, type ToolRun } from './shapes.js'
import { settle, watchAgent, watchManager } from './shown.js'
import { newSlot, type Owner, PLUGIN, type Slot, setSlot, slotOf } from './slot.js'
import { survey } from './survey.js'
import { UnreachedCalls } from './unreached.js'
import { WaitingCalls } from './waiting.js'

interface AfterTool {
  readonly tool: BaseTool
  readonly toolArgs: Record<string, unknown>
  readonly toolContext: Context
  readonly result: unknown
}

// What `coverage` says of a recorder that is not asked first.
const NOT_FIRST = 'adk.answered-by-earlier-plugin'

/**
 * The part that both plugins share: it meets ADK's callbacks, and every callback returns exactly `undefined` or a
 * denial and never throws, since ADK makes of a throw a lost turn and of `null` a silent "yes".
 *
 * ADK is not imported: its callbacks are met by shape, and `implements` holds the shape against ADK's own types.
 */
export class RecordingPlugin implements BasePlugin {
  readonly name: string
  /** Undefined where nothing is recorded. */
  readonly recorder: Recorder | undefined
  /** @internal */
  readonly [PLUGIN]: Owner
  readonly #gate: Gate
  readonly #report: (error: Error) => void
  readonly #open = new Map<Slot, Turn>()
  readonly #unreached: UnreachedCalls
  readonly #agentTools: AgentToolMode
  readonly #whenNotFirst: 'declare' | 'refuse'
  readonly #waiting = new WaitingCalls()
  readonly #flush = () => void this.#leave()
  #warnedOrder = false

  constructor(name: string, setup: Setup) {
    const { auditBackend, evaluator, approver, agentDid = DEFAULT_AGENT_DID, logger = console, onError } = setup
    this.name = name
    this.#agentTools = oneOf('agentTools', ['govern', 'record', 'refuse'], setup.agentTools)
    this.#whenNotFirst = oneOf('whenNotFirst', ['declare', 'refuse'], setup.whenNotFirst)
    const reporting = new Reporting(onError)
    this.#report = error => reporting.report(error)
    this.recorder = auditBackend && new Recorder(recorderOptions(setup, auditBackend, agentDid))
    this.#unreached = new UnreachedCalls(this.recorder, this.#waiting, error => this.#report(error))
    this.#gate = new Gate({
      recorder: this.recorder,
      evaluator,
      agentDid,
      denied: (tool, decision) => logger.warn(denialLine(tool, decision)),
      report: error => this.#report(error),
    })
    if (!this.recorder && approver)
      throw new TypeError('an approver needs an auditBackend: an approval that nobody can check is none')
    this[PLUGIN] = {
      plugin: this,
      gate: this.#gate,
      admit: (tool, run) => this.#admit(tool, run.args, run.toolContext, false),
      waits: (slot, run, kind) => this.#wait(slot, run, kind),
    }
  }

  /**
   * Ends the records: sessions, stream, the backend's last checkpoint. ADK never closes a plugin, so the program does,
   * when its last run is over. From then on no tool of ours runs.
   *
   * @throws what kept the end from being written
   */
  async close(): Promise<void> {
    this.#gate.close()
    forgetAtExit(this.#flush)
    await Promise.all([...this.#open.keys()].map(slot => this.#abandon(slot)))
    await this.#unreached.over(undefined)
    await this.recorder?.close()
  }

  /**
   * Breaks the glass, or mends it: calls that cannot be recorded are treated by another tier from now on, and the log says
   * who wanted that and why. See `Recorder.changeTier`.
   */
  async changeTier(tier: Tier | ((tool: string) => Tier), why: { by: string; reason: string }): Promise<void> {
    await this.recorder?.changeTier(tier, why)
  }

  /**
   * Refuses to run beside another plugin of ours, and looks at the agents and their tools.
   * @throws {TypeError} which ends the run before anything has been asked of a model
   */
  async beforeRunCallback({ invocationContext }: { invocationContext: InvocationContext }): Promise<undefined> {
    const plugins = pluginsOf(invocationContext)
    const ours = plugins.filter(plugin => read(plugin, PLUGIN) !== undefined)
    if (ours.length > 1)
      throw new TypeError(
        'AgentGovernancePlugin and AuditTrailPlugin are in one runner, and every call would be recorded twice: keep the first, which records as well',
      )
    const second = plugins[0] !== this && plugins.includes(this)
    if (second && this.#whenNotFirst === 'refuse') throw new TypeError(notFirst(this.name))
    if (second && !this.#warnedOrder) {
      this.#warnedOrder = true
      process.emitWarning(
        `${notFirst(this.name)} What an earlier one answers itself is recorded, but not decided on.`,
        { type: 'DeedlogWarning', code: 'adk.plugin_order' },
      )
    }
    try {
      const root = read(invocationContext, 'agent', 'rootAgent') ?? read(invocationContext, 'agent')
      const { recorder } = this
      watchManager(read(invocationContext, 'pluginManager'))
      const tools = survey(root, definition => recorder?.definitionDigest(definition) ?? '')
      // Not awaited: what cannot be written here keeps the first call from running, and that is early enough.
      if (tools.length > 0 || second) void recorder?.coverage(tools, second ? [NOT_FIRST] : [])
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  async beforeToolCallback(call: { tool: BaseTool; toolArgs: Record<string, unknown>; toolContext: Context }) {
    const slot = await this.#admit(call.tool as HostTool, call.toolArgs, call.toolContext, true)
    return slot.denial as Record<string, unknown> | undefined
  }

  async afterToolCallback(call: AfterTool): Promise<undefined> {
    try {
      await this.#after(call)
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  async onToolErrorCallback({ toolContext, error }: { toolContext: Context; error: Error }): Promise<undefined> {
    // Where we are between ADK and the tool we have seen it already. A frozen tool shows its errors only here.
    const slot = slotOf(toolContext)
    if (slot && !slot.entered && !slot.bodyThrew) slot.bodyThrew = { value: error }
    return undefined
  }

  /** The client's answer to a long-running call is its result: no callback of a tool brings it. */
  async onUserMessageCallback({
    invocationContext,
    userMessage,
  }: {
    invocationContext: InvocationContext
    userMessage: unknown
  }): Promise<undefined> {
    try {
      const session = readString(invocationContext, 'session', 'id')
      const parts = read(userMessage, 'parts')
      for (const part of Array.isArray(parts) ? parts.slice(0, PARTS_MAX) : []) {
        const id = readString(part, 'functionResponse', 'id')
        const key = id === undefined ? undefined : waitingKeyOf(session, id)
        const waiting = this.#waiting.get(key)
        if (!waiting || waiting.kind === 'confirmation') continue
        this.#waiting.delete(key)
        const output = read(part, 'functionResponse', 'response')
        await this.recorder?.outcome(waiting.ticket, {
          status: saysError(output) ? 'reported_error' : 'succeeded',
          executed: 'yes',
          output: { value: output },
          late: true,
        })
      }
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  /** A model has spoken: what it asks for is known here first, and for some calls nowhere else. */
  async onEventCallback({
    invocationContext,
    event,
  }: {
    invocationContext: unknown
    event: unknown
  }): Promise<undefined> {
    try {
      if (read(event, 'author') !== 'user') await this.#unreached.hear(invocationContext, event)
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  /** What an agent asked for in its last turn and was not run by now will not be run. */
  async beforeModelCallback({
    callbackContext,
    llmRequest,
  }: {
    callbackContext: unknown
    llmRequest: unknown
  }): Promise<undefined> {
    try {
      const turn = turnOf(read(callbackContext, 'invocationContext'))
      const key = keyOf(turn)
      const open = [...this.#open].filter(([slot, its]) => (slot.held || !slot.entered) && keyOf(its) === key)
      await Promise.all(open.map(([slot]) => this.#abandon(slot)))
      await this.#unreached.turn(turn, read(llmRequest, 'toolsDict'))
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  /** A final answer in the form of a call keeps all other calls of its turn from being run, or told of. */
  async afterModelCallback({
    callbackContext,
    llmResponse,
  }: {
    callbackContext: unknown
    llmResponse: unknown
  }): Promise<undefined> {
    try {
      await this.#unreached.answer(turnOf(read(callbackContext, 'invocationContext')), read(llmResponse, 'content'))
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  async beforeAgentCallback({ agent }: { agent: unknown }): Promise<undefined> {
    watchAgent(agent)
    return undefined
  }

  async afterRunCallback({ invocationContext }: { invocationContext: InvocationContext }): Promise<void> {
    try {
      const invocation = readString(invocationContext, 'invocationId')
      const open = [...this.#open].filter(([, turn]) => turn.invocation === invocation)
      await Promise.all(open.map(([slot]) => this.#abandon(slot)))
      if (invocation !== undefined) await this.#unreached.over(invocation)
    } catch (error) {
      this.#report(error as Error)
    }
  }

  // Not ours, but ADK calls them without looking whether they are there.
  async afterAgentCallback(): Promise<undefined> {}
  async beforeNodeCallback(): Promise<undefined> {}
  async afterNodeCallback(): Promise<undefined> {}
  async onModelErrorCallback(): Promise<undefined> {}
  async beforeToolSelection(): Promise<undefined> {}
  async beforeContextCompaction(): Promise<void> {}
  async afterContextCompaction(): Promise<void> {}

  /**
   * Decides on and records one call. Never throws: what fails here is a denial.
   * @param called by ADK, which will come to its callbacks again after the tool
   */
  async #admit(tool: HostTool, args: unknown, context: object, called: boolean): Promise<Slot> {
    const slot = (more: Partial<Slot>) => newSlot({ owner: this[PLUGIN], tool, ...more })
    try {
      if (!isObject(tool) && typeof tool !== 'function') throw new TypeError('this is no tool')
      wrapTool(tool)
      if (this.recorder) flushAtExit(this.#flush)
      const invocationContext = read(context, 'invocationContext')
      const turn = turnOf(invocationContext)
      const announced = this.#unreached.reached(turn, tool.name, readString(context, 'functionCallId'))
      const outer = currentSlot()
      const isAgent = agentOf(tool) !== undefined
      const confirmed = read(context, 'toolConfirmation', 'confirmed')
      const attempt = this.#again(context)
      const request = describeCall(tool, args, context, { attempt })
      const admitted = await this.#gate.admit(request, {
        ...(typeof confirmed === 'boolean' && { confirmed }),
        unjudged: this.#agentTools === 'record' && outer?.insideAgent === true,
        refused: this.#agentTools === 'refuse' && isAgent ? AGENTS_REFUSED : undefined,
      })
      const more = {
        announced,
        insideAgent: isAgent || outer?.insideAgent === true,
        watched: called && othersAnswer(invocationContext),
      }
      const made =
        'error' in admitted
          ? slot({ ...more, denial: admitted, done: true })
          : slot({ ...more, ticket: admitted.ticket, attempt })
      if (isObject(context) && !holdsAnother(context, tool)) setSlot(context, made)
      // One that ADK did not call for is entered at once, and no callback will say that it is over.
      if (!made.denial && called) this.#open.set(made, turn)
      return made
    } catch (error) {
      this.#report(error as Error)
      return slot({ denial: UNRECORDED, done: true })
    }
  }

  /** Nothing moves any more in this process: a call that has not ended by now will not end. */
  async #leave(): Promise<void> {
    try {
      await this.recorder?.sweep('process-exit')
      await this.recorder?.flush()
    } catch (error) {
      this.#report(error as Error)
    }
  }

  async #after(call: AfterTool): Promise<void> {
    const slot = slotOf(call.toolContext)
    if (!slot) {
      await this.#orphan(call)
      return
    }
    // Others have still to say what the model is shown.
    if (slot.held) return
    this.#open.delete(slot)
    if (slot.entered || slot.done || !slot.ticket) return
    slot.done = true
    const { recorder } = this
    const visible = { value: call.result }
    if (!isTool(call.tool)) {
      // ADK looks a name up in an object, where `constructor` is found as well.
      await recorder?.outcome(slot.ticket, { status: 'not_executed', executed: 'no' })
      return
    }
    if (wrapTool(call.tool as HostTool)) {
      // Somebody's callback answered in the tool's place: with the tool wrapped, we know that it did not run.
      await recorder?.outcome(slot.ticket, { status: 'short_circuited', executed: 'no', visible })
    } else if (slot.bodyThrew) {
      await recorder?.outcome(slot.ticket, { status: 'failed', executed: 'unknown', error: slot.bodyThrew })
    } else {
      await recorder?.outcome(slot.ticket, { status: 'unknown', executed: 'unknown', visible })
    }
  }

  /** An earlier plugin answered before we were asked: nobody decided, and nothing held the call back. */
  async #orphan({ tool, toolArgs, toolContext, result }: AfterTool): Promise<void> {
    const { recorder } = this
    this.#unreached.reached(
      turnOf(read(toolContext, 'invocationContext')),
      tool.name,
      readString(toolContext, 'functionCallId'),
    )
    if (!recorder) return
    const described = describeCall(tool as HostTool, toolArgs, toolContext, { attempt: 1 })
    const request = { ...described, unmediated: true, belated: true }
    const ticket = await recorder.intent(request, { verdict: 'not_evaluated' })
    await recorder.outcome(ticket, { status: 'unknown', executed: 'unknown', visible: { value: result } })
  }

  /** The run is over and the tool was never entered: some other callback kept ADK from coming to it. */
  async #abandon(slot: Slot): Promise<void> {
    this.#open.delete(slot)
    if (slot.held) await settle(slot)
    if (slot.entered || slot.done || !slot.ticket) return
    slot.done = true
    await this.recorder?.outcome(slot.ticket, { status: 'not_executed', executed: 'no' })
  }

  #wait({ ticket, attempt }: Slot, run: ToolRun, kind: 'confirmation' | 'long-running'): void {
    if (ticket) this.#waiting.add(waitingKey(run.toolContext), { ticket, attempt, kind })
  }

  /** The number of this attempt. A confirmed or declined call comes back as a new one: the old one is over. */
  #again(context: object): number {
    const key = waitingKey(context)
    const waiting = this.#waiting.get(key)
    if (waiting?.kind !== 'confirmation' || read(context, 'toolConfirmation') === undefined) return 1
    this.#waiting.delete(key)
    void this.recorder?.outcome(waiting.ticket, { status: 'not_executed', executed: 'no', late: true })
    return waiting.attempt + 1
  }
}

// Bounds the work on one message.
const PARTS_MAX = 1000

const AGENTS_REFUSED = 'Agents inside tools are refused here.'

const notFirst = (name: string): string =>
  `the plugin ${JSON.stringify(name)} is not the first of its runner (App.plugins come before Runner.plugins).`

/** Whether somebody besides us may change what a model is shown of a call, and we have put ourselves behind them. */
function othersAnswer(invocationContext: unknown): boolean {
  if (!watchManager(read(invocationContext, 'pluginManager'))) return false
  if (pluginsOf(invocationContext).length > 1) return true
  const callbacks = read(invocationContext, 'agent', 'canonicalAfterToolCallbacks')
  return Array.isArray(callbacks) && callbacks.length > 0
}

/** Whether a context is that of a call which is admitted and runs, or will: whoever else uses it does not take it away. */
function holdsAnother(context: object, tool: HostTool): boolean {
  const slot = slotOf(context)
  return slot !== undefined && (slot.running || (!slot.entered && !slot.denial && slot.tool !== tool))
}
