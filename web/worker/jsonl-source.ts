import { linesOf } from '../../src/client/lines.js'
import type { LogSource, RawEntry } from '../../src/client/source.js'
import { isHash } from '../../src/core/bytes/hex.js'
import { NOTE_BYTES_MAX } from '../../src/core/tlog/index.js'
import type { Evidence } from '../protocol.js'
import { anchorsAmong } from './anchors.js'
import { bytesOf, piecesOf } from './files.js'

/** A log in one file, a record a line; its checkpoint, the notes that its records cite, and its anchors in others. */
export function jsonlSource({
  name,
  file,
  checkpoint,
  notes,
  anchors,
}: Evidence & { readonly kind: 'jsonl' }): LogSource {
  const lines = new LineIndex()
  return {
    kind: 'jsonl',
    name,
    suppliedTrust: [],
    checkpoint: async () => (checkpoint ? bytesOf(checkpoint, NOTE_BYTES_MAX) : undefined),
    entries: ({ from = 0, to = Number.POSITIVE_INFINITY } = {}) => entriesOf(file, lines, from, to),
    note: async hash => {
      const note = isHash(hash) ? notes.get(hash) : undefined
      return note && bytesOf(note, NOTE_BYTES_MAX)
    },
    anchors: async () => anchorsAmong(anchors),
    close: async () => {},
  }
}

async function* entriesOf(file: File, lines: LineIndex, from: number, to: number): AsyncGenerator<RawEntry> {
  const { line, at } = lines.before(from)
  for await (const { index, record } of linesOf(lines.watch(piecesOf(file, at), line, at), from - line, to - line))
    yield { index: index + line, record }
}

// A call's detail reads at most so many lines to find one.
const EVERY = 256
const NEWLINE = 0x0a

/** Where each 256th line of a file begins, learned while it is read: 8 bytes for each. */
class LineIndex {
  readonly #offsets: number[] = [0]

  /** The nearest known line at or before one. */
  before(line: number): { readonly line: number; readonly at: number } {
    const i = Math.min(Math.floor(line / EVERY), this.#offsets.length - 1)
    return { line: i * EVERY, at: this.#offsets[i]! }
  }

  /** Passes pieces on, of a file from the beginning of a line on. */
  async *watch(pieces: AsyncIterable<Uint8Array>, line: number, at: number): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces) {
      for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, end + 1))
        if (++line === this.#offsets.length * EVERY) this.#offsets.push(at + end + 1)
      at += piece.length
      yield piece
    }
  }
}
