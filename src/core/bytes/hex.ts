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
export const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
