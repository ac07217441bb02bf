/** Where progress is drawn: standard error, and only where a person looks at it. */
export interface ProgressLine {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const SILENT_MS = 1000
const REDRAW_MS = 100

/**
 * A line that counts while something takes longer than a second. Draws nothing before that, and nothing at all where
 * standard error is no terminal: a pipe or a file would keep every redrawing.
 */
export class Progress {
  readonly #line: ProgressLine
  readonly #label: string
  readonly #now: () => number
  readonly #began: number
  #drawn = 0

  /** @param label  What is being done, one trusted line: `checking records`. */
  constructor(line: ProgressLine, label: string, now: () => number = Date.now) {
    this.#line = line
    this.#label = label
    this.#now = now
    this.#began = now()
  }

  /** `done` of `total` (when known) units are behind us. Cheap enough for every record. */
  update(done: number, total?: number): void {
    if (this.#line.isTTY !== true) return
    const now = this.#now()
    if (now - this.#began < SILENT_MS || now - this.#drawn < REDRAW_MS) return
    this.#drawn = now
    const of = total === undefined ? '' : ` of ${total.toLocaleString('en-US')}`
    this.#line.write(`\r\x1b[K${this.#label}: ${done.toLocaleString('en-US')}${of}`)
  }

  /** Takes the line away again, so that what follows stands alone. */
  end(): void {
    if (this.#drawn > 0) this.#line.write('\r\x1b[K')
  }
}
