import { Command, type Option } from 'commander'
import { describe, expect, it } from 'vitest'
import { choiceOption, numberOption, pathOption, textOption, timeOption, wordOption } from './options.js'

const parse = (option: Option, value: string): unknown => {
  const program = new Command()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .addOption(option)
  return program.parse([option.long ?? '', value], { from: 'user' }).opts()['x']
}

describe('options', () => {
  it.each([
    ['2026-11-24', Date.UTC(2026, 10, 24)],
    ['2026-11-24T09:30Z', Date.UTC(2026, 10, 24, 9, 30)],
    ['2026-11-24T10:30:15.250+01:00', Date.UTC(2026, 10, 24, 9, 30, 15, 250)],
    ['2024-02-29', Date.UTC(2024, 1, 29)],
  ])('reads the instant %s', (value, ms) => expect(parse(timeOption('--x <t>', '', 'first'), value)).toBe(ms))

  it('lets a whole day end with its last millisecond', () => {
    expect(parse(timeOption('--x <t>', '', 'last'), '2026-11-24')).toBe(Date.UTC(2026, 10, 25) - 1)
    expect(parse(timeOption('--x <t>', '', 'last'), '2026-11-24T00:00Z')).toBe(Date.UTC(2026, 10, 24))
  })

  it.each([
    '',
    'yesterday',
    '24.11.2026',
    '2026-11-24T09:30',
    '2026-11-24 09:30Z',
    '2026-02-30',
    '2025-02-29',
    '2026-13-01',
    '2026-11-24T25:00Z',
    '1',
    '2026',
    '2026-11-24T09:30:00+0100',
    'Tue, 24 Nov 2026 09:30:00 GMT',
  ])('refuses %j as an instant, in whatever zone the machine is', value => {
    expect(() => parse(timeOption('--x <t>', '', 'first'), value)).toThrow(
      expect.objectContaining({ code: 'usage.value' }),
    )
  })

  it.each([
    ['a choice that is none', choiceOption('--x <v>', '', ['allow', 'deny']), 'Allow'],
    ['an option taken for a path', pathOption('--x <p>', ''), '--self'],
    ['an empty path', pathOption('--x <p>', ''), ''],
    ['a number above the range', numberOption('--x <n>', '', 1, 9), '10'],
    ['a number in scientific form', numberOption('--x <n>', '', 1, 9999), '1e3'],
    ['a negative number', numberOption('--x <n>', '', 0, 9), '-1'],
    ['a word with a space', wordOption('--x <w>', ''), 'a b'],
    ['a word with a plus', wordOption('--x <w>', ''), 'a+b'],
    ['an empty word', wordOption('--x <w>', ''), ''],
    ['a text with a newline', textOption('--x <t>', ''), 'a\nb'],
    ['a text that is too long', textOption('--x <t>', ''), 'a'.repeat(256)],
  ])('refuses %s with code, value and expectation', (_, option, value) => {
    const refusal = {
      code: 'usage.value',
      expected: expect.stringMatching(/./),
      message: expect.stringContaining('--x'),
    }
    expect(() => parse(option, value)).toThrow(expect.objectContaining(refusal))
  })

  it('takes what is in its range', () => {
    expect(parse(choiceOption('--x <v>', '', ['allow']), 'allow')).toBe('allow')
    expect(parse(pathOption('--x <p>', ''), './--odd')).toBe('./--odd')
    expect(parse(numberOption('--x <n>', '', 0, 9), '0')).toBe(0)
    expect(parse(wordOption('--x <w>', ''), 'did:example:shop')).toBe('did:example:shop')
    expect(parse(textOption('--x <t>', ''), 'Größe 9')).toBe('Größe 9')
  })
})
