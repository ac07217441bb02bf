import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/hex.js'
import { decodeBundle, ENTRY_BYTES_MAX, encodeBundle } from './bundle.js'

const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 })
const malformed = expect.objectContaining({ code: 'bundle.length' })

it('writes each entry after its length', () => {
  expect(toHex(encodeBundle([fromHex('616263'), fromHex(''), new Uint8Array(256)]))).toBe(
    `000361626300000100${'00'.repeat(256)}`,
  )
})

it('reads back what it writes, and nothing that is longer, shorter or of another width', () => {
  fc.assert(
    fc.property(entries, list => {
      const bytes = encodeBundle(list)
      expect(decodeBundle(bytes, list.length).map(toHex)).toEqual(list.map(toHex))
      expect(() => decodeBundle(bytes.subarray(0, -1), list.length)).toThrow(malformed)
      expect(() => decodeBundle(new Uint8Array([...bytes, 0]), list.length)).toThrow(malformed)
      expect(() => decodeBundle(bytes, list.length + 1)).toThrow(malformed)
      if (list.length > 1) expect(() => decodeBundle(bytes, list.length - 1)).toThrow(malformed)
    }),
  )
})

it('reads any bytes it accepts in one way', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }).map(bytes => bytes.map(byte => byte % 5)),
      fc.integer({ min: 1, max: 8 }),
      (bytes, width) => {
        let list: Uint8Array[]
        try {
          list = decodeBundle(bytes, width)
        } catch (error) {
          expect(error).toEqual(malformed)
          return
        }
        expect(encodeBundle(list)).toEqual(bytes)
      },
    ),
    { numRuns: 2000 },
  )
})

it('holds entries of up to 65,535 bytes and 256 of them', () => {
  const longest = new Uint8Array(ENTRY_BYTES_MAX).fill(7)
  expect(decodeBundle(encodeBundle([longest]), 1)).toEqual([longest])
  expect(() => encodeBundle([new Uint8Array(ENTRY_BYTES_MAX + 1)])).toThrow(RangeError)
  expect(() => encodeBundle([])).toThrow(RangeError)
  expect(() => encodeBundle(Array.from({ length: 257 }, () => longest))).toThrow(RangeError)
  expect(() => decodeBundle(new Uint8Array(0), 0)).toThrow(RangeError)
})

it('refuses a bundle that ends inside a length', () => {
  expect(() => decodeBundle(fromHex(''), 1)).toThrow(malformed)
  expect(() => decodeBundle(fromHex('00'), 1)).toThrow(malformed)
  expect(() => decodeBundle(fromHex('0001'), 1)).toThrow(malformed)
  expect(() => decodeBundle(fromHex('ffff'), 1)).toThrow(malformed)
})
