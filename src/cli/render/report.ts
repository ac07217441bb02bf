import type { Check, Finding, RangeAnswer, Report, Severity, StreamSummary } from '../../core/verify/report.js'
import {
  answersOf,
  bySeverity,
  EXIT_WORDS,
  HOLDS_WORDS,
  keyStanding,
  STATUS_WORDS,
  STATUSES,
  worstIn,
} from '../../core/verify/words.js'
import { guard, safe } from '../terminal/safe.js'
import { cut } from '../terminal/width.js'
import { renderAnchors } from './anchors.js'
import { renderBundle } from './exported.js'
import { count, type Look, Page, tally } from './page.js'
import { renderTimes } from './times.js'

/** What the report itself does not know: where it came from. */
export interface ReportLook extends Look {
  /** The target and the trust file as they were typed. */
  readonly target: string
  readonly trust?: string
  /** Also what checks and findings do not say; a failed check says so in any case. */
  readonly full?: boolean
}

// A report is read by a person: what is longer is counted here and written out in full by `--json`.
const FINDINGS_MAX = 40
const STREAMS_MAX = 20
const NAMES_MAX = 12

/**
 * A report for an auditor: the three answers, what was found, what was counted, whose word it rests on, what was and was
 * not checked, what is not excluded, and how the process ends.
 */
export function renderReport(report: Report, look: ReportLook): string {
  const page = new Page(look)
  answers(page, report, look)
  if (report.range) renderRange(page, report.range)
  if (report.bundle) renderBundle(page.heading('A bundle: part of a log, and what was asked for'), report.bundle)
  theLog(page, report, look)
  findings(page, report.findings, look)
  population(page, report)
  streams(page, report.completeness.streams, look)
  checks(page, report.checks, look)
  page.heading('Not excluded by anything above')
  for (const [i, { text }] of report.notExcluded.entries()) page.item(`${String(i + 1).padStart(4)}. `, guard(text))
  const { evidence, completeness, conduct } = report
  // Again, for whoever sees the end of a page first.
  const short = `evidence ${guard(evidence.verdict)}; completeness ${completeness.verdict}; conduct ${conduct.verdict}`
  page.line('').item('In short: ', `${short}.`)
  page.item('', `Exit ${report.exitCode}: ${EXIT_WORDS[report.exitCode]}.`)
  return page.toString()
}

function answers(page: Page, report: Report, { paint, target }: ReportLook): void {
  const colour = { against: paint.bad, unknown: paint.warn, exception: paint.warn, notice: paint.good }
  const words = answersOf(report)
  page.heading(`Report on ${safe(target)}`)
  for (const [area, label] of AREAS) page.fact(label, guard(words[area]), colour[worstIn(report.findings, area)])
}

const AREAS = [
  ['evidence', 'Evidence'],
  ['completeness', 'Completeness'],
  ['conduct', 'Conduct'],
] as const

function renderRange(page: Page, { since, until, calls, exceptionsElsewhere }: RangeAnswer): void {
  const times = `${since === undefined ? '' : ` since ${safe(since)}`}${until === undefined ? '' : ` until ${safe(until)}`}`
  page
    .fact('asked for', `calls${times}, by the recorder's clock: ${count(calls, 'call')}; the log was verified whole`)
    .fact(
      'not listed',
      exceptionsElsewhere === 0
        ? 'no exception was found about other calls'
        : `${count(exceptionsElsewhere, 'exception')} about other calls; without --since and --until they are listed`,
    )
}

function theLog(page: Page, report: Report, { trust }: ReportLook): void {
  const { evidence } = report
  const waiting = evidence.awaitingCheckpoint ?? 0
  page
    .heading('The log, and whose word this rests on')
    .value('origin', report.origin === '' ? '(none readable)' : safe(report.origin))
    .value('log id', report.logId === '' ? '(no readable first entry)' : safe(report.logId))
    .value(
      'size',
      `${count(report.size, 'record')} under the checkpoint, ${report.evidence.records.toLocaleString('en-US')} read`,
    )
    .value('root', safe(report.root))
  for (const { of, size, reason, previous } of report.continues ?? []) {
    page.fact('carries on', `after log ${safe(of)}, from ${count(size, 'record')}: ${safe(reason)}`)
    page.fact(
      '',
      previous === undefined
        ? 'not compared: --previous <target> walks back to it'
        : `${safe(previous.target)}, ${count(previous.size, 'record')}: ${guard(previous.words.join(', '))}, exit ${previous.exitCode}`,
    )
  }
  if (waiting > 0)
    page.fact('waiting', `${count(waiting, 'record')} sequenced, not yet under a checkpoint, not verified`)
  page.fact(
    'trust',
    evidence.trust === 'file'
      ? `the trust file ${safe(trust ?? '')}`
      : evidence.trust === 'self'
        ? 'nobody outside: the log was held against its own keys only (--self)'
        : trust === undefined
          ? 'nobody: no trust file was given'
          : `nobody: the trust file ${safe(trust)} counts as none, see the findings`,
  )
  if (evidence.keys.length === 0) page.fact('signed by', 'no key whose signature could be verified')
  for (const { vkey, role, trusted } of evidence.keys) {
    page.fact('signed by', `${role} key, ${keyStanding(trusted, evidence.trust)}:`).line(`    ${safe(vkey)}`)
  }
  if (evidence.anchors) renderAnchors(page, evidence.anchors)
  if (evidence.times) renderTimes(page, evidence.times)
}

const SEVERITY_WORDS: Readonly<Record<Severity, string>> = {
  against: 'AGAINST',
  unknown: 'UNKNOWN',
  exception: 'EXCEPTION',
  notice: 'notice',
}

function findings(page: Page, all: readonly Finding[], { paint, full }: ReportLook): void {
  const colour = { against: paint.bad, unknown: paint.warn, exception: paint.warn, notice: paint.faint }
  page.heading(`Exceptions and other findings: ${all.length === 0 ? 'none' : all.length}`)
  for (const finding of bySeverity(all).slice(0, FINDINGS_MAX)) {
    const head = SEVERITY_WORDS[finding.severity].padEnd(11)
    page.line(`  ${colour[finding.severity](head)}${guard(finding.code)} (${finding.area})`)
    page.item(' '.repeat(13), guard(finding.message))
    if (full && finding.asserts !== undefined) page.item(`${' '.repeat(13)}says: `, guard(finding.asserts))
    if (full && finding.doesNotAssert !== undefined)
      page.item(`${' '.repeat(13)}does not say: `, guard(finding.doesNotAssert))
    const where = whereabouts(finding)
    if (where !== '') page.item(' '.repeat(13), where)
  }
  rest(page, all.length - FINDINGS_MAX, 'finding')
}

function whereabouts({ indexes, count: all, call, stream }: Finding): string {
  const more = all > indexes.length && indexes.length > 0 ? ` and ${all - indexes.length} more` : ''
  return [
    ...(indexes.length === 0 ? [] : [`${all === 1 ? 'entry' : 'entries'} ${indexes.join(', ')}${more}`]),
    ...(call === undefined ? [] : [`call ${safe(call)}`]),
    ...(stream === undefined ? [] : [`stream ${safe(stream.slice(0, 16))}…`]),
  ].join('; ')
}

function population(page: Page, { completeness, conduct, bundle }: Report): void {
  const isPart = bundle !== undefined && bundle.entries.shown < bundle.entries.of
  const { outcomes, sessions, losses, coverage, disclosures } = completeness
  const unchecked = completeness.verdict === 'could not check'
  page.heading(
    unchecked
      ? 'Counted, as far as it could be read'
      : isPart
        ? 'Counted, over the calls asked for'
        : 'Counted, over every record read',
  )
  page.fact('calls', conduct.calls.toLocaleString('en-US'))
  const rows: readonly (readonly [string, Readonly<Record<string, number>>])[] = [
    ['by verdict', conduct.byVerdict],
    ['by status', conduct.byStatus],
    ['by tool', conduct.byTool],
  ]
  for (const [label, counts] of rows) {
    const text = tally(counts, key => cut(safe(key), 40), NAMES_MAX)
    if (text !== '') page.fact(label, text)
  }
  const hidden = outcomes.notShown ? `; ${outcomes.notShown} not shown` : ''
  const refused = outcomes.closed === 0 ? '' : `; ${outcomes.closed} refused, so without one`
  page
    .fact(
      'outcomes',
      `${outcomes.final} final, ${outcomes.provisional} provisional, ${outcomes.missing} missing${refused}${hidden}`,
    )
    .fact('sessions', `${sessions.total}: ${sessions.ended} ended, ${sessions.gaps} with gaps`)
    .fact(
      'odd records',
      `${completeness.strays} stray, ${completeness.malformed} malformed, ${completeness.notUnderstood} not understood`,
    )
    .fact(
      'losses',
      losses.records === 0
        ? 'none recorded'
        : `${count(losses.records, 'loss record')}: ${losses.counted} counted as lost`,
    )
    .fact(
      'coverage',
      coverage.wrapped + coverage.notWrapped === 0 && coverage.unseen.length === 0
        ? isPart
          ? 'not shown'
          : 'not declared'
        : `${count(coverage.wrapped, 'tool')} wrapped, ${coverage.notWrapped} not; unseen: ${
            coverage.unseen.length === 0 ? 'none declared' : coverage.unseen.map(safe).join(', ')
          }`,
    )
    .fact(
      'disclosures',
      disclosures === undefined
        ? bundle
          ? 'see above'
          : 'no vault was read'
        : `${disclosures.held} held, ${disclosures.erased} erased, ${disclosures.missing} missing`,
    )
}

function streams(page: Page, all: readonly StreamSummary[], { columns }: ReportLook): void {
  page.heading(`Streams and identities: ${all.length === 0 ? 'none' : all.length}`)
  if (all.length === 0) return
  page.line('  STATE      IDENTITY       RECORDS  CALLS  FIRST  AGENT')
  for (const s of all.slice(0, STREAMS_MAX)) {
    const numbers = [String(s.records).padStart(7), String(s.calls).padStart(5), String(s.first).padStart(5)]
    const head = `  ${s.state.padEnd(9)}  ${s.identity.padEnd(13)}  ${numbers.join('  ')}  `
    const agent = safe(s.agent) + (s.role === 'operator' ? ' (operator)' : '')
    page.line(head + cut(agent, Math.max(columns - head.length, 16)))
  }
  rest(page, all.length - STREAMS_MAX, 'stream')
}

function checks(page: Page, all: readonly Check[], { paint, full }: ReportLook): void {
  const colour = { failed: paint.bad, not_checked: paint.warn, passed: paint.good }
  const numbers = STATUSES.map(status => all.filter(check => check.status === status).length)
  page.heading(`Checks: ${numbers[0]} failed, ${numbers[1]} not checked, ${numbers[2]} passed`)
  for (const status of STATUSES)
    for (const { code, asserts, doesNotAssert, detail } of all.filter(each => each.status === status)) {
      const passed = status === 'passed'
      const counted = passed && detail !== undefined ? ` (${guard(detail)})` : ''
      page.item(`  ${colour[status](STATUS_WORDS[status].padEnd(13))}`, guard(code) + counted)
      page.item(`      ${HOLDS_WORDS[status]}: `, guard(asserts))
      if (!passed && detail !== undefined) page.item('      because: ', guard(detail))
      if ((full || status === 'failed') && doesNotAssert !== '') page.item('      does not say: ', guard(doesNotAssert))
    }
  if (!full && all.length > 0) page.line('  With --full: also what a check does not say.')
}

function rest(page: Page, more: number, what: string): void {
  if (more > 0) page.line(`  … and ${count(more, `more ${what}`)}, all of them with --json`)
}
