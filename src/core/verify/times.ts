import { formatTime } from '../record/index.js'
import type { TimesAnswer } from './report.js'

/** A note that the quorum has cosigned: the whole quorum had, at that time. */
export interface SeenNote {
  /** SHA-256 of the note's bytes; undefined for the newest checkpoint. */
  readonly note: string | undefined
  readonly size: number
  /** Since 1970. */
  readonly seconds: number
}

/** A record that cites a note: in its stream it is the first to. */
export interface Citation {
  readonly note: string
  readonly index: number
  readonly stream: string
}

/**
 * What cosignatures say about when records were made (spec/report.md, "When"). Undefined when no quorum said when.
 */
export function timesOf(seen: readonly SeenNote[], citations: readonly Citation[]): TimesAnswer | undefined {
  if (seen.length === 0) return undefined
  const bySize = [...seen].sort((a, b) => a.size - b.size || a.seconds - b.seconds)
  // A larger tree that was seen earlier dates all smaller ones too: from the largest down, the least time so far.
  const least: SeenNote[] = []
  for (const each of bySize.reverse()) if (least.length === 0 || each.seconds < least.at(-1)!.seconds) least.push(each)
  const existed = least.reverse().map(({ size, seconds }) => ({ size, time: timeOf(seconds) }))
  const secondsOf = new Map(seen.map(({ note, seconds }) => [note, seconds]))
  const made = citations.flatMap(({ note, index, stream }) => {
    const seconds = secondsOf.get(note)
    return seconds === undefined ? [] : [{ stream, index, time: timeOf(seconds) }]
  })
  return { existed, made }
}

/**
 * The window in which a record was made, as far as the quorum says; each end may be open.
 *
 * @param stream  Leaf hash of its stream's start.
 */
export function windowOf(
  { existed, made }: TimesAnswer,
  stream: string,
  index: number,
): { readonly after?: string; readonly before?: string } {
  const after = made.filter(each => each.stream === stream && each.index <= index).at(-1)
  const before = existed.find(each => each.size > index)
  return { ...(after ? { after: after.time } : {}), ...(before ? { before: before.time } : {}) }
}

/** Of a cosignature; beyond the year 2999 it is no `time` of ours, and the number of seconds will do. */
export const timeOf = (seconds: number): string => {
  const ms = seconds * 1000
  return ms < 32_503_680_000_000 && ms >= 946_684_800_000 ? formatTime(ms) : `${seconds} s after 1970`
}
