import { button, type Child, fill, h } from '../dom.js'
import type { Engine } from '../engine.js'
import { instant, number, plain, STATUSES, VERDICTS } from '../plain.js'
import type { CallQuery, CallRow } from '../protocol.js'
import { CallGrid } from './grid.js'

type Sort = CallQuery['sort']

/** The columns; the first word of each names its style. */
const COLUMNS: readonly (readonly [sort: Sort, label: string, cell: (row: CallRow) => Child])[] = [
  ['index', 'Entry', row => number(row.index)],
  ['time', 'Time (recorder)', row => instant(row.time).slice(0, 19)],
  ['tool', 'Tool', row => row.tool],
  ['agent', 'Agent', row => row.agent],
  ['verdict', 'Decision', row => plain(VERDICTS, row.verdict)],
  ['status', 'Outcome', row => plain(STATUSES, row.status)],
  ['exceptions', 'Exceptions', row => (row.exceptions.length === 0 ? '–' : row.exceptions.join(', '))],
]

/** Every call of a log, searched, sorted and drawn a screen at a time. */
export function calls(engine: Engine, all: number, proven: boolean, open: (index: number) => void): HTMLElement {
  let query: CallQuery = {
    text: '',
    verdict: '',
    status: '',
    onlyExceptions: false,
    sort: 'index',
    descending: false,
  }
  const found = h('p', { role: 'status', class: 'quiet' })
  const grid = new CallGrid(
    COLUMNS.map(([name, label, cell]) => ({ name, label, cell })),
    {
      rows: (from, to) => engine.calls(query, from, to),
      open: row => open(row.index),
      sort: name => ask({ sort: name as Sort, descending: query.sort === name && !query.descending }),
      counted: total =>
        fill(found, total === all ? `${number(all)} calls.` : `${number(total)} of ${number(all)} calls.`),
    },
  )
  const ask = (change: Partial<CallQuery>): void => {
    query = { ...query, ...change }
    grid.sorted(query.sort, query.descending)
    void grid.reset()
  }
  const text = h('input', { type: 'search', id: 'call-text' })
  text.addEventListener('input', () => ask({ text: text.value }))
  const only = h('input', { type: 'checkbox', id: 'call-only' })
  only.addEventListener('change', () => ask({ onlyExceptions: only.checked }))
  const order = choice(
    'call-sort',
    COLUMNS.map(([name, label]) => [name, label] as const),
    sort => ask({ sort: sort as Sort, descending: false }),
  )
  const turn = button('Reverse the order', () => ask({ descending: !query.descending }))
  void grid.reset()
  return h(
    'div',
    {},
    !proven &&
      h(
        'p',
        { class: 'banner' },
        'The records are not proven to be those that were signed: what is listed here is what they say now.',
      ),
    h(
      'div',
      { class: 'filters', role: 'group', 'aria-label': 'Which calls to list' },
      field('call-text', 'Tool, agent, call or session', text),
      field(
        'call-verdict',
        'Decision',
        choice('call-verdict', withAny(VERDICTS), verdict => ask({ verdict })),
      ),
      field(
        'call-status',
        'Outcome',
        choice('call-status', withAny(STATUSES), status => ask({ status })),
      ),
      field('call-sort', 'Sort by', order),
      turn,
      h('div', { class: 'check' }, only, h('label', { for: 'call-only' }, 'Only calls with exceptions')),
    ),
    found,
    grid.element,
    h(
      'p',
      { class: 'quiet', id: 'grid-help' },
      'Arrow keys move through the calls, Page Up, Page Down, Home and End as usual; Enter opens the call.',
    ),
  )
}

const withAny = (words: Readonly<Record<string, string>>): (readonly [string, string])[] => [
  ['', 'any'],
  ...Object.entries(words),
]

const field = (id: string, label: string, input: HTMLElement): HTMLElement =>
  h('div', { class: 'field' }, h('label', { for: id }, label), input)

function choice(
  id: string,
  options: readonly (readonly [value: string, label: string])[],
  chosen: (value: string) => void,
): HTMLSelectElement {
  const select = h(
    'select',
    { id },
    options.map(([value, label]) => h('option', { value }, label)),
  )
  select.addEventListener('change', () => chosen(select.value))
  return select
}
