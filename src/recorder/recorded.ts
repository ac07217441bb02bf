import { inCall } from './current-call.js'
import { CallDeniedError } from './denied.js'
import type { Recorder } from './recorder.js'
import type { CallRequest, Ticket } from './types.js'

/** What a function's calls have in common. */
export type RecordedOptions = Pick<CallRequest, 'session' | 'principal' | 'refs'>

/**
 * Wraps any function so that every call of it is decided on and recorded: arguments as an array, result, or what it
 * threw. The function runs only after its intent is durable. A call made in the course of another recorded call names
 * that one as its parent.
 *
 * @param name the tool's name in the records
 * @returns a function that rejects with {CallDeniedError} `call.denied` when the call is denied or not approved, with
 *   the recorder's own error when it cannot be recorded, and otherwise as `run` does; `this` is passed on
 * @throws {TypeError} for a generator function: it returns before its body begins, and what the body does would go
 *   unrecorded. Wrap the function that runs the generator instead.
 */
export function recorded<A extends unknown[], R>(
  recorder: Recorder,
  name: string,
  run: (...args: A) => R | Promise<R>,
  options: RecordedOptions = {},
): (...args: A) => Promise<R> {
  if (GENERATORS.has(Object.prototype.toString.call(run)))
    throw new TypeError(`${JSON.stringify(name)} is a generator function; wrap the function that runs it instead`)
  return async function (this: unknown, ...args) {
    const request: CallRequest = { ...options, tool: { name, kind: 'function' }, args }
    const ticket = await admitted(recorder, request)
    const startedAt = new Date()
    const started = performance.now()
    const given = recorder.snapshot(ticket, 'args', args)
    const ran = () => ({
      executed: 'yes' as const,
      args: given,
      startedAt,
      durationUs: Math.round((performance.now() - started) * 1000),
    })
    let output: R
    try {
      output = await inCall(ticket, () => run.apply(this, args))
    } catch (error) {
      await recorder.outcome(ticket, { status: 'failed', error: { value: error }, ...ran() })
      throw error
    }
    await recorder.outcome(ticket, { status: 'succeeded', output: { value: output }, ...ran() })
    return output
  }
}

const GENERATORS = new Set(['[object GeneratorFunction]', '[object AsyncGeneratorFunction]'])

/** Decides on a call and records that. When it resolves, the function may run. */
async function admitted(recorder: Recorder, request: CallRequest): Promise<Ticket> {
  const { name } = request.tool
  const decision = await recorder.decide(request)
  const ticket = await recorder.intent(request, decision)
  if (decision.verdict === 'deny') throw new CallDeniedError(name, decision)
  if (decision.verdict === 'review') {
    const approval = await recorder.approve(ticket, request.args).catch(async error => {
      await recorder.outcome(ticket, { status: 'not_executed', executed: 'no' })
      throw error
    })
    if (approval !== 'approved') throw new CallDeniedError(name, decision)
  }
  return ticket
}
