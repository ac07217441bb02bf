import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseFieldPath } from './field-path.js'
import { pathText } from './render/disclosure.js'

describe('parseFieldPath', () => {
  it.each([
    ['payment.iban', ['payment', 'iban']],
    ['payment.items.0.name', ['payment', 'items', 0, 'name']],
    ['["a.b",0,"0"]', ['a.b', 0, '0']],
    ['01', ['01']],
    ['__proto__', ['__proto__']],
  ])('reads %s', (typed, path) => expect(parseFieldPath(typed)).toEqual(path))

  it.each(['', '.', 'a..b', 'a.', '[]', '[1.5]', '[-1]', '[null]', '["a"', '[["a"]]', '[1e999]'])(
    'refuses %j',
    typed => {
      expect(() => parseFieldPath(typed)).toThrow(expect.objectContaining({ code: 'usage.value' }))
    },
  )

  it('reads back every path that is printed', () => {
    const step = fc.oneof(fc.string(), fc.constantFrom('0', 'a', 'a.b', '[', '__proto__', '$x'), fc.nat())
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), path => {
        expect(parseFieldPath(pathText(path))).toEqual(path)
      }),
    )
  })
})
