import { constants } from 'node:os'
import type { CallResult } from '../../recorder/types.js'
import type { ChildResult } from './run-child.js'
import type { Signals } from './signals.js'

/** When a command began, and how long it took. */
export interface Timing {
  readonly startedAt: Date
  readonly durationUs: number
}

/**
 * How a command ended, as the outcome of a tool call. All of it is final: a command that is gone has run.
 *
 * @param child  Undefined when a signal arrived before the command was started.
 * @param args   What was executed.
 */
export function resultOf(child: ChildResult | undefined, signals: Signals, args: unknown, timing: Timing): CallResult {
  if (child === undefined)
    return {
      status: 'not_executed',
      executed: 'no',
      error: { value: named('Signal', `${signals.seen[0]} before the start`) },
    }
  if (!child.started) return { status: 'not_executed', executed: 'no', error: { value: child.error } }
  const { stdout, stderr, exitCode, signal } = child
  const passedOn = signals.seen.length === 0 ? {} : { signalsReceived: [...signals.seen] }
  const output = { ...(signal === undefined ? { exitCode } : { signal }), ...passedOn, stdout, stderr }
  const ran = { executed: 'yes', args: { value: args }, output: { value: output }, ...timing } as const
  if (exitCode === 0) return { ...ran, status: 'succeeded' }
  const error =
    signal === undefined ? named('ExitCode', `exit code ${exitCode}`) : named('Signal', `killed by ${signal}`)
  return { ...ran, status: 'failed', error: { value: error } }
}

// What POSIX shells answer for the same.
const NOT_FOUND = 127
const NOT_EXECUTABLE = 126
const BY_SIGNAL = 128

/** What `deedlog exec` ends with. */
export function exitCodeOf(child: ChildResult | undefined, signals: Signals): number {
  if (child === undefined) return BY_SIGNAL + (constants.signals[signals.seen[0] ?? 'SIGTERM'] ?? 0)
  if (!child.started) return child.error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE
  return child.signal === undefined ? (child.exitCode ?? 0) : BY_SIGNAL + constants.signals[child.signal]
}

function named(name: string, message: string): Error {
  const error = new Error(message)
  error.name = name
  return error
}
