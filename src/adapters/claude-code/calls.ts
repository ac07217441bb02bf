import type { Recorder } from '../../recorder/index.js'
import type { CallRequest, CallResult, Ticket } from '../../recorder/types.js'
import { denialOf } from '../denial.js'
import { refsOf } from '../refs.js'
import type { Ended, HookCall, HookEvent } from './events.js'
import type { KeptTickets } from './kept.js'

/** What a hook has to tell its host. Nothing is what lets a call go on: it leaves the host's own questions as they are. */
export interface HookAnswer {
  /** Why the call must not run; the model is told. */
  readonly deny?: string
}

interface Known {
  readonly ticket: Ticket
  readonly attempt: number
  /** `closed`: it must not run, so that no end is expected. `over`: its end has been told. */
  readonly state: 'open' | 'closed' | 'over'
}

const NOTHING: HookAnswer = {}

// Calls under way at a time are tens. What is forgotten here is still found in the files.
const KNOWN_MAX = 10_000

/**
 * Makes records of what hooks tell, each from a process of its own: the intent's is gone when the outcome's comes. A call is
 * known by the host's session and its id in it; what one id tells is taken in the order in which it came.
 */
export class HookCalls {
  readonly #recorder: Recorder
  readonly #kept: KeptTickets
  readonly #known = new Map<string, Known>()
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(recorder: Recorder, kept: KeptTickets) {
    this.#recorder = recorder
    this.#kept = kept
  }

  /**
   * @returns once what the event says is durable
   * @throws what keeps an intent from being recorded: the call must not run then
   */
  take(event: HookEvent): Promise<HookAnswer> {
    switch (event.kind) {
      case 'before':
        return this.#inTurn(keyOf(event.call), key => this.#before(key, event.call))
      case 'succeeded': {
        const { call, output, durationUs } = event
        const took = durationUs !== undefined && { durationUs }
        return this.#ended(call, { status: 'succeeded', executed: 'yes', output: { value: output }, ...took })
      }
      case 'failed': {
        const { call, error, interrupted } = event
        const how = interrupted ? CANCELLED : FAILED
        return this.#ended(call, { ...how, error: { value: error } })
      }
      case 'refused':
        return this.#ended(event.call, { status: 'not_executed', executed: 'no', error: { value: event.reason } })
      case 'batch':
        return this.#batch(event.session, event.ended)
      case 'session-end':
        return this.#sessionEnd(event.session)
      case 'other':
        return Promise.resolve(NOTHING)
    }
  }

  async #before(key: string, call: HookCall): Promise<HookAnswer> {
    const before = this.#find(key)
    // The host asks about one id twice when an answer never reached it, or when it runs the call again.
    if (before?.state === 'open')
      await this.#recorder.outcome(before.ticket, { ...UNKNOWN, error: { value: 'asked about again under its id' } })
    const attempt = (before?.attempt ?? 0) + 1
    const request = { ...requestOf(call), ...(attempt > 1 && { attempt }) }
    const decision = await this.#recorder.decide(request)
    const ticket = await this.#recorder.intent(request, decision)
    const close = (reason: string | undefined) => {
      this.#remember(key, { ticket, attempt, state: 'closed' })
      this.#kept.drop(key)
      return denied(reason, decision.rule)
    }
    if (decision.verdict === 'deny') return close(denialOf(decision).reason ?? undefined)
    await this.#keep(key, { ticket, attempt, state: 'open' })
    if (decision.verdict !== 'review') return NOTHING
    const approval = await this.#recorder.approve(ticket, call.args)
    if (approval === 'approved') return NOTHING
    return close(approval === 'declined' ? 'an approver declined it' : 'no approver answered')
  }

  async #keep(key: string, known: Known): Promise<void> {
    const { ticket } = known
    this.#remember(key, known)
    try {
      this.#kept.put(key, { call: ticket.call, intent: ticket.intent!, tool: ticket.tool })
    } catch (error) {
      this.#remember(key, { ...known, state: 'closed' })
      await this.#recorder.outcome(ticket, { status: 'not_executed', executed: 'no', error: { value: error } })
      throw error
    }
  }

  #ended(call: HookCall, result: CallResult): Promise<HookAnswer> {
    return this.#inTurn(keyOf(call), async key => {
      const ran = result.executed !== 'no'
      // Told twice: the first telling stands.
      if (this.#known.get(key)?.state === 'over') return NOTHING
      const known = this.#find(key) ?? (ran ? await this.#unasked(call) : undefined)
      if (!known) return NOTHING
      await this.#recorder.outcome(known.ticket, ran ? { ...result, args: { value: call.args } } : result)
      this.#remember(key, { ...known, state: 'over' })
      this.#kept.drop(key)
      return NOTHING
    })
  }

  /** A call that ran although no hook of ours was asked before: it could not have been held back here. */
  async #unasked(call: HookCall): Promise<Known> {
    const request = { ...requestOf(call), unmediated: true, belated: true }
    const ticket = await this.#recorder.intent(request, { verdict: 'not_evaluated' })
    return { ticket, attempt: 1, state: 'open' }
  }

  /**
   * What is open of a batch that is over was refused by the host or by another hook, or its hook never reached us: nobody
   * knows which, so nothing else is said.
   */
  async #batch(session: string, ended: readonly Ended[]): Promise<HookAnswer> {
    for (const { id, shown } of ended)
      await this.#inTurn(keyOf({ session, id }), async key => {
        const known = this.#find(key)
        // Left open: should its end be told after all, it is taken as a late one.
        if (known?.state === 'open') await this.#recorder.outcome(known.ticket, { ...UNKNOWN, error: { value: shown } })
        return NOTHING
      })
    return NOTHING
  }

  async #sessionEnd(session: string): Promise<HookAnswer> {
    await this.#recorder.sweep('the session of the host ended', { session })
    await this.#recorder.sessionEnd(session)
    const prefix = keyOf({ session, id: '' })
    for (const key of [...this.#known.keys()])
      if (key.startsWith(prefix)) {
        this.#known.delete(key)
        this.#kept.drop(key)
      }
    return NOTHING
  }

  /** What is known of a call: by this process, or through the files of one that is gone. */
  #find(key: string): Known | undefined {
    const known = this.#known.get(key)
    if (known) return known
    const kept = this.#kept.get(key)
    // The arguments are gone with the process that saw them: what was executed is compared with nothing.
    return kept && { ticket: this.#recorder.resume(kept), attempt: 1, state: 'open' }
  }

  #remember(key: string, known: Known): void {
    // The newest last, so that what is forgotten is what was longest untouched.
    this.#known.delete(key)
    this.#known.set(key, known)
    if (this.#known.size > KNOWN_MAX) this.#known.delete(this.#known.keys().next().value!)
  }

  #inTurn<T>(key: string, work: (key: string) => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve()
    const turn = before.then(
      () => work(key),
      () => work(key),
    )
    this.#turns.set(key, turn)
    const done = () => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key)
    }
    turn.then(done, done)
    return turn
  }
}

const FAILED = { status: 'failed', executed: 'yes' } as const
const CANCELLED = { status: 'cancelled', executed: 'unknown' } as const
const UNKNOWN = { status: 'unknown', executed: 'unknown' } as const

/** As JSON: the host's ids may hold any character. */
const keyOf = ({ session, id }: Pick<HookCall, 'session' | 'id'>): string => `${JSON.stringify(session)} ${id}`

function requestOf({ session, id, tool, args, server, agent }: HookCall): CallRequest {
  const refs = refsOf({ call: id }, agent)
  return {
    tool: { name: tool, kind: server === undefined ? 'function' : 'mcp', ...(server !== undefined && { server }) },
    args,
    session,
    ...(refs && { refs }),
  }
}

const denied = (reason = 'no reason is given', rule?: string): HookAnswer => ({
  deny: `Denied by policy${rule === undefined ? '' : ` (${rule.slice(0, 200)})`}: ${reason.slice(0, 1000)}`,
})
