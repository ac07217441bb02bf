import type { AnchorMode } from '../core/anchor/index.js'
import { fromBase64, toBase64 } from '../core/bytes/base64.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { UnavailableError } from '../core/errors.js'

/** One anchor that is still to be had. */
export interface QueueEntry {
  readonly kind: string
  readonly name: string
  readonly mode: AnchorMode
  /** Of the checkpoint. */
  readonly size: number
  /** The signed note. */
  readonly note: Uint8Array
  /** Requests sent so far. */
  readonly attempts: number
  /** Since when a checkpoint of this size or an earlier one is owed, in milliseconds since 1970. */
  readonly owedMs: number
  /** Not before then. */
  readonly nextMs: number
  /** What `poll` goes on with; absent while nothing was submitted. */
  readonly resume?: Uint8Array
}

/** What survives a restart. */
export interface Queue {
  readonly entries: readonly QueueEntry[]
  /** When a checkpoint was last put into the queue, and of what size: the schedule goes on from there. */
  readonly scheduled?: { readonly ms: number; readonly size: number }
}

/** Longest queue file. An entry is a note and some numbers; anchors that wait for a chain are few. */
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024
/** Anchors of one kind and name that may wait for the other side at once. */
const PENDING_MAX = 64

const FORMAT = 1

export function formatQueue({ entries, scheduled }: Queue): Uint8Array {
  const list = entries.map(({ note, resume, ...entry }) => ({
    ...entry,
    note: toBase64(note),
    ...(resume === undefined ? {} : { resume: toBase64(resume) }),
  }))
  return toUtf8(`${JSON.stringify({ format: FORMAT, ...(scheduled ? { scheduled } : {}), entries: list }, null, 1)}\n`)
}

/**
 * @param path  For messages.
 * @throws {UnavailableError} `anchor.queue` for what is no queue: it is ours alone, and it is not guessed at
 */
export function parseQueue(bytes: Uint8Array, path: string): Queue {
  try {
    const { format, scheduled, entries } = JSON.parse(fromUtf8(bytes)) as Stored
    if (format !== FORMAT || !Array.isArray(entries)) throw new TypeError('another format')
    return {
      entries: entries.map(({ note, resume, ...entry }) => ({
        ...entry,
        note: fromBase64(note),
        ...(resume === undefined ? {} : { resume: fromBase64(resume) }),
      })),
      ...(scheduled === undefined ? {} : { scheduled }),
    }
  } catch (cause) {
    throw new UnavailableError('anchor.queue', `${path} is no queue of anchors`, {
      cause,
      expected: 'the file as it was written; without it what was being waited for is asked for anew',
    })
  }
}

interface Stored {
  readonly format?: unknown
  readonly scheduled?: { readonly ms: number; readonly size: number }
  readonly entries: readonly (Omit<QueueEntry, 'note' | 'resume'> & {
    readonly note: string
    readonly resume?: string
  })[]
}

/** What an anchor is called: different for every one of a log. */
export const anchorKey = ({ kind, name }: { readonly kind: string; readonly name: string }): string => `${kind} ${name}`

/** What putting a checkpoint into the queue changes. */
export interface Enqueued {
  readonly entries: readonly QueueEntry[]
  /** Older checkpoints that are not asked for any more: a later one covers them. */
  readonly superseded: readonly QueueEntry[]
}

/**
 * Puts the newest checkpoint into the queue for one anchor. Only the newest counts: it dates all that is below it. What
 * was submitted already is waited for all the same, since it was paid for, and is earlier.
 */
export function enqueue(
  entries: readonly QueueEntry[],
  anchor: { readonly kind: string; readonly name: string; readonly mode: AnchorMode },
  checkpoint: { readonly size: number; readonly note: Uint8Array },
  nowMs: number,
): Enqueued {
  const own = entries.filter(entry => anchorKey(entry) === anchorKey(anchor))
  if (own.some(entry => entry.size >= checkpoint.size)) return { entries, superseded: [] }
  const submitted = own.filter(entry => entry.resume !== undefined)
  if (submitted.length >= PENDING_MAX) return { entries, superseded: [] }
  const superseded = own.filter(entry => entry.resume === undefined)
  const { kind, name, mode } = anchor
  // A debt is not forgotten because it has grown: an authority that fails for days is overdue for days.
  const owedMs = Math.min(nowMs, ...superseded.map(entry => entry.owedMs))
  const attempts = superseded.reduce((most, entry) => Math.max(most, entry.attempts), 0)
  const nextMs = superseded.reduce((last, entry) => Math.max(last, entry.nextMs), nowMs)
  const { size, note } = checkpoint
  const fresh = { kind, name, mode, size, note, attempts, owedMs, nextMs }
  return { entries: [...entries.filter(entry => !superseded.includes(entry)), fresh], superseded }
}

/** Milliseconds until the next attempt: doubling from half a minute up to an hour, a quarter of it by chance. */
export function backoffMs(attempts: number, chance: number): number {
  const whole = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** Math.min(attempts, 20))
  // So that many logs do not come back to one authority in the same second after it was away.
  return Math.round(whole * (0.75 + 0.25 * chance))
}

const BACKOFF_MS = 30_000
const BACKOFF_MS_MAX = 3_600_000

/** Attempts after which an anchor of mode `queue` is given up: half a day of them. */
export const ATTEMPTS_MAX = 20
