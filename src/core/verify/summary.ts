import type { CheckCode, Checks } from './checks.js'
import type { ConductTotals } from './conduct.js'
import type { Evidence } from './evidence.js'
import type { FindingCode, Findings } from './findings.js'
import type { Knowledge } from './knowledge.js'
import { NOT_EXCLUDED } from './not-excluded.js'
import { type Reading, stateOfStream } from './reading.js'
import type { Area, CompletenessAnswer, ConductAnswer, ExitCode, Finding, Report, StreamSummary } from './report.js'
import type { StreamState } from './stream-state.js'
import type { Trust } from './trust.js'

interface Parts {
  readonly evidence: Evidence
  readonly reading: Reading
  readonly readingFindings: Findings
  /** Findings about the whole. */
  readonly findings: Findings
  readonly checks: Checks
  readonly known: Knowledge
  readonly trust: Trust | undefined
  readonly records: number
  readonly awaiting: number | undefined
}

/** The report, when everything has been read. */
export function buildReport(parts: Parts): Report {
  const { evidence, reading, readingFindings } = parts
  reportOddStreams(parts)
  const sessions = reading.finishStreams()
  const totals = reading.calls.finish()
  const coverage = reading.coverage()
  const answer = evidence.answer(parts.records, parts.awaiting, [...reading.citations.values()])
  const findings = [...parts.findings.list(), ...readingFindings.list()]
  // Records that are not those that were signed, or not all of them, tell nothing about streams and calls.
  const holds = !findings.some(finding => finding.area === 'evidence' && finding.severity === 'against')
  const whole = holds && evidence.checkpoint !== undefined && parts.records === evidence.checkpoint.size
  setChecks(parts, findings, totals, whole)
  const completeness: CompletenessAnswer = {
    verdict: verdictOf('completeness', findings, whole, 'complete as far as recorded'),
    streams: [...reading.streams.values()].map(stream => summaryOf(stream, parts.known)),
    sessions,
    strays: parts.known.strays.size,
    notUnderstood: reading.notUnderstood,
    malformed: reading.malformed,
    outcomes: totals.outcomes,
    losses: reading.losses,
    coverage,
  }
  const conduct: ConductAnswer = {
    verdict: verdictOf('conduct', findings, whole, 'no exceptions'),
    calls: totals.calls,
    byVerdict: totals.byVerdict,
    byStatus: totals.byStatus,
    byTool: totals.byTool,
    rules: reading.rules(),
  }
  return {
    format: 'deedlog/report/v1',
    exitCode: exitCodeOf(findings),
    origin: reading.origin ?? evidence.checkpoint?.origin ?? '',
    logId: reading.logId,
    size: evidence.checkpoint?.size ?? 0,
    root: evidence.root,
    evidence: answer,
    completeness,
    conduct,
    notExcluded: NOT_EXCLUDED,
    // Of one record with its proof: `verifyEntry`.
    checks: parts.checks.list().filter(check => check.code !== 'entry.included'),
    findings,
  }
}

/** Worst of 1 > 2 > 3 > 0. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const has = (severity: Finding['severity']) => findings.some(finding => finding.severity === severity)
  return has('against') ? 1 : has('unknown') ? 2 : has('exception') ? 3 : 0
}

function verdictOf<Good extends string>(
  area: Area,
  findings: readonly Finding[],
  whole: boolean,
  good: Good,
): Good | 'exceptions' | 'could not check' {
  const own = findings.filter(finding => finding.area === area)
  if (!whole || own.some(finding => finding.severity === 'unknown')) return 'could not check'
  return own.some(finding => finding.severity === 'exception') ? 'exceptions' : good
}

const NOT_THE_SIGNED = 'the records that were read are not all, or not those, that were signed'

/** "1 call", "2 calls". */
const many = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Streams that were no plain chain: what is wrong with each. */
function reportOddStreams({ known, readingFindings: findings }: Parts): void {
  for (const [stream, { strays, forks, breaks, misordered }] of known.odd) {
    const of = `stream ${stream.slice(0, 16)}…`
    if (strays.size > 0)
      findings.add('record.stray', `${strays.size} records name ${of}, and none of its signatures covers them`, {
        indexes: [...strays].sort((a, b) => a - b),
        stream,
      })
    for (const { seq, indexes } of forks)
      findings.add(
        'stream.forked',
        `${of} is forked at seq ${seq}: the records at ${indexes.join(', ')} are both signed`,
        {
          indexes,
          stream,
        },
      )
    for (const { from, to, index } of breaks)
      findings.add(
        'stream.broken',
        `${of} is broken at seq ${from}${from === to ? '' : ` to ${to}`}, below the record at index ${index}`,
        { indexes: [index], stream },
      )
    if (misordered.length > 0)
      findings.add('stream.out-of-order', `${of} is out of order at index ${misordered.slice(0, 5).join(', ')}`, {
        indexes: misordered,
        stream,
      })
  }
}

function summaryOf(stream: StreamState, known: Knowledge): StreamSummary {
  const odd = known.odd.get(stream.id)
  return {
    id: stream.id,
    agent: stream.start?.agent ?? '',
    role: stream.start?.role ?? 'agent',
    state: stream.foreign
      ? 'foreign'
      : odd && odd.forks.length > 0
        ? 'forked'
        : odd && odd.breaks.length > 0
          ? 'broken'
          : stateOfStream(stream),
    identity: stream.identity,
    first: stream.first,
    records: stream.records,
    calls: stream.calls,
  }
}

const CONDUCT_CODES = [
  'call.executed-though-denied',
  'call.executed-without-approval',
  'call.declined-yet-executed',
  'call.other-arguments',
] as const satisfies readonly FindingCode[]

function setChecks(
  { checks, reading, known, trust, records }: Parts,
  findings: readonly Finding[],
  totals: ConductTotals,
  whole: boolean,
): void {
  const set = (check: CheckCode, codes: readonly FindingCode[], detail: string) => {
    const found = findings.filter(finding => (codes as readonly string[]).includes(finding.code))
    const worst = found.some(finding => finding.severity === 'unknown') ? 'not_checked' : 'failed'
    // Nothing wrong with records that are not those that were signed says nothing about those that were.
    if (found.length === 0) checks.set(check, whole ? 'passed' : 'not_checked', whole ? detail : NOT_THE_SIGNED)
    else checks.set(check, worst, [...new Set(found.map(finding => finding.code))].join(', '))
  }
  if (records === 0) return
  set('records.after', ['after.disputed'], `${many(reading.cited.size, 'checkpoint')} cited`)
  set('records.understood', ['record.not-understood', 'entry.malformed'], `${records} read`)
  let signatures = reading.signaturesChecked
  for (const { checked } of known.odd.values()) signatures += checked
  set(
    'records.attributed',
    ['record.stray'],
    `${many(signatures, 'signature')} checked; others are made superfluous by these`,
  )
  set(
    'streams.whole',
    [
      'stream.forked',
      'stream.broken',
      'stream.out-of-order',
      'stream.foreign',
      'stream.after-end',
      'stream.miscounted',
      'stream.other-origin',
      'recovery.false',
      'recovery.alive',
    ],
    many(reading.streams.size, 'stream'),
  )
  if (trust)
    set(
      'streams.identity',
      ['identity.self-asserted', 'identity.contradicted', 'operator.not-counted', 'key.disputed'],
      many(reading.streams.size, 'stream'),
    )
  else checks.set('streams.identity', 'not_checked', 'no trust file names an agent')
  set('sessions.counted', ['session.gap', 'call.repeated-id'], 'every one')
  set(
    'calls.outcomes',
    [
      'outcome.missing',
      'outcome.without-intent',
      'outcome.not-counted',
      'call.unknown',
      'call.pending-at-end',
      'call.second-outcome',
    ],
    many(totals.calls, 'call'),
  )
  set('calls.conduct', CONDUCT_CODES, many(totals.calls, 'call'))
  if (reading.calls.approvalsChecked > 0)
    set('approvals.signed', ['review.signature'], many(reading.calls.approvalsChecked, 'signature'))
  else checks.set('approvals.signed', 'not_checked', 'no review carries a signature of its approver')
  checks.set('disclosures.match', 'not_checked', 'disclosures are checked where they are shown')
}
