import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeKey,
  decodeSig,
  encodeKey,
  encodeSig,
  formatTime,
  isBin,
  isId,
  isInt,
  isTime,
  timeMs,
  ulid,
} from './formats.js'

describe('times', () => {
  it('are written and read back, for every millisecond of the thousand years', () => {
    const first = Date.UTC(2000, 0, 1)
    const last = Date.UTC(2999, 11, 31, 23, 59, 59, 999)
    fc.assert(fc.property(fc.integer({ min: first, max: last }), ms => timeMs(formatTime(ms)) === ms))
    for (const ms of [first - 1, last + 1, Number.NaN, Number.POSITIVE_INFINITY, 1e300])
      expect(() => formatTime(ms)).toThrow(RangeError)
    expect(formatTime(first + 0.9)).toBe('2000-01-01T00:00:00.000Z')
  })

  it('exist exactly when a calendar has them', () => {
    const part = (max: number) => fc.integer({ min: 0, max }).map(n => `${n}`.padStart(2, '0'))
    fc.assert(
      fc.property(
        fc.integer({ min: 2000, max: 2999 }),
        part(14),
        part(33),
        part(25),
        part(61),
        (year, month, day, hour, minute) => {
          const time = `${year}-${month}-${day}T${hour}:${minute}:30.000Z`
          const date = new Date(time)
          expect(isTime(time)).toBe(!Number.isNaN(date.getTime()) && date.toISOString() === time)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('ids', () => {
  it('hold the time and the chance they were made of', () => {
    const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
    const value = (text: string): bigint =>
      [...text].reduce((sum, digit) => sum * 32n + BigInt(digits.indexOf(digit)), 0n)
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 10, maxLength: 10 }), (n, random) => {
        const ms = n % 2 ** 48
        const id = ulid(ms, random)
        expect(isId(id)).toBe(true)
        expect(value(id.slice(0, 10))).toBe(BigInt(ms))
        expect(value(id.slice(10))).toBe(random.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n))
      }),
    )
    expect(() => ulid(2 ** 48, new Uint8Array(10))).toThrow(RangeError)
    expect(() => ulid(0, new Uint8Array(9))).toThrow(RangeError)
  })
})

describe('base64', () => {
  it('has one text for one byte string', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), bytes => {
        const text = Buffer.from(bytes).toString('base64')
        expect(isBin(text)).toBe(true)
        expect(isBin(text, bytes.length)).toBe(true)
        expect(isBin(text, bytes.length + 1)).toBe(false)
      }),
    )
  })

  it('refuses every other text that a lenient decoder takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'AQgwBx9+/=-_ \n'), maxLength: 12 }), text => {
        expect(isBin(text)).toBe(Buffer.from(text, 'base64').toString('base64') === text)
      }),
      { numRuns: 3000 },
    )
  })
})

it('keys and signatures come back as they were', () => {
  expect(decodeKey(encodeKey(new Uint8Array(32).fill(9)))).toEqual(new Uint8Array(32).fill(9))
  expect(decodeSig(encodeSig(new Uint8Array(64).fill(9)))).toEqual(new Uint8Array(64).fill(9))
  expect(() => encodeKey(new Uint8Array(31))).toThrow(RangeError)
  expect(() => encodeSig(new Uint8Array(65))).toThrow(RangeError)
  expect(() => decodeKey('AAAA')).toThrow('is no key')
  expect(() => decodeSig('AAAA')).toThrow('is no signature')
})

it('an int is a safe integer from 0, and nothing that prints like one', () => {
  for (const good of [0, 1, 2 ** 53 - 1]) expect(isInt(good)).toBe(true)
  for (const bad of [-1, 0.5, 2 ** 53, Number.NaN, '1', true, null, [1], 1n]) expect(isInt(bad)).toBe(false)
})
