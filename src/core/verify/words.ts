import type {
  AnchorStatus,
  AnchorsAnswer,
  Area,
  CheckStatus,
  EvidenceAnswer,
  ExitCode,
  Finding,
  Report,
  Severity,
} from './report.js'

/*
 * How a report is put into words, the same wherever it is shown: on a terminal, on paper, in a browser. Two readers of
 * one log must not be told different things.
 */

/** What each answer answers. */
export const QUESTIONS: Readonly<Record<Area, string>> = {
  evidence: 'Are these the records that were signed?',
  completeness: 'Is all of it here, as far as it was said?',
  conduct: 'Did calls run as they were decided?',
}

/** The three answers of a report, each as one line without a stranger's word in it but codes and numbers of ours. */
export function answersOf(report: Report): Readonly<Record<Area, string>> {
  const { completeness, conduct, findings } = report
  return {
    evidence: evidenceWords(report.evidence),
    completeness: completeness.verdict + exceptionWords(findings, 'completeness'),
    conduct: conduct.verdict + exceptionWords(findings, 'conduct'),
  }
}

function evidenceWords({ verdict, words: all }: EvidenceAnswer): string {
  const words = [verdict, ...all.filter(word => word !== verdict)]
  // `intact to 41` says all that `intact` says, and a reason all that `could not check` does.
  return (says(words[1], verdict) ? words.slice(1) : words).join(', ')
}

/** Whether a word of evidence says what another one says, and more. */
export const says = (longer: string | undefined, word: string): boolean =>
  longer !== undefined && (longer.startsWith(`${word} `) || longer.startsWith(`${word}:`))

function exceptionWords(findings: readonly Finding[], area: Area): string {
  const kinds = new Map<string, number>()
  for (const { code, area: where, severity } of findings)
    if (where === area && severity === 'exception') kinds.set(code, (kinds.get(code) ?? 0) + 1)
  const names = [...kinds].map(([code, times]) => code + (times > 1 ? ` (${times} times)` : ''))
  return names.length === 0 ? '' : `: ${names.join(', ')}`
}

/** The worst that was found in an area; `notice` where that is nothing. */
export const worstIn = (findings: readonly Finding[], area: Area): Severity =>
  SEVERITIES.find(severity => findings.some(each => each.area === area && each.severity === severity)) ?? 'notice'

/** What each exit code says of the log. */
export const EXIT_WORDS: Readonly<Record<ExitCode, string>> = {
  0: 'the evidence holds as far as checked, and no exception was found',
  1: 'there is evidence against this log',
  2: 'something that matters could not be checked, or was not understood',
  3: 'the evidence holds as far as checked; completeness or conduct has exceptions',
}

/** The worst first. */
const SEVERITIES: readonly Severity[] = ['against', 'unknown', 'exception', 'notice']

/** What a reader has to look at first comes first. */
export const bySeverity = (findings: readonly Finding[]): Finding[] =>
  SEVERITIES.flatMap(severity => findings.filter(finding => finding.severity === severity))

/** In the order in which a reader wants them. */
export const STATUSES: readonly CheckStatus[] = ['failed', 'not_checked', 'passed']

export const STATUS_WORDS: Readonly<Record<CheckStatus, string>> = {
  failed: 'FAILED',
  not_checked: 'NOT CHECKED',
  passed: 'passed',
}

/** What a check's status says of what it asserts. */
export const HOLDS_WORDS: Readonly<Record<CheckStatus, string>> = {
  failed: 'does not hold',
  not_checked: 'not known whether',
  passed: 'holds',
}

/** How a key that signed stands to the trust file. */
export const keyStanding = (trusted: boolean, trust: EvidenceAnswer['trust']): string =>
  trusted ? 'named in the trust file' : trust === 'file' ? 'not in the trust file' : 'by its own word'

/** What an anchor of each status is worth, in words. */
export const ANCHOR_WORDS: Readonly<Record<AnchorStatus, string>> = {
  counted: 'dates this log',
  unpinned: 'not counted, nobody vouches for who made it',
  lookup: 'one fact is left to look up',
  bad: 'FALSE, or of something else',
  disputed: 'of a tree that this log never had',
  beyond: 'of a larger tree than is shown',
  unknown: 'not checked',
  unreadable: 'cannot be read',
  pending: 'waits, as the keeper says',
  failed: 'not made, as the keeper says',
  skipped: 'left out, as the keeper says',
}

/** How many anchors there are, and of which status. */
export const anchorCounts = ({ total, byStatus }: AnchorsAnswer): string =>
  `${total}: ${Object.entries(byStatus)
    .map(([status, count]) => `${count} ${status}`)
    .join(', ')}`
