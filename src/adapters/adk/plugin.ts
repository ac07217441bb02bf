import type { BasePlugin, BaseTool, Context, InvocationContext } from '@google/adk'
import type { Approver, Decision, PolicyEvaluator } from '../../govern/evaluator.js'
import type { AuditBackend, Signer } from '../../log/backend.js'
import { Recorder } from '../../recorder/recorder.js'
import type { Redact, Ticket, Tier } from '../../recorder/types.js'
import { flushAtExit, forgetAtExit } from './at-exit.js'
import { UNRECORDED } from './denial.js'
import { describeCall, waitingKey, waitingKeyOf } from './describe.js'
import { currentSlot, type Owner, PLUGIN, pluginsOf, type Slot, setSlot, slotOf, wrapTool } from './execution.js'
import { Gate } from './gate.js'
import { adkInfo } from './host.js'
import { saysError } from './result.js'
import { type HostTool, isObject, read, readString, type ToolRun } from './shapes.js'
import { survey, UNSEEN } from './survey.js'

/** What both plugins take. */
export interface RecordingOptions {
  /** Who acts: a DID by custom. Default `did:mesh:adk-agent`. */
  readonly agentDid?: string
  /** See `RecorderOptions`. */
  readonly tier?: Tier | ((tool: string) => Tier)
  readonly redact?: Redact
  readonly valueBytesMax?: number
  readonly keepDisclosures?: boolean
  readonly identity?: Signer
  readonly reviewTimeoutMs?: number
  readonly appendTimeoutMs?: number
  /** Told what went wrong and was kept from ADK. Default: a process warning, once per code. */
  readonly onError?: (error: Error) => void
  /** Where denials are said. Default `console`. */
  readonly logger?: { warn(message: string): void }
}

interface Setup extends RecordingOptions {
  readonly auditBackend: AuditBackend | undefined
  readonly evaluator: PolicyEvaluator | undefined
  readonly approver: Approver | undefined
}

const DEFAULT_AGENT_DID = 'did:mesh:adk-agent'

// What waits for somebody else may wait for ever: beyond this the oldest keep their provisional outcome.
const WAITING_MAX = 1000

interface AfterTool {
  readonly tool: BaseTool
  readonly toolArgs: Record<string, unknown>
  readonly toolContext: Context
  readonly result: unknown
}

interface Waiting {
  readonly ticket: Ticket
  readonly attempt: number
  readonly kind: 'confirmation' | 'long-running'
}

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
  readonly #open = new Map<Slot, unknown>()
  readonly #waiting = new Map<string, Waiting>()
  readonly #flush = () => void this.recorder?.flush().catch(error => this.#report(error as Error))
  #warnedOrder = false

  constructor(name: string, setup: Setup) {
    const { auditBackend, evaluator, approver, agentDid = DEFAULT_AGENT_DID, logger = console, onError } = setup
    this.name = name
    this.#report = onError ?? (error => warnOnce(error))
    this.recorder = auditBackend && new Recorder(recorderOptions(setup, auditBackend, agentDid))
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
      admit: (tool, run) => this.#admit(tool, run.args, run.toolContext),
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
    await this.recorder?.close()
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
    if (plugins[0] !== this && plugins.includes(this) && !this.#warnedOrder) {
      this.#warnedOrder = true
      process.emitWarning(
        `the plugin ${JSON.stringify(this.name)} is not the first of its runner (App.plugins come before Runner.plugins): what an earlier one answers itself is recorded, but not decided on`,
        { type: 'DeedlogWarning', code: 'adk.plugin_order' },
      )
    }
    try {
      const root = read(invocationContext, 'agent', 'rootAgent') ?? read(invocationContext, 'agent')
      const { recorder } = this
      const tools = survey(root, definition => recorder?.definitionDigest(definition) ?? '')
      // Not awaited: what cannot be written here keeps the first call from running, and that is early enough.
      if (tools.length > 0) void recorder?.coverage(tools)
    } catch (error) {
      this.#report(error as Error)
    }
    return undefined
  }

  async beforeToolCallback(call: { tool: BaseTool; toolArgs: Record<string, unknown>; toolContext: Context }) {
    const slot = await this.#admit(call.tool as HostTool, call.toolArgs, call.toolContext)
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
        const waiting = key === undefined ? undefined : this.#waiting.get(key)
        if (waiting?.kind !== 'long-running') continue
        this.#waiting.delete(key!)
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

  async afterRunCallback({ invocationContext }: { invocationContext: InvocationContext }): Promise<void> {
    const invocation = read(invocationContext, 'invocationId')
    await Promise.all([...this.#open].filter(([, its]) => its === invocation).map(([slot]) => this.#abandon(slot)))
  }

  // Not ours, but ADK calls them without looking whether they are there.
  async onEventCallback(): Promise<undefined> {}
  async beforeAgentCallback(): Promise<undefined> {}
  async afterAgentCallback(): Promise<undefined> {}
  async beforeNodeCallback(): Promise<undefined> {}
  async afterNodeCallback(): Promise<undefined> {}
  async beforeModelCallback(): Promise<undefined> {}
  async afterModelCallback(): Promise<undefined> {}
  async onModelErrorCallback(): Promise<undefined> {}
  async beforeToolSelection(): Promise<undefined> {}
  async beforeContextCompaction(): Promise<void> {}
  async afterContextCompaction(): Promise<void> {}

  /** Decides on and records one call. Never throws: what fails here is a denial. */
  async #admit(tool: HostTool, args: unknown, context: object): Promise<Slot> {
    const slot = (more: Partial<Slot>): Slot => ({
      owner: this[PLUGIN],
      ticket: undefined,
      attempt: 1,
      denial: undefined,
      entered: false,
      running: false,
      bodyEntered: false,
      bodyThrew: undefined,
      done: false,
      ...more,
    })
    try {
      wrapTool(tool)
      if (this.recorder) flushAtExit(this.#flush)
      const attempt = this.#again(context)
      const request = describeCall(tool, args, context, { parent: currentSlot()?.ticket, attempt })
      const admitted = await this.#gate.admit(request)
      const made =
        'error' in admitted ? slot({ denial: admitted, done: true }) : slot({ ticket: admitted.ticket, attempt })
      if (isObject(context)) setSlot(context, made)
      if (!made.denial) this.#open.set(made, read(context, 'invocationContext', 'invocationId'))
      return made
    } catch (error) {
      this.#report(error as Error)
      return slot({ denial: UNRECORDED, done: true })
    }
  }

  async #after(call: AfterTool): Promise<void> {
    const slot = slotOf(call.toolContext)
    if (!slot) {
      await this.#orphan(call)
      return
    }
    this.#open.delete(slot)
    if (slot.entered || slot.done || !slot.ticket) return
    slot.done = true
    const { recorder } = this
    const visible = { value: call.result }
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
    if (!recorder) return
    const described = describeCall(tool as HostTool, toolArgs, toolContext, {
      parent: currentSlot()?.ticket,
      attempt: 1,
    })
    const request = { ...described, unmediated: true, belated: true }
    const ticket = await recorder.intent(request, { verdict: 'not_evaluated' })
    await recorder.outcome(ticket, { status: 'unknown', executed: 'unknown', visible: { value: result } })
  }

  /** The run is over and the tool was never entered: some other callback kept ADK from coming to it. */
  async #abandon(slot: Slot): Promise<void> {
    this.#open.delete(slot)
    if (slot.entered || slot.done || !slot.ticket) return
    slot.done = true
    await this.recorder?.outcome(slot.ticket, { status: 'not_executed', executed: 'no' })
  }

  #wait(slot: Slot, run: ToolRun, kind: Waiting['kind']): void {
    const key = waitingKey(run.toolContext)
    if (key === undefined || !slot.ticket) return
    const oldest = this.#waiting.size >= WAITING_MAX ? this.#waiting.keys().next() : undefined
    if (oldest && !oldest.done) this.#waiting.delete(oldest.value)
    this.#waiting.set(key, { ticket: slot.ticket, attempt: slot.attempt, kind })
  }

  /** The number of this attempt. A confirmed or declined call comes back as a new one: the old one is over. */
  #again(context: object): number {
    const key = waitingKey(context)
    const waiting = key === undefined ? undefined : this.#waiting.get(key)
    if (waiting?.kind !== 'confirmation' || read(context, 'toolConfirmation') === undefined) return 1
    this.#waiting.delete(key!)
    void this.recorder?.outcome(waiting.ticket, { status: 'not_executed', executed: 'no', late: true })
    return waiting.attempt + 1
  }
}

// Bounds the work on one message.
const PARTS_MAX = 1000

function recorderOptions(setup: Setup, backend: AuditBackend, id: string) {
  const { evaluator, approver, tier, redact, valueBytesMax, keepDisclosures, identity, reviewTimeoutMs } = setup
  const { appendTimeoutMs, onError } = setup
  return {
    backend,
    agent: { id },
    host: adkInfo,
    observer: 'host' as const,
    unseen: UNSEEN,
    ...(evaluator && { evaluator }),
    ...(approver && { approver }),
    ...(tier && { tier }),
    ...(redact && { redact }),
    ...(valueBytesMax !== undefined && { valueBytesMax }),
    ...(keepDisclosures !== undefined && { keepDisclosures }),
    ...(identity && { identity }),
    ...(reviewTimeoutMs !== undefined && { reviewTimeoutMs }),
    ...(appendTimeoutMs !== undefined && { appendTimeoutMs }),
    ...(onError && { onError }),
  }
}

const LINE_MAX = 200

/** Names and reasons may hold anything; a line of a log file holds one line. */
function denialLine(tool: string, { verdict, reason, rule }: Decision): string {
  const shown = (text: string | undefined) => JSON.stringify(text?.slice(0, LINE_MAX) ?? null)
  return `deedlog: tool ${shown(tool)} denied (${verdict}): ${shown(reason)}, rule ${shown(rule)}`
}

const warned = new Set<string>()

function warnOnce(error: Error): void {
  const code = (error as { code?: unknown }).code
  const name = typeof code === 'string' ? code : 'adk'
  if (warned.has(name)) return
  warned.add(name)
  process.emitWarning(`${error.message} (${name}; said once)`, { type: 'DeedlogWarning', code: name })
}
