import type { Check, Report } from '../../src/core/verify/index.js'
import { STATUSES as CHECK_STATUSES, HOLDS_WORDS, STATUS_WORDS } from '../../src/core/verify/words.js'
import { type Child, h } from '../dom.js'
import { count, number, plain, STATUSES, VERDICTS } from '../plain.js'
import { closed, code, facts } from './parts.js'

/** Everything there is, counted. */
export function counts({ completeness, conduct }: Report): Child {
  const { outcomes, sessions, losses, coverage, disclosures } = completeness
  return [
    facts(
      ['Calls', number(conduct.calls)],
      ['Decisions', tally(conduct.byVerdict, word => plain(VERDICTS, word))],
      ['What became of them', tally(conduct.byStatus, word => plain(STATUSES, word))],
      [
        'Outcomes',
        `${number(outcomes.final)} final, ${number(outcomes.provisional)} provisional, ${number(outcomes.missing)} missing, ${number(outcomes.closed)} refused and so without one`,
        outcomes.notShown !== undefined && `, ${number(outcomes.notShown)} not shown`,
      ],
      ['Sessions', `${number(sessions.total)}: ${number(sessions.ended)} ended, ${number(sessions.gaps)} with gaps`],
      [
        'Odd records',
        `${number(completeness.strays)} stray, ${number(completeness.malformed)} malformed, ${number(completeness.notUnderstood)} not understood`,
      ],
      ['Losses', `${count(losses.records, 'loss record')}, ${number(losses.counted)} counted as lost`],
      [
        'Coverage (declared)',
        coverage.wrapped + coverage.notWrapped === 0 && coverage.unseen.length === 0
          ? 'nothing was declared'
          : `${count(coverage.wrapped, 'tool')} recorded, ${number(coverage.notWrapped)} not; kinds of calls that can never be seen: ${coverage.unseen.slice(0, 50).join(', ') || 'none declared'}`,
      ],
      disclosures && [
        'Disclosures kept',
        `${number(disclosures.held)} held, ${number(disclosures.erased)} erased, ${number(disclosures.missing)} missing`,
      ],
    ),
    closed(
      'Calls by tool',
      h(
        'p',
        {},
        tally(conduct.byTool, name => (name === '' ? '(other tools)' : name), 200),
      ),
    ),
  ]
}

function tally(counted: Readonly<Record<string, number>>, name: (key: string) => string, most = 20): string {
  const rows = Object.entries(counted).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const shown = rows.slice(0, most).map(([key, n]) => `${number(n)} ${name(key)}`)
  return [...shown, ...(rows.length > most ? [`and ${rows.length - most} more`] : [])].join(', ') || 'none'
}

/** What was looked at, what failed, and what nobody could look at. */
export function checks(all: readonly Check[]): Child {
  const number = (status: Check['status']) => all.filter(check => check.status === status).length
  const summary = `${number('failed')} failed, ${number('not_checked')} not checked, ${number('passed')} passed.`
  return [h('p', {}, summary), CHECK_STATUSES.map(status => group(all, status))]
}

function group(all: readonly Check[], status: Check['status']): Child {
  const some = all.filter(check => check.status === status)
  if (some.length === 0) return false
  const list = h(
    'ul',
    { class: `checks ${status}` },
    some.map(({ asserts, doesNotAssert, detail, ...check }) =>
      h(
        'li',
        {},
        h(
          'p',
          {},
          h('strong', {}, STATUS_WORDS[status]),
          ' ',
          code(check.code),
          detail !== undefined && ` (${detail})`,
        ),
        h('p', {}, h('span', { class: 'quiet' }, `${HOLDS_WORDS[status]}: `), `${asserts}.`),
        h('p', { class: 'quiet' }, `Does not say: ${doesNotAssert}.`),
      ),
    ),
  )
  const summary = `${STATUS_WORDS[status]}: ${some.length}`
  const element = closed(summary, list)
  if (status === 'failed') element.setAttribute('open', '')
  return element
}

/** Printed with every report, also with the best one. */
export const notExcluded = ({ notExcluded: all }: Report): Child => [
  h('p', { class: 'quiet' }, 'No verification of a log can rule these out, however good its answers are.'),
  h(
    'ol',
    { class: 'not-excluded' },
    all.map(({ text }) => h('li', {}, text)),
  ),
]
