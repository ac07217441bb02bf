import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AppendEntry } from './backend.js'
import {
  decodeFrameHeader,
  decodeFramePayload,
  encodeFrame,
  FRAME_HEADER_BYTES,
  isIncompleteWrite,
  isPayloadOf,
} from './frame.js'

const json = fc.string({ minLength: 1, maxLength: 60 }).map(text => new TextEncoder().encode(JSON.stringify({ text })))
const entries = fc.array(fc.record({ record: json, disclosures: json }, { requiredKeys: ['record'] }), {
  minLength: 1,
  maxLength: 5,
})
const first = fc.maxSafeNat().filter(index => index < 2 ** 53 - 10)

const plain = (list: readonly AppendEntry[]) =>
  list.map(({ record, disclosures }) => [[...record], disclosures && [...disclosures]])

test('a frame gives back the index and the entries it was made of', () => {
  fc.assert(
    fc.property(first, entries, (index, list) => {
      const frame = encodeFrame(index, list as AppendEntry[])
      const header = decodeFrameHeader(frame)!
      const payload = frame.subarray(FRAME_HEADER_BYTES)
      expect(header).toMatchObject({ first: index, count: list.length })
      expect(isPayloadOf(header, payload)).toBe(true)
      expect(plain(decodeFramePayload(header, payload))).toEqual(plain(list as AppendEntry[]))
    }),
  )
})

test('every beginning of a frame is an incomplete write, and no frame with a flipped bit is', () => {
  fc.assert(
    fc.property(first, entries, fc.nat(), fc.nat({ max: 4096 }), (index, list, place, at) => {
      const frame = encodeFrame(index, list as AppendEntry[])
      const length = place % frame.length
      if (length > 0) expect(isIncompleteWrite(frame.subarray(0, length), at, index)).toBe(true)
      const flipped = frame.slice()
      flipped[length]! ^= 1 << (place % 8)
      expect(isIncompleteWrite(flipped, at, index)).toBe(false)
      const header = decodeFrameHeader(flipped)
      expect(header !== undefined && isPayloadOf(header, flipped.subarray(FRAME_HEADER_BYTES))).toBe(false)
    }),
  )
})

test('zeros are an incomplete write only when no frame follows them', () => {
  const frame = encodeFrame(7, [{ record: new Uint8Array(900).fill(0x61) }])
  const zeros = new Uint8Array(1024)
  expect(isIncompleteWrite(zeros, 0, 7)).toBe(true)
  expect(isIncompleteWrite(new Uint8Array([...zeros, ...frame]), 0, 7)).toBe(false)
  const hole = frame.slice()
  hole.fill(0, 512 - 100, 1024 - 100)
  expect(isIncompleteWrite(hole, 100, 7)).toBe(true)
})

test('refuses entries that do not fill the payload, and a header that promises too many', () => {
  const frame = encodeFrame(0, [{ record: new Uint8Array(10) }])
  const header = decodeFrameHeader(frame)!
  const payload = frame.subarray(FRAME_HEADER_BYTES)
  expect(() => decodeFramePayload({ ...header, count: 2 }, payload)).toThrow('ends inside an entry')
  expect(() => decodeFramePayload(header, new Uint8Array([...payload, 0]))).toThrow('goes on')
  expect(() => encodeFrame(0, [])).toThrow(RangeError)
})
