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
  return [onPaper(all), list(all, open)]
}

// As many fit on a sheet with the rest of it.
const PRINTED = 14

/** For the printed sheet: of each kind of finding the first one, and how many there are. */
function onPaper(all: readonly Finding[]): HTMLElement {
  const kinds = new Map<string, Finding[]>()
  for (const finding of bySeverity(all)) kinds.set(finding.code, [...(kinds.get(finding.code) ?? []), finding])
  const more = kinds.size - PRINTED
  return h(
    'ul',
    { class: 'on-paper' },
    [...kinds.values()]
      .slice(0, PRINTED)
      .map(([first, ...others]) =>
        h(
          'li',
          {},
          first && [
            h('strong', {}, SEVERITY_LABELS[first.severity]),
            `, ${first.area}, `,
            code(first.code),
            `: ${first.message}`,
          ],
          others.length > 0 && `; and ${number(others.length)} more like it`,
        ),
      ),
    more > 0 && h('li', {}, `${number(more)} more kinds of findings: in the saved report`),
  )
}

const list = (all: readonly Finding[], open: OpenCall): Child =>
  portions(h('ul', { class: 'findings' }), bySeverity(all), finding => item(finding, open), {
    first: 12,
    what: 'findings',
  })

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
