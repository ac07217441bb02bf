import { isFinal } from '../../core/record/calls.js'
import type { Recorder } from '../../recorder/recorder.js'
import type { CallResult, Ticket } from '../../recorder/types.js'

/** A call that a client has made and that is not over. */
export class OpenCall {
  readonly #recorder: Recorder
  #params: unknown
  /** Undefined until the intent is durable. */
  ticket: Ticket | undefined
  readonly attempt: number
  /** Whether the client took it back before it was sent on. */
  takenBack = false
  #sent: { readonly at: Date; readonly ms: number } | undefined
  #state: 'open' | 'provisional' | 'over' = 'open'

  constructor(recorder: Recorder, params: unknown, attempt: number) {
    this.#recorder = recorder
    this.#params = params
    this.attempt = attempt
  }

  /** As the client sent them, until there is an answer. */
  get params(): unknown {
    return this.#params
  }

  get isSent(): boolean {
    return this.#sent !== undefined
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** From here on the server may run it. */
  send(): void {
    this.#sent = { at: new Date(), ms: performance.now() }
  }

  /** Records what became of it, unless that is known already. Resolves when it is recorded, or cannot be. */
  async end(result: CallResult): Promise<void> {
    const { ticket } = this
    // A call that is remembered for its task or its question need not keep what may be megabytes.
    this.#params = undefined
    const final = isFinal(result.status)
    // Of a call that was given up, only its end is news.
    if (!ticket || this.#state === 'over' || (this.#state === 'provisional' && !final)) return
    this.#state = final ? 'over' : 'provisional'
    await this.#recorder.outcome(ticket, { ...result, ...this.#times(result) })
  }

  /** It will not be sent on. */
  async drop(error?: unknown): Promise<void> {
    if (!this.isSent)
      await this.end({
        status: 'not_executed',
        executed: 'no',
        ...(error !== undefined && { error: { value: error } }),
      })
  }

  #times({ executed }: CallResult): Pick<CallResult, 'startedAt' | 'durationUs'> {
    const sent = this.#sent
    if (!sent || executed === 'no') return {}
    return { startedAt: sent.at, durationUs: Math.round((performance.now() - sent.ms) * 1000) }
  }
}
