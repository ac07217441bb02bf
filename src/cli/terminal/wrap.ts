import { width } from './width.js'

/**
 * `text` in lines of at most `columns`, broken at spaces. A word that is longer than a line keeps its line to itself: a
 * key or a hash must survive being copied, so it is never broken.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line === '') line = word
    else if (width(line) + 1 + width(word) <= columns) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  lines.push(line)
  return lines
}

// However deep a label indents, some words fit beside it.
const TEXT_COLUMNS_MIN = 20

/** `text` behind `label`, wrapped, with its later lines under its first: two columns of one row. */
export function hang(label: string, text: string, columns: number): string[] {
  const lines = wrap(text, Math.max(columns - width(label), TEXT_COLUMNS_MIN))
  const margin = ' '.repeat(width(label))
  return lines.map((line, i) => (i === 0 ? label : margin) + line)
}
