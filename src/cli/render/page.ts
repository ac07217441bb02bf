import type { Paint } from '../terminal/paint.js'
import { hang } from '../terminal/wrap.js'

/** How a text is to look: what it may be painted with, and how wide it may be. */
export interface Look {
  readonly paint: Paint
  /** Columns of a page, from 40. */
  readonly columns: number
}

const LABEL_COLUMNS = 14

/** A page of headed sections, built line by line. Everything handed to it is already safe for a terminal. */
export class Page {
  readonly #lines: string[] = []
  readonly #look: Look

  constructor(look: Look) {
    this.#look = look
  }

  heading(text: string): this {
    if (this.#lines.length > 0) this.#lines.push('')
    this.#lines.push(this.#look.paint.strong(text))
    return this
  }

  /** One named fact; later lines of a long one hang under its first. `paint` colours its first line only by whole words. */
  fact(label: string, text: string, paint: (text: string) => string = same): this {
    const name = column(label)
    const [first = '', ...rest] = hang(name, text, this.#look.columns)
    this.#lines.push(name + paint(first.slice(name.length)), ...rest.map(line => paint(line)))
    return this
  }

  /** A fact whose value is there to be copied: never wrapped. */
  value(label: string, text: string): this {
    this.#lines.push(column(label) + text)
    return this
  }

  /** A paragraph behind a bullet or an indent. */
  item(bullet: string, text: string): this {
    this.#lines.push(...hang(bullet, text, this.#look.columns))
    return this
  }

  /** A line as it stands. */
  line(text: string): this {
    this.#lines.push(text)
    return this
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

/** A label that is longer than its column still stands apart from what it labels. */
const column = (label: string): string =>
  `  ${label.length < LABEL_COLUMNS ? label.padEnd(LABEL_COLUMNS) : `${label}  `}`

const same = (text: string): string => text

/** `1 record`, `2 records`, `1,234 records`. */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`

/** Names with their numbers, greatest first: `read 12, write 3, and 4 more`. */
export function tally(counts: Readonly<Record<string, number>>, name: (key: string) => string, most: number): string {
  const rows = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
  const shown = rows.slice(0, most).map(([key, n]) => `${name(key)} ${n.toLocaleString('en-US')}`)
  return [...shown, ...(rows.length > most ? [`and ${rows.length - most} more`] : [])].join(', ')
}
