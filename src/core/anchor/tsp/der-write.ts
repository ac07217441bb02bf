import { concatBytes } from '../../bytes/equal.js'
import { TAG } from './der.js'

/** A value: tag, shortest length, content. */
export function encode(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const inside = concatBytes(...content)
  const { length } = inside
  const long = [...hexPairs(length.toString(16))]
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 + long.length, ...long]
  return concatBytes(new Uint8Array(header), inside)
}

export const sequence = (...values: readonly Uint8Array[]): Uint8Array => encode(TAG.sequence, ...values)

/** An integer from 0, given as a number or as its big-endian bytes. */
export function integer(value: number | Uint8Array): Uint8Array {
  let bytes = typeof value === 'number' ? new Uint8Array(hexPairs(value.toString(16))) : value
  while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.subarray(1)
  return bytes[0]! >= 0x80 ? encode(TAG.integer, new Uint8Array([0]), bytes) : encode(TAG.integer, bytes)
}

export const octets = (bytes: Uint8Array): Uint8Array => encode(TAG.octetString, bytes)

export const boolean = (value: boolean): Uint8Array => encode(TAG.boolean, new Uint8Array([value ? 0xff : 0]))

/** @param dotted  An object identifier, such as `2.16.840.1.101.3.4.2.1`. */
export function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split('.').map(BigInt)
  const bytes = [first! * 40n + second!, ...rest].flatMap(arc => {
    const digits = [Number(arc % 128n)]
    for (let left = arc / 128n; left > 0n; left /= 128n) digits.unshift(0x80 + Number(left % 128n))
    return digits
  })
  return encode(TAG.oid, new Uint8Array(bytes))
}

const hexPairs = (hex: string): number[] =>
  hex
    .padStart(2 * Math.ceil(hex.length / 2), '0')
    .match(/../g)!
    .map(pair => Number.parseInt(pair, 16))
