import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from './base64.js'
import { concatBytes, equalBytes } from './equal.js'
import { fromHex, isHash, toHex } from './hex.js'
import { fromUtf8, isWellFormed, toUtf8, utf8Length } from './utf8.js'

const refused = (code: string) => expect.objectContaining({ name: 'MalformedError', code })
const bytes = fc.uint8Array({ maxLength: 100 })

describe('base64', () => {
  it.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foobar', 'Zm9vYmFy'],
  ])('of %j is that of RFC 4648 §10', (text, base64) => {
    expect(toBase64(toUtf8(text))).toBe(base64)
    expect(fromUtf8(fromBase64(base64))).toBe(text)
  })

  it('is that of Node for any bytes, and comes back', () => {
    fc.assert(
      fc.property(bytes, value => {
        expect(toBase64(value)).toBe(Buffer.from(value).toString('base64'))
        expect(fromBase64(toBase64(value))).toEqual(value)
      }),
    )
  })

  it.each([
    'Zg',
    'Zg=',
    'Z',
    'Zm9',
    '=',
    '==',
    '====',
    'Zg===',
    'Z===',
    'Zm9v=',
    'Zm9v====',
    'Zg==Zg==',
    'Z=g=',
    'Zh==',
    'Zm9=',
    'Zn8==',
    'Zm9v\n',
    '\nZm9v',
    'Zm\n9v',
    'Zm9v Zm9v',
    ' Zg==',
    'Zg== ',
    'Zm9-',
    'Zm9_',
    'Zm9!',
    'Zm9é',
    'Zm9ſ',
    'Zm9\u0000',
    '\ufeffZm9',
    '𝐙m9',
  ])('refuses %j', text => {
    expect(() => fromBase64(text)).toThrow(refused('base64'))
  })

  it('has one form for each value', () => {
    const characters = fc.constantFrom(...'ABgw/+=\n-_ é')
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), list => {
        const text = list.join('')
        let value: Uint8Array
        try {
          value = fromBase64(text)
        } catch (error) {
          expect(error).toEqual(refused('base64'))
          return
        }
        expect(toBase64(value)).toBe(text)
      }),
      { numRuns: 3000 },
    )
  })
})

describe('hex', () => {
  it('comes back, in lowercase', () => {
    fc.assert(
      fc.property(bytes, value => {
        expect(toHex(value)).toBe(Buffer.from(value).toString('hex'))
        expect(fromHex(toHex(value))).toEqual(value)
      }),
    )
  })

  it.each(['a', 'A0', 'aB', 'g0', '0x', ' 00', '00\n', '0 ', '٠٠', '+1', '-1', '1e1e1e.'])('refuses %j', text => {
    expect(() => fromHex(text)).toThrow(refused('hex'))
  })

  it('knows a hash by 64 lowercase digits', () => {
    expect(isHash('0f'.repeat(32))).toBe(true)
    for (const text of ['', '0f'.repeat(31), '0f'.repeat(33), '0F'.repeat(32), `${'0f'.repeat(32)}\n`])
      expect(isHash(text)).toBe(false)
  })
})

describe('UTF-8', () => {
  it('keeps a byte-order mark', () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa')
    expect(fromUtf8(toUtf8('\ufeff\ufeffa'))).toBe('\ufeff\ufeffa')
  })

  it.each([
    'ff',
    'c080',
    'c1bf',
    'e08080',
    'eda080',
    'edbfbf',
    'f08080',
    'f0808080',
    'f4908080',
    'c3',
    'e282',
    '80',
    'fe',
    '61ff',
  ])('refuses %s', hex => {
    expect(() => fromUtf8(fromHex(hex))).toThrow(refused('utf8'))
  })

  it('knows a lone surrogate as the engine does', () => {
    const units = fc.array(fc.constantFrom('a', '\ud800', '\udbff', '\udc00', '\udfff', '\u{1f4dc}', 'é'), {
      maxLength: 8,
    })
    fc.assert(
      fc.property(units, list => {
        const text = list.join('')
        expect(isWellFormed(text)).toBe((text as unknown as { isWellFormed(): boolean }).isWellFormed())
        if (isWellFormed(text)) expect(fromUtf8(toUtf8(text))).toBe(text)
      }),
    )
  })
})

describe('bytes', () => {
  it('are equal when all of them are', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(toHex(a) === toHex(b))
        expect(equalBytes(a, a.slice())).toBe(true)
        expect(equalBytes(a, concatBytes(a, Uint8Array.of(0)))).toBe(false)
      }),
    )
  })

  it('are put one after the other, in new bytes', () => {
    const one = Uint8Array.of(1, 2)
    const whole = concatBytes(one, new Uint8Array(0), Uint8Array.of(3))
    expect(whole).toEqual(Uint8Array.of(1, 2, 3))
    whole[0] = 9
    expect(one[0]).toBe(1)
    expect(concatBytes()).toEqual(new Uint8Array(0))
  })
})

it('the length of a text in UTF-8 is that of its bytes, lone surrogates included', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '\x7f', '\x80', 'ä', '\u07ff', '\u0800', '😀', '\ud83d', '\ude00')),
      units => {
        const text = units.join('')
        expect(utf8Length(text)).toBe(toUtf8(text).length)
      },
    ),
  )
})

it('a hash is 64 lowercase hex digits and nothing else', () => {
  expect(isHash('0123456789abcdef'.repeat(4))).toBe(true)
  for (const other of ['', 'a'.repeat(63), 'a'.repeat(65), `${'a'.repeat(63)}\n`])
    expect(isHash(other), other).toBe(false)
  for (const odd of ['/', ':', '@', 'A', 'F', '`', 'g', 'é', '\u0130'])
    expect(isHash(odd + 'a'.repeat(63)), odd).toBe(false)
})
