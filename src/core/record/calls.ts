import type { Executed, OutcomeStatus } from './types.js'

const FINAL: ReadonlySet<OutcomeStatus> = new Set<OutcomeStatus>([
  'succeeded',
  'failed',
  'reported_error',
  'not_executed',
  'short_circuited',
])

/** Whether nothing is left open about a call with this status. The others are provisional. spec/record.md §4, "Calls" */
export const isFinal = (status: OutcomeStatus): boolean => FINAL.has(status)

const EXECUTED: Readonly<{ [status in OutcomeStatus]: readonly Executed[] }> = {
  succeeded: ['yes'],
  failed: ['yes', 'unknown'],
  reported_error: ['yes', 'unknown'],
  not_executed: ['no'],
  short_circuited: ['no'],
  pending: ['yes', 'no', 'unknown'],
  cancelled: ['yes', 'unknown'],
  timed_out: ['yes', 'unknown'],
  unknown: ['unknown'],
}

/** Every status there is, in the order of spec/record.md §4. */
export const OUTCOME_STATUSES = Object.keys(EXECUTED) as readonly OutcomeStatus[]

/** Whether `value` is a status. Runs nothing of it. */
export const isOutcomeStatus = (value: unknown): value is OutcomeStatus => STATUSES.has(value)

const STATUSES: ReadonlySet<unknown> = new Set(OUTCOME_STATUSES)

/** Whether an outcome may say both. spec/record.md §4, "Calls" */
export const allowsExecuted = (status: OutcomeStatus, executed: Executed): boolean =>
  EXECUTED[status].includes(executed)
