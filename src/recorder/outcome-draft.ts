import { types } from 'node:util'
import { quote } from '../core/errors.js'
import { allowsExecuted, isFinal, isOutcomeStatus } from '../core/record/calls.js'
import { formatTime } from '../core/record/formats.js'
import type { Outcome } from '../core/record/types.js'
import type { Call } from './call.js'
import type { Reporting } from './reporting.js'
import type { ChainedMember, Pending } from './stream.js'
import type { CallResult, Given, Part } from './types.js'
import { type Commitments, Snapshot, type Values } from './values.js'

/** What becomes of a call with its outcome: told when that has its place, or cannot have one. */
export interface OutcomeSteps {
  /** The intent was never written, so there is nothing that an outcome could follow. */
  lost(): void
  sealed(): void
}

export interface OutcomeCircumstances {
  readonly values: Values
  /** Milliseconds since 1970, UTC. */
  readonly now: number
}

/** The outcome of a call, all values in it taken now. The result is a possible one, see {@link possible}. */
export function outcomeDraft(
  call: Call,
  result: CallResult,
  { values, now }: OutcomeCircumstances,
  steps: OutcomeSteps,
): Pending {
  const { status, executed } = result
  const kept = values.commitments()
  const args = result.args && executed !== 'no' ? given(call, 'args', result.args, values) : undefined
  const part = (name: 'output' | 'visible', value: Given | undefined) =>
    value && { [name]: kept.add(name, given(call, name, value, values).json) }
  const inForce = call.argsInForce
  // In ascending order of their names, as the record will be written.
  const body: Omit<Outcome, ChainedMember> & { readonly time: string } = {
    ...(args && inForce && !args.equals(inForce) && { args: kept.add('args', args.json) }),
    call: call.call,
    ...duration(result),
    ...(result.error && { error: errorOf(call, result.error.value, kept, values) }),
    executed,
    intent: call.intent ?? '',
    ...(call.state === 'provisional' && { late: true as const }),
    ...part('output', result.output),
    ...moment(result),
    status,
    time: formatTime(now),
    type: 'outcome',
    ...part('visible', result.visible),
  }
  return {
    // Without its intent an outcome says nothing: the loss is counted instead.
    make: () => {
      if (call.intent) return { ...body, intent: call.intent }
      steps.lost()
      return undefined
    },
    disclosures: kept.disclosures(),
    keep: true,
    sealed: () => {
      if (isFinal(status)) call.ledger!.unfinished.delete(call)
      steps.sealed()
    },
  }
}

/** What a host says and cannot be is not repeated as if it were: nobody knows then. */
export function possible(result: CallResult, reporting: Reporting): CallResult {
  if (isPossible(result)) return result
  const said = [result.status, result.executed].map(word =>
    typeof word === 'string' ? quote(word) : `a ${typeof word}`,
  )
  reporting.report(new TypeError(`no call has the status ${said[0]} and executed ${said[1]}`))
  return { ...result, status: 'unknown', executed: 'unknown' }
}

// Looked up first: as the name of a property, any other value would be made a string, however long that takes.
const isPossible = ({ status, executed }: Pick<CallResult, 'status' | 'executed'>): boolean =>
  isOutcomeStatus(status) && allowsExecuted(status, executed)

/** A value of a call as it is now, or as it was when a snapshot was taken. */
export const given = (call: Call, part: Part, value: Given, values: Values): Snapshot =>
  value instanceof Snapshot ? value : values.snapshot(value.value, { tool: call.tool, part })

function errorOf(call: Call, thrown: unknown, kept: Commitments, values: Values): NonNullable<Outcome['error']> {
  const name = errorName(thrown)
  const message = ownMessage(thrown)
  const json = values.snapshot(message === undefined ? thrown : message, { tool: call.tool, part: 'error' }).json
  return { message: kept.add('error.message', json), ...(name && { name }) }
}

const duration = ({ durationUs }: CallResult): { durationUs?: number } =>
  durationUs !== undefined && Number.isSafeInteger(durationUs) && durationUs >= 0 ? { durationUs } : {}

const moment = ({ startedAt }: CallResult): { startedAt?: string } =>
  types.isDate(startedAt) && isTimeOfRecord(startedAt) ? { startedAt: formatTime(startedAt.getTime()) } : {}

const isTimeOfRecord = (date: Date): boolean => {
  const year = date.getUTCFullYear()
  return year >= 2000 && year <= 2999
}

const isError = (value: unknown): value is Error => types.isNativeError(value)

/** The class of what was thrown, where it looks like a name and not like a sentence somebody wrote. */
function errorName(thrown: unknown): string | undefined {
  if (!isError(thrown)) return undefined
  try {
    const name: unknown = Object.getOwnPropertyDescriptor(thrown, 'name')?.value ?? prototypeName(thrown)
    return typeof name === 'string' && /^[A-Za-z_$][\w$]{0,63}$/.test(name) ? name : undefined
  } catch {
    return undefined
  }
}

function prototypeName(thrown: object): unknown {
  const prototype: object | null = Object.getPrototypeOf(thrown)
  return prototype && Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value?.name
}

function ownMessage(thrown: unknown): string | undefined {
  if (!isError(thrown)) return undefined
  const message: unknown = Object.getOwnPropertyDescriptor(thrown, 'message')?.value
  return typeof message === 'string' ? message : ''
}
