import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { guard, safe, safeJson } from './safe.js'

// Attack, and what a terminal would do with it raw.
const HOSTILE: readonly (readonly [name: string, foreign: string, shown: string])[] = [
  ['a newline that forges a line', 'a\nExit 0: all is well', 'a\\nExit 0: all is well'],
  ['a carriage return that overwrites the line', 'denied\rallowed', 'denied\\rallowed'],
  ['a colour', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
  ['the clipboard, by OSC 52', '\x1b]52;c;cm0gLXJm\x07', '\\x1b]52;c;cm0gLXJm\\x07'],
  ['a link, by OSC 8', '\x1b]8;;http://x\x1b\\y', '\\x1b]8;;http://x\\x1b\\\\y'],
  ['CSI as one C1 byte', '\x9b2J', '\\x9b2J'],
  ['a bidirectional override', 'a\u202egpj.exe', 'a\\u202egpj.exe'],
  ['a bidirectional isolate', '\u2066x\u2069', '\\u2066x\\u2069'],
  ['an Arabic letter mark', '\u061cx', '\\u061cx'],
  ['a zero-width joiner', 'pay\u200dpal', 'pay\\u200dpal'],
  ['a Hangul filler, a letter that shows nothing', 'a\u3164b', 'a\\u3164b'],
  ['a tag character', 'a\u{e0041}', 'a\\u{e0041}'],
  ['a lone surrogate', 'a\ud800b', 'a\\ud800b'],
  ['a line separator', 'a\u2028b', 'a\\u2028b'],
  ['backspaces', 'deny\b\b\b\ballow', 'deny\\x08\\x08\\x08\\x08allow'],
  ['a private-use glyph', '\ue000', '\\ue000'],
  ['marks piled over the lines above', 'a\u0300\u0301\u0302\u0303\u0304', 'a\u0300\u0301\u0302\\u0303\\u0304'],
  ['an escape that is only spelled', '\\x1b', '\\\\x1b'],
]

describe('safe', () => {
  it.each(HOSTILE)('shows %s as what it is', (_, foreign, shown) => {
    expect(safe(foreign)).toBe(shown)
  })

  it('leaves letters of all languages alone', () => {
    for (const text of ['naïve', 'Größe', '読む', 'Δέλτα', 'क्षि', '한국', 'नमस्ते', '🙂', 'שלום'])
      expect(safe(text)).toBe(text)
  })

  it('gives different strings different looks', () => {
    const unit = fc.constantFrom('\\', 'x', '1', 'b', '\x1b', '\n', 'n', '\u202e', 'u', '2', '0', 'e')
    const text = fc.array(unit, { maxLength: 8 }).map(units => units.join(''))
    fc.assert(
      fc.property(text, text, (a, b) => a === b || safe(a) !== safe(b)),
      { numRuns: 2000 },
    )
  })

  it('never lets a control through', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), text => !/[\p{C}\p{Zl}\p{Zp}]/u.test(safe(text))))
  })
})

describe('guard', () => {
  it('escapes controls and does not double the backslashes of text that is already quoted', () => {
    expect(guard('"a\\u202e" is\x07 no name')).toBe('"a\\u202e" is\\x07 no name')
  })
})

describe('safeJson', () => {
  it('parses back to the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(JSON.parse(safeJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
        expect(JSON.parse(safeJson(value, 2))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  it.each(HOSTILE)('neither prints nor loses %s', (_, foreign) => {
    const json = safeJson({ [foreign]: foreign })
    expect(json).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(JSON.parse(json)).toEqual({ [foreign]: foreign })
  })
})
