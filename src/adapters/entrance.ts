import type { CallResult } from '../recorder/types.js'
import type { Arrival } from './ai-sdk/admission.js'
import { runOnce, type Witness } from './ai-sdk/execution.js'
import { ToolRefusedError } from './ai-sdk/refusal.js'

/**
 * A call between a host and a tool's function, where the host checks the arguments in between: decided on is what it made
 * of them, which is what the function gets.
 */
export class Entrance {
  readonly #arrival: Arrival
  readonly #lossReason: string
  #entered = false
  #refused: ToolRefusedError | undefined

  /** @param lossReason  written when a call that cannot be held back any more cannot be recorded either, a `word` */
  constructor(arrival: Arrival, lossReason: string) {
    this.#arrival = arrival
    this.#lossReason = lossReason
  }

  /** Whether the host has come to the function, which may have been refused. */
  get wasEntered(): boolean {
    return this.#entered
  }

  /** Set while the newest coming to the function was refused. */
  get refused(): ToolRefusedError | undefined {
    return this.#refused
  }

  /**
   * Runs the function once that may be.
   *
   * @param more  what the host knows here and did not know before
   * @throws {ToolRefusedError} and what the function throws
   */
  async enter(
    args: unknown,
    body: () => unknown,
    more: { readonly signal?: AbortSignal | undefined; readonly attempt?: number; readonly witness?: Witness } = {},
  ): Promise<unknown> {
    const { request, signal } = this.#arrival
    const { attempt, witness } = more
    this.#entered = true
    this.#refused = undefined
    const arrival = {
      ...this.#arrival,
      request: { ...request, args, ...(attempt !== undefined && attempt > 1 && { attempt }) },
      signal: more.signal ?? signal,
    }
    try {
      return await runOnce(arrival, body, witness)
    } catch (error) {
      if (error instanceof ToolRefusedError) this.#refused = error
      throw error
    }
  }

  /** Records a call that the host gave up before the function: nothing ran, so there is nothing to decide on or to refuse. */
  neverEntered(seen: Pick<CallResult, 'error' | 'visible'>): Promise<void> {
    return this.#afterwards({ status: 'not_executed', executed: 'no', ...seen }, {})
  }

  /** Records a call that was answered past us. */
  passedBy(seen: Pick<CallResult, 'visible'>): Promise<void> {
    return this.#afterwards({ status: 'unknown', executed: 'unknown', ...seen }, { unmediated: true, belated: true })
  }

  async #afterwards(result: CallResult, flags: { readonly unmediated?: true; readonly belated?: true }): Promise<void> {
    const { recorder, request } = this.#arrival
    try {
      const ticket = await recorder.intent({ ...request, ...flags }, { verdict: 'not_evaluated' })
      await recorder.outcome(ticket, result)
    } catch (error) {
      await recorder.loss(this.#lossReason, error, 1)
    }
  }
}
