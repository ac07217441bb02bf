import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toBase64 } from '../bytes/base64.js'
import { concatBytes } from '../bytes/equal.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { formatNote, NOTE_BYTES_MAX, parseNote, parseSignatureLine, signNote, verifyNote } from './note.js'
import { ALGORITHM, formatVerifierKey, parseVerifierKey } from './vkey.js'

const malformed = (code: string) => expect.objectContaining({ name: 'MalformedError', code })
const evidence = (code: string) => expect.objectContaining({ name: 'VerificationError', code })

const seedOf = (fill: number) => new Uint8Array(32).fill(fill)
const keyOf = (name: string, fill: number) => formatVerifierKey(name, ALGORITHM.ed25519, ed25519PublicKey(seedOf(fill)))
const TEXT = 'a text\nof two lines\n'
const key = keyOf('example.com/log', 1)
const other = keyOf('example.org/other', 2)
const good = fromUtf8(signNote(TEXT, key, message => ed25519Sign(message, seedOf(1))))
const lineOf = (text: string, of: typeof key, fill: number) =>
  fromUtf8(signNote(text, of, message => ed25519Sign(message, seedOf(fill)))).slice(text.length + 1)

describe('a signed note', () => {
  it('is read and verified as its specification shows', () => {
    const note = parseNote(
      toUtf8(
        'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
      ),
    )
    expect(note.text).toBe('This is an example message.\n')
    const key = parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
    expect(verifyNote(note, [other, key])).toEqual([key])
  })

  it('splits at the last empty line', () => {
    const text = `a\n\n\nb\n\n${lineOf('x\n', other, 2)}`
    const note = parseNote(signNote(text, key, message => ed25519Sign(message, seedOf(1))))
    expect(note.text).toBe(text)
    expect(note.signatures.map(signature => signature.name)).toEqual([key.name])
    expect(() => verifyNote(note, [other])).toThrow(evidence('note.unsigned'))
  })

  it('is formatted to the same bytes again', () => {
    const note = parseNote(toUtf8(good))
    expect(fromUtf8(formatNote(note.text, note.signatures))).toBe(good)
    expect(`${note.text}\n${note.signatures[0]!.line}\n`).toBe(good)
  })

  it.each([
    ['', 'note.separator'],
    [TEXT, 'note.separator'],
    [`${TEXT}\n`, 'note.signatures'],
    [`${TEXT}${good.slice(TEXT.length + 1)}`, 'note.separator'],
    [good.slice(0, -1), 'note.signatures'],
    [`${good}\n`, 'note.signatures'],
    [good.replaceAll('\n', '\r\n'), 'note.characters'],
    [good.replace('a text', 'a\ttext'), 'note.characters'],
    [good.replace('a text', 'a\0text'), 'note.characters'],
    [good.replace('a text', 'a\u001btext'), 'note.characters'],
    [good.replace('— ', '- '), 'note.line'],
    [good.replace('— ', '– '), 'note.line'],
    [good.replace('— ', '—'), 'note.line'],
    [good.replace('— ', '—  '), 'note.line'],
    [good.replace('— ', '—\u00a0'), 'note.line'],
    [good.replace('log ', 'log  '), 'note.line'],
    [good.replace('log ', 'log\u00a0'), 'note.line'],
    [good.replace('log ', 'lo+g '), 'note.line'],
    [good.replace('log ', 'lo\u0085g '), 'note.line'],
    [good.replace('log ', 'lo\u2003g '), 'note.line'],
    [good.replace(/=\n$/, '\n'), 'note.line'],
    [good.replace(/=\n$/, '==\n'), 'note.line'],
    [good.replace(/=\n$/, '= \n'), 'note.line'],
    [`${TEXT}\n— example.com/log\n`, 'note.line'],
    [`${TEXT}\n— example.com/log \n`, 'note.line'],
    [`${TEXT}\n— example.com/log AAAAAA==\n`, 'note.line'],
    [`${TEXT}\n— example.com/log AAAAAB==\n`, 'note.line'],
    [`${TEXT}\n— example.com/log _-__AAAA\n`, 'note.line'],
    [`${TEXT}\n—  AAAAAAAA\n`, 'note.line'],
  ])('is not %j (%s)', (text, code) => {
    expect(() => parseNote(toUtf8(text))).toThrow(malformed(code))
  })

  it('is not ill-formed UTF-8, in its text or in a name', () => {
    const bytes = toUtf8(good)
    expect(() => parseNote(bytes.with(1, 0xff))).toThrow(malformed('utf8'))
    expect(() => parseNote(concatBytes(Uint8Array.of(0xc0, 0x80), bytes))).toThrow(malformed('utf8'))
    expect(() => parseNote(concatBytes(Uint8Array.of(0xed, 0xa0, 0x80), bytes))).toThrow(malformed('utf8'))
  })

  it('keeps a byte-order mark, which is then part of what must have been signed', () => {
    const note = parseNote(toUtf8(`\ufeff${good}`))
    expect(note.text).toBe(`\ufeff${TEXT}`)
    expect(() => verifyNote(note, [key])).toThrow(evidence('note.signature'))
    const marked = signNote(`\ufeff${TEXT}`, key, message => ed25519Sign(message, seedOf(1)))
    expect(verifyNote(parseNote(marked), [key])).toEqual([key])
    expect(() => verifyNote(parseNote(marked.subarray(3)), [key])).toThrow(evidence('note.signature'))
  })

  it('has 1 to 100 signatures and at most a mebibyte', () => {
    const line = (i: number) => `— stranger.example/${i} AAAAAAAA\n`
    const lines = (n: number) => Array.from({ length: n }, (_, i) => line(i)).join('')
    expect(parseNote(toUtf8(`${TEXT}\n${lines(100)}`)).signatures).toHaveLength(100)
    expect(() => parseNote(toUtf8(`${TEXT}\n${lines(101)}`))).toThrow(malformed('note.signatures'))
    expect(() => parseNote(toUtf8(`${TEXT}\n${lines(5000)}`))).toThrow(malformed('note.signatures'))
    const padding = 'x'.repeat(NOTE_BYTES_MAX - toUtf8(good).length)
    expect(parseNote(toUtf8(padding + good)).signatures).toHaveLength(1)
    expect(() => parseNote(toUtf8(`x${padding}${good}`))).toThrow(malformed('note.length'))
  })

  it('is formatted only from what can be read again', () => {
    const signature = { name: 'a', keyId: 0, signature: Uint8Array.of(1) }
    expect(parseNote(formatNote('\n', [signature])).signatures[0]).toMatchObject(signature)
    for (const text of ['', 'a', 'a\r\n', 'a\0\n', '\ud800\n'])
      expect(() => formatNote(text, [signature])).toThrow(RangeError)
    for (const wrong of [
      { name: '' },
      { name: 'a b' },
      { name: 'a+b' },
      { keyId: -1 },
      { keyId: 2 ** 32 },
      { keyId: 0.5 },
      { signature: new Uint8Array(0) },
    ])
      expect(() => formatNote('a\n', [{ ...signature, ...wrong }])).toThrow(RangeError)
    expect(() => formatNote('a\n', [])).toThrow(RangeError)
    expect(() =>
      formatNote(
        'a\n',
        Array.from({ length: 101 }, () => signature),
      ),
    ).toThrow(RangeError)
    expect(() => formatNote(`${'a'.repeat(NOTE_BYTES_MAX)}\n`, [signature])).toThrow(RangeError)
  })
})

describe('who signed a note', () => {
  const verify = (text: string, ...keys: (typeof key)[]) => verifyNote(parseNote(toUtf8(text)), keys)

  it('is told for known keys only, each once', () => {
    const both = `${good}${lineOf(TEXT, other, 2)}`
    expect(verify(both, key, other)).toEqual([key, other])
    expect(verify(both, other)).toEqual([other])
    expect(verify(`${good}${lineOf(TEXT, key, 1)}`, key)).toEqual([key])
  })

  it('is nobody without a signature of a known key', () => {
    expect(() => verify(good)).toThrow(evidence('note.unsigned'))
    expect(() => verify(good, other)).toThrow(evidence('note.unsigned'))
    // Same name, another key; same key, another name; a name that contains the known one.
    expect(() => verify(good, keyOf('example.com/log', 3))).toThrow(evidence('note.unsigned'))
    expect(() => verify(good, keyOf('example.com/lo', 1))).toThrow(evidence('note.unsigned'))
    expect(() => verify(good.replace('/log ', '/log2 '), key)).toThrow(evidence('note.unsigned'))
  })

  it('is nobody at all when one known key has signed something else', () => {
    const wrong = lineOf('another text\n', other, 2)
    expect(() => verify(`${good}${wrong}`, key, other)).toThrow(evidence('note.signature'))
    expect(() => verify(`${good}${lineOf('x\n', key, 1)}`, key)).toThrow(evidence('note.signature'))
    expect(() => verify(good.replace('two', 'too'), key)).toThrow(evidence('note.signature'))
    // A stranger may have signed what he likes.
    expect(verify(`${good}${wrong}`, key)).toEqual([key])
  })

  it('is nobody when a known key ID is followed by a signature of another length', () => {
    const { signature } = parseNote(toUtf8(good)).signatures[0]!
    for (const wrong of [signature.subarray(0, 63), concatBytes(signature, Uint8Array.of(0)), Uint8Array.of(1)])
      expect(() => verifyNote(parseNote(formatNote(TEXT, [{ ...key, signature: wrong }])), [key])).toThrow(
        evidence('note.signature'),
      )
  })

  it('is never a key of another type', () => {
    const cosigner = formatVerifierKey(key.name, ALGORITHM.cosignature, key.publicKey)
    const { signature } = parseNote(toUtf8(good)).signatures[0]!
    const note = parseNote(formatNote(TEXT, [{ ...cosigner, signature }]))
    expect(() => verifyNote(note, [cosigner])).toThrow(evidence('note.unsigned'))
  })

  it('is refused when two known keys share a name and an ID, unless both have signed', () => {
    const twin = { ...other, name: key.name, keyId: key.keyId }
    expect(() => verify(good, key, twin)).toThrow(evidence('note.signature'))
  })

  it('is never a key under which anybody can sign', () => {
    const weak = { ...key, publicKey: Uint8Array.of(1, ...new Uint8Array(31)) }
    const universal = Uint8Array.of(1, ...new Uint8Array(63))
    const note = parseNote(formatNote(TEXT, [{ ...weak, signature: universal }]))
    expect(() => verifyNote(note, [weak])).toThrow(evidence('note.signature'))
  })
})

describe('signing', () => {
  it('refuses a signer that holds another key, a key of another type and a text that is none', () => {
    expect(() => signNote(TEXT, key, message => ed25519Sign(message, seedOf(2)))).toThrow(RangeError)
    expect(() => signNote(TEXT, key, () => new Uint8Array(64))).toThrow(RangeError)
    const cosigner = formatVerifierKey(key.name, ALGORITHM.cosignature, key.publicKey)
    expect(() => signNote(TEXT, cosigner, message => ed25519Sign(message, seedOf(1)))).toThrow(RangeError)
    expect(() => signNote('no newline', key, message => ed25519Sign(message, seedOf(1)))).toThrow(RangeError)
  })
})

it('reads one line as a witness returns it', () => {
  const line = `— witness.example/w ${toBase64(Uint8Array.of(255, 255, 255, 255, 9))}`
  expect(parseSignatureLine(line)).toEqual({
    name: 'witness.example/w',
    keyId: 2 ** 32 - 1,
    signature: Uint8Array.of(9),
    line,
  })
})
