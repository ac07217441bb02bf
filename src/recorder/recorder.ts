import { types } from 'node:util'
import { ed25519PublicKey, sha256Hex } from '#crypto'
import { quote, UnavailableError } from '../core/errors.js'
import { allowsExecuted, isFinal } from '../core/record/calls.js'
import { canonicalBytes, canonicalize } from '../core/record/canonical.js'
import { capture } from '../core/record/capture.js'
import { formatTime, isHash, isKey, isSig, isText, isWord, ulid } from '../core/record/formats.js'
import type { After, Intent, LogRef, Outcome, Review } from '../core/record/types.js'
import { evaluateSafely } from '../govern/decide.js'
import type { ApprovalAnswer, Decision } from '../govern/evaluator.js'
import type { Signer } from '../log/backend.js'
import { Call } from './call.js'
import { Head } from './head.js'
import { Ledger } from './ledger.js'
import { configHash, coverageParts, makeStart, rulesParts } from './opening.js'
import { recover } from './recovery.js'
import { type Runtime, systemRuntime } from './runtime.js'
import { release, retain } from './shared.js'
import { freshSigner, type Sink, sinkOf } from './sink.js'
import { asError, type Body, type Draft, Stream, type StreamOptions } from './stream.js'
import { asText, asWord } from './text.js'
import type { CallRequest, CallResult, CoveredTool, Given, Part, RecorderOptions, Ticket, Tier } from './types.js'
import { Commitments, Snapshot, snapshot, type ValueRules } from './values.js'

/** spec/record.md §2: after 24 hours or 2^20 records new calls go to a new stream. */
const STREAM_LIMITS = { ms: 24 * 60 * 60 * 1000, records: 2 ** 20 }
// spec/record.md §5: a busy stream carries `after` at least once a minute. Half of that leaves room for the batch.
const AFTER_MS = 30_000
const REFS_MAX = 8

const DEFAULTS = {
  reviewTimeoutMs: 300_000,
  valueBytesMax: 1024 * 1024,
  keepDisclosures: true,
  appendTimeoutMs: 30_000,
} as const

/** What an approver made of a call. `unanswered`: there is none, it failed, or it took too long. */
export type Approval = 'approved' | 'declined' | 'unanswered'

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
  readonly #streamLimits: typeof STREAM_LIMITS
  readonly #sink: Sink
  readonly #head: Head
  readonly #values: ValueRules
  readonly #limits: { readonly reviewTimeoutMs: number; readonly appendTimeoutMs: number }
  readonly #keepsDisclosures: boolean
  readonly #digests = new WeakMap<object, string>()
  /** Arguments as `decide` saw them, so that the intent commits to exactly those. */
  readonly #decided = new WeakMap<CallRequest, Snapshot>()
  readonly #reported = new Set<string>()
  readonly #retiring = new Set<Ledger>()
  #ledger: Ledger | undefined
  #opening: Promise<Ledger> | undefined
  /** Of what earlier runs left, in a stream of its own. Never rejects. */
  #recovering: Promise<void> | undefined
  #tools: readonly CoveredTool[] = []
  readonly #unseen: Set<string>
  #tierInForce: RecorderOptions['tier']
  /** Who changed the tier last, and why: every stream begins with it. */
  #tierChange: TierChange | undefined
  #lost = 0
  #afterReadAt = 0
  #closing: Promise<void> | undefined

  /**
   * @throws {TypeError} a backend without `append`, `flush` and `close`, or an agent id that is no `word`
   * @throws {RangeError} a limit that is no positive integer
   */
  constructor(options: RecorderOptions, runtime: Runtime = systemRuntime, streamLimits = STREAM_LIMITS) {
    const { valueBytesMax, reviewTimeoutMs, appendTimeoutMs, keepDisclosures } = { ...DEFAULTS, ...options }
    if (!isWord(options.agent?.id))
      throw new TypeError(
        `the agent id ${JSON.stringify(options.agent?.id)} is no word: 1 to 255 printable ASCII characters without space and "+", such as did:example:shop`,
      )
    for (const [name, value] of Object.entries({ valueBytesMax, reviewTimeoutMs, appendTimeoutMs }))
      if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${name} is a positive integer, not ${value}`)
    this.#options = options
    this.#runtime = runtime
    this.#streamLimits = streamLimits
    this.#sink = sinkOf(options.backend, runtime)
    this.#head = new Head(this.#sink)
    this.#values = { redact: options.redact, valueBytesMax }
    this.#limits = { reviewTimeoutMs, appendTimeoutMs }
    this.#keepsDisclosures = keepDisclosures && this.#sink.keepsDisclosures
    this.#unseen = new Set((options.unseen ?? []).filter(isWord))
    this.#tierInForce = options.tier
    retain(options.backend)
  }

  /** Why records cannot be written at the moment; a strict call is refused while it is there. */
  get broken(): Error | undefined {
    return this.#ledgers().find(ledger => ledger.stream.broken)?.stream.broken
  }

  /**
   * Asks the evaluator. Never throws: an evaluator that does, or answers with something else, denies.
   * Without an evaluator: `not_evaluated`.
   */
  decide(request: CallRequest): Promise<Decision> {
    this.#decided.set(request, this.#snap(request, 'args', request.args))
    const { evaluator, agent } = this.#options
    if (!evaluator) return NOT_EVALUATED
    return evaluateSafely(evaluator, { agent: agent.id, tool: request.tool.name, args: request.args }, error =>
      this.#report(error),
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
    const tier = this.#tier(request.tool.name)
    const draft = this.#intentDraft(call, request, tier)
    if (tier === 'strict') {
      await this.#writeIntent(call, draft, tier)
      return call
    }
    const written = this.#writeIntent(call, draft, tier).catch(error => {
      // The tool runs all the same. From here on an intent that is written after all is a belated one.
      call.letGo = true
      if (!call.intent && !draft.keep) this.#lose()
      this.#report(asError(error))
    })
    if (tier === 'degraded') await written
    return call
  }

  /**
   * Records an approver's answer. An approving one lets the call run once this has resolved.
   *
   * @param args the arguments approved, where they are not the ones asked about
   * @throws {TypeError} for a call whose verdict is not `review`
   * @throws what `intent` throws
   */
  async review(ticket: Ticket, answer: ApprovalAnswer, args?: Given): Promise<void> {
    const call = this.#own(ticket)
    if (call?.decision.verdict !== 'review') throw new TypeError('only a call with the verdict `review` is reviewed')
    const { ledger } = call
    if (!ledger || !call.intent) throw new UnavailableError('recorder.unwritten', 'the intent has not been written')
    const kept = this.#commitments()
    const approved = answer.approved === true
    const given = approved && args ? this.#given(call, 'args', args) : undefined
    const changed = given && !given.equals(call.argsInForce) ? given : undefined
    const approval = answer.approval
    const body: Omit<Review, keyof Chained> = {
      type: 'review',
      call: call.call,
      intent: call.intent,
      verdict: approved ? 'approved' : 'rejected',
      approver: { id: asWord(answer.by), channel: asWord(answer.channel) },
      ...(changed && { args: kept.add('args', changed.json) }),
      ...(approval &&
        isKey(approval.key) &&
        isSig(approval.sig) && { approval: { key: approval.key, sig: approval.sig } }),
    }
    await this.#written(ledger, {
      make: () => body,
      disclosures: kept.disclosures(),
      keep: !approved,
      sealed: () => {
        if (!approved) this.#over(call, 'closed')
      },
    })
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
    const answer = await this.#ask(ticket, args)
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
      const call = this.#own(ticket)
      if (!call) throw new TypeError('this is no ticket of this recorder')
      const draft = this.#outcomeDraft(call, result)
      if (!draft) return
      // A lossy call may be over before its stream has opened.
      if (!call.ledger) await this.#opening?.catch(() => {})
      const { ledger } = call
      if (!ledger || ledger.ended) {
        this.#lose()
        return
      }
      await this.#written(ledger, draft)
    } catch (error) {
      this.#report(asError(error))
    }
  }

  /** A snapshot of a value of a call as it is now, to be handed to `outcome` or `review` later. Never throws. */
  snapshot(ticket: Ticket, part: Part, value: unknown): Snapshot {
    return snapshot(value, { tool: ticket.tool, part }, this.#values)
  }

  /** Records that something is known to be missing. Never rejects. */
  async loss(reason: string, detail?: unknown, count?: number): Promise<void> {
    const kept = this.#commitments()
    const body: Body = {
      type: 'loss',
      reason: asWord(reason),
      ...(count !== undefined && Number.isSafeInteger(count) && count >= 0 && { count }),
      ...(detail !== undefined && { detail: kept.add('detail', capture(detail, this.#values.valueBytesMax)) }),
    }
    await this.#quietly(async () => {
      const ledger = await this.#current()
      await this.#written(ledger, { make: () => body, disclosures: kept.disclosures(), keep: true })
    })
  }

  /**
   * Records which tools there are and whether their calls pass through here. Writes only what has changed. Never rejects.
   *
   * @param unseen kinds of calls that cannot be seen here, besides those of the options: `word`s
   */
  async coverage(tools: readonly CoveredTool[], unseen: readonly string[] = []): Promise<void> {
    for (const word of unseen) if (isWord(word)) this.#unseen.add(word)
    this.#tools = tools.map(({ name, digest, wrapped }) => ({
      name: typeof name === 'string' ? name : '?',
      ...(isHash(digest) && { digest }),
      wrapped: wrapped === true,
    }))
    await this.#quietly(async () => {
      const ledger = await this.#current()
      await Promise.all(this.#coverageDrafts(ledger).map(draft => this.#written(ledger, draft)))
    })
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
    const isTier = typeof tier === 'function' || TIERS.has(tier)
    if (!isTier || typeof by !== 'string' || by === '' || typeof reason !== 'string' || reason === '')
      throw new TypeError('a tier is changed to strict, degraded, lossy or a function, by somebody, for a reason')
    this.#tierInForce = tier
    this.#tierChange = { tier: typeof tier === 'function' ? 'per tool' : tier, by, reason }
    await this.#quietly(async () => {
      // A stream that is being opened was configured before; what waits to be written belongs before the change.
      await this.#opening?.catch(() => {})
      await Promise.all(this.#ledgers().map(ledger => ledger.stream.revive(true)))
      if (this.#ledger) this.#retire(this.#ledger)
      const { stream } = await this.#current()
      await stream.drained()
    })
  }

  /** SHA-256 of a tool's definition as offered to the model: RFC 8785 form of E(definition), lowercase hex. */
  definitionDigest(definition: unknown): string {
    if (typeof definition !== 'object' || definition === null) return digestOf(definition)
    let digest = this.#digests.get(definition)
    if (!digest) {
      digest = digestOf(definition)
      this.#digests.set(definition, digest)
    }
    return digest
  }

  /** Records that a session of the host is over, with the number of its calls. Never rejects. */
  async sessionEnd(session: string): Promise<void> {
    await this.#quietly(() =>
      Promise.all(this.#ledgers().map(ledger => this.#written(ledger, this.#sessionEndDraft(ledger, session)))),
    )
  }

  /** Records for every call without an outcome that nobody knows how it ended, and why nobody will. Never rejects. */
  async sweep(reason: string): Promise<void> {
    const open = this.#ledgers().flatMap(ledger => [...ledger.awaited].filter(call => call.state === 'open'))
    await Promise.all(
      open.map(call => this.outcome(call, { status: 'unknown', executed: 'unknown', error: { value: reason } })),
    )
  }

  /** Resolves when everything recorded so far is covered by a signed checkpoint of the log. */
  async flush(): Promise<void> {
    await this.#opening?.catch(() => {})
    await Promise.all([this.#recovering, ...this.#ledgers().map(ledger => ledger.stream.drained())])
    await this.#options.backend.flush()
  }

  /**
   * Ends sessions and stream, and closes the backend once no other recorder uses it. Calls that are still running are
   * counted as pending. Idempotent.
   *
   * @throws what kept the end from being written
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {})
    const ledgers = this.#ledgers()
    for (const ledger of ledgers) this.#end(ledger)
    await Promise.all(
      ledgers.map(async ({ stream }) => {
        await stream.drained()
        if (stream.broken) await stream.revive(true)
        await stream.drained()
        stream.forget()
      }),
    )
    await this.#recovering
    const failure = this.broken
    if (release(this.#options.backend)) await this.#options.backend.close()
    else await this.#options.backend.flush()
    if (failure) throw failure
  }

  // ---- calls ----

  #newCall(request: CallRequest, decision: Decision): Call {
    const args = this.#decided.get(request) ?? this.#snap(request, 'args', request.args)
    this.#decided.delete(request)
    const call = new Call({
      call: ulid(this.#runtime.now(), this.#runtime.random(10)),
      decision,
      tool: request.tool.name,
      argsInForce: args,
    })
    tickets.add(call)
    return call
  }

  #intentDraft(call: Call, request: CallRequest, tier: Tier): Pending {
    const kept = this.#commitments()
    const { tool, decision } = { tool: request.tool, decision: call.decision }
    const named = tool.registered !== false && isText(tool.name)
    const args = kept.add('args', call.argsInForce.json)
    const policy = asText(decision.policy)
    const rule = asText(decision.rule)
    const refs = this.#refs(request.refs)
    const { attempt } = request
    const parent = this.#own(request.parent)
    call.argsRoot = args.root
    const body = {
      type: 'intent' as const,
      time: formatTime(this.#runtime.now()),
      call: call.call,
      tool: {
        name: named ? tool.name : '?',
        ...(isWord(tool.kind) && { kind: tool.kind }),
        ...(isText(tool.server) && { server: tool.server }),
        ...(tool.definition !== undefined && { digest: this.definitionDigest(tool.definition) }),
      },
      ...(!named && { toolName: kept.add('toolName', capture(tool.name, this.#values.valueBytesMax)) }),
      args,
      ...(request.principal !== undefined && {
        principal: kept.add('principal', this.#snap(request, 'principal', request.principal).json),
      }),
      ...(refs && { refs }),
      ...(attempt !== undefined && Number.isSafeInteger(attempt) && attempt >= 2 && { attempt }),
      ...(tier !== 'strict' && { tier }),
      ...(request.unmediated === true && { unmediated: true as const }),
    }
    const decided: Omit<Intent['decision'], 'rules'> = {
      verdict: decision.verdict,
      ...(policy && { policy }),
      ...(rule && { rule }),
      ...(typeof decision.reason === 'string' && {
        reason: kept.add('decision.reason', capture(decision.reason, this.#values.valueBytesMax)),
      }),
    }
    const { session: name } = request
    return {
      make: () => {
        const ledger = call.ledger!
        const session = name === undefined ? undefined : ledger.session(name)
        return {
          ...body,
          decision: ledger.rules ? { ...decided, rules: ledger.rules } : decided,
          ...(session && { session: { id: session.id, n: session.calls } }),
          ...(parent?.intent && { parent: parent.intent }),
          ...((call.letGo || request.belated === true) && { belated: true as const }),
        }
      },
      disclosures: kept.disclosures(),
      keep: tier === 'degraded',
      sealed: leaf => {
        const first = call.intent === undefined
        call.intent = leaf
        if (!first) return
        const ledger = call.ledger!
        ledger.calls++
        if (name !== undefined) ledger.session(name).calls++
        if (call.state !== 'closed') ledger.unfinished.add(call)
      },
    }
  }

  async #writeIntent(call: Call, draft: Pending, tier: Tier): Promise<void> {
    if (tier === 'strict') await this.#refuseWhileBroken()
    else if (tier === 'degraded' && this.broken) await Promise.all(this.#ledgers().map(each => each.stream.revive()))
    else this.#reviveInBackground()
    const ledger = this.#usable() ?? (await this.#current())
    call.ledger = ledger
    if (call.state !== 'closed') ledger.awaited.add(call)
    try {
      await this.#written(ledger, draft)
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

  #outcomeDraft(call: Call, result: CallResult): Pending | undefined {
    if (call.state === 'final') {
      this.#report(new UnavailableError('recorder.second-outcome', 'the call already has its final outcome'))
      return undefined
    }
    // A denied call that did not run has said all there is to say.
    if (call.state === 'closed' && result.executed === 'no') return undefined
    let { status, executed } = result
    if (!isPossible(status, executed)) {
      const said = [status, executed].map(word => (typeof word === 'string' ? quote(word) : `a ${typeof word}`))
      this.#report(new TypeError(`no call has the status ${said[0]} and executed ${said[1]}`))
      status = 'unknown'
      executed = 'unknown'
    }
    const second = call.state === 'provisional'
    if (second && status === 'pending') return undefined
    const kept = this.#commitments()
    const args = result.args && executed !== 'no' ? this.#given(call, 'args', result.args) : undefined
    const part = (name: 'output' | 'visible', given: Given | undefined) =>
      given && { [name]: kept.add(name, this.#given(call, name, given).json) }
    const body: Omit<Outcome, keyof Chained> & { readonly time: string } = {
      type: 'outcome',
      time: formatTime(this.#runtime.now()),
      call: call.call,
      intent: '',
      status,
      executed,
      ...(args && !args.equals(call.argsInForce) && { args: kept.add('args', args.json) }),
      ...part('output', result.output),
      ...part('visible', result.visible),
      ...(result.error && { error: this.#error(call, result.error.value, kept) }),
      ...moment(result),
      ...(second && { late: true as const }),
    }
    const final = isFinal(status)
    call.state = call.state === 'closed' ? 'closed' : final ? 'final' : 'provisional'
    return {
      // Without its intent an outcome says nothing: the loss is counted instead.
      make: () => {
        if (call.intent) return { ...body, intent: call.intent }
        this.#lose()
        return undefined
      },
      disclosures: kept.disclosures(),
      keep: true,
      sealed: () => {
        if (final) call.ledger!.unfinished.delete(call)
        this.#settle(call)
      },
    }
  }

  #error(call: Call, thrown: unknown, kept: Commitments): NonNullable<Outcome['error']> {
    const name = errorName(thrown)
    const message = ownMessage(thrown)
    const given = this.snapshot(call, 'error', message === undefined ? thrown : message)
    return { ...(name && { name }), message: kept.add('error.message', given.json) }
  }

  #over(call: Call, state: 'closed'): void {
    call.state = state
    call.ledger?.unfinished.delete(call)
    this.#settle(call)
  }

  /** The stream need not wait for this call any more; a stream that takes no new calls may be at its end. */
  #settle(call: Call): void {
    const ledger = call.ledger!
    if (call.state !== 'provisional') ledger.awaited.delete(call)
    if (this.#retiring.has(ledger) && ledger.awaited.size === 0) this.#end(ledger)
  }

  async #ask(ticket: Ticket, args: unknown): Promise<ApprovalAnswer | undefined> {
    const { approver, agent } = this.#options
    const { call, tool, argsRoot, intent } = ticket
    if (!approver || !intent) return undefined
    const abort = new AbortController()
    let cancel = () => {}
    const timeout = new Promise<undefined>(resolve => {
      cancel = this.#runtime.later(this.#limits.reviewTimeoutMs, () => resolve(undefined))
    })
    try {
      const asked = approver.ask({ call, agent: agent.id, tool, args, root: argsRoot, intent, signal: abort.signal })
      const answer = await Promise.race([asked, timeout])
      if (answer === undefined) throw new UnavailableError('recorder.unanswered', 'the approver gave no answer in time')
      if (typeof answer !== 'object' || answer === null || typeof answer.approved !== 'boolean')
        throw new TypeError('an approver answers with { approved, by, channel }')
      return answer
    } catch (error) {
      this.#report(asError(error))
      return undefined
    } finally {
      cancel()
      abort.abort()
    }
  }

  // ---- streams ----

  /** Resolves when `draft` is durable. */
  #written(ledger: Ledger, draft: Pending): Promise<void> {
    // Nothing follows `stream.end`.
    if (ledger.ended) return Promise.reject(new UnavailableError('recorder.closed', 'the stream has ended'))
    if (draft.keep) this.#reviveInBackground()
    return new Promise((resolve, reject) => {
      ledger.stream.push({
        ...draft,
        settled: error => {
          if (error) reject(error)
          else resolve()
        },
      })
    })
  }

  async #refuseWhileBroken(): Promise<void> {
    for (const { stream } of this.#ledgers()) {
      const why = stream.broken
      if (why && !(await stream.revive()))
        throw new UnavailableError('recorder.broken', `records cannot be written: ${why.message}`, {
          cause: why,
          retryable: true,
        })
    }
  }

  #reviveInBackground(): void {
    for (const { stream } of this.#ledgers()) if (stream.broken) void stream.revive()
  }

  #ledgers(): Ledger[] {
    return this.#ledger ? [this.#ledger, ...this.#retiring] : [...this.#retiring]
  }

  /** The stream for a new call, if there is one that takes it. */
  #usable(): Ledger | undefined {
    const ledger = this.#ledger
    if (!ledger) return undefined
    if (this.#runtime.monotonic() < ledger.until && ledger.stream.records < this.#streamLimits.records) return ledger
    this.#retire(ledger)
    return undefined
  }

  /** New calls go to another stream; this one ends when its calls have. */
  #retire(ledger: Ledger): void {
    this.#ledger = undefined
    this.#retiring.add(ledger)
    if (ledger.awaited.size === 0) this.#end(ledger)
  }

  #current(): Promise<Ledger> | Ledger {
    const usable = this.#usable()
    if (usable) return usable
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<Ledger> {
    const { options, runtime } = { options: this.#options, runtime: this.#runtime }
    const logs = await this.#sink.logs()
    const identity = options.identity ?? (await this.#sink.identity(options.agent.id)) ?? freshSigner(runtime)
    const after = await this.#readAfter(logs)
    await this.#keepRules()
    const now = runtime.monotonic()
    const stream = await this.#begin(logs, identity, after, {
      dropped: () => this.#lose(),
      delivered: () => {
        this.#tellLosses()
        this.#refreshAfter(logs)
      },
    })
    const ledger = new Ledger(stream, now + this.#streamLimits.ms, () => ulid(runtime.now(), runtime.random(10)))
    this.#afterReadAt = now
    for (const draft of [...this.#rulesDrafts(ledger), ...this.#coverageDrafts(ledger)])
      stream.push({ ...draft, settled: error => error && this.#report(error) })
    this.#ledger = ledger
    this.#recovering ??= this.#recover(logs, identity, after)
    if ((options.keepDisclosures ?? true) && !this.#sink.keepsDisclosures)
      this.#report(
        new UnavailableError(
          'recorder.disclosures-dropped',
          'the backend keeps no disclosures: nothing of what is recorded here can ever be disclosed',
        ),
      )
    return ledger
  }

  /** A new stream, of which nothing has been handed over yet. */
  async #begin(
    logs: readonly LogRef[],
    identity: Signer,
    after: After | undefined,
    told: Pick<StreamOptions, 'dropped' | 'delivered'>,
  ): Promise<Stream> {
    const { options, runtime } = { options: this.#options, runtime: this.#runtime }
    const seed = runtime.random(32)
    const start = await makeStart({
      options,
      logs,
      identity,
      streamKey: ed25519PublicKey(seed),
      after,
      config: configHash(withTier(options, this.#tierInForce), {
        valueBytesMax: this.#values.valueBytesMax,
        keepDisclosures: this.#keepsDisclosures,
        ...this.#limits,
      }),
      now: runtime.now(),
    })
    return new Stream({
      start,
      seed,
      sink: this.#sink,
      runtime,
      appendTimeoutMs: this.#limits.appendTimeoutMs,
      ...told,
    })
  }

  /** Closes what earlier runs of this agent left open. Calls do not wait for it. */
  async #recover(logs: readonly LogRef[], identity: Signer, after: After | undefined): Promise<void> {
    try {
      const dead = this.#sink.deadStreams(this.#options.agent.id, identity.publicKey)
      const begin = () => this.#begin(logs, identity, after, { dropped: () => {}, delivered: () => {} })
      if (dead) await recover(dead, begin)
    } catch (cause) {
      // The next stream tries again.
      this.#recovering = undefined
      const { message } = asError(cause)
      this.#report(
        new UnavailableError('recorder.recovery', `what an earlier run left open could not be closed: ${message}`, {
          cause,
        }),
      )
    }
  }

  /** No later than the record that names them. Without them the record still says which rules they were. */
  async #keepRules(): Promise<void> {
    if (!this.#keepsDisclosures) return
    for (const { bytes } of this.#options.evaluator?.rules?.files ?? []) {
      try {
        if (bytes) await this.#options.backend.keepRules?.(bytes)
      } catch (error) {
        this.#report(asError(error))
      }
    }
  }

  #rulesDrafts(ledger: Ledger): Pending[] {
    const { rules } = this.#options.evaluator ?? {}
    if (!rules) return []
    return rulesParts(rules).map(part => ({
      // Each names the one before it; `sealed` has told us that one's hash by the time this one is made.
      make: () => part(ledger.rules),
      disclosures: undefined,
      keep: true,
      sealed: leaf => {
        ledger.rules = leaf
      },
    }))
  }

  #coverageDrafts(ledger: Ledger): Pending[] {
    const unseen = [...this.#unseen].sort()
    const gaps = this.#options.evaluator?.gaps ?? []
    const tier = this.#tierChange
    const key = canonicalize(capture({ tools: this.#tools, unseen, gaps }))
    if (ledger.coverage === key) return []
    const known = ledger.coverage !== undefined
    const told = known && ledger.unseen === unseen.length
    ledger.coverage = key
    ledger.unseen = unseen.length
    const kept = this.#commitments()
    const says = { ...(gaps.length > 0 && { rules: gaps }), ...(tier && { tier }) }
    const detail = !known && Object.keys(says).length > 0 ? kept.add('detail', capture(says)) : undefined
    return coverageParts(this.#tools, told ? [] : unseen, detail).map(body => ({
      make: () => body,
      disclosures: 'detail' in body ? kept.disclosures() : undefined,
      keep: true,
    }))
  }

  #sessionEndDraft(ledger: Ledger, name: string): Pending {
    return {
      make: () => {
        const session = ledger.endSession(name)
        return session && session.calls > 0
          ? { type: 'session.end', session: session.id, calls: session.calls }
          : undefined
      },
      disclosures: undefined,
      keep: true,
    }
  }

  /** Writes the last records of a stream. What comes later for it is lost, and counted. */
  #end(ledger: Ledger): void {
    if (ledger.ended) return
    const unawaited = { settled: () => {} }
    for (const name of ledger.sessionNames())
      ledger.stream.push({ ...this.#sessionEndDraft(ledger, name), ...unawaited })
    if (this.#lost > 0) ledger.stream.push({ ...this.#lossDraft(), ...unawaited })
    ledger.ended = true
    ledger.stream.push({
      make: () => ({ type: 'stream.end', calls: ledger.calls, pending: ledger.unfinished.size }),
      disclosures: undefined,
      keep: true,
      settled: error => {
        if (error) return
        this.#retiring.delete(ledger)
        ledger.stream.forget()
      },
    })
  }

  // ---- losses, checkpoints, errors ----

  #lose(): void {
    this.#lost++
    this.#tellLosses()
  }

  #tellLosses(): void {
    const ledger = this.#ledger
    if (this.#lost === 0 || !ledger || ledger.ended || ledger.stream.broken) return
    ledger.stream.push({ ...this.#lossDraft(), settled: () => {} })
  }

  #lossDraft(): Pending {
    return {
      make: () => {
        const count = this.#lost
        this.#lost = 0
        return count > 0 ? { type: 'loss', reason: 'not-written', count } : undefined
      },
      disclosures: undefined,
      keep: true,
    }
  }

  async #readAfter(logs: Awaited<ReturnType<Sink['logs']>>) {
    try {
      return await this.#head.read(logs)
    } catch (error) {
      this.#report(asError(error))
      return undefined
    }
  }

  #refreshAfter(logs: Awaited<ReturnType<Sink['logs']>>): void {
    const now = this.#runtime.monotonic()
    if (now - this.#afterReadAt < AFTER_MS) return
    this.#afterReadAt = now
    const { stream } = this.#ledger ?? {}
    void this.#readAfter(logs).then(after => after && stream?.carry(after))
  }

  async #quietly(work: () => Promise<unknown>): Promise<void> {
    try {
      if (this.#closing) throw new UnavailableError('recorder.closed', 'the recorder has been closed')
      await work()
    } catch (error) {
      this.#report(asError(error))
    }
  }

  #report(error: Error): void {
    const { onError } = this.#options
    try {
      if (onError) {
        onError(error)
        return
      }
      const code = (error as { code?: unknown }).code
      const name = typeof code === 'string' ? code : error.name
      if (this.#reported.has(name)) return
      this.#reported.add(name)
      process.emitWarning(`${error.message} (${name}; said once)`, { type: 'DeedlogWarning', code: name })
    } catch {
      // Whoever is told about errors must not cause more of them.
    }
  }

  // ---- values ----

  #snap(request: CallRequest, part: Part, value: unknown): Snapshot {
    return snapshot(value, { tool: request.tool.name, part }, this.#values)
  }

  #given(call: Call, part: Part, given: Given): Snapshot {
    return given instanceof Snapshot ? given : this.snapshot(call, part, given.value)
  }

  #commitments(): Commitments {
    return new Commitments(this.#runtime.random, this.#keepsDisclosures)
  }

  /** Tickets are made here; anything else may be anything. */
  #own(ticket: Ticket | undefined): Call | undefined {
    return tickets.has(ticket as object) ? (ticket as Call) : undefined
  }

  #tier(tool: string): Tier {
    const tier = this.#tierInForce
    try {
      const found = typeof tier === 'function' ? tier(tool) : tier
      return found === 'degraded' || found === 'lossy' ? found : 'strict'
    } catch {
      return 'strict'
    }
  }

  #refs(refs: CallRequest['refs']): Intent['refs'] {
    if (!refs) return undefined
    const good = Object.entries(refs).filter(([name, value]) => isWord(name) && isText(value))
    return good.length > 0 ? Object.fromEntries(good.slice(0, REFS_MAX)) : undefined
  }
}

const TIERS: ReadonlySet<unknown> = new Set<Tier>(['strict', 'degraded', 'lossy'])

/** A change of the tier, as `coverage` carries it. */
interface TierChange {
  readonly tier: Tier | 'per tool'
  readonly by: string
  readonly reason: string
}

function withTier(options: RecorderOptions, tier: RecorderOptions['tier']): RecorderOptions {
  const { tier: _, ...others } = options
  return tier === undefined ? others : { ...others, tier }
}

/** Tickets of all recorders of this module: a call may be made by one that another recorder has recorded. */
const tickets = new WeakSet<object>()

type Pending = Omit<Draft, 'settled'>
type Chained = {
  v: 1
  time: string
  stream: string
  seq: number
  prev: string
  sig?: string
  after?: unknown
  crit?: unknown
}

const NOT_EVALUATED: Promise<Decision> = Promise.resolve({ verdict: 'not_evaluated' })

const STATUSES: ReadonlySet<unknown> = new Set<CallResult['status']>([
  'succeeded',
  'failed',
  'reported_error',
  'not_executed',
  'short_circuited',
  'pending',
  'cancelled',
  'timed_out',
  'unknown',
])

// Looked up first: as the name of a property, any other value would be made a string, however long that takes.
const isPossible = (status: CallResult['status'], executed: CallResult['executed']): boolean =>
  STATUSES.has(status) && allowsExecuted(status, executed)

// No model is offered a definition of this size; a hostile one must not cost more.
const DEFINITION_BYTES_MAX = 1024 * 1024

const digestOf = (definition: unknown): string => sha256Hex(canonicalBytes(capture(definition, DEFINITION_BYTES_MAX)))

function moment({ startedAt, durationUs }: CallResult): { startedAt?: string; durationUs?: number } {
  return {
    ...(types.isDate(startedAt) && isTimeOfRecord(startedAt) && { startedAt: formatTime(startedAt.getTime()) }),
    ...(durationUs !== undefined && Number.isSafeInteger(durationUs) && durationUs >= 0 && { durationUs }),
  }
}

const isTimeOfRecord = (date: Date): boolean => {
  const year = date.getUTCFullYear()
  return year >= 2000 && year <= 2999
}

const isError = (value: unknown): value is Error => types.isNativeError(value)

/** The class of what was thrown, where it looks like a name and not like a sentence somebody wrote. */
function errorName(thrown: unknown): string | undefined {
  if (!isError(thrown)) return undefined
  try {
    const name: unknown = Object.getOwnPropertyDescriptor(thrown, 'name')?.value ?? prototypeName(thrown)
    return typeof name === 'string' && /^[A-Za-z_$][\w$]{0,63}$/.test(name) ? name : undefined
  } catch {
    return undefined
  }
}

function prototypeName(thrown: object): unknown {
  const prototype: object | null = Object.getPrototypeOf(thrown)
  return prototype && Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value?.name
}

function ownMessage(thrown: unknown): string | undefined {
  if (!isError(thrown)) return undefined
  const message: unknown = Object.getOwnPropertyDescriptor(thrown, 'message')?.value
  return typeof message === 'string' ? message : ''
}
