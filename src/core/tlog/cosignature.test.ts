import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { concatBytes } from '../bytes/equal.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { cosignatureMessage, encodeCosignature, verifyCosignature, verifyCosignatures } from './cosignature.js'
import { formatNote, parseNote, signNote } from './note.js'
import { ALGORITHM, formatVerifierKey } from './vkey.js'

const malformed = (code: string) => expect.objectContaining({ name: 'MalformedError', code })
const evidence = (code: string) => expect.objectContaining({ name: 'VerificationError', code })

const seed = new Uint8Array(32).fill(9)
const key = formatVerifierKey('witness.example/w1', ALGORITHM.cosignature, ed25519PublicKey(seed))
const TEXT = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

const payload = (seconds: number, text = TEXT) =>
  encodeCosignature(seconds, ed25519Sign(cosignatureMessage(text, seconds), seed))
const noteWith = (...payloads: Uint8Array[]) =>
  parseNote(
    formatNote(
      TEXT,
      payloads.map(signature => ({ ...key, signature })),
    ),
  )
const only = (signature: Uint8Array) => {
  const note = noteWith(signature)
  return verifyCosignature(note, note.signatures[0]!, key)
}

describe('an Ed25519 cosignature', () => {
  it('signs the message its specification shows', () => {
    expect(fromUtf8(cosignatureMessage(TEXT, 1679315147))).toBe(`cosignature/v1\ntime 1679315147\n${TEXT}`)
  })

  it.each([0, 1, 1679315147, 2 ** 32, 2 ** 53 - 1])('vouches for time %d', seconds => {
    expect(only(payload(seconds))).toEqual({ seconds })
  })

  it('is bad over another text or time, or with any bit changed', () => {
    expect(() => only(payload(7, TEXT.replace('63', '64')))).toThrow(evidence('cosignature'))
    for (let bit = 0; bit < 72 * 8; bit++) {
      const changed = payload(7)
      changed[bit >> 3]! ^= 1 << (bit & 7)
      const code = bit < 8 || (bit < 16 && bit >= 13) ? 'cosignature.time' : 'cosignature'
      expect(() => only(changed)).toThrow(expect.objectContaining({ code }))
    }
  })

  it('covers extension lines', () => {
    const text = `${TEXT}extension\n`
    const note = parseNote(formatNote(text, [{ ...key, signature: payload(7, text) }]))
    expect(verifyCosignatures(note, [key])).toEqual([{ key, seconds: 7 }])
    const without = parseNote(formatNote(text, [{ ...key, signature: payload(7) }]))
    expect(() => verifyCosignatures(without, [key])).toThrow(evidence('cosignature'))
  })

  it('has 72 bytes and a time up to 2^53-1', () => {
    for (const wrong of [payload(7).subarray(0, 71), concatBytes(payload(7), Uint8Array.of(0)), payload(7).subarray(8)])
      expect(() => only(wrong)).toThrow(malformed('cosignature.length'))
    expect(() => only(payload(7).with(1, 0x20))).toThrow(malformed('cosignature.time'))
    expect(() => only(payload(7).with(0, 0xff))).toThrow(malformed('cosignature.time'))
    expect(() => encodeCosignature(2 ** 53, new Uint8Array(64))).toThrow(RangeError)
    expect(() => encodeCosignature(0, new Uint8Array(63))).toThrow(RangeError)
    expect(() => cosignatureMessage(TEXT, -1)).toThrow(RangeError)
  })

  it('is not a plain signature, nor the other way round, with one key for both', () => {
    const plain = formatVerifierKey(key.name, ALGORITHM.ed25519, key.publicKey)
    const note = parseNote(signNote(TEXT, plain, message => ed25519Sign(message, seed)))
    expect(verifyCosignatures(note, [key, plain])).toEqual([])
    expect(() => verifyCosignature(note, note.signatures[0]!, key)).toThrow(evidence('cosignature'))
    expect(() => verifyCosignature(note, note.signatures[0]!, plain)).toThrow(RangeError)
  })
})

describe('the cosignatures on a note', () => {
  const stranger = formatVerifierKey('witness.example/w2', ALGORITHM.cosignature, ed25519PublicKey(new Uint8Array(32)))

  it('are those of known keys, in order, several of one key included', () => {
    expect(verifyCosignatures(noteWith(payload(7), payload(9)), [key])).toEqual([
      { key, seconds: 7 },
      { key, seconds: 9 },
    ])
    expect(verifyCosignatures(noteWith(payload(7)), [stranger])).toEqual([])
    expect(verifyCosignatures(noteWith(payload(7)), [])).toEqual([])
  })

  it('are none when one of a known key is bad', () => {
    expect(() => verifyCosignatures(noteWith(payload(7), payload(7).with(9, 0)), [key])).toThrow(
      evidence('cosignature'),
    )
    expect(() => verifyCosignatures(noteWith(payload(7), toUtf8('x')), [key])).toThrow(malformed('cosignature.length'))
  })

  it('refuse a note on which a known ML-DSA-44 key has signed badly', () => {
    const large = formatVerifierKey('witness.example/w1', ALGORITHM.mldsa44, new Uint8Array(1312).fill(3))
    const note = parseNote(
      formatNote(TEXT, [
        { ...large, signature: new Uint8Array(2428) },
        { ...key, signature: payload(7) },
      ]),
    )
    expect(() => verifyCosignatures(note, [large, key])).toThrow(evidence('cosignature'))
    expect(verifyCosignatures(note, [key])).toEqual([{ key, seconds: 7 }])
  })
})
