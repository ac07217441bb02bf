import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toBase64 } from '../bytes/base64.js'
import { formatCheckpoint, parseCheckpoint } from './checkpoint.js'
import { verifyCheckpoint } from './log-signature.js'
import { EMPTY_ROOT } from './merkle.js'
import { parseNote, signNote } from './note.js'
import { ALGORITHM, formatVerifierKey } from './vkey.js'

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const malformed = (code: string) => expect.objectContaining({ name: 'MalformedError', code })
const evidence = (code: string) => expect.objectContaining({ name: 'VerificationError', code })

describe('a checkpoint', () => {
  it('is read as its specification shows, and written to the same text', () => {
    const text = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`
    const checkpoint = parseCheckpoint(text)
    expect(checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163 })
    expect(toBase64(checkpoint.root)).toBe(ROOT)
    expect(checkpoint).not.toHaveProperty('extensions')
    expect(formatCheckpoint(checkpoint)).toBe(text)
  })

  it('keeps the extension lines of others', () => {
    const text = `an origin with spaces + plus\n0\n${ROOT}\none\n— not a signature\n`
    expect(parseCheckpoint(text)).toMatchObject({ size: 0, extensions: ['one', '— not a signature'] })
    expect(formatCheckpoint(parseCheckpoint(text))).toBe(text)
    const hundred = `o\n1\n${ROOT}\n${'x\n'.repeat(97)}`
    expect(formatCheckpoint(parseCheckpoint(hundred))).toBe(hundred)
    expect(() => parseCheckpoint(`${hundred}x\n`)).toThrow(malformed('checkpoint.lines'))
    expect(() => parseCheckpoint(`${hundred}\n`)).toThrow(malformed('checkpoint.lines'))
    expect(() => parseCheckpoint(`${hundred}\nx\n`)).toThrow(malformed('checkpoint.lines'))
  })

  it.each(['9007199254740991', '0', '1', '256'])('may have size %s', size => {
    expect(parseCheckpoint(`o\n${size}\n${ROOT}\n`).size).toBe(Number(size))
  })

  it.each([
    '01',
    '00',
    '-0',
    '-1',
    '+1',
    ' 1',
    '1 ',
    '1e3',
    '1.0',
    '1.',
    '.1',
    '0x10',
    '1_0',
    '1,000',
    'Infinity',
    'NaN',
    '１',
    '٧',
    '\u00a01',
    '\ufeff1',
    '9007199254740992',
    '9007199254740993',
    '18446744073709551616',
    '1'.repeat(400),
    '1n',
    'true',
    '0b1',
  ])('has no size %j', size => {
    expect(() => parseCheckpoint(`o\n${size}\n${ROOT}\n`)).toThrow(malformed('checkpoint.size'))
  })

  it.each([
    'AAAA',
    `${ROOT}=`,
    ROOT.slice(0, -1),
    ROOT.replace('I=', 'J='),
    ROOT.replace('+', '-').replace('/', '_'),
    ` ${ROOT}`,
    `${ROOT} `,
    toBase64(new Uint8Array(31)),
    toBase64(new Uint8Array(33)),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ])('has no root %j', root => {
    expect(() => parseCheckpoint(`o\n1\n${root}\n`)).toThrow(malformed('checkpoint.root'))
  })

  it.each([
    '',
    '\n',
    'o',
    'o\n',
    'o\n1\n',
    `o\n1\n${ROOT}`,
    `\n1\n${ROOT}\n`,
    `o\n\n${ROOT}\n`,
    'o\n1\n\n',
    `o\n1\n${ROOT}\n\n`,
    `o\n1\n${ROOT}\next`,
    `o\n1\n${ROOT}\na\n\nb\n`,
    `o\r\n1\r\n${ROOT}\r\n`,
    `o\t\n1\n${ROOT}\n`,
    `o\0\n1\n${ROOT}\n`,
    `\no\n1\n${ROOT}\n`,
  ])('is not %j', text => {
    expect(() => parseCheckpoint(text)).toThrow(malformed('checkpoint.lines'))
  })

  it('is written only when it can be read again', () => {
    const good = { origin: 'o', size: 0, root: EMPTY_ROOT }
    for (const bad of [
      { origin: '' },
      { origin: 'a\nb' },
      { origin: 'a\r' },
      { origin: '\ud800' },
      { size: -1 },
      { size: 0.5 },
      { size: 2 ** 53 },
      { root: new Uint8Array(31) },
      { extensions: [''] },
      { extensions: ['a\nb'] },
      { extensions: Array.from({ length: 98 }, () => 'x') },
    ])
      expect(() => formatCheckpoint({ ...good, ...bad })).toThrow(RangeError)
  })
})

describe('a signed checkpoint', () => {
  const seed = new Uint8Array(32).fill(1)
  const key = formatVerifierKey('example.com/log', ALGORITHM.ed25519, ed25519PublicKey(seed))
  const sign = (text: string, by = key) => parseNote(signNote(text, by, message => ed25519Sign(message, seed)))
  const text = `${key.name}\n1\n${ROOT}\n`

  it('counts when a key of its origin signed it', () => {
    expect(verifyCheckpoint(sign(text), [key])).toEqual(parseCheckpoint(text))
  })

  it('does not count when only a key of another origin signed it, though that log is trusted too', () => {
    const other = formatVerifierKey('example.com/other', ALGORITHM.ed25519, key.publicKey)
    expect(() => verifyCheckpoint(sign(text, other), [key, other])).toThrow(evidence('note.unsigned'))
    expect(() => verifyCheckpoint(sign(text, other), [other])).toThrow(evidence('checkpoint.origin'))
    expect(() => verifyCheckpoint(sign(text), [])).toThrow(evidence('checkpoint.origin'))
  })

  it('is no other signed note', () => {
    expect(() => verifyCheckpoint(sign('hello\n'), [key])).toThrow(malformed('checkpoint.lines'))
  })
})
