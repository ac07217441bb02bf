import { quote } from '../errors.js'
import type { Findings } from './findings.js'
import type { NotShown } from './not-shown.js'
import type { Reading } from './reading.js'
import type { StreamState } from './stream-state.js'
import { timeOf } from './times.js'

const DAY_SECONDS = 86_400

/** What is known when all that is left of a pruned log has been read. */
export interface PrunedLog {
  /** Entries from here on are all here. */
  readonly below: number
  readonly reading: Reading
  readonly notShown: NotShown
  /** When the quorum had seen a tree of at least `below` entries, at the earliest, in seconds since 1970. */
  readonly seenSeconds: number | undefined
  /** The time of this verification, in seconds since 1970. */
  readonly nowSeconds: number | undefined
}

/**
 * Judges whether a log was pruned as it had promised (spec/record.md section 7, "Pruning").
 *
 * What must not be taken away is shown to be here by counting: of a stream of an agent whose first and last record are
 * kept, seq says how many lie between them; every other entry is kept as it is. What is left over when these are taken
 * from the hidden entries belongs to nobody who is known, and may be what an operator would rather not have kept.
 */
export function judgePruning(log: PrunedLog, findings: Findings): void {
  const { below, notShown, seenSeconds, nowSeconds } = log
  const why = against(log)
  if (why !== undefined) {
    findings.add('entries.pruned-not-permitted', `the entries below ${below} were pruned, and ${why}`, {
      indexes: [0],
      count: below,
    })
    return
  }
  const until = seenSeconds === undefined ? undefined : seenSeconds + log.reading.retentionDays! * DAY_SECONDS
  const unknown = (what: string): void =>
    findings.add('entries.pruned', `the entries below ${below} were pruned: ${what}`, { indexes: [0], count: below })
  if (until === undefined) unknown('no trusted time says how long they had been there')
  else if (nowSeconds === undefined) unknown('nobody said what time it is')
  else
    findings.add(
      'entries.pruned-as-promised',
      `${notShown.total} of the entries below ${below} were pruned, as the log had promised: they were seen by ${timeOf(seenSeconds!)}, and kept until ${timeOf(until)}`,
      { indexes: [0], count: below },
    )
}

/** What shows that it was not permitted, if anything does. */
function against({ below, reading, notShown, seenSeconds, nowSeconds }: PrunedLog): string | undefined {
  const days = reading.retentionDays
  if (days === undefined) return 'the log promises no retention, so it is never pruned'
  const streams = [...reading.streams.values()].filter(stream => stream.first < below)
  const goesOn = streams.find(stream => stream.highest >= below)
  if (goesOn) return `${name(goesOn)}, goes on at index ${goesOn.highest}`
  let accounted = 0
  for (const stream of streams) {
    const hidden = reading.hidden(stream)
    if (hidden > 0 && !isPrunable(stream)) return `${hidden} records of ${name(stream)}, are not kept`
    accounted += hidden
  }
  if (accounted < notShown.total)
    return `${notShown.total - accounted} entries that are not kept belong to no stream whose first and last record are: they may be an operator’s`
  if (accounted > notShown.total)
    return `the streams that are kept in part lack ${accounted} records, and only ${notShown.total} entries are not here`
  const until = seenSeconds === undefined ? undefined : seenSeconds + days * DAY_SECONDS
  if (until !== undefined && nowSeconds !== undefined && nowSeconds < until)
    return `the ${days} days that were promised end at ${timeOf(until)}`
  return undefined
}

/** Of an agent's stream that counts here, what lies between its first and its last record need not be kept. */
const isPrunable = ({ start, foreign }: StreamState): boolean => start?.role === 'agent' && !foreign

const name = ({ start, first }: StreamState): string =>
  `the stream of ${quote(start?.agent)} that starts at index ${first}`
