import { CallDeniedError } from './denied.js'
import type { Recorder } from './recorder.js'

/**
 * Wraps any function so that every call of it is decided on and recorded: arguments as an array, result, or what it
 * threw. The function runs only after its intent is durable.
 *
 * @param name the tool's name in the records
 * @returns a function that rejects with {CallDeniedError} `call.denied` when the call is denied or not approved, with
 *   the recorder's own error when it cannot be recorded, and otherwise as `run` does
 */
export function recorded<A extends unknown[], R>(
  recorder: Recorder,
  name: string,
  run: (...args: A) => R | Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    const request = { tool: { name, kind: 'function' }, args }
    const decision = await recorder.decide(request)
    const ticket = await recorder.intent(request, decision)
    if (decision.verdict === 'deny') throw new CallDeniedError(name, decision)
    if (decision.verdict === 'review') {
      const approval = await recorder.approve(ticket, args).catch(async error => {
        await recorder.outcome(ticket, { status: 'not_executed', executed: 'no' })
        throw error
      })
      if (approval !== 'approved') throw new CallDeniedError(name, decision)
    }
    const startedAt = new Date()
    const started = performance.now()
    const took = () => ({ startedAt, durationUs: Math.round((performance.now() - started) * 1000) })
    const given = recorder.snapshot(ticket, 'args', args)
    let output: R
    try {
      output = await run(...args)
    } catch (error) {
      await recorder.outcome(ticket, {
        status: 'failed',
        executed: 'yes',
        args: given,
        error: { value: error },
        ...took(),
      })
      throw error
    }
    await recorder.outcome(ticket, {
      status: 'succeeded',
      executed: 'yes',
      args: given,
      output: { value: output },
      ...took(),
    })
    return output
  }
}
