import { sha256Hex } from '#crypto'
import { toUtf8 } from '../core/bytes/utf8.js'
import { isText, isWord } from '../core/record/formats.js'

/*
 * Names of rules, engines and hosts come from files and from other people's code. A record takes them only as
 * `text` or `word` (spec/record.md §1), and a name must never be the reason why a call goes unrecorded.
 */

// `text` ends at 255 bytes; the ellipsis that marks a cut takes three of them.
const CUT_BYTES = 252

/** `value` as a `text`: itself, or what can be written of it with a mark for the rest; undefined when nothing is left. */
export function asText(value: unknown): string | undefined {
  if (isText(value)) return value
  if (typeof value !== 'string' || value === '') return undefined
  let text = ''
  let bytes = 0
  // By code point, so that no surrogate is torn from its pair; a control character or a lone one is replaced.
  for (const character of value) {
    const written = isText(character) ? character : '\ufffd'
    bytes += writtenBytes(written)
    if (bytes > CUT_BYTES) return `${text}…`
    text += written
  }
  return text
}

/** `value` as a `word`: itself, or its SHA-256, which tells two such values apart and repeats neither. */
export const asWord = (value: unknown): string => {
  const text = typeof value === 'string' ? value : ''
  return isWord(text) ? text : `sha256:${sha256Hex(toUtf8(text))}`
}

/** Bytes of one character between the quotes of a record: a quote or a backslash is written as two. */
const writtenBytes = (character: string): number => toUtf8(JSON.stringify(character)).length - 2
