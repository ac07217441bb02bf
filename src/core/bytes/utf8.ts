import { MalformedError } from '../errors.js'

const encoder = new TextEncoder()
// Without `ignoreBOM` the decoder silently drops a leading BOM, and two byte strings would read as one text.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 of `text`. Lone surrogates become U+FFFD: check `isWellFormed` first where that matters. */
export const toUtf8 = (text: string): Uint8Array => encoder.encode(text)

/**
 * The text of UTF-8 `bytes`; a byte-order mark is kept as a character.
 * @throws {MalformedError} `utf8` for ill-formed bytes: overlong forms, surrogates, truncated sequences.
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new MalformedError('utf8', 'the bytes are not well-formed UTF-8', { cause })
  }
}

/** Whether `text` has no lone surrogate (`String.prototype.isWellFormed`, which ES2022 lacks). */
export const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text)

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
