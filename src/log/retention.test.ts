import { describe, expect, it } from 'vitest'
import { daysKept, formatRetention, matchesPattern, NO_RETENTION, parseClass, parseRetention } from './retention.js'

describe('a pattern of tools', () => {
  it.each([
    ['mail.send', 'mail.send', true],
    ['mail.send', 'mail.*', true],
    ['mail.send', '*send', true],
    ['mail.send', '*', true],
    ['', '*', true],
    ['mail.send', 'm*l*nd', true],
    ['mail.send', '*.*.*', false],
    ['mail.send', 'mail', false],
    ['mail', 'mail.*', false],
    ['aa', 'a*a*a', false],
    ['aba', 'ab*ba', false],
    ['mail.send', 'mail.send*', true],
    ['mail+send', 'mail.send', false],
    ['__proto__', '__pro*', true],
  ])('%j and %j: %s', (name, pattern, matches) => {
    expect(matchesPattern(name, pattern)).toBe(matches)
  })

  it('takes no long time, whatever it is', () => {
    expect(matchesPattern('a'.repeat(100_000), `${'a*'.repeat(1000)}b`)).toBe(false)
  })
})

describe('a document of retention', () => {
  const document = {
    nonce: 'aa',
    classes: [
      { tools: 'mail.*', days: 30 },
      { tools: '*', days: 10 },
    ],
    holds: [{ what: 'call' as const, value: 'x', reason: 'r', since: '2026-11-22T09:25:00.000Z' }],
  }

  it('comes back as it was, and the longest class counts', () => {
    expect(parseRetention(formatRetention(document))).toEqual(document)
    expect(daysKept(document, 'mail.send')).toBe(30)
    expect(daysKept(document, 'other')).toBe(10)
    expect(daysKept(NO_RETENTION, 'mail.send')).toBeUndefined()
  })

  it.each(['', '[]', 'null', '{"format":2}', '{"format":1,"nonce":"","classes":{},"holds":[]}', '{"format":1'])(
    'that is %j is refused: what is held is not known',
    text => {
      expect(() => parseRetention(new TextEncoder().encode(text))).toThrow(
        expect.objectContaining({ code: 'retention.format' }),
      )
    },
  )

  it.each(['mail', '=3', 'mail=', 'mail=-1', 'mail=1.5', 'mail=99999', 'mail=x'])('takes no class %j', typed => {
    expect(() => parseClass(typed)).toThrow(expect.objectContaining({ code: 'retention.class' }))
  })
})
