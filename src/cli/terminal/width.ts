/*
 * How many columns text takes, and cutting it to fit. For text that `safe` has made free of controls.
 */

// Drawn over the character before it.
const ZERO = /^\p{M}$/u
// East Asian Wide and Fullwidth by block, and emoji that terminals draw as pictures. Coarse on purpose: a character
// counted too wide leaves a space, one counted too narrow would push a table's columns out of line.
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u

/** Columns of `text`. */
export function width(text: string): number {
  let columns = 0
  for (const character of text) columns += widthOf(character)
  return columns
}

/** The beginning of `text` in at most `columns` (from 1) columns; `…` in the last one says that there was more. */
export function cut(text: string, columns: number): string {
  if (text.length <= columns && isAscii(text)) return text
  let used = 0
  let fits = ''
  let whole = ''
  for (const character of text) {
    used += widthOf(character)
    if (used > columns) return `${fits}…`
    whole += character
    if (used < columns) fits = whole
  }
  return text
}

/** `text` cut to `columns` columns and filled up with spaces to exactly as many. */
export function padTo(text: string, columns: number): string {
  const short = cut(text, columns)
  return short + ' '.repeat(columns - width(short))
}

function widthOf(character: string): number {
  if (character < '\u0300') return 1
  return ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1
}

const isAscii = (text: string): boolean => /^[ -~]*$/.test(text)
