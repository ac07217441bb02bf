import type { Path } from '../src/core/record/index.js'
import type { Severity } from '../src/core/verify/index.js'

/*
 * Plain words for the words of the records, and numbers as people write them.
 */

export const VERDICTS: Readonly<Record<string, string>> = {
  allow: 'allowed',
  deny: 'denied',
  review: 'sent to review',
  not_evaluated: 'not evaluated',
}

export const STATUSES: Readonly<Record<string, string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  reported_error: 'reported an error',
  not_executed: 'did not run',
  short_circuited: 'answered without running',
  pending: 'pending',
  cancelled: 'cancelled',
  timed_out: 'timed out',
  unknown: 'unknown',
  denied: 'denied',
  declined: 'declined in review',
  undecided: 'awaits review',
  missing: 'no outcome',
  not_shown: 'outcome not shown',
}

export const plain = (words: Readonly<Record<string, string>>, word: string): string =>
  Object.hasOwn(words, word) ? words[word]! : word

/** What each kind of record says. */
export const RECORD_TYPES: Readonly<Record<string, string>> = {
  intent: 'Intent: written before the tool could run',
  review: 'Review: a person decided',
  outcome: 'Outcome: what became of it',
  settlement: 'Settlement: what was found out later',
}

/** What a severity means to a reader. */
export const SEVERITY_LABELS: Readonly<Record<Severity, string>> = {
  against: 'Against',
  unknown: 'Could not check',
  exception: 'Exception',
  notice: 'Notice',
}

/** What the words of the first answer mean, by how they begin; the longer ones first. */
export const EVIDENCE_MEANINGS: readonly (readonly [begins: string, means: string])[] = [
  [
    'self-consistent',
    'Everything fits together. No outsider was asked, so its keeper could have written all of it anew.',
  ],
  ['intact', 'Everything fits together, and the witnesses whom the trust file asks for saw the log up to this size.'],
  ['unwitnessed since', 'From this entry on, no witness has seen the log.'],
  ['undated since', 'From this entry on, nobody outside has said by when the records existed.'],
  ['age unknown', 'Nobody outside has said how old the newest checkpoint is: newer records may be held back.'],
  ['altered', 'What is here is not what was signed, or not signed by whom the trust file names.'],
  ['forked', 'The log signed two histories that exclude each other.'],
  ['rolled back', 'The log signed a longer history than the one it shows now.'],
  ['pruned, not permitted', 'The first records are gone, and nothing permits that.'],
  ['pruned below', 'The first records were removed, as the log had promised from its beginning.'],
  ['could not check', 'Something that is needed was not there. This accuses nobody.'],
]

export const number = (n: number): string => n.toLocaleString('en-US')

/** `1 record`, `2 records`. */
export const count = (n: number, one: string, many = `${one}s`): string => `${number(n)} ${n === 1 ? one : many}`

/** `2026-11-24 09:30:00.000 UTC` for a record's time. */
export const instant = (time: string): string => time.replace('T', ' ').replace('Z', ' UTC')

/** How long something took or lasts. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const s = ms / 1000
  if (s < 120) return `${s.toFixed(1)} s`
  if (s < 7200) return `${Math.round(s / 60)} minutes`
  return s < 172_800 ? `${Math.round(s / 3600)} hours` : `${number(Math.round(s / 86_400))} days`
}

/** A field's path: `payment.items.0`, and as JSON where that could mean another one. */
export function pathText(path: Path): string {
  if (path.length === 0) return 'the whole value'
  const simple = path.every(step => typeof step === 'number' || /^[A-Za-z_$][A-Za-z0-9_$-]*$/.test(step))
  return simple ? path.join('.') : JSON.stringify(path)
}
