import { quote } from '../errors.js'
import type { BundleQuery, TimeRange } from './bundle-query.js'
import type { CheckCode, Checks } from './checks.js'
import type { ConductTotals } from './conduct.js'
import type { Evidence } from './evidence.js'
import type { FindingCode, Findings } from './findings.js'
import type { Knowledge } from './knowledge.js'
import { NOT_EXCLUDED, NOT_EXCLUDED_OF_BUNDLE } from './not-excluded.js'
import type { NotShown } from './not-shown.js'
import { type Reading, stateOfStream } from './reading.js'
import type {
  Area,
  BundleAnswer,
  Check,
  CompletenessAnswer,
  ConductAnswer,
  ExitCode,
  Finding,
  RangeAnswer,
  Report,
  StreamSummary,
} from './report.js'
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
  /** Entries that were read: fewer than `records` in a bundle. */
  readonly shown: number
  readonly notShown: NotShown
  /** What a bundle was asked for; undefined where the target is a log. */
  readonly excerpt: BundleQuery | undefined
  readonly about: BundleContents | undefined
  /** Times between which calls are reported on; undefined where all are. */
  readonly range: TimeRange | undefined
}

/** What is in a bundle besides its tree. */
export type BundleContents = Omit<BundleAnswer, 'query' | 'entries' | 'calls' | 'sessions'>

/** The report, when everything has been read. */
export function buildReport(parts: Parts): Report {
  const { evidence, reading, readingFindings } = parts
  reportOddStreams(parts)
  const sessions = reading.finishStreams()
  const totals = reading.calls.finish()
  const bundle = parts.excerpt && bundleAnswer(parts, parts.excerpt)
  const coverage = reading.coverage()
  const answer = evidence.answer(parts.shown, parts.awaiting, [...reading.citations.values()])
  const findings = [...parts.findings.list(), ...readingFindings.list()]
  // Records that are not those that were signed, or not all of them, tell nothing about streams and calls.
  const holds = !findings.some(finding => finding.area === 'evidence' && finding.severity === 'against')
  const whole = holds && evidence.checkpoint !== undefined && parts.records === evidence.checkpoint.size
  setChecks(parts, findings, totals, whole)
  const isPart = parts.notShown.total > 0
  const good = isPart ? IN_WHAT_IS_SHOWN : parts.range ? IN_THE_TIME : undefined
  const completeness: CompletenessAnswer = {
    verdict: verdictOf('completeness', findings, whole, good ?? 'complete as far as recorded'),
    streams: [...reading.streams.values()].map(stream => summaryOf(stream, parts)),
    sessions,
    strays: straysOf(parts),
    notUnderstood: reading.notUnderstood,
    malformed: reading.malformed,
    outcomes: totals.outcomes,
    losses: reading.losses,
    coverage,
  }
  const conduct: ConductAnswer = {
    // Of calls that are not shown, nobody knows how they ran.
    verdict: verdictOf(
      'conduct',
      findings,
      whole && !findings.some(({ code }) => code === 'bundle.not-shown'),
      good ?? 'no exceptions',
    ),
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
    notExcluded: isPart && bundle ? [...NOT_EXCLUDED_OF_BUNDLE, ...NOT_EXCLUDED] : NOT_EXCLUDED,
    checks: checksOf(parts, isPart),
    findings,
    ...(bundle === undefined ? {} : { bundle }),
    ...(parts.range === undefined ? {} : { range: rangeAnswer(parts, parts.range) }),
  }
}

const IN_WHAT_IS_SHOWN = 'no exceptions in what is shown'
const IN_THE_TIME = 'no exceptions in the time asked for'

// What these assert is about single calls.
const OF_CALLS: ReadonlySet<string> = new Set(['calls.outcomes', 'calls.conduct', 'approvals.signed'])

const rangeAnswer = ({ reading }: Parts, { since, until }: TimeRange): RangeAnswer => ({
  ...(since === undefined ? {} : { since }),
  ...(until === undefined ? {} : { until }),
  calls: reading.calls.listed,
  exceptionsElsewhere: reading.calls.unlisted.exceptions,
})

// Of one record with its proof: `verifyEntry`.
const ELSEWHERE = 'entry.included'
// What these assert does not depend on how much is shown.
const OF_THE_LOG: ReadonlySet<string> = new Set([
  'checkpoint.signature',
  'checkpoint.quorum',
  'checkpoint.lag',
  'checkpoint.dated',
  'checkpoint.held',
  'checkpoint.remembered',
  'bundle.shown',
  'log.record',
  'log.id',
  'log.operators',
])

/** Of a bundle, a check asserts no more than what is shown; whether that stands in the tree is a check of its own. */
function checksOf({ checks, excerpt, range }: Parts, isPart: boolean): Check[] {
  const root = checks.statusOf('checkpoint.root')
  if (excerpt && root) checks.set('bundle.shown', root.status, root.detail)
  return checks
    .list()
    .filter(({ code }) => code !== ELSEWHERE && (excerpt !== undefined || code !== 'bundle.shown'))
    .filter(({ code }) => !isPart || excerpt === undefined || code !== 'checkpoint.root')
    .map(check =>
      range && OF_CALLS.has(check.code)
        ? { ...check, asserts: `of the calls in the time asked for: ${check.asserts}` }
        : check,
    )
    .map(check =>
      isPart && !OF_THE_LOG.has(check.code) ? { ...check, asserts: `in what is shown: ${check.asserts}` } : check,
    )
}

// Sessions of a bundle that are counted one by one.
const SESSIONS_MAX = 256

function bundleAnswer(parts: Parts, query: BundleQuery): BundleAnswer {
  const { reading, readingFindings: findings, notShown } = parts
  const sessions = [...reading.askedSessions.values()].flatMap(({ stream, id }) => {
    const counts = stream.sessions.countsOf(id)
    return counts ? [{ stream: stream.id, session: id, ...counts }] : []
  })
  const isHidden = notShown.total > 0
  if ('calls' in query)
    for (const call of query.calls)
      if (!reading.askedCalls.has(call))
        findings.add('bundle.not-shown', `call ${quote(call)} was asked for and is not shown`, { call })
  if ('sessions' in query)
    for (const session of query.sessions) {
      const of = sessions.filter(each => each.session === session)
      if (of.length === 0)
        findings.add('bundle.not-shown', `session ${quote(session)} was asked for, and no call of it is shown`)
      for (const { shown, calls, ended, stream } of of) {
        const where = { stream }
        if (shown < calls && isHidden)
          findings.add('bundle.not-shown', `of session ${quote(session)} ${shown} of ${calls} calls are shown`, where)
        else if (!ended && isHidden)
          findings.add('bundle.session-open', `no end of session ${quote(session)} is shown`, where)
      }
    }
  return {
    query,
    ...(parts.about ?? { disclosures: [], anchors: [], files: [], notes: 0 }),
    entries: { shown: parts.shown, of: parts.records },
    calls: { asked: reading.calls.listed, others: reading.others },
    sessions: sessions.slice(0, SESSIONS_MAX),
  }
}

/** Whether what is not shown may be what attributes a record: one that signs above it, or the start of its stream. */
const isOpen = ({ notShown, reading }: Parts, stream: string, index: number): boolean =>
  notShown.total > 0 && (notShown.above(index) > 0 || !reading.streams.has(stream))

function straysOf(parts: Parts): number {
  let strays = 0
  for (const [stream, odd] of parts.known.odd)
    for (const index of odd.strays) if (!isOpen(parts, stream, index)) strays++
  return strays
}

/** Worst of 1 > 2 > 3 > 0. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const has = (severity: Finding['severity']) => findings.some(finding => finding.severity === severity)
  return has('against') ? 1 : has('unknown') ? 2 : has('exception') ? 3 : 0
}

/** The worse of two: 1 > 2 > 3 > 0. */
export const worstExit = (a: ExitCode, b: ExitCode): ExitCode =>
  ([1, 2, 3] as const).find(code => a === code || b === code) ?? 0

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
function reportOddStreams(parts: Parts): void {
  const { known, readingFindings: findings } = parts
  for (const [stream, { strays, forks, breaks, misordered }] of known.odd) {
    const of = `stream ${stream.slice(0, 16)}…`
    const uncovered = [...strays].sort((a, b) => a - b)
    const open = uncovered.filter(index => isOpen(parts, stream, index))
    const alone = uncovered.filter(index => !isOpen(parts, stream, index))
    if (alone.length > 0)
      findings.add('record.stray', `${alone.length} records name ${of}, and none of its signatures covers them`, {
        indexes: alone,
        stream,
      })
    if (open.length > 0)
      findings.add('record.unattributed', `${open.length} records of ${of} are shown without a signature over them`, {
        indexes: open,
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

function summaryOf(stream: StreamState, { known, reading, notShown }: Parts): StreamSummary {
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
    ...(notShown.total > 0 ? { notShown: reading.hidden(stream) } : {}),
  }
}

const CONDUCT_CODES = [
  'call.executed-though-denied',
  'call.executed-without-approval',
  'call.declined-yet-executed',
  'call.other-arguments',
] as const satisfies readonly FindingCode[]

function setChecks(
  { checks, reading, known, trust, records, shown }: Parts,
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
  set('records.understood', ['record.not-understood', 'entry.malformed'], `${shown} read`)
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
  if (checks.statusOf('disclosures.match') === undefined)
    checks.set('disclosures.match', 'not_checked', 'disclosures are checked where they are shown')
}
