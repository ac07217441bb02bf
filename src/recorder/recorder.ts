import { UnavailableError } from '../core/errors.js'
import { isFinal } from '../core/record/calls.js'
import { ulid } from '../core/record/formats.js'
import { evaluateSafely } from '../govern/decide.js'
import type { ApprovalAnswer, Decision } from '../govern/evaluator.js'
import { type Approval, type Approving, askApprover } from './approving.js'
import { Call, callOf, resumedCall } from './call.js'
import { Declared } from './declared.js'
import { definitionDigest } from './definitions.js'
import { intentDraft } from './intent-draft.js'
import { given, outcomeDraft, possible } from './outcome-draft.js'
import { Reporting } from './reporting.js'
import { reviewDraft } from './review-draft.js'
import { type Runtime, systemRuntime } from './runtime.js'
import { isTierRule, settingsOf, tierOf } from './settings.js'
import { release, retain } from './shared.js'
import { sinkOf } from './sink.js'
import type { Body, Pending } from './stream.js'
import { STREAM_LIMITS, Streams } from './streams.js'
import { asWord } from './text.js'
import { activeSpan, linkSpan } from './trace.js'
import type { CallRequest, CallResult, CoveredTool, Given, Part, RecorderOptions, Ticket, Tier } from './types.js'
import { type Snapshot, Values } from './values.js'

/**
 * Turns tool calls into records: an intent that is durable before the tool may run, an outcome after. Adapters use
 * this and nothing below it.
 *
 * Constructing one touches neither disk nor network; the first call opens the stream. Values are captured before any
 * of these methods waits for the first time, so what the host changes later is not what is recorded.
 */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #runtime: Runtime
  readonly #values: Values
  readonly #declared: Declared
  readonly #streams: Streams
  readonly #approving: Approving
  readonly #reporting: Reporting
  /** Arguments as `decide` saw them, so that the intent commits to exactly those. */
  readonly #decided = new WeakMap<CallRequest, Snapshot>()
  #closing: Promise<void> | undefined

  /**
   * @throws {TypeError} a backend without `append`, `flush` and `close`, or an agent id that is no `word`
   * @throws {RangeError} a limit that is no positive integer
   */
  constructor(options: RecorderOptions, runtime: Runtime = systemRuntime, limits = STREAM_LIMITS) {
    const wanted = settingsOf(options)
    const sink = sinkOf(options.backend, runtime)
    const settings = { ...wanted, keepDisclosures: wanted.keepDisclosures && sink.keepsDisclosures }
    const { evaluator, approver, agent, redact, unseen } = options
    const { valueBytesMax, keepDisclosures, reviewTimeoutMs: timeoutMs } = settings
    const reporting = new Reporting(options.onError)
    this.#options = options
    this.#runtime = runtime
    this.#reporting = reporting
    this.#approving = { approver, agent: agent.id, timeoutMs, runtime, reporting }
    this.#values = new Values({ redact, valueBytesMax, keepDisclosures, random: runtime.random })
    this.#declared = new Declared({ unseen, gaps: evaluator?.gaps })
    const parts = { options, settings, runtime, limits, sink, reporting }
    this.#streams = new Streams({ ...parts, values: this.#values, declared: this.#declared })
    retain(options.backend)
  }

  /** Why records cannot be written at the moment; a strict call is refused while it is there. */
  get broken(): Error | undefined {
    return this.#streams.broken
  }

  /**
   * Asks the evaluator. Never throws: an evaluator that does, or answers with something else, denies.
   * Without an evaluator: `not_evaluated`.
   */
  decide(request: CallRequest): Promise<Decision> {
    this.#decided.set(request, this.#snapArgs(request))
    const { evaluator, agent } = this.#options
    if (!evaluator) return NOT_EVALUATED
    return evaluateSafely(evaluator, { agent: agent.id, tool: request.tool.name, args: request.args }, error =>
      this.#reporting.report(error),
    )
  }

  /**
   * Records that a call was decided on. When it resolves, the tool may run as `decision` says; when it rejects, the
   * tool must not run.
   *
   * @throws {UnavailableError} `recorder.broken` after an earlier failure, `recorder.closed` after `close`
   * @throws what the backend threw
   */
  async intent(request: CallRequest, decision: Decision): Promise<Ticket> {
    const call = this.#newCall(request, decision)
    if (this.#closing) throw new UnavailableError('recorder.closed', 'the recorder has been closed')
    const tier = tierOf(this.#streams.tier, request.tool.name)
    const draft = intentDraft(call, request, tier, this.#circumstances())
    if (tier === 'strict') {
      await this.#writeIntent(call, draft, tier)
      return call
    }
    const written = this.#writeIntent(call, draft, tier).catch(error => {
      // The tool runs all the same. From here on an intent that is written after all is a belated one.
      call.letGo = true
      if (!call.intent && !draft.keep) this.#streams.lose()
      this.#reporting.report(error)
    })
    if (tier === 'degraded') await written
    return call
  }

  /**
   * Records an approver's answer. An approving one lets the call run once this has resolved.
   *
   * @param args the arguments approved, where they are not the ones asked about
   * @throws {TypeError} for a call whose verdict is not `review`
   * @throws {UnavailableError} `recorder.call-over` for a call that was closed meanwhile: it must not run
   * @throws what `intent` throws
   */
  async review(ticket: Ticket, answer: ApprovalAnswer, args?: Given): Promise<void> {
    const call = callOf(ticket)
    if (call?.decision.verdict !== 'review') throw new TypeError('only a call with the verdict `review` is reviewed')
    const { ledger } = call
    if (!ledger || !call.intent) throw new UnavailableError('recorder.unwritten', 'the intent has not been written')
    if (call.state === 'final') throw new UnavailableError('recorder.call-over', 'the call is over: it was not run')
    const approved = answer.approved === true
    // From here on it may run as far as anybody else can know.
    if (approved) call.mayRun = true
    const approvedArgs = approved && args ? given(call, 'args', args, this.#values) : undefined
    const changed = approvedArgs?.equals(call.argsInForce!) ? undefined : approvedArgs
    const sealed = () => {
      if (!approved) this.#close(call)
    }
    await this.#streams.written(ledger, reviewDraft(call, answer, changed, { values: this.#values, sealed }))
    if (changed) call.argsInForce = changed
  }

  /**
   * Asks the approver about a call with the verdict `review` and records the answer. An unanswered call is recorded as
   * not executed; a declined one is over.
   *
   * @param args the arguments, as the approver is to see them
   * @throws what `intent` throws: the call must not run, and its outcome is for the caller to record
   */
  async approve(ticket: Ticket, args: unknown): Promise<Approval> {
    const answer = await askApprover(this.#approving, ticket, args)
    if (!answer) {
      await this.outcome(ticket, { status: 'not_executed', executed: 'no' })
      return 'unanswered'
    }
    await this.review(ticket, answer)
    return answer.approved === true ? 'approved' : 'declined'
  }

  /**
   * Records what became of a call. Never rejects: the tool has run, its result must not be lost because of us. What
   * could not be written makes the recorder `broken`, and is written later if that is possible.
   */
  async outcome(ticket: Ticket, result: CallResult): Promise<void> {
    try {
      const call = callOf(ticket)
      if (!call) throw new TypeError('this is no ticket of this recorder')
      const draft = this.#outcomeDraft(call, result)
      if (!draft) return
      // A lossy call may be over before its stream has opened.
      if (call.resumed) call.ledger = await this.#streams.current()
      else if (!call.ledger) await this.#streams.opened()
      const { ledger } = call
      if (!ledger || ledger.ended) {
        this.#streams.lose()
        return
      }
      await this.#streams.written(ledger, draft)
    } catch (error) {
      this.#reporting.report(error)
    }
  }

  /**
   * A ticket for a call whose intent an earlier run of this agent wrote and whose outcome comes to this one: a hook that
   * ran in another process, a client's answer after a restart. The outcome stands in this run's stream, as a late one, and
   * counts where the identity is the same: spec/record.md §4.
   *
   * @param kept  `call` and `intent` of the earlier ticket. `args`: the arguments in force, with which executed ones are
   *   compared; without them that is left to nobody, and executed arguments are not recorded.
   * @throws {TypeError} unless these are a ticket's id and a leaf hash
   */
  resume(kept: {
    readonly call: string
    readonly intent: string
    readonly tool: string
    readonly args?: Given
  }): Ticket {
    const call = resumedCall(kept)
    call.argsInForce = kept.args && given(call, 'args', kept.args, this.#values)
    return call
  }

  /** A snapshot of a value of a call as it is now, to be handed to `outcome` or `review` later. Never throws. */
  snapshot(ticket: Ticket, part: Part, value: unknown): Snapshot {
    return this.#values.snapshot(value, { tool: ticket.tool, part })
  }

  /** Records that something is known to be missing. Never rejects. */
  async loss(reason: string, detail?: unknown, count?: number): Promise<void> {
    const kept = this.#values.commitments()
    const body: Body = {
      type: 'loss',
      reason: asWord(reason),
      ...(count !== undefined && Number.isSafeInteger(count) && count >= 0 && { count }),
      ...(detail !== undefined && { detail: kept.add('detail', this.#values.captured(detail)) }),
    }
    await this.#quietly(async () => {
      const ledger = await this.#streams.current()
      await this.#streams.written(ledger, { make: () => body, disclosures: kept.disclosures(), keep: true })
    })
  }

  /**
   * Records which tools there are and whether their calls pass through here. Writes only what has changed. Never rejects.
   *
   * @param unseen kinds of calls that cannot be seen here, besides those of the options: `word`s
   */
  async coverage(tools: readonly CoveredTool[], unseen: readonly string[] = []): Promise<void> {
    this.#declared.declare(tools, unseen)
    await this.#quietly(async () => this.#streams.declare(await this.#streams.current()))
  }

  /**
   * Breaks the glass, or mends it: from now on calls that cannot be recorded are treated by another tier. That is a change
   * of configuration, so the stream ends and another begins, whose `coverage` says who wanted it and why (committed, as
   * what people write is). Works while nothing can be written: the change is in force at once and is written when that
   * is possible again. Resolves when it is written, or is known not to be for now.
   *
   * @throws {TypeError} without a tier, a name and a reason: nothing has changed then
   */
  async changeTier(tier: Tier | ((tool: string) => Tier), why: { by: string; reason: string }): Promise<void> {
    const { by, reason } = why ?? {}
    if (!isTierRule(tier) || typeof by !== 'string' || by === '' || typeof reason !== 'string' || reason === '')
      throw new TypeError('a tier is changed to strict, degraded, lossy or a function, by somebody, for a reason')
    this.#declared.tierChange = { tier: typeof tier === 'function' ? 'per tool' : tier, by, reason }
    await this.#quietly(() => this.#streams.reconfigure(tier))
  }

  /** SHA-256 of a tool's definition as offered to the model: RFC 8785 form of E(definition), lowercase hex. */
  definitionDigest(definition: unknown): string {
    return definitionDigest(definition)
  }

  /** Records that a session of the host is over, with the number of its calls. Never rejects. */
  async sessionEnd(session: string): Promise<void> {
    await this.#quietly(() => this.#streams.sessionEnded(session))
  }

  /**
   * Closes calls that have no outcome and will tell of none: a connection is lost, a session is over, the process leaves.
   * One that still waited for its review was not run; of any other nobody knows, and should it come to an end after all,
   * that is taken as a late outcome. Never rejects.
   *
   * @param reason  why nobody will know: committed as the outcome's error
   * @param which   `session`: only calls of that session of the host
   */
  async sweep(reason: string, which: { readonly session?: string } = {}): Promise<void> {
    const { session } = which
    const open = this.#streams.all().flatMap(({ awaited }) => [...awaited].filter(call => call.state === 'open'))
    const swept = session === undefined ? open : open.filter(call => call.session === session)
    const why = { error: { value: reason } }
    await Promise.all(
      swept.map(call =>
        this.outcome(
          call,
          call.mayRun
            ? { status: 'unknown', executed: 'unknown', ...why }
            : { status: 'not_executed', executed: 'no', ...why },
        ),
      ),
    )
  }

  /** Resolves when everything recorded so far is covered by a signed checkpoint of the log. */
  async flush(): Promise<void> {
    await this.#streams.drained()
    await this.#options.backend.flush()
  }

  /**
   * Ends sessions and stream, and closes the backend once no other recorder uses it. Calls that are still running are
   * counted as pending. Idempotent.
   *
   * @throws what kept the end from being written
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    const failure = await this.#streams.end()
    const { backend } = this.#options
    if (release(backend)) await backend.close()
    else await backend.flush()
    if (failure) throw failure
  }

  #newCall(request: CallRequest, decision: Decision): Call {
    const args = this.#decided.get(request) ?? this.#snapArgs(request)
    this.#decided.delete(request)
    return new Call({
      call: ulid(this.#runtime.now(), this.#runtime.random(10)),
      decision,
      tool: request.tool.name,
      session: request.session,
      argsInForce: args,
      span: activeSpan(),
    })
  }

  async #writeIntent(call: Call, draft: Pending, tier: Tier): Promise<void> {
    const streams = this.#streams
    if (tier === 'strict') await streams.refuseWhileBroken()
    else if (tier === 'degraded' && this.broken) await streams.revive()
    else streams.reviveInBackground()
    const current = streams.current()
    const ledger = current instanceof Promise ? await current : current
    call.ledger = ledger
    if (call.state !== 'closed') ledger.awaited.add(call)
    try {
      await streams.written(ledger, draft)
      linkSpan(call.span, call)
    } catch (error) {
      if (tier === 'strict') this.#abandon(call)
      throw error
    }
  }

  /**
   * A strict intent whose acknowledgement failed may be in the log for all we know; the tool does not run. Should the
   * bytes be taken later, the record that closes the call follows them.
   */
  #abandon(call: Call): void {
    const ledger = call.ledger!
    if (call.state === 'closed' || !call.intent) {
      ledger.awaited.delete(call)
      return
    }
    void this.outcome(call, { status: 'not_executed', executed: 'no' })
  }

  /** Undefined: there is nothing (left) to say of this call. */
  #outcomeDraft(call: Call, result: CallResult): Pending | undefined {
    if (call.state === 'final') {
      // Swept while it waited for its review, and now given up: that has been said.
      if (!call.mayRun && result.executed === 'no') return undefined
      this.#reporting.report(new UnavailableError('recorder.second-outcome', 'the call already has its final outcome'))
      return undefined
    }
    // A denied call that did not run has said all there is to say.
    if (call.state === 'closed' && result.executed === 'no') return undefined
    const said = possible(result, this.#reporting)
    if (call.state === 'provisional' && said.status === 'pending') return undefined
    const draft = outcomeDraft(call, said, this.#circumstances(), {
      lost: () => this.#streams.lose(),
      sealed: () => this.#settle(call),
    })
    if (call.state !== 'closed') call.state = isFinal(said.status) ? 'final' : 'provisional'
    return draft
  }

  /** A call that was declined is over. */
  #close(call: Call): void {
    call.state = 'closed'
    call.ledger?.unfinished.delete(call)
    this.#settle(call)
  }

  /** Its stream need not wait for this call any more. */
  #settle(call: Call): void {
    const ledger = call.ledger!
    if (call.state !== 'provisional') ledger.awaited.delete(call)
    this.#streams.settled(ledger)
  }

  #snapArgs({ tool, args }: CallRequest): Snapshot {
    return this.#values.snapshot(args, { tool: tool.name, part: 'args' })
  }

  #circumstances() {
    return { values: this.#values, now: this.#runtime.now() }
  }

  async #quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      if (this.#closing) throw new UnavailableError('recorder.closed', 'the recorder has been closed')
      await work()
    } catch (error) {
      this.#reporting.report(error)
    }
  }
}

const NOT_EVALUATED: Promise<Decision> = Promise.resolve({ verdict: 'not_evaluated' })
