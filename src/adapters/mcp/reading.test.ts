import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lines } from './lines.js'
import { readMessage, readText } from './reading.js'
import { bytesOf } from './testkit.js'

describe('a message', () => {
  it('of JSON that every reader reads has no flaw', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const safe = fc.stringify(JSON.parse(text))
        const reading = readText(text)
        if (reading.kind !== 'message') throw new Error(safe)
        expect(reading.value).toEqual(JSON.parse(text))
        expect(reading.flaw === undefined || reading.flaw.includes('number')).toBe(true)
      }),
    )
  })

  it('that repeats a name has one, wherever that is and however it is written', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.jsonValue(), fc.nat(3), (name, a, b, depth) => {
        const text = `{${JSON.stringify(name)}:${JSON.stringify(a)},"":0,${escaped(name)}:${JSON.stringify(b)}}`
        const reading = readText('['.repeat(depth) + text + ']'.repeat(depth))
        expect(reading).toMatchObject({ kind: 'message', flaw: expect.stringContaining('') })
      }),
    )
  })

  it('may hold what only looks like a flaw', () => {
    for (const text of [
      '{"a":{"a":[{"a":1},{"a":2}]},"b":"\\"a\\":1,\\"a\\":2"}',
      '[9007199254740991,-9007199254740991,0.1,1e21,-0,1E-7,0.30000000000000004]',
      '{"x":"\\\\","y":"\\ud83d\\ude00","a,b":"]}"}',
    ])
      expect(readText(text)).not.toHaveProperty('flaw')
  })

  it('may not hold numbers that readers round', () => {
    for (const number of ['9007199254740992', '-9007199254740993', '1e400', '0.1000000000000000055511151231257827'])
      expect(readText(`[${number}]`)).toHaveProperty('flaw')
  })

  it('that is deep or long is read all the same', () => {
    expect(readText('['.repeat(200_000) + ']'.repeat(200_000)).kind).toBe('message')
    expect(readText(`["${'\\"'.repeat(500_000)}"]`)).not.toHaveProperty('flaw')
  })

  it('may end as lines end on Windows', () => {
    expect(readMessage(bytesOf('{"a":1}\r\n'))).toMatchObject({ kind: 'message', value: { a: 1 } })
    expect(readMessage(bytesOf('\r\n')).kind).toBe('blank')
    expect(readMessage(Uint8Array.of(0xff, 0x0a)).kind).toBe('unreadable')
  })
})

describe('lines', () => {
  it('come out as they went in, wherever they were cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), chunks => {
        const bytes = chunks.map(chunk => chunk.map(byte => (byte % 7 === 0 ? 0x0a : byte)))
        const lines = new Lines()
        const out = bytes.flatMap(chunk => [...lines.add(chunk)]).concat(...lines.end())
        expect(Buffer.concat(out.map(line => ('bytes' in line ? line.bytes : new Uint8Array())))).toEqual(
          Buffer.concat(bytes),
        )
        expect(out.slice(0, -1).every(line => 'bytes' in line && line.bytes.at(-1) === 0x0a)).toBe(true)
      }),
    )
  })

  it('that are too long are named and forgotten', () => {
    const lines = new Lines(4)
    expect([...lines.add(bytesOf('12345678\nabc\n'))]).toEqual([{ tooLong: true }, { bytes: bytesOf('abc\n') }])
    expect([...lines.add(bytesOf('123456789'))]).toEqual([])
    expect([...lines.end()]).toEqual([{ tooLong: true }])
  })
})

/** A string of JSON in which everything is an escape. */
const escaped = (text: string): string =>
  `"${[...Array(text.length).keys()].map(i => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')}"`
