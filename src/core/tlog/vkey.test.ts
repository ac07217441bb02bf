import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { quote } from '../errors.js'
import { ALGORITHM, formatVerifierKey, isKeyName, parseVerifierKey } from './vkey.js'

// The example of C2SP signed-note, "Verifier keys".
const EXAMPLE = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const material = fromBase64('AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k')
const publicKey = material.slice(1)
const refused = (code: string) => expect.objectContaining({ name: 'MalformedError', code })

describe('a verifier key', () => {
  it('is read as its specification shows', () => {
    expect(parseVerifierKey(EXAMPLE)).toEqual({
      name: 'example.com/foo',
      keyId: 0x530d903a,
      algorithm: 1,
      publicKey,
      text: EXAMPLE,
    })
    expect(formatVerifierKey('example.com/foo', ALGORITHM.ed25519, publicKey)).toEqual(parseVerifierKey(EXAMPLE))
  })

  it('has another ID as a cosigner, from the same key', () => {
    const key = formatVerifierKey('example.com/foo', ALGORITHM.cosignature, publicKey)
    expect(key.keyId).not.toBe(0x530d903a)
    expect(parseVerifierKey(key.text)).toEqual(key)
  })

  it('carries an ML-DSA-44 key of 1,312 bytes', () => {
    const key = formatVerifierKey('witness.example', ALGORITHM.mldsa44, new Uint8Array(1312).fill(7))
    expect(parseVerifierKey(key.text)).toEqual(key)
    for (const length of [0, 32, 1311, 1313])
      expect(() => formatVerifierKey('w', ALGORITHM.mldsa44, new Uint8Array(length).fill(7))).toThrow(
        refused('vkey.key'),
      )
  })

  it('comes back, with ID digits that begin with zeros and base64 that holds plus signs', () => {
    const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), bytes, fc.constantFrom(1, 4), (name, bytes, algorithm) => {
        fc.pre(isKeyName(name) && bytes.some(byte => byte > 1))
        const key = formatVerifierKey(name, algorithm, bytes)
        expect(parseVerifierKey(key.text)).toEqual(key)
        expect(key.text).toMatch(/\+[0-9a-f]{8}\+/)
      }),
      { numRuns: 500 },
    )
  })

  it('that is a signer key by mistake is refused without showing any of it', () => {
    const secret = 'PRIVATE+KEY+example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
    expect(() => parseVerifierKey(secret)).toThrow(refused('vkey.secret'))
    expect(() => parseVerifierKey(secret)).not.toThrow(/530d903a|AekyeRrm/)
    expect(quote(`x ${secret}`)).not.toMatch(/530d903a|AekyeRrm/)
  })

  it('keeps its own copy of the bytes', () => {
    const bytes = publicKey.slice()
    const key = formatVerifierKey('a', 1, bytes)
    bytes.fill(0)
    expect(key.publicKey).toEqual(publicKey)
  })

  it.each([
    ['', 'vkey.syntax'],
    ['example.com/foo', 'vkey.syntax'],
    ['example.com/foo+530d903a', 'vkey.syntax'],
    [`+530d903a+${toBase64(material)}`, 'vkey.name'],
    [EXAMPLE.replace('530d903a', '530D903A'), 'vkey.id'],
    [EXAMPLE.replace('530d903a', '30d903a'), 'vkey.id'],
    [EXAMPLE.replace('530d903a', '0530d903a'), 'vkey.id'],
    [EXAMPLE.replace('530d903a', '0x530d90'), 'vkey.id'],
    [EXAMPLE.replace('530d903a', '530d903b'), 'vkey.id'],
    [EXAMPLE.replace('530d903a', ''), 'vkey.id'],
    [EXAMPLE.replace('foo', 'bar'), 'vkey.id'],
    [EXAMPLE.replace('foo', 'fo o'), 'vkey.name'],
    [EXAMPLE.replace('foo', 'fo\u00a0o'), 'vkey.name'],
    [EXAMPLE.replace('foo', 'fo\u0085o'), 'vkey.name'],
    [EXAMPLE.replace('foo', 'fo\u0000o'), 'vkey.name'],
    [EXAMPLE.replace('foo', 'fo\ud800o'), 'vkey.name'],
    [`${EXAMPLE}\n`, 'vkey.syntax'],
    [`${EXAMPLE} `, 'vkey.syntax'],
    [` ${EXAMPLE}`, 'vkey.name'],
    [`\ufeff${EXAMPLE}`, 'vkey.id'],
    [`${EXAMPLE}=`, 'vkey.syntax'],
    [`${EXAMPLE}+AAAA`, 'vkey.syntax'],
    [`${EXAMPLE}+AAA`, 'vkey.key'],
    [EXAMPLE.replace(/\+A[^+]*$/, '+'), 'vkey.algorithm'],
    ['a+00000000+AA==', 'vkey.algorithm'],
    [`a+00000000+${toBase64(Uint8Array.of(2, ...publicKey))}`, 'vkey.algorithm'],
    [`a+00000000+${toBase64(Uint8Array.of(255, ...publicKey))}`, 'vkey.algorithm'],
    [`a+00000000+${toBase64(material.subarray(0, 32))}`, 'vkey.key'],
    [`a+00000000+${toBase64(Uint8Array.of(...material, 0))}`, 'vkey.key'],
    [`a+00000000+${toBase64(material).replace(/.$/, '')}`, 'vkey.syntax'],
    [`a+00000000+${toBase64(Uint8Array.of(1, 1, ...new Uint8Array(31)))}`, 'vkey.key'],
    [`a+00000000+${toBase64(Uint8Array.of(4, ...new Uint8Array(32)))}`, 'vkey.key'],
    [`a+00000000+${toBase64(Uint8Array.of(1, ...fromHex('ff'.repeat(32))))}`, 'vkey.key'],
  ])('is not %j (%s)', (text, code) => {
    expect(() => parseVerifierKey(text)).toThrow(refused(code))
  })
})

describe('a key name', () => {
  it.each(['a', 'example.com/log', '—', '\ufeff', '\u200b', '\u{1f4dc}', '__proto__', '\u007f', '#', 'ſ'])(
    'can be %j',
    name => {
      expect(isKeyName(name)).toBe(true)
      expect(parseVerifierKey(formatVerifierKey(name, 1, publicKey).text).name).toBe(name)
    },
  )

  it('has none of the characters that Unicode calls White_Space, no plus, no ASCII control, no lone surrogate', () => {
    const refusedUnits = Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit)).filter(
      unit => !isKeyName(unit),
    )
    const white = refusedUnits.filter(unit => /\p{White_Space}/u.test(unit))
    const rest = refusedUnits.filter(unit => !/\p{White_Space}/u.test(unit) && !/[\ud800-\udfff]/.test(unit))
    expect(white).toHaveLength(25)
    expect(toHex(new TextEncoder().encode(rest.join('')))).toBe(
      '0001020304050607080e0f101112131415161718191a1b1c1d1e1f2b',
    )
    expect(isKeyName('')).toBe(false)
    expect(isKeyName('\ud800')).toBe(false)
  })
})
