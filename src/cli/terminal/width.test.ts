import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cut, padTo, width } from './width.js'
import { hang, wrap } from './wrap.js'

describe('width', () => {
  it.each([
    ['plain', 5],
    ['naïve', 5],
    ['nai\u0308ve', 5],
    ['読む', 4],
    ['한국', 4],
    ['🙂', 2],
    ['ｆｕｌｌ', 8],
    ['', 0],
  ])('counts the columns of %j', (text, columns) => expect(width(text)).toBe(columns))
})

describe('cut', () => {
  it('leaves what fits and marks what it took', () => {
    expect(cut('exactly', 7)).toBe('exactly')
    expect(cut('exactly!', 7)).toBe('exactl…')
  })

  it('never splits a wide character over the edge', () => {
    expect(cut('読む人', 5)).toBe('読む…')
    expect(cut('読む人', 4)).toBe('読…')
  })

  it('fills what is shorter', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, columns) => {
        expect(width(padTo(text, columns))).toBe(columns)
      }),
    )
  })
})

describe('wrap', () => {
  it('breaks at spaces and never inside a word', () => {
    expect(wrap('the key example.com/deeds+1234abcd+AAAAAAAA is not known', 20)).toEqual([
      'the key',
      'example.com/deeds+1234abcd+AAAAAAAA',
      'is not known',
    ])
  })

  it('hangs later lines under the first', () => {
    expect(hang('  why: ', 'one two three four five six', 30)).toEqual(['  why: one two three four five', '       six'])
  })
})
