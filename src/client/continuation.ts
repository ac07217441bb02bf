import { sha256Hex } from '#crypto'
import { isDeedlogError, MalformedError, quote } from '../core/errors.js'
import { parseRecord, recordLeaf } from '../core/record/index.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'
import {
  type Continuation,
  type ContinuationAnswer,
  FINDINGS,
  type Finding,
  type FindingCode,
  type LogVerifier,
  type Report,
  worstExit,
} from '../core/verify/index.js'
import { keptIn } from './kept.js'
import type { LogSource } from './source.js'

/** A log that was verified, and what is asked of it besides its report. */
export interface Verified {
  readonly source: LogSource
  readonly verifier: LogVerifier
  readonly report: Report
}

/** Logs of one chain, one after the other; nobody has been seen to have more. */
export const PREVIOUS_MAX = 16

/**
 * Walks from a log to those that it carries on after, as far as they were given, and adds to its report what came of it:
 * whether the note that it cites is the earlier log's, whether an operator of that log says so, and which records are
 * lost. Each of the earlier logs is verified by itself, with the note in hand. The exit code is the worst of all.
 *
 * @param previous  Logs that were given, in any order.
 * @param verify    Verifies one of them, as one that should continue a checkpoint.
 * @throws {MalformedError} `previous.unrelated` for a log that none of the others carries on after
 */
export async function walkBack(
  first: Verified,
  previous: readonly LogSource[],
  verify: (source: LogSource, held: readonly Uint8Array[]) => Promise<Verified>,
): Promise<Report> {
  const given = new Map<string, LogSource>()
  for (const source of previous) given.set(await logIdOf(source), source)
  const findings: Finding[] = []
  const answers: ContinuationAnswer[] = []
  const seen = new Set([first.report.logId])
  let { exitCode } = first.report
  for (let log: Verified | undefined = first; log; ) {
    const said: Continuation | undefined = log.verifier.continuation
    if (!said) break
    const { of, size, note, reason, time } = said
    const answer = { log: log.report.logId, of, size, note, reason, time }
    const source = given.get(of)
    if (seen.has(of))
      findings.push(found('continuation.cycle', `log ${of} carries on after a log that carries on after it`))
    else if (!source)
      findings.push(found('continuation.not-given', `log ${of}, up to size ${size}, was not given to be compared with`))
    if (seen.has(of) || !source) {
      answers.push(answer)
      break
    }
    seen.add(of)
    given.delete(of)
    const bytes = await noteOf(log.source, said)
    const earlier: Verified = await verify(source, bytes ? [bytes] : [])
    const lost = await lostIn(earlier, size)
    findings.push(...judge(said, bytes, earlier))
    if (lost) findings.push(foundLost(said, lost))
    exitCode = worstExit(exitCode, earlier.report.exitCode)
    const { report } = earlier
    answers.push({
      ...answer,
      previous: {
        target: source.name,
        origin: report.origin,
        size: report.size,
        root: report.root,
        exitCode: report.exitCode,
        words: report.evidence.words,
        ...(lost ? { lost } : {}),
      },
    })
    log = earlier
  }
  for (const [id, { name }] of given)
    throw new MalformedError('previous.unrelated', `no log that was given carries on after ${quote(name)}, log ${id}`, {
      expected: 'logs that this one says it carries on after',
    })
  if (answers.length === 0) return first.report
  return withFindings({ ...first.report, continues: answers }, findings, exitCode)
}

function withFindings(report: Report, findings: readonly Finding[], exitCode: Report['exitCode']): Report {
  const severities = new Set(findings.map(finding => finding.severity))
  const own = severities.has('unknown') ? 2 : severities.has('exception') ? 3 : 0
  const isWhole = report.completeness.verdict !== 'could not check'
  const verdict = severities.has('exception') && isWhole ? 'exceptions' : report.completeness.verdict
  return {
    ...report,
    exitCode: worstExit(exitCode, own),
    completeness: { ...report.completeness, verdict },
    findings: [...report.findings, ...findings],
  }
}

const found = (code: FindingCode, message: string): Finding => ({
  code,
  ...FINDINGS[code],
  message,
  indexes: [CONTINUATION_INDEX],
  count: 1,
})

// spec/record.md section 4: it is always entry 2.
const CONTINUATION_INDEX = 2

/** Whether the earlier log is the one that is meant, and its operator the one who speaks. */
function judge(said: Continuation, note: Uint8Array | undefined, { report, verifier }: Verified): Finding[] {
  const findings: Finding[] = []
  if (!verifier.wasOperator(said.identity))
    findings.push(
      found('continuation.foreign', `no operator of log ${said.of} has signed that this log carries on after it`),
    )
  const compared = report.checks.find(check => check.code === 'checkpoint.held')
  if (!note)
    findings.push(found('continuation.note', `note ${said.note}, of size ${said.size}, is not here, or is none`))
  else if (compared?.status === 'not_checked')
    findings.push(found('continuation.note', `note ${said.note} could not be held against log ${said.of}`))
  return findings
}

/** The note that is cited, when it is here and of the size that is said. */
async function noteOf(source: LogSource, { note, size }: Continuation): Promise<Uint8Array | undefined> {
  try {
    const bytes = await source.note?.(note)
    return bytes && sha256Hex(bytes) === note && parseCheckpoint(parseNote(bytes).text).size === size
      ? bytes
      : undefined
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

type Lost = NonNullable<NonNullable<ContinuationAnswer['previous']>['lost']>

/** What the earlier log holds beyond the size from which the later one carries on. */
async function lostIn({ source, report }: Verified, size: number): Promise<Lost | undefined> {
  if (report.size <= size) return undefined
  const [firstTime, lastTime] = [await timeOf(source, size), await timeOf(source, report.size - 1)]
  return {
    from: size,
    to: report.size,
    ...(firstTime === undefined ? {} : { firstTime }),
    ...(lastTime === undefined ? {} : { lastTime }),
  }
}

const foundLost = ({ of, size, time }: Continuation, { to, firstTime, lastTime }: Lost): Finding => ({
  ...found(
    'continuation.lost',
    `log ${of} has ${to} records, and this log carries on from ${size} of them, since ${time}: ${to - size} are lost to it, ` +
      `made from ${firstTime ?? 'an unknown time'} to ${lastTime ?? 'an unknown time'}`,
  ),
  count: to - size,
})

/** By its recorder's clock. What cannot be read has none. */
async function timeOf(source: LogSource, index: number): Promise<string | undefined> {
  try {
    for await (const { record } of source.entries({ from: index, to: index + 1 })) {
      const { time } = parseRecord(record).json
      return typeof time === 'string' ? time : undefined
    }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
  }
  return undefined
}

/** The leaf hash of entry 0, of a pruned log too; empty where there is none that can be read. */
async function logIdOf(source: LogSource): Promise<string> {
  try {
    const kept = await keptIn(source)
    const first = kept?.parts[0]
    if (first && 'record' in first) return recordLeaf(first.record)
    for await (const { record } of source.entries({ to: 1 })) return recordLeaf(record)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
  }
  return ''
}
