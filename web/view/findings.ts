import type { Finding } from '../../src/core/verify/index.js'
import { bySeverity } from '../../src/core/verify/words.js'
import { button, type Child, h, portions } from '../dom.js'
import { number, SEVERITY_LABELS } from '../plain.js'
import { code } from './parts.js'

/** Opens the call that has a record at an index. */
export type OpenCall = (index: number) => void

/** What was found, the worst first. */
export function findings(all: readonly Finding[], open: OpenCall): Child {
  if (all.length === 0) return h('p', {}, 'None.')
  return portions(h('ul', { class: 'findings' }), bySeverity(all), finding => item(finding, open), {
    first: 12,
    what: 'findings',
  })
}

function item(finding: Finding, open: OpenCall): HTMLElement {
  const { severity, area, message, asserts, doesNotAssert } = finding
  return h(
    'li',
    { class: severity, 'data-code': finding.code },
    h('p', { class: 'tag' }, h('strong', {}, SEVERITY_LABELS[severity]), ` · ${area} · `, code(finding.code)),
    h('p', { class: 'message' }, message),
    asserts !== undefined && h('p', {}, h('span', { class: 'quiet' }, 'It says: '), `${asserts}.`),
    doesNotAssert !== undefined && h('p', {}, h('span', { class: 'quiet' }, 'It does not say: '), `${doesNotAssert}.`),
    whereabouts(finding, open),
  )
}

function whereabouts({ indexes, count, call }: Finding, open: OpenCall): Child {
  const more = count > indexes.length && indexes.length > 0 ? ` and ${number(count - indexes.length)} more` : ''
  const [first] = indexes
  if (first === undefined) return false
  return h(
    'p',
    { class: 'quiet' },
    `${count === 1 ? 'Entry' : 'Entries'} ${indexes.map(number).join(', ')}${more}. `,
    call !== undefined && button('Show this call', () => open(first), { class: 'link' }),
  )
}
