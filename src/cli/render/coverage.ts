import type { LogCoverage, ToolCoverage } from '../../client/coverage.js'
import { guard, safe } from '../terminal/safe.js'
import { count, type Look, Page } from './page.js'
import { type Column, Table } from './table.js'

export interface CoverageLook extends Look {
  /** Columns of the terminal; undefined in a pipe, where no table is cut. */
  readonly terminalColumns: number | undefined
  /** As it was typed. */
  readonly target: string
  readonly exitCode: 0 | 1 | 2 | 3
  /** Where the log was verified first. */
  readonly evidence: { readonly verdict: string } | undefined
}

// For a person: `--json` has all of them.
const TOOLS_MAX = 100
const STREAMS_MAX = 20

/** What recorders said they would see, what they saw, and what was missed. */
export function renderCoverage(coverage: LogCoverage, look: CoverageLook): string {
  const { tools, unseen, calls, streams, losses, missed, truncated, size } = coverage
  const { paint } = look
  const page = new Page(look).heading(`Coverage of ${safe(look.target)}`)
  page.fact('records', `${count(size, 'record')} under the checkpoint`)
  page.fact(
    'evidence',
    look.evidence ? guard(look.evidence.verdict) : 'not asked whose checkpoint it is: see deedlog verify',
  )
  page.fact(
    'calls',
    `${count(calls.total, 'call')} in ${count(streams.total, 'stream')}, ${calls.unmediated} unmediated, ${calls.belated} belated`,
  )
  page.fact(
    'losses',
    losses.records === 0 ? 'none recorded' : `${losses.records} recorded, which count ${losses.counted}`,
  )

  page.heading('Tools')
  if (tools.length === 0) page.line('  none declared, none called')
  else {
    const table = new Table(COLUMNS, look.terminalColumns && look.terminalColumns - INDENT.length)
    page.line(INDENT + table.head(paint))
    for (const row of tools.slice(0, TOOLS_MAX)) page.line(INDENT + table.row(row, paint))
    if (tools.length > TOOLS_MAX) page.line(`${INDENT}and ${tools.length - TOOLS_MAX} more`)
  }
  if (truncated)
    page.item(INDENT, 'There are more names in this log than are told apart; some are counted without one.')

  page.heading('Kinds of calls that are never seen, by the word of the recorders')
  if (unseen.length === 0) page.line('  none declared')
  for (const { kind, streams: saying } of unseen.slice(0, TOOLS_MAX))
    page.item('  - ', `${safe(kind)} (${count(saying, 'stream')})`)

  if (streams.silent.length > 0) {
    page.heading('Streams with calls that say nothing of their coverage')
    for (const { first, agent, calls: made } of streams.silent.slice(0, STREAMS_MAX))
      page.item('  - ', `from index ${first}, ${safe(agent)}: ${count(made, 'call')}`)
    if (streams.silent.length > STREAMS_MAX) page.line(`  and ${streams.silent.length - STREAMS_MAX} more`)
  }

  page.heading('Missed')
  for (const { code, message } of missed) page.item('  - ', `${guard(message)} [${code}]`)
  if (missed.length === 0) page.line('  nothing is known to have been missed')
  page.line('').item('', `Exit ${look.exitCode}: ${EXIT[look.exitCode]}.`)
  return page.toString()
}

const INDENT = '  '

const EXIT = {
  0: 'nothing is known to have been missed; a call that never reached a recorder is in no log',
  1: 'there is evidence against this log',
  2: 'something that matters could not be checked, or was not understood',
  3: 'something was missed, or could not have been held back',
} as const

const COLUMNS: readonly Column<ToolCoverage>[] = [
  {
    title: 'DECLARED',
    columns: 11,
    rank: 0,
    text: declaration,
    paint: ({ notWrapped }, paint) => (notWrapped > 0 ? paint.warn : paint.good),
  },
  { title: 'CALLS', columns: 6, rank: 0, align: 'right', text: row => row.calls.toLocaleString('en-US') },
  { title: '', columns: 20, rank: 1, text: remark },
  { title: 'AGENT', columns: 20, rank: 2, text: row => safe(row.agent) },
  { title: 'TOOL', columns: 12, rank: 0, text: row => (row.tool === '' ? '(others)' : safe(row.tool)) },
]

function declaration({ wrapped, notWrapped }: ToolCoverage): string {
  if (notWrapped > 0) return wrapped > 0 ? 'in part' : 'not wrapped'
  return wrapped > 0 ? 'wrapped' : '-'
}

function remark({ calls, wrapped, notWrapped, undeclared, tool }: ToolCoverage): string {
  if (tool === '?') return 'unknown to the host'
  if (undeclared > 0) return 'called, not declared'
  return calls === 0 && wrapped + notWrapped > 0 ? 'never called' : ''
}
