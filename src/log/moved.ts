import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'

/** What the mark of a log says that lives on elsewhere. Format: `spec/layout.md`. */
export interface Moved {
  /** Where it went: a path, as it was on the machine that moved it. */
  readonly to: string
  /** When, by that machine's clock: a `time` of spec/record.md section 1. */
  readonly time: string
}

export const formatMoved = ({ to, time }: Moved): Uint8Array => toUtf8(`${JSON.stringify({ to, time }, null, 2)}\n`)

/**
 * Never throws: the mark counts by being there. A path that cannot be read is given as empty.
 */
export function parseMoved(bytes: Uint8Array): Moved {
  try {
    const value = JSON.parse(fromUtf8(bytes)) as { to?: unknown; time?: unknown } | null
    const text = (member: unknown): string => (typeof member === 'string' ? member : '')
    return { to: text(value?.to), time: text(value?.time) }
  } catch {
    // Only a disk that lost bytes leaves such a mark: it is written whole or not at all.
    return { to: '', time: '' }
  }
}
