import { describe, expect, it } from 'vitest'
import { PLAIN } from '../terminal/paint.js'
import { type Column, Table } from './table.js'

type Row = readonly [n: string, id: string, tool: string]
const COLUMNS: readonly Column<Row>[] = [
  { title: 'N', columns: 3, rank: 0, align: 'right', text: row => row[0] },
  { title: 'ID', columns: 10, rank: 1, text: row => row[1] },
  { title: 'TOOL', columns: 6, rank: 0, text: row => row[2] },
]
const ROW: Row = ['7', 'abcdefghij', 'a tool with a long name']

describe('Table', () => {
  it('leaves out what there is no room for, and cuts the last column to the terminal', () => {
    const table = new Table(COLUMNS, 20)
    expect([table.head(PLAIN), table.row(ROW, PLAIN)]).toEqual(['  N  TOOL', '  7  a tool with a …'])
  })

  it('shows more where there is more room', () => {
    const table = new Table(COLUMNS, 30)
    expect([table.head(PLAIN), table.row(ROW, PLAIN)]).toEqual([
      '  N  ID          TOOL',
      '  7  abcdefghij  a tool with …',
    ])
  })

  it('cuts nothing in a pipe', () => {
    const table = new Table(COLUMNS, undefined)
    expect(table.row(ROW, PLAIN)).toBe('  7  abcdefghij  a tool with a long name')
    expect(table.row(['1234', 'longer than ten', 'x'], PLAIN)).toBe('1234  longer than ten  x')
  })

  it('keeps columns in line behind wide characters', () => {
    const table = new Table<Row>([{ title: 'A', columns: 4, rank: 0, text: r => r[1] }, COLUMNS[2]!], 20)
    expect(table.row(['', '読む人', 'x'], PLAIN)).toBe('読…   x')
  })
})
