import type { Paint } from '../terminal/paint.js'
import { padTo } from '../terminal/width.js'

/** One column of a table that is written row by row, so that its widths do not depend on the rows. */
export interface Column<Row> {
  readonly title: string
  /** Columns of the terminal it needs, the title included. */
  readonly columns: number
  /** 0: always shown. Others are shown where there is room, the lowest first. */
  readonly rank: number
  readonly align?: 'right'
  /** Safe for a terminal. */
  text(row: Row): string
  paint?(row: Row, paint: Paint): (text: string) => string
}

const GAP = '  '

/** Writes the head and the rows of a table. */
export class Table<Row> {
  readonly #shown: readonly Column<Row>[]
  readonly #widths: readonly number[]
  readonly #cut: boolean

  /** @param available  Columns of the terminal; undefined where nothing is to be cut or left out. */
  constructor(all: readonly Column<Row>[], available: number | undefined) {
    this.#cut = available !== undefined
    this.#shown = available === undefined ? all : choose(all, available)
    const widths = this.#shown.map(column => column.columns)
    // What is left over goes to the last column: it holds the text that varies most.
    const spare = (available ?? 0) - needed(widths)
    const last = widths.length - 1
    this.#widths = widths.map((each, i) => (i === last ? Math.max(each + spare, MIN_COLUMNS) : each))
  }

  head(paint: Paint): string {
    return paint.strong(this.#line(this.#shown.map(column => column.title)))
  }

  row(row: Row, paint: Paint): string {
    return this.#line(
      this.#shown.map(column => column.text(row)),
      this.#shown.map(column => column.paint?.(row, paint)),
    )
  }

  #line(texts: readonly string[], paints: readonly (((text: string) => string) | undefined)[] = []): string {
    const cells = texts.map((text, i) => {
      const columns = this.#widths[i] ?? 0
      const right = this.#shown[i]?.align === 'right'
      const cell = this.#cut ? padTo(text, columns) : text.padEnd(columns)
      const aligned = right ? cell.trimEnd().padStart(columns) : cell
      return paints[i]?.(aligned) ?? aligned
    })
    return cells.join(GAP).trimEnd()
  }
}

const MIN_COLUMNS = 4

const needed = (widths: readonly number[]): number =>
  widths.reduce((sum, each) => sum + each, 0) + GAP.length * Math.max(widths.length - 1, 0)

function choose<Row>(all: readonly Column<Row>[], available: number): readonly Column<Row>[] {
  const byRank = [...all].sort((a, b) => a.rank - b.rank)
  const chosen = new Set<Column<Row>>()
  for (const column of byRank) {
    const with_ = [...chosen, column].map(each => each.columns)
    if (column.rank > 0 && needed(with_) > available) break
    chosen.add(column)
  }
  return all.filter(column => chosen.has(column))
}
