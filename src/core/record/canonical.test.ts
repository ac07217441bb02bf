import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toUtf8 } from '../bytes/utf8.js'
import { canonicalBytes, canonicalize, parseJson, parseRecordJson } from './canonical.js'
import type { Json } from './types.js'

const LIMITS = { what: 'value', bytesMax: 1e6, depthMax: 100, recordValues: false }

/** RFC 8785 the slow way: every name sorted, every string by JSON.stringify. */
function reference(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(reference).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const object = value as { readonly [name: string]: Json }
  const names = Object.keys(object).sort((a, b) => (a < b ? -1 : 1))
  return `{${names.map(name => `${JSON.stringify(name)}:${reference(object[name]!)}`).join(',')}}`
}

const json = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' }) as fc.Arbitrary<Json>

describe('canonicalize', () => {
  it('agrees with a slow reference, and parses back to itself', () => {
    fc.assert(
      fc.property(json, value => {
        const text = canonicalize(value)
        expect(text).toBe(reference(value))
        expect(canonicalize(parseJson(toUtf8(text), LIMITS))).toBe(text)
      }),
    )
  })

  it('is the only text of its value that is read', () => {
    fc.assert(
      fc.property(json, value => {
        const text = canonicalize(value)
        for (const other of [JSON.stringify(value, null, 1), `${text} `, ` ${text}`, text.replace('"', '"\\u0061')])
          if (other !== text) expect(() => parseJson(toUtf8(other), LIMITS)).toThrow()
      }),
    )
  })

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
    ['a function', () => 1],
    ['an absent member', { a: undefined }],
    ['a hole', new Array(1)],
    ['a lone surrogate', '\ud800'],
    ['a name with one', { '\udc00': 1 }],
  ])('throws for %s', (_, value) => {
    expect(() => canonicalize(value as Json)).toThrow(TypeError)
  })

  it('throws for a cycle instead of overflowing the stack', () => {
    const cycle: unknown[] = []
    cycle.push(cycle)
    expect(() => canonicalize(cycle as Json)).toThrow('nested deeper than')
  })

  it('writes -0 as 0, which is how RFC 8785 has it', () => {
    expect(canonicalize([-0])).toBe('[0]')
  })
})

describe('a record’s JSON', () => {
  it('names the cause in its code', () => {
    const code = (text: string | Uint8Array): string => {
      try {
        parseRecordJson(typeof text === 'string' ? toUtf8(text) : text)
        return 'none'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(code('')).toBe('record.length')
    expect(code('x'.repeat(16_385))).toBe('record.length')
    expect(code(new Uint8Array([0xff]))).toBe('record.utf8')
    expect(code('{')).toBe('record.syntax')
    expect(code('\ufeff{}')).toBe('record.syntax')
    expect(code('[[[[[[[[[]]]]]]]]]')).toBe('record.depth')
    expect(code('[null]')).toBe('record.value')
    expect(code('[1.5]')).toBe('record.value')
    expect(code('["\\ud800"]')).toBe('record.value')
    expect(code('[1, 2]')).toBe('record.canonical')
    expect(code('[-0]')).toBe('record.canonical')
    expect(code('{"b":1,"a":2}')).toBe('record.canonical')
  })

  it('does not write hostile text into its message as it stands', () => {
    expect(() => parseRecordJson(toUtf8('\u001b[2J\u009b'))).toThrow(/\\u001b\[2J\\u009b/)
  })

  it('is not misled by a changed prototype', () => {
    Object.defineProperty(Object.prototype, 'toJSON', { value: () => 'x', configurable: true })
    try {
      expect(parseRecordJson(toUtf8('{"a":1}'))).toEqual({ a: 1 })
      expect(() => parseRecordJson(toUtf8('"x"'))).not.toThrow()
      expect(canonicalBytes({ b: 1, a: 2 })).toEqual(toUtf8('{"a":2,"b":1}'))
    } finally {
      Reflect.deleteProperty(Object.prototype, 'toJSON')
    }
  })
})
