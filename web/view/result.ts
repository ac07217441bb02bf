import { safeJson } from '../../src/core/bytes/visible.js'
import { button, type Child, h } from '../dom.js'
import type { Engine } from '../engine.js'
import { count, duration, number } from '../plain.js'
import type { Result } from '../protocol.js'
import { answers, evidenceWords, overall } from './answers.js'
import { CallDialogue } from './call.js'
import { calls } from './calls.js'
import { checks, counts, notExcluded } from './counts.js'
import { disclosures } from './disclosures.js'
import { findings } from './findings.js'
import { bundle, rules, streams, theLog, times } from './log.js'
import { section } from './parts.js'
import { timeline } from './timeline.js'

/**
 * Everything about one verification, from the answers down to the checks: in pieces, so that the page can draw and listen
 * between any two.
 */
export function result(shown: Result, engine: Engine, again: () => void): readonly (() => Child)[] {
  const { report } = shown
  const dialogue = new CallDialogue()
  dialogue.proven = shown.proven
  const open = (index: number): void => void engine.call(index).then(call => dialogue.show(call))
  const sections: readonly Part[] = [
    [
      'findings',
      `Exceptions and other findings: ${number(report.findings.length)}`,
      () => findings(report.findings, open),
    ],
    ['not-excluded', 'What is not excluded', () => notExcluded(report)],
    ...(report.bundle ? [['bundle', 'What this bundle shows', () => bundle(shown)] as const] : []),
    ['log', 'The log, and whose word this rests on', () => theLog(shown)],
    ['counts', report.bundle ? 'Counted, over what is shown' : 'Counted, over every record read', () => counts(report)],
    ['when', 'When', () => [times(shown), timeline(shown.timeline)]],
    ['calls', `Calls: ${number(report.conduct.calls)}`, () => callsOf(shown, engine, open)],
    ['disclosures', 'Disclosures', () => disclosures(shown, open)],
    ['streams', `Streams and identities: ${number(shown.cut.streams)}`, () => streams(shown)],
    ['rules', 'Rules in force', () => rules(shown)],
    ['checks', 'What was checked, and what could not be', () => checks(report.checks)],
  ]
  return [
    () => [head(shown, again), contents(sections)],
    ...sections.map(
      ([id, title, body]) =>
        () =>
          section(id, title, body()),
    ),
    () => dialogue.element,
  ]
}

/** The answers, and what can be done with them. */
function head(shown: Result, again: () => void): Child {
  const { report } = shown
  const exceptions = report.findings.filter(({ severity }) => severity !== 'notice').length
  return h(
    'header',
    { class: 'result-head' },
    h('h2', { id: 'result-title', tabindex: -1 }, `Result for ${shown.target}`),
    overall(report),
    answers(shown),
    evidenceWords(shown),
    h(
      'p',
      { class: 'quiet' },
      `${count(report.evidence.records, 'record')} read in ${duration(shown.tookMs)}, on ${today()} by this computer’s clock. `,
      exceptions === 0 ? '' : `${count(exceptions, 'finding')} to look at.`,
    ),
    h(
      'p',
      { class: 'actions' },
      button('Save the report (JSON)', () => save(shown)),
      button('Print one page', () => window.print()),
      button('Check something else', again),
    ),
  )
}

/** A section that is made when its turn comes. */
type Part = readonly [id: string, title: string, body: () => Child]

const callsOf = (shown: Result, engine: Engine, open: (index: number) => void): Child => {
  if (shown.calls === 0) return h('p', {}, 'There is no call to list.')
  const more = shown.report.conduct.calls - shown.calls
  return [
    calls(engine, shown.calls, shown.proven, open),
    more > 0 &&
      h('p', { class: 'quiet' }, `The list ends after ${number(shown.calls)} calls; ${number(more)} more were judged.`),
  ]
}

/** Links to the sections. */
const contents = (sections: readonly Part[]): HTMLElement =>
  h(
    'nav',
    { 'aria-label': 'Parts of the report' },
    h(
      'ul',
      {},
      sections.map(([id, title]) =>
        h(
          'li',
          {},
          button(
            title.split(':')[0],
            () => {
              const heading = document.getElementById(`${id}-title`)
              heading?.scrollIntoView()
              heading?.focus({ preventScroll: true })
            },
            { class: 'link' },
          ),
        ),
      ),
    ),
  )

const today = (): string => `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** Hands the report to the browser as a file; nothing is sent anywhere. */
function save({ report }: Result): void {
  const url = URL.createObjectURL(new Blob([`${safeJson(report, 2)}\n`], { type: 'application/json' }))
  const link = document.createElement('a')
  link.href = url
  link.download = 'deedlog-report.json'
  link.click()
  URL.revokeObjectURL(url)
}
