import { inCall } from '../../recorder/current-call.js'
import type { CallResult, Ticket } from '../../recorder/types.js'
import type { Snapshot } from '../../recorder/values.js'
import { read } from '../read.js'
import { type Arrival, admit } from './admission.js'
import { isAsyncIterable, saysError } from './shapes.js'

/** What a host's wrapper knows better than a tool's result or error says. */
export interface Witness {
  /** What became of a call whose tool returned this; undefined: what the result says of itself. */
  returned?(output: unknown): CallResult | undefined
  /** What became of a call whose tool threw this; undefined: as of any that throws. */
  threw?(error: unknown): CallResult | undefined
}

/** Runs the body of a tool once it may run. Resolves and rejects as the body does. */
export async function runOnce(arrival: Arrival, body: () => unknown, witness: Witness = {}): Promise<unknown> {
  const execution = await Execution.begin(arrival, witness)
  let output: unknown
  try {
    output = await execution.inside(() => {
      const result = body()
      // The SDK would take it apart piece by piece; it was promised one value, and the last piece is the output.
      return isAsyncIterable(result) ? lastOf(result) : result
    })
  } catch (error) {
    await execution.threw(error)
    throw error
  }
  await execution.returned(output)
  return output
}

/**
 * Runs the body of a tool whose outputs come in pieces, as somebody asks for them. The last piece is the output. Whoever
 * stops asking has cancelled the call.
 */
export async function* runInPieces(arrival: Arrival, body: () => unknown): AsyncGenerator<unknown, void> {
  const execution = await Execution.begin(arrival)
  let iterator: AsyncIterator<unknown> | undefined
  let over = false
  try {
    const result = await execution.inside(() => piecesOf(body()))
    iterator = result[Symbol.asyncIterator]()
    for (;;) {
      const piece = await execution.inside(() => iterator!.next())
      if (piece.done) break
      execution.gave(piece.value)
      yield piece.value
    }
    over = true
    await execution.returned(execution.last?.value)
  } catch (error) {
    over = true
    await execution.threw(error)
    throw error
  } finally {
    if (!over) {
      try {
        await execution.inside(() => iterator?.return?.())
      } finally {
        await execution.abandoned()
      }
    }
  }
}

/** What became of one call, from the moment its tool may run. */
class Execution {
  readonly #arrival: Arrival
  readonly #ticket: Ticket
  readonly #witness: Witness
  readonly #args: Snapshot
  readonly #startedAt = new Date()
  readonly #started = performance.now()
  /** The newest piece of the output. */
  last: { readonly value: unknown } | undefined
  #over = false

  static async begin(arrival: Arrival, witness: Witness = {}): Promise<Execution> {
    return new Execution(arrival, await admit(arrival), witness)
  }

  private constructor(arrival: Arrival, ticket: Ticket, witness: Witness) {
    const { recorder, request, signal } = arrival
    this.#arrival = arrival
    this.#witness = witness
    this.#ticket = ticket
    // Now, since the tool may change its arguments while it runs.
    this.#args = recorder.snapshot(ticket, 'args', request.args)
    signal?.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Calls made in the course of `run` are this call's. */
  inside<T>(run: () => T): T {
    return inCall(this.#ticket, run)
  }

  gave(piece: unknown): void {
    this.last = { value: piece }
  }

  returned(output: unknown): Promise<void> {
    const seen = this.#witness.returned?.(output)
    if (seen) return this.#end(seen)
    const status = saysError(output) ? 'reported_error' : 'succeeded'
    return this.#end({ status, executed: 'yes', output: { value: output } })
  }

  threw(error: unknown): Promise<void> {
    const seen = this.#witness.threw?.(error)
    if (seen) return this.#end(seen)
    if (!this.#isAbort(error)) return this.#end({ status: 'failed', executed: 'yes', error: { value: error } })
    return this.#end({ ...this.#stopped(), error: { value: error } })
  }

  /** Nobody asks for the next piece. */
  abandoned(): Promise<void> {
    return this.#end(this.#stopped())
  }

  readonly #onAbort = (): void => {
    // A tool that heeds the signal ends on its own account before this; only one that goes on has no word of its own.
    setImmediate(() => {
      if (this.#over) return
      // Provisional: should the tool come to an end after all, the recorder takes that as a late outcome.
      void this.#record(this.#stopped())
    })
  }

  #end(result: CallResult): Promise<void> {
    this.#over = true
    this.#arrival.signal?.removeEventListener('abort', this.#onAbort)
    return this.#record(result)
  }

  #record(result: CallResult): Promise<void> {
    return this.#arrival.recorder.outcome(this.#ticket, {
      ...result,
      args: this.#args,
      startedAt: this.#startedAt,
      durationUs: Math.round((performance.now() - this.#started) * 1000),
    })
  }

  /** It was told to stop: how far it had come, nobody knows, unless it gave something. */
  #stopped(): CallResult {
    const status = isTimeout(read(this.#arrival.signal, 'reason')) ? 'timed_out' : 'cancelled'
    return this.last ? { status, executed: 'yes', output: this.last } : { status, executed: 'unknown' }
  }

  #isAbort(error: unknown): boolean {
    const { signal } = this.#arrival
    if (!signal?.aborted) return false
    const name = read(error, 'name')
    return error === signal.reason || name === 'AbortError' || name === 'TimeoutError'
  }
}

/** The web's own, or a host's such as `ToolTimeoutError`, which may have the name in its class only. */
function isTimeout(reason: unknown): boolean {
  const made = read(reason, 'constructor')
  const names = [read(reason, 'name'), typeof made === 'function' ? made.name : undefined]
  return names.some(name => typeof name === 'string' && name.endsWith('TimeoutError'))
}

async function lastOf(pieces: AsyncIterable<unknown>): Promise<unknown> {
  let last: unknown
  for await (const piece of pieces) last = piece
  return last
}

async function piecesOf(result: unknown): Promise<AsyncIterable<unknown>> {
  if (isAsyncIterable(result)) return result
  const value = await result
  return (async function* () {
    yield value
  })()
}
