import { type CallSummary, type TimelineAnswer, type TimesAnswer, windowOf } from '../core/verify/index.js'

/** Gathers calls as they are told of, in any order, and keeps the first of them: memory does not grow with the log. */
export class Timeline {
  readonly #most: number
  readonly #isAsked: (call: CallSummary) => boolean
  #calls: CallSummary[] = []
  #more = 0

  /** @param most  Calls to keep, from 1. */
  constructor(most: number, isAsked: (call: CallSummary) => boolean = () => true) {
    this.#most = most
    this.#isAsked = isAsked
  }

  /** Forgets all: the log is read once more. */
  clear(): void {
    this.#calls = []
    this.#more = 0
  }

  add(call: CallSummary): void {
    if (!this.#isAsked(call)) return
    this.#calls.push(call)
    if (this.#calls.length > 2 * this.#most) this.#cut()
  }

  #cut(): void {
    this.#calls.sort((a, b) => a.index - b.index)
    this.#more += this.#calls.splice(this.#most).length
  }

  /** The calls in the order of the log, each with the window in which it was made, as far as `times` say. */
  answer(times: TimesAnswer | undefined): TimelineAnswer {
    this.#cut()
    const calls = this.#calls.map(({ stream, index, call, agent, tool, session, verdict, rule, status, ...more }) => ({
      index,
      call,
      agent,
      tool,
      ...(session === undefined ? {} : { session }),
      verdict,
      ...(rule === undefined ? {} : { rule }),
      status,
      ...(more.executed === undefined ? {} : { executed: more.executed }),
      time: more.time,
      ...(times ? windowOf(times, stream, index) : {}),
      exceptions: more.exceptions,
    }))
    return { calls, more: this.#more }
  }
}
