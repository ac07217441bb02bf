import type { Ticket } from '../../recorder/types.js'

/** A call that waits for somebody outside of ADK. */
export interface WaitingCall {
  readonly ticket: Ticket
  readonly attempt: number
  /** For a confirmation it comes back as a new call; for the others the client's answer is its result. */
  readonly kind: 'confirmation' | 'long-running' | 'client'
}

// What waits for somebody else may wait for ever: beyond this the oldest keep their provisional outcome.
const WAITING_MAX = 1000

/** Calls that wait, by session and the host's id: that is what an answer names. */
export class WaitingCalls {
  readonly #calls = new Map<string, WaitingCall>()

  get(key: string | undefined): WaitingCall | undefined {
    return key === undefined ? undefined : this.#calls.get(key)
  }

  add(key: string | undefined, call: WaitingCall): void {
    if (key === undefined) return
    const oldest = this.#calls.size >= WAITING_MAX ? this.#calls.keys().next() : undefined
    if (oldest && !oldest.done) this.#calls.delete(oldest.value)
    this.#calls.set(key, call)
  }

  delete(key: string | undefined): void {
    if (key !== undefined) this.#calls.delete(key)
  }
}
