import { ENTRY_BYTES_MAX } from '../core/tlog/index.js'
import type { RawEntry } from './source.js'

const NEWLINE = 0x0a

/**
 * Lines of a JSONL log without their newlines, from the pieces of its file in order. A line longer than any entry is
 * cut: it is no record either way. What follows the last newline is a write that was not finished, and no entry.
 *
 * @param from  First line that is wanted, from 0.
 * @param to    The line after the last.
 */
export async function* linesOf(pieces: AsyncIterable<Uint8Array>, from: number, to: number): AsyncGenerator<RawEntry> {
  if (to <= 0) return
  let index = 0
  let rest: Uint8Array = NOTHING
  for await (const piece of pieces) {
    let begin = 0
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, begin)) {
      const line = join(rest, piece.subarray(begin, end))
      rest = NOTHING
      begin = end + 1
      if (index >= from) yield { index, record: line }
      index++
      if (index >= to) return
    }
    rest = join(rest, piece.subarray(begin))
  }
}

const NOTHING = new Uint8Array(0)

/** The two together, as far as an entry can reach and one byte beyond, so that what was cut is still too long. */
function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0 && b.length <= ENTRY_BYTES_MAX) return new Uint8Array(b)
  const whole = new Uint8Array(Math.min(a.length + b.length, ENTRY_BYTES_MAX + 1))
  whole.set(a.subarray(0, whole.length))
  whole.set(b.subarray(0, whole.length - Math.min(a.length, whole.length)), Math.min(a.length, whole.length))
  return whole
}
