import { type CallRow, listCalls } from '../client/calls.js'
import type { LogSource } from '../client/source.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, MalformedError, quote } from '../core/errors.js'
import { parseDisclosureSet, recordLeaf, timeMs } from '../core/record/index.js'
import type { CallToErase } from '../log/erase-calls.js'
import type { ErasedField } from '../log/erase-plan.js'
import { withoutField } from '../log/erase-value.js'
import { daysKept, holdOf, type Retention } from '../log/retention.js'
import { UsageError } from './errors.js'

/** Which calls are meant: exactly one of these. */
export interface Selection {
  readonly call?: readonly string[]
  readonly session?: string
  /** Milliseconds since 1970: calls that were decided before. */
  readonly before?: number
  /** Calls that are older than their class of retention, at this time. */
  readonly expiredAt?: number
}

export interface Selected {
  readonly calls: readonly CallToErase[]
  /** Calls that were left out: they may be running, or a hold keeps them. */
  readonly running: number
  readonly held: number
}

/**
 * Finds the calls whose disclosures are to go, and all their records.
 *
 * @throws {MalformedError} `call.unknown`, `call.ambiguous`, `erase.session` when there is no such call or session
 * @throws {UsageError} `erase.running` for a call that is named and may still be running, `erase.held` for any that is
 *   chosen by name, session or time and is under legal hold
 */
export async function selectCalls(source: LogSource, selection: Selection, retention: Retention): Promise<Selected> {
  const rows = chosen(await listCalls(source), selection, retention)
  const { leaves, over } = await readRecords(source, rows)
  const isHeld = (row: CallRow) => holdOf(retention, { call: row.call, tool: row.tool, session: row.session?.id })
  const isRunning = (row: CallRow) => OPEN.has(row.status) && !over.has(row.stream)
  const held = rows.filter(isHeld)
  if (held.length > 0 && selection.expiredAt === undefined)
    throw new UsageError(
      'erase.held',
      `${held.length === 1 ? 'a call is' : `${held.length} calls are`} under legal hold: ${held
        .slice(0, NAMED_MAX)
        .map(row => `${row.call} (${quote(isHeld(row)!.reason)})`)
        .join(', ')}. Nothing was erased`,
      { expected: 'the hold to end first: deedlog hold <dir> remove' },
    )
  const running = rows.filter(isRunning)
  if (running.length > 0 && selection.call)
    throw new UsageError('erase.running', `the call ${quote(running[0]!.call)} may still be running`, {
      expected: 'a call with an outcome, or one whose stream has ended or been recovered',
    })
  const calls = rows
    .filter(row => !isHeld(row) && !isRunning(row))
    .map(row => ({ intent: row.intent, records: [...(leaves.get(row.intent) ?? [])] }))
  return { calls, running: running.filter(row => !isHeld(row)).length, held: held.length }
}

function chosen(all: readonly CallRow[], selection: Selection, retention: Retention): readonly CallRow[] {
  const { call, session, before, expiredAt } = selection
  if (call) return call.map(which => one(all, which))
  if (session !== undefined) {
    const rows = all.filter(row => row.session?.id === session)
    if (rows.length > 0) return rows
    throw new MalformedError('erase.session', `the log has no call of a session ${quote(session)}`, {
      expected: 'the id of a session, 26 characters; deedlog list shows them',
    })
  }
  if (before !== undefined) return all.filter(row => timeMs(row.time) < before)
  return all.filter(row => {
    const days = daysKept(retention, row.tool)
    return days !== undefined && timeMs(row.time) + days * DAY_MS <= expiredAt!
  })
}

function one(all: readonly CallRow[], which: string): CallRow {
  const index = /^(0|[1-9]\d{0,15})$/.test(which) ? Number(which) : undefined
  const rows = all.filter(row => row.call === which || (index !== undefined && row.records.includes(index)))
  if (rows.length === 1) return rows[0]!
  if (rows.length > 1)
    throw new UsageError('call.ambiguous', `${rows.length} calls of different streams are called ${quote(which)}`, {
      expected: 'the index of a record of the call, as deedlog list shows it',
    })
  throw new MalformedError('call.unknown', `the log has no call ${quote(which)}`, {
    expected: 'the id of a call, 26 characters, or the index of one of its records; deedlog list names them',
  })
}

/** The records of each chosen call, by its intent, and the streams that are over. */
async function readRecords(
  source: LogSource,
  rows: readonly CallRow[],
): Promise<{ readonly leaves: ReadonlyMap<string, [number, string][]>; readonly over: ReadonlySet<string> }> {
  const leaves = new Map<string, [number, string][]>(rows.map(row => [row.intent, [[row.index, row.intent]]]))
  const byCall = new Map(rows.map(row => [row.call, row.intent]))
  const over = new Set<string>()
  for await (const { index, record } of source.entries()) {
    const text = fromUtf8(record)
    // All that names the intent, whoever wrote it: a stray may hold the same values.
    const intent = /"intent":"([0-9a-f]{64})"/.exec(text)?.[1]
    if (intent !== undefined) leaves.get(intent)?.push([index, recordLeaf(record)])
    if (text.includes('"type":"stream.end"')) over.add(/"stream":"([0-9a-f]{64})"/.exec(text)?.[1] ?? '')
    if (text.includes('"type":"recovery"')) over.add(/"of":"([0-9a-f]{64})"/.exec(text)?.[1] ?? '')
    if (text.includes('"type":"loss"') && text.includes('"detail":')) {
      const about = await callNamedIn(source, index, byCall)
      if (about !== undefined) leaves.get(about)?.push([index, recordLeaf(record)])
    }
  }
  return { leaves, over }
}

/** The intent of the call that the detail of a loss speaks of, by the call's id. */
async function callNamedIn(
  source: LogSource,
  index: number,
  byCall: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const disclosures = await source.disclosures?.(index)
  if (!disclosures) return undefined
  for (const [id] of fromUtf8(disclosures).matchAll(/[0-7][0-9A-HJKMNP-TV-Z]{25}/g)) {
    const intent = byCall.get(id)
    if (intent !== undefined) return intent
  }
  return undefined
}

/**
 * Refuses a field that no record of these calls has: a misspelt path must not pass for something that was erased.
 * @throws {MalformedError} `erase.field`
 */
export async function requireField(
  source: LogSource,
  calls: readonly CallToErase[],
  field: ErasedField,
  typed: string,
): Promise<void> {
  const names = new Set<string>()
  for (const [index] of calls.flatMap(({ records }) => records)) {
    const disclosures = await source.disclosures?.(index)
    if (!disclosures) continue
    if (withoutField(disclosures, field) !== disclosures) return
    for (const name of namesIn(disclosures, field.member)) names.add(name)
  }
  throw new MalformedError('erase.field', `none of these calls has a field ${quote(typed)} that is still there`, {
    expected:
      [...names].slice(0, NAMED_MAX).join(', ') || 'a member, a dot, and the path of a field: args.payment.iban',
  })
}

function namesIn(disclosures: Uint8Array, member: string): readonly string[] {
  try {
    const disclosure = parseDisclosureSet(disclosures).get(member)
    if (!disclosure) return []
    if (!('key' in disclosure)) return disclosure.paths.map(path => [member, ...path].join('.'))
    const { value } = disclosure
    return typeof value === 'object' && value !== null ? Object.keys(value).map(name => `${member}.${name}`) : []
  } catch (error) {
    if (isDeedlogError(error)) return []
    throw error
  }
}

const OPEN: ReadonlySet<string> = new Set(['missing', 'undecided', 'pending'])
const DAY_MS = 86_400_000
const NAMED_MAX = 3
