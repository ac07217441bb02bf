import { MalformedError, quote } from '../errors.js'
import { fromUtf8 } from './utf8.js'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const CODES = Uint8Array.from(ALPHABET, character => character.charCodeAt(0))
const PADDING = 0x3d
const VALUES = new Int16Array(128).fill(-1)
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i

/** Base64 with padding. RFC 4648 §4. */
export function toBase64(bytes: Uint8Array): string {
  // Written as ASCII and decoded at once: building a string character by character takes seconds for ten megabytes.
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4)
  const whole = bytes.length - (bytes.length % 3)
  let to = 0
  for (let i = 0; i < whole; i += 3) {
    const triple = bytes[i]! * 0x10000 + bytes[i + 1]! * 0x100 + bytes[i + 2]!
    text[to++] = CODES[triple >> 18]!
    text[to++] = CODES[(triple >> 12) & 63]!
    text[to++] = CODES[(triple >> 6) & 63]!
    text[to++] = CODES[triple & 63]!
  }
  if (whole < bytes.length) {
    const rest = bytes[whole]! * 0x100 + (bytes[whole + 1] ?? 0)
    text[to++] = CODES[rest >> 10]!
    text[to++] = CODES[(rest >> 4) & 63]!
    text[to++] = whole + 1 < bytes.length ? CODES[(rest << 2) & 63]! : PADDING
    text[to++] = PADDING
  }
  return fromUtf8(text)
}

/**
 * The bytes of padded base64, one encoding per value: no white space, no URL alphabet, padding present, unused
 * bits zero. Decoders of most platforms accept all of these, and then two texts mean one signature.
 *
 * @throws {MalformedError} `base64` for anything else.
 * @see RFC 4648 §3.3, §3.5, §4
 */
export function fromBase64(text: string): Uint8Array {
  const refuse = (why: string): never => {
    throw new MalformedError('base64', `${quote(text)} is not canonical base64: ${why}`, {
      expected: 'RFC 4648 section 4, padded, unused bits zero',
    })
  }
  if (text.length % 4 !== 0) refuse('its length is no multiple of 4')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let written = 0
  for (let i = 0; i < text.length; i += 4) {
    let triple = 0
    const last = i + 4 === text.length ? padding : 0
    for (let j = 0; j < 4; j++) {
      const code = text.charCodeAt(i + j)
      const value = j >= 4 - last ? 0 : code < 128 ? VALUES[code]! : -1
      if (value < 0) refuse('a character is outside the alphabet')
      triple = triple * 64 + value
    }
    if (last === 1 && (triple & 0xff) !== 0) refuse('unused bits are set')
    if (last === 2 && (triple & 0xffff) !== 0) refuse('unused bits are set')
    bytes[written++] = (triple >> 16) & 255
    if (last < 2) bytes[written++] = (triple >> 8) & 255
    if (last < 1) bytes[written++] = triple & 255
  }
  return bytes
}
