import { expect, it } from 'vitest'
import { formatRecordJson } from './canonical.js'
import { rememberMade } from './made-here.js'
import { parseRecord, recordLeaf } from './schema.js'
import type { JsonObject } from './shape.js'

const HASH = 'ab'.repeat(32)
const end = (seq: number): JsonObject => ({
  calls: 1,
  pending: 0,
  prev: HASH,
  seq,
  stream: HASH,
  time: '2026-11-22T09:25:00.000Z',
  type: 'stream.end',
  v: 1,
})

it('a record made here is not parsed, once, and reads like one that is', () => {
  const json = end(1)
  const bytes = formatRecordJson(json)
  const parsed = parseRecord(bytes)
  rememberMade(recordLeaf(bytes), json)
  const copy = bytes.slice()
  const known = parseRecord(copy)
  expect(known).toEqual(parsed)
  expect(known.json).toBe(json)
  expect(known.bytes).toBe(copy)
  expect(parseRecord(bytes).json).not.toBe(json)
})

it('bytes that differ in one bit are parsed, and refused as ever', () => {
  const bytes = formatRecordJson(end(2))
  rememberMade(recordLeaf(bytes), end(2))
  for (const at of [0, 20, bytes.length - 1]) {
    const other = bytes.slice()
    other[at]! ^= 0x80
    expect(() => parseRecord(other)).toThrow(expect.objectContaining({ code: 'record.utf8' }))
  }
  expect(() => parseRecord(new Uint8Array(100_000))).toThrow(expect.objectContaining({ code: 'record.length' }))
  parseRecord(bytes)
})

it('what no log takes is forgotten', () => {
  const first = formatRecordJson(end(3))
  const json = end(3)
  rememberMade(recordLeaf(first), json)
  for (let i = 0; i < 1024; i++) rememberMade(`${i}`, json)
  expect(parseRecord(first).json).not.toBe(json)
})
