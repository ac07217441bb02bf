import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { canonicalize } from './canonical.js'
import { capture } from './capture.js'
import { commit, Salts } from './commitment.js'
import {
  type Disclosure,
  discloseInFull,
  discloseInPart,
  formatDisclosure,
  formatDisclosureSet,
  type PartialDisclosure,
  parseDisclosure,
  parseDisclosureSet,
  verifyDisclosure,
  withholdAllBut,
} from './disclosure.js'
import { formatFullDisclosures } from './disclosure-set.js'
import { splitFields } from './fields.js'
import type { Json } from './types.js'

const key32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const value = fc
  .anything({
    withMap: true,
    withDate: true,
    maxDepth: 4,
    key: fc.constantFrom('a', 'b', 'c', '', '0', '1', '$x', '__proto__'),
  })
  .map(v => capture(v))

const KEY = new Uint8Array(32).fill(7)
const bytes = (json: unknown): Uint8Array => toUtf8(canonicalize(json as Json))

describe('commitments', () => {
  it('differ when the value differs, and when the key does', () => {
    fc.assert(
      fc.property(value, value, key32, key32, (a, b, k, l) => {
        const same = canonicalize(a) === canonicalize(b)
        expect(commit(a, k).root === commit(b, k).root).toBe(same)
        expect(commit(a, k).root === commit(a, l).root).toBe(Buffer.compare(k, l) === 0)
      }),
    )
  })

  it('never use one salt twice', () => {
    const seen = new Set<string>()
    for (let k = 0; k < 50; k++) {
      const salts = new Salts(new Uint8Array(32).fill(k))
      for (let i = 0; i <= 64; i++) seen.add(Buffer.from(salts.at(i)).toString('hex'))
    }
    expect(seen.size).toBe(50 * 65)
  })

  it('take a key of 32 bytes and no other', () => {
    expect(() => commit(5, new Uint8Array(31))).toThrow(RangeError)
    expect(() => commit(5, new Uint8Array(33))).toThrow(RangeError)
  })
})

describe('fields', () => {
  it('are at most 64, and the value can be rebuilt from them', () => {
    fc.assert(
      fc.property(value, e => {
        const { paths, values } = splitFields(e)
        expect(paths.length).toBeLessThanOrEqual(64)
        paths.forEach((path, i) => {
          const found = path.reduce((at: Json, step) => (at as never)[step], e)
          expect(canonicalize(found)).toBe(canonicalize(values[i]!))
        })
      }),
    )
  })
})

describe('a disclosure', () => {
  it('in full proves its value, through its bytes', () => {
    fc.assert(
      fc.property(value, key32, (e, k) => {
        const proved = verifyDisclosure(parseDisclosure(formatDisclosure(discloseInFull(e, k))), commit(e, k))
        expect(canonicalize((proved as { value: Json }).value)).toBe(canonicalize(e))
      }),
    )
  })

  it('in part proves any set of fields, and any single change is refused', () => {
    fc.assert(
      fc.property(value, key32, fc.infiniteStream(fc.boolean()), fc.nat(), fc.nat(), (e, k, choose, where, to) => {
        const fields = splitFields(e)
        fc.pre(fields.paths[0]!.length > 0)
        const shown = fields.paths.filter(() => choose.next().value)
        const commitment = commit(e, k)
        const text = fromUtf8(formatDisclosure(discloseInPart(e, k, shown)))
        const proved = verifyDisclosure(parseDisclosure(toUtf8(text)), commitment) as Exclude<
          ReturnType<typeof verifyDisclosure>,
          { value: Json }
        >
        expect(proved.fields.map(field => field.path)).toEqual(shown)
        expect(proved.fields.length + proved.withheld.length).toBe(fields.paths.length)

        const at = where % text.length
        const other = text.slice(0, at) + String.fromCharCode(32 + (to % 95)) + text.slice(at + 1)
        fc.pre(other !== text)
        expect(() => verifyDisclosure(parseDisclosure(toUtf8(other)), commitment)).toThrow()
      }),
      { numRuns: 1000 },
    )
  })

  it('in part can be narrowed, to the same bytes as if made so', () => {
    const e = { a: { b: 1, c: [2, 3] }, d: { $date: 4 } }
    const all = discloseInPart(e, KEY, [[]])
    expect(withholdAllBut(all, [['a', 'c']])).toEqual(discloseInPart(e, KEY, [['a', 'c']]))
    expect(() => withholdAllBut(withholdAllBut(all, [['d']]), [['a']])).toThrow(RangeError)
  })

  it('keeps nothing of what it withholds', () => {
    const text = fromUtf8(formatDisclosure(discloseInPart({ a: 'secret-one', b: 'x' }, KEY, [['b']])))
    expect(text).not.toContain('secret-one')
    expect(text).not.toContain(Buffer.from(KEY).toString('base64'))
  })

  it('is not made for a field that is not there', () => {
    for (const path of [['b'], ['a', 0], [0], ['a', 'b']])
      expect(() => discloseInPart({ a: 1 }, KEY, [path])).toThrow(RangeError)
    expect(() => discloseInPart([1], KEY, [['0']])).toThrow(RangeError)
    expect(() => discloseInPart(5, KEY, [[]])).toThrow('in full only')
  })

  it('of an unknown scheme is refused, and accuses nobody', () => {
    const commitment = { ...commit(5, KEY), scheme: 'f2' }
    expect(() => verifyDisclosure(discloseInFull(5, KEY), commitment)).toThrow(
      expect.objectContaining({ name: 'MalformedError', code: 'disclosure.scheme' }),
    )
  })

  it('that was never parsed is checked all the same', () => {
    const part = discloseInPart({ a: 1, b: 2 }, KEY, [['a']])
    const commitment = commit({ a: 1, b: 2 }, KEY)
    const deep = JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`) as Json
    const cases: [string, unknown][] = [
      ['disclosure.paths', { ...part, paths: [['a'], ['a']] }],
      ['disclosure.salt', { ...part, salt: 'AAAA' }],
      ['disclosure.depth', { key: discloseInFull(1, KEY).key, value: deep }],
    ]
    for (const [code, hostile] of cases)
      expect(() => verifyDisclosure(hostile as PartialDisclosure, commitment)).toThrow(
        expect.objectContaining({ code }),
      )
  })
})

describe('a disclosure set', () => {
  const set: ReadonlyMap<string, Disclosure> = new Map<string, Disclosure>([
    ['args', discloseInFull({ a: 1 }, KEY)],
    ['error.message', discloseInFull('no', KEY)],
  ])

  it('comes back as it was, erased fields among them', () => {
    const erased = new Map<string, Disclosure>([...set, ['output', discloseInPart({ a: 1, b: 2 }, KEY, [['b']])]])
    for (const one of [set, erased]) expect(parseDisclosureSet(formatDisclosureSet(one))).toEqual(one)
  })

  it.each<[string, Uint8Array, string]>([
    ['nothing in it', bytes({}), 'disclosures.count'],
    ['a list', bytes([]), 'disclosures.object'],
    ['a path that is none', bytes({ 'args..x': discloseInFull(1, KEY) }), 'disclosures.path'],
    ['the path __proto__', bytes(JSON.parse('{"__proto__":{}}')), 'disclosures.path'],
    ['something else in it', bytes({ args: 5 }), 'disclosure.members'],
    ['a space', toUtf8(`${fromUtf8(formatDisclosureSet(set))} `), 'disclosures.canonical'],
    [
      '65 of them',
      bytes(Object.fromEntries(Array.from({ length: 65 }, (_, i) => ['a'.repeat(i + 1), 5]))),
      'disclosures.count',
    ],
  ])('with %s is refused', (_, hostile, code) => {
    expect(() => parseDisclosureSet(hostile)).toThrow(expect.objectContaining({ code }))
  })

  it('has the same bytes when it is put together from texts', () => {
    const values = new Map<string, Json>([
      ['output', { z: [1, { '': 'ä' }], $$a: null }],
      ['args', capture({ b: undefined, a: new Map([[1, -0]]) })],
      ['error.message', 'no "quotes"'],
    ])
    const texts = new Map([...values].map(([path, value]) => [path, { key: KEY, text: canonicalize(value) }]))
    const whole = new Map([...values].map(([path, value]) => [path, discloseInFull(value, KEY)]))
    expect(fromUtf8(formatFullDisclosures(texts))).toBe(fromUtf8(formatDisclosureSet(whole)))
    expect(() => formatFullDisclosures(new Map([['a"b', { key: KEY, text: '1' }]]))).toThrow(RangeError)
  })

  it('is not written for a path that is none', () => {
    expect(() => formatDisclosureSet(new Map([['a b', discloseInFull(1, KEY)]]))).toThrow(RangeError)
    expect(() => formatDisclosureSet(new Map())).toThrow(RangeError)
  })
})
