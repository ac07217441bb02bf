// SDKs buffer 10 MB of a message before they give up; so much passes us.
export const MESSAGE_BYTES_MAX = 16 * 1024 * 1024

const NEWLINE = 0x0a

/** A line with its end, as bytes; `tooLong` in the place of one that exceeds the bound, whose bytes are gone. */
export type Line = { readonly bytes: Uint8Array } | { readonly tooLong: true }

/** Cuts a stream of bytes into lines. Nothing is changed: what is not too long comes out as it went in. */
export class Lines {
  readonly #bytesMax: number
  #parts: Uint8Array[] = []
  #length = 0
  #tooLong = false

  constructor(bytesMax = MESSAGE_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Whether the line that has begun is too long already. */
  get isTooLong(): boolean {
    return this.#tooLong
  }

  /** The lines that end in `chunk`. */
  *add(chunk: Uint8Array): Generator<Line> {
    for (let from = 0; from < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, from)
      const end = newline < 0 ? chunk.length : newline + 1
      this.#keep(chunk.subarray(from, end))
      from = end
      if (newline >= 0) yield this.#take()
    }
  }

  /** What is left when nothing more comes: some servers read it as a line. */
  *end(): Generator<Line> {
    if (this.#length > 0 || this.#tooLong) yield this.#take()
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length
    if (this.#length > this.#bytesMax) {
      this.#tooLong = true
      this.#parts = []
    }
    if (!this.#tooLong) this.#parts.push(part)
  }

  #take(): Line {
    const [first, ...more] = this.#parts
    const line: Line = this.#tooLong
      ? { tooLong: true }
      : { bytes: first && more.length === 0 ? first : Buffer.concat(this.#parts) }
    this.#parts = []
    this.#length = 0
    this.#tooLong = false
    return line
  }
}
