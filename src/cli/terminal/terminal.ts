import { once } from 'node:events'
import { type Paint, paintFor } from './paint.js'

/** What a command may know of, and say to, the world it was started from. */
export interface Terminal {
  /** Writes to standard output; resolves when its reader can take more, so that a long list needs no memory. */
  out(text: string): Promise<void>
  /** Writes to standard error. */
  err(text: string): void
  /** Columns of standard output; undefined in a pipe or a file, where nothing is cut. */
  readonly columns: number | undefined
  readonly errColumns: number | undefined
  readonly paint: Paint
  readonly errPaint: Paint
}

/** Columns that reports are laid out in where there is no terminal to ask. */
export const PAGE_COLUMNS = 80

// Narrower, the columns of a table have no room left.
const COLUMNS_MIN = 40

export const processTerminal = (): Terminal => ({
  out: async text => {
    if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  },
  err: text => void process.stderr.write(text),
  columns: columnsOf(process.stdout),
  errColumns: columnsOf(process.stderr),
  paint: paintFor(process.stdout.isTTY === true, process.env),
  errPaint: paintFor(process.stderr.isTTY === true, process.env),
})

// A terminal that does not know its width says 0.
const columnsOf = (stream: NodeJS.WriteStream): number | undefined =>
  stream.isTTY === true ? Math.max(stream.columns || PAGE_COLUMNS, COLUMNS_MIN) : undefined
