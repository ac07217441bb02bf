import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalize, formatRecordJson } from './canonical.js'
import { capture } from './capture.js'
import { splitFields } from './fields.js'
import type { Json } from './types.js'
import { writeFields } from './written-fields.js'

const anything = fc.anything({ withBigInt: true, withMap: true, maxDepth: 5, key: fc.string({ unit: 'binary' }) })
const records = fc.letrec<{ value: Json }>(tie => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.boolean() as fc.Arbitrary<Json>,
    fc.maxSafeInteger(),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 3 }), tie('value'), { maxKeys: 5 }),
  ),
})).value

it('writes a value once, with the fields and paths that splitting it and writing each would give', () => {
  const check = (value: unknown) => {
    const e = capture(value)
    const { paths, values } = splitFields(e)
    const isWhole = paths.length === 1 && paths[0]!.length === 0
    expect(writeFields(e)).toEqual({
      text: canonicalize(e),
      paths: canonicalize(paths),
      fields: values.map(canonicalize),
      isWhole,
    })
  }
  fc.assert(fc.property(anything, check), { numRuns: 2000 })
  fc.assert(fc.property(fc.array(fc.array(anything, { maxLength: 9 }), { maxLength: 70 }), check), { numRuns: 300 })
  check(JSON.parse('{"":{"":[]},"$a":{"b":1},"__proto__":[2],"10":1,"9":{"x":1}}'))
  check(Array.from({ length: 64 }, (_, i) => [i]))
  check(Array.from({ length: 32 }, (_, i) => [i, [i]]))
  let deep: unknown = 1
  for (let i = 0; i < 70; i++) deep = { a: deep }
  check(deep)
})

it('writes records by the engine’s own writer or by ours, and the bytes are the same', () => {
  fc.assert(
    fc.property(records, value => {
      let ours: Uint8Array | string
      try {
        ours = new TextEncoder().encode(canonicalize(value))
        if (ours.length > 16_384) return
      } catch (error) {
        ours = (error as Error).name
      }
      let bytes: Uint8Array | string
      try {
        bytes = formatRecordJson(value)
      } catch (error) {
        bytes = (error as Error).name
      }
      expect(bytes).toEqual(ours)
    }),
    { numRuns: 3000 },
  )
})

it.each([
  ['a Date', { v: new Date(0) }],
  ['a boxed number', { v: Object(1) }],
  ['its own writer', { v: { a: 1, toJSON: undefined } }],
  ['a hidden writer', { v: Object.defineProperty({ a: 1 }, 'toJSON', { value: () => 7, enumerable: false }) }],
  ['undefined', { v: undefined }],
  ['a function', { v: () => 1 }],
  ['a hole', { v: Array(1) }],
  ['a lone surrogate', { v: '\ud800' }],
  ['a lone surrogate as a name', { v: { '\udfff': 1 } }],
  ['a text about escapes', { v: '\\ud800' }],
  ['__proto__', { v: JSON.parse('{"__proto__":1,"a":2}') }],
])('writes %s as `canonicalize` does', (_, value) => {
  const by = (write: () => Uint8Array) => {
    try {
      return new TextDecoder().decode(write())
    } catch (error) {
      return (error as Error).name
    }
  }
  const json = value as unknown as Json
  expect(by(() => formatRecordJson(json))).toBe(by(() => new TextEncoder().encode(canonicalize(json))))
})
