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

/** Bytes of `toUtf8(text)`. */
export function utf8Length(text: string): number {
  let length = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // A pair of surrogates has four bytes for two units; a lone one becomes U+FFFD, which has three.
    if (unit >= 0x80) length += unit < 0x800 || isPair(text, i) || (i > 0 && isPair(text, i - 1)) ? 1 : 2
  }
  return length
}

const isPair = (text: string, at: number): boolean =>
  (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00

/** Whether `text` has no lone surrogate (`String.prototype.isWellFormed`, which ES2022 lacks). */
export const isWellFormed = (text: string): boolean => !LONE_SURROGATE.test(text)

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/
