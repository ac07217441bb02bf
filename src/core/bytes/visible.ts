/*
 * Text from strangers on its way to a person. Tool names, agents' ids, messages and file names come from models and
 * other people's processes. A terminal obeys what it is shown: an escape sequence can rewrite earlier lines, set the
 * clipboard or the title; there and in a page a bidirectional override can reorder a sentence, and a newline can forge
 * a line of a report.
 */

/**
 * Everything that is not simply visible: controls, formats, surrogates, private use and unassigned (category C), the
 * line and paragraph separators, and characters that render as nothing (fillers, variation selectors, tags).
 */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

// More marks than this on one base are drawn over the lines above and below. No written language needs as many.
const MARKS_MAX = 3
const MARKS = new RegExp(`(\\p{M}{${MARKS_MAX}})(\\p{M}+)`, 'gu')

/**
 * A foreign string as one line that shows what is in it and nothing else. Reversible: a backslash is doubled, so that
 * the four characters `\x1b` and an escape character never look alike.
 */
export const safe = (foreign: string): string => guard(foreign.replaceAll('\\', '\\\\'))

/** As `safe` for text that was already quoted, such as an error's message: leaves backslashes as they are. */
export const guard = (text: string): string =>
  text
    .replace(UNSEEN, escaped)
    .replace(MARKS, (_, kept: string, more: string) => kept + [...more].map(escaped).join(''))

/**
 * `value` as JSON whose strings cannot steer a terminal either: JSON itself leaves C1 controls, overrides and separators
 * as they are. Escaped they mean the same.
 */
export const safeJson = (value: unknown, indent?: number): string =>
  // Outside strings JSON has no such character but the newlines of indentation.
  JSON.stringify(value, undefined, indent).replace(UNSEEN, c => (c === '\n' ? c : jsonEscaped(c)))

const SHORT = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

function escaped(character: string): string {
  const short = SHORT.get(character)
  if (short !== undefined) return short
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${hex(code, 2)}` : code < 0x10000 ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 1)}}`
}

const jsonEscaped = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join('')

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, '0')
