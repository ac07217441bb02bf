import type { CallRow } from '../../client/calls.js'
import type { Paint } from '../terminal/paint.js'
import { safe } from '../terminal/safe.js'
import { type Column, Table } from './table.js'

/** The table of `deedlog list`: a row per call. `columns` as {@link Table} takes it. */
export const callTable = (columns: number | undefined): Table<CallRow> => new Table(COLUMNS, columns)

const NOTHING = '-'

const COLUMNS: readonly Column<CallRow>[] = [
  { title: 'INDEX', columns: 7, rank: 0, align: 'right', text: row => String(row.index) },
  // To the second, in UTC: the recorder's word, and no evidence to the millisecond.
  { title: 'TIME (UTC)', columns: 19, rank: 2, text: row => safe(row.time.slice(0, 19).replace('T', ' ')) },
  { title: 'DECISION', columns: 13, rank: 1, text: row => row.verdict, paint: paintVerdict },
  { title: 'STATUS', columns: 15, rank: 0, text: row => row.status, paint: paintStatus },
  { title: 'CALL', columns: 26, rank: 4, text: row => safe(row.call) },
  { title: 'AGENT', columns: 24, rank: 5, text: row => safe(row.agent) },
  {
    title: 'SESSION',
    columns: 31,
    rank: 6,
    text: row => (row.session ? `${safe(row.session.id)} #${row.session.n}` : NOTHING),
  },
  {
    title: '!',
    columns: 1,
    rank: 3,
    text: row => (row.exceptions.length > 0 ? '!' : ' '),
    paint: (_, paint) => paint.warn,
  },
  { title: 'TOOL', columns: 12, rank: 0, text: row => safe(row.tool) },
]

function paintVerdict({ verdict }: CallRow, paint: Paint): (text: string) => string {
  return verdict === 'deny' ? paint.bad : verdict === 'review' ? paint.warn : paint.faint
}

const GOOD = new Set(['succeeded', 'short_circuited'])
const OPEN = new Set(['pending', 'undecided', 'unknown', 'missing', 'timed_out', 'cancelled'])

function paintStatus({ status }: CallRow, paint: Paint): (text: string) => string {
  return GOOD.has(status) ? paint.good : OPEN.has(status) ? paint.warn : paint.bad
}
