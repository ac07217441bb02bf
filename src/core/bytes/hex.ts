import { MalformedError, quote } from '../errors.js'

/** `bytes` as lowercase hex, two digits each. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += PAIRS[byte]
  return hex
}

/**
 * The bytes of lowercase hex.
 * @throws {MalformedError} `hex` for an odd length or any character outside `0-9a-f`.
 */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[0-9a-f]*$/.test(hex))
    throw new MalformedError('hex', `${quote(hex)} is not lowercase hex`, { expected: 'pairs of 0-9 and a-f' })
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = 16 * digitOf(hex.charCodeAt(2 * i)) + digitOf(hex.charCodeAt(2 * i + 1))
  return bytes
}

/** The value of a digit whose character has this code: `0` to `9` have 0x30 and up, `a` to `f` 0x61 and up. */
const digitOf = (code: number): number => (code < 0x61 ? code - 0x30 : code - 0x61 + 10)

/** Whether `text` is a SHA-256 hash as records write it: 64 lowercase hex digits. */
export function isHash(text: string): boolean {
  if (text.length !== 64) return false
  // A loop: every link of every record is looked at several times, and a regular expression takes thrice as long.
  for (let i = 0; i < 64; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x30 || code > 0x66 || (code > 0x39 && code < 0x61)) return false
  }
  return true
}

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
