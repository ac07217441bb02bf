import type { Recorder } from '../../recorder/recorder.js'
import { read, readString } from '../read.js'
import { type Announced, AnnouncedCalls, FINAL_ANSWER, type Turn, turnOfEvent } from './announced.js'
import { describeAnnounced, waitingKeyOf } from './describe.js'
import type { WaitingCalls } from './waiting.js'

/**
 * Records what models ask for and ADK never comes to. No callback of a tool tells of it, so the events do: they are
 * heard before ADK goes on.
 */
export class UnreachedCalls {
  readonly #announced = new AnnouncedCalls()
  readonly #recorder: Recorder | undefined
  readonly #waiting: WaitingCalls
  readonly #report: (error: Error) => void

  constructor(recorder: Recorder | undefined, waiting: WaitingCalls, report: (error: Error) => void) {
    this.#recorder = recorder
    this.#waiting = waiting
    this.#report = report
  }

  /** ADK has come to a call. @returns whether it was waited for */
  reached(turn: Turn, name: string, id: string | undefined): boolean {
    return this.#announced.take(turn, name, id)
  }

  /** An agent's turn begins, with these tools. */
  async turn(turn: Turn, toolsDict: unknown): Promise<void> {
    await this.#record(this.#announced.leftOf(turn))
    this.#announced.offer(turn, toolsDict)
  }

  /** Remembers what a model asks for, and records at once what ADK will not come to. */
  async hear(invocationContext: unknown, event: unknown): Promise<void> {
    const turn = turnOfEvent(invocationContext, event)
    const calls = this.#announced.read(turn, read(event, 'content'))
    if (calls.length === 0) return
    // One turn of an agent is over before it has another.
    await this.#record(this.#announced.leftOf(turn))
    const paused = read(invocationContext, 'runConfig', 'pauseOnToolCalls') === true
    for (const call of calls) {
      if (!call.registered) await this.#record([call])
      else if (paused) await this.#leftToClient(call)
      else await this.#record(this.#announced.add(call))
    }
  }

  /** A final answer in the form of a call keeps all other calls of its turn from being run, or told of. */
  async answer(turn: Turn, content: unknown): Promise<void> {
    const calls = this.#announced.read(turn, content)
    if (calls.some(call => call.name === FINAL_ANSWER)) await this.#record(calls)
  }

  /** A run is over; without its id, all of them are. */
  async over(invocation: string | undefined): Promise<void> {
    await this.#record(this.#announced.leftOfRun(invocation))
  }

  /** Nobody decided on these, and nothing was run. */
  async #record(calls: readonly Announced[]): Promise<void> {
    const recorder = this.#recorder
    if (!recorder) return
    await Promise.all(
      calls.map(async call => {
        const ticket = await recorder.intent(describeAnnounced(call), { verdict: 'not_evaluated' })
        await recorder.outcome(ticket, {
          status: call.name === FINAL_ANSWER ? 'short_circuited' : 'not_executed',
          executed: 'no',
        })
      }),
    ).catch(error => this.#report(error as Error))
  }

  /** `pauseOnToolCalls`: the run ends here and the client runs the tool. Its answer comes as a message, or never. */
  async #leftToClient(call: Announced): Promise<void> {
    const recorder = this.#recorder
    const session = readString(call.turn.invocationContext, 'session', 'id')
    const key = call.id === undefined ? undefined : waitingKeyOf(session, call.id)
    // A stream of a model shows a call in parts and as a whole.
    if (!recorder || this.#waiting.get(key)?.kind === 'client') return
    try {
      const request = { ...describeAnnounced(call), unmediated: true }
      const ticket = await recorder.intent(request, { verdict: 'not_evaluated' })
      await recorder.outcome(ticket, { status: 'pending', executed: 'unknown' })
      this.#waiting.add(key, { ticket, attempt: 1, kind: 'client' })
    } catch (error) {
      this.#report(error as Error)
      // It happens all the same, and nothing here can hold it back.
      await recorder.loss('adk.client-side', undefined, 1)
    }
  }
}
