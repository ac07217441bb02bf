import { windowOf } from '../../core/verify/index.js'
import type { Area, Check, Finding, Report, Severity } from '../../core/verify/report.js'
import {
  anchorCounts,
  bySeverity,
  EXIT_WORDS,
  HOLDS_WORDS,
  keyStanding,
  QUESTIONS,
  STATUS_WORDS,
  STATUSES,
  worstIn,
} from '../../core/verify/words.js'
import { bundleSection, timelineSection } from './html-parts.js'
import { htmlTable, text } from './html-text.js'

/** What the report itself does not know. */
export interface HtmlAbout {
  readonly target: string
  readonly trust?: { readonly path: string; readonly digest: string }
  /** When it was made, by the clock of this machine. */
  readonly made: string
  readonly verifier: {
    readonly version: string
    readonly node: string
    readonly digest: string
    readonly files: number
  }
  readonly digestCommand: string
}

// What is longer is for a program: `--json` has all of it.
const ROWS_MAX = 1000

/**
 * A report as one page: no script, no network, prints on paper. Names in it are strangers' words; each goes through
 * `text`, and nothing else may put one here.
 */
export function renderHtml(report: Report, about: HtmlAbout): string {
  const { evidence, completeness, conduct, findings } = report
  const title = `Report on ${report.origin === '' ? about.target : report.origin}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${text(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="mark">Deedlog verification report</p>
<h1>${text(title)}</h1>
<p>${text(about.target)}, read ${text(about.made)}. Exit ${report.exitCode}: ${EXIT_WORDS[report.exitCode]}.</p>
</header>
<section class="answers" aria-label="The three answers">
${answer('Evidence', QUESTIONS.evidence, evidence.words.join(', ') || evidence.verdict, worst(findings, 'evidence'))}
${answer('Completeness', QUESTIONS.completeness, completeness.verdict, toneOf(completeness.verdict, worst(findings, 'completeness')))}
${answer('Conduct', QUESTIONS.conduct, conduct.verdict, toneOf(conduct.verdict, worst(findings, 'conduct')))}
</section>
${section('Exceptions and other findings', findingsTable(findings))}
${section('The log, and whose word this rests on', theLog(report, about))}
${report.bundle ? section('A bundle: part of a log, and what was asked for', bundleSection(report)) : ''}
${section('When, by outside evidence', times(report))}
${report.timeline ? section('Calls, one by one', timelineSection(report)) : ''}
${section(report.bundle ? 'Counted, over the calls asked for' : 'Counted, over every record read', population(report))}
${section('Streams and identities', streams(report))}
${section('Rules in force', rules(report))}
${section('Checks', checks(report.checks))}
${section('Not excluded by anything above', `<ol>${report.notExcluded.map(each => `<li>${text(each.text)}</li>`).join('')}</ol>`)}
${section('The verifier', verifier(about))}
</main>
</body>
</html>
`
}

const section = (title: string, body: string): string => `<section><h2>${text(title)}</h2>\n${body}\n</section>`

type Tone = 'good' | 'warn' | 'bad'

const worst = (findings: readonly Finding[], area: Area): Tone => SEVERITY_TONES[worstIn(findings, area)]

const SEVERITY_TONES: Readonly<Record<Severity, Tone>> = {
  against: 'bad',
  unknown: 'warn',
  exception: 'warn',
  notice: 'good',
}

/** An answer that could not be given is nothing good, also where nobody found anything. */
const toneOf = (verdict: string, tone: Tone): Tone => (verdict === 'could not check' && tone === 'good' ? 'warn' : tone)

// The tone is said in words too: colour does not print, and not everybody sees it.
const TONES: Readonly<Record<Tone, string>> = {
  good: 'nothing against it was found',
  warn: 'look closer',
  bad: 'against',
}

const answer = (name: string, question: string, verdict: string, tone: Tone): string =>
  `<div class="answer ${tone}"><h2>${name}</h2><p class="verdict">${text(verdict)}</p><p>${question} <strong>${TONES[tone]}</strong></p></div>`

function findingsTable(all: readonly Finding[]): string {
  if (all.length === 0) return '<p>None.</p>'
  const rows = bySeverity(all).map(
    ({ severity, area, code, message, asserts, doesNotAssert, indexes, count, call }) => {
      const more = count > indexes.length && indexes.length > 0 ? ` and ${count - indexes.length} more` : ''
      const where = indexes.length === 0 ? '' : `Entries ${indexes.join(', ')}${more}. `
      const says = [
        ...(asserts === undefined ? [] : [`Says: ${asserts}.`]),
        ...(doesNotAssert === undefined ? [] : [`Does not say: ${doesNotAssert}.`]),
      ]
      return [
        `<strong class="${severity}">${severity}</strong><br>${area}`,
        `<code>${text(code)}</code><br>${text(message)}<br><small>${text(where + (call === undefined ? '' : `Call ${call}. `))}${text(says.join(' '))}</small>`,
      ]
    },
  )
  return htmlTable(['Severity', 'Finding'], rows)
}

const continued = ({ of, size, reason, previous }: NonNullable<Report['continues']>[number]): string =>
  `after log <code>${text(of)}</code>, from ${size} records: ${text(reason)}; ${
    previous === undefined
      ? 'it was not given to be compared with'
      : `${text(previous.target)}, ${previous.size} records: ${text(previous.words.join(', '))}, exit ${previous.exitCode}`
  }`

function theLog({ origin, logId, size, root, evidence, continues = [] }: Report, { trust }: HtmlAbout): string {
  const keys = evidence.keys.map(({ vkey, role, trusted }) => {
    return `${role} key, ${keyStanding(trusted, evidence.trust)}: <code>${text(vkey)}</code>`
  })
  return facts([
    ['origin', `<code>${text(origin)}</code>`],
    ['log id', logId === '' ? 'no readable first entry' : `<code>${text(logId)}</code>`],
    ...continues.map(step => ['carries on', continued(step)] as const),
    [
      'size',
      `${size} records under the checkpoint, ${evidence.records} read${evidence.awaitingCheckpoint ? `, ${evidence.awaitingCheckpoint} await a checkpoint` : ''}`,
    ],
    ['root', `<code>${text(root)}</code>`],
    [
      'trust',
      trust ? `the trust file ${text(trust.path)}, SHA-256 <code>${trust.digest}</code>` : 'nobody outside was asked',
    ],
    ...(evidence.anchors ? [['anchors', text(anchorCounts(evidence.anchors))] as const] : []),
    ...(keys.length === 0
      ? [['signed by', 'nobody whose signature could be verified'] as const]
      : keys.map(key => ['signed by', key] as const)),
  ])
}

function times({ evidence, completeness }: Report): string {
  const { times: known } = evidence
  if (!known)
    return '<p>Nobody outside has said when anything was recorded. Times in records are the recorders’ own.</p>'
  const agents = new Map(completeness.streams.map(({ id, agent }) => [id, agent]))
  const existed = known.existed.map(({ size, time }) => [`entries below ${size}`, `existed at ${text(time)}`, ''])
  const made = known.made.map(({ stream, index, time }) => {
    const { before } = windowOf(known, stream, index)
    const width = before === undefined ? 'open' : `${Math.round((Date.parse(before) - Date.parse(time)) / 1000)} s`
    const whose = text(agents.get(stream) ?? stream)
    return [`entries of ${whose} from ${index} on`, `were made after ${text(time)}`, `${width} for entry ${index}`]
  })
  return htmlTable(
    ['Records', 'By cosignatures of the quorum, and anchors', 'Width of the window'],
    [...existed, ...made],
  )
}

function population({ completeness, conduct }: Report): string {
  const { outcomes, sessions, losses, coverage, disclosures } = completeness
  const tally = (counts: Readonly<Record<string, number>>): string => {
    const rows = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    const shown = rows.slice(0, ROWS_MAX).map(([name, n]) => `${text(name === '' ? '(others)' : name)} ${n}`)
    return shown.join(', ') || 'none'
  }
  return facts([
    ['calls', String(conduct.calls)],
    ['by verdict', tally(conduct.byVerdict)],
    ['by status', tally(conduct.byStatus)],
    ['by tool', tally(conduct.byTool)],
    [
      'outcomes',
      `${outcomes.final} final, ${outcomes.provisional} provisional, ${outcomes.missing} missing, ${outcomes.closed} refused and so without one`,
    ],
    ['sessions', `${sessions.total}: ${sessions.ended} ended, ${sessions.gaps} with gaps`],
    [
      'odd records',
      `${completeness.strays} stray, ${completeness.malformed} malformed, ${completeness.notUnderstood} not understood`,
    ],
    ['losses', `${losses.records} loss records, ${losses.counted} counted as lost`],
    [
      'coverage',
      `declared: ${coverage.wrapped} tools wrapped, ${coverage.notWrapped} not; never seen: ${coverage.unseen.length === 0 ? 'none declared' : coverage.unseen.slice(0, ROWS_MAX).map(text).join(', ')}`,
    ],
    [
      'disclosures',
      disclosures === undefined
        ? 'no vault was read'
        : `${disclosures.held} held, ${disclosures.erased} erased, ${disclosures.missing} missing`,
    ],
  ])
}

function streams({ completeness: { streams: all } }: Report): string {
  if (all.length === 0) return '<p>None.</p>'
  const rows = all.map(({ agent, role, state, identity, records, calls, first, id }) => [
    `${text(agent)}${role === 'operator' ? ' (operator)' : ''}<br><small><code>${text(id)}</code></small>`,
    state,
    identity,
    String(records),
    String(calls),
    String(first),
  ])
  return htmlTable(['Agent, stream', 'State', 'Identity', 'Records', 'Calls', 'First entry'], rows)
}

function rules({ conduct: { rules: all } }: Report): string {
  if (all.length === 0) return '<p>None on record.</p>'
  const rows = all.map(({ engine, files, decisions, index, id }) => [
    `${text(engine)}<br><small><code>${text(id)}</code></small>`,
    files.map(({ name, digest }) => `${text(name)} <small><code>${text(digest)}</code></small>`).join('<br>'),
    String(decisions),
    String(index),
  ])
  return htmlTable(['Engine, id', 'Files, SHA-256', 'Decisions', 'Entry'], rows)
}

function checks(all: readonly Check[]): string {
  const rows = STATUSES.flatMap(status =>
    all
      .filter(check => check.status === status)
      .map(({ code, asserts, doesNotAssert, detail }) => [
        `<strong class="${status}">${STATUS_WORDS[status]}</strong>`,
        `<code>${text(code)}</code>${detail === undefined ? '' : ` (${text(detail)})`}<br>${HOLDS_WORDS[status]}: ${text(asserts)}<br><small>Does not say: ${text(doesNotAssert)}.</small>`,
      ]),
  )
  return htmlTable(['Status', 'Check'], rows)
}

function verifier({ verifier: { version, node, digest, files }, digestCommand, made }: HtmlAbout): string {
  return `${facts([
    ['made', text(made)],
    ['program', `deedlog ${text(version)}, Node.js ${text(node)}`],
    ['its code', `SHA-256 <code>${text(digest)}</code> over ${files} files`],
    ['found again by', `<code>${text(digestCommand)}</code> in the folder <code>dist</code> of the installed package`],
  ])}<p>A report is only as good as the verifier and the trust file. Compare both digests with somebody who got them another way.</p>`
}

const facts = (rows: readonly (readonly [label: string, html: string])[]): string =>
  `<dl>${rows.map(([label, html]) => `<div><dt>${text(label)}</dt><dd>${html}</dd></div>`).join('\n')}</dl>`

/** A table of cells that are HTML already. */

const STYLE = `
:root { color-scheme: light; --ink: #1b1f24; --faint: #57606a; --line: #d5d9de; --good: #116329; --warn: #8a4600; --bad: #a40e26 }
* { box-sizing: border-box }
body { margin: 0; color: var(--ink); background: #fff; font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.5rem 4rem }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem }
.mark { margin: 0; color: var(--faint); letter-spacing: .06em; text-transform: uppercase; font-size: .75rem }
code { font: .85em/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere }
small { color: var(--faint) }
.answers { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; margin-top: 1.5rem }
.answer { border: 1px solid var(--line); border-top: 5px solid var(--tone); border-radius: 4px; padding: .75rem 1rem }
.answer h2 { margin: 0; border: 0; padding: 0; font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; color: var(--faint) }
.answer p { margin: .25rem 0; color: var(--faint) }
.answer .verdict { font-size: 1.15rem; font-weight: 600; color: var(--tone); overflow-wrap: anywhere }
.answer strong { color: var(--tone) }
.good { --tone: var(--good) } .warn { --tone: var(--warn) } .bad { --tone: var(--bad) }
.against, .failed { color: var(--bad) } .unknown, .exception, .not_checked { color: var(--warn) } .notice { color: var(--faint) } .passed { color: var(--good) }
dl { margin: 0 } dl div { display: grid; grid-template-columns: 9rem 1fr; gap: 1rem; padding: .2rem 0 }
dt { color: var(--faint) } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
th { color: var(--faint); font-weight: 500; white-space: nowrap }
td:first-child { min-width: 7rem }
@page { margin: 18mm 15mm }
@media print { body { font-size: 10pt } main { max-width: none; padding: 0 } h2 { break-after: avoid } tr, dl div, .answer, li { break-inside: avoid } thead { display: table-header-group } .answers { grid-template-columns: repeat(3, 1fr) } }
`
