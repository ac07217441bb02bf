import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as native from '../../native/crypto.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { toUtf8 } from '../bytes/utf8.js'
import * as pure from './pure.js'

// What `#crypto` is on Node and what it is elsewhere: same functions, same results.
describe.each([
  ['native', native],
  ['pure', pure],
])('%s', (_, crypto) => {
  it('exports what the other one exports', () => {
    expect(Object.keys(crypto).sort()).toEqual(Object.keys(pure).sort())
    expect(Object.keys(crypto).sort()).toEqual(Object.keys(native).sort())
  })

  it.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
  ])('hashes %j as FIPS 180 does', (text, expected) => {
    expect(toHex(crypto.sha256(toUtf8(text)))).toBe(expected)
    expect(crypto.sha256Hex(toUtf8(text))).toBe(expected)
  })

  it('hashes into other bytes, at an offset, also when they hold the data', () => {
    const data = new Uint8Array(100).map((_, i) => i)
    const expected = crypto.sha256(data.slice(10, 74))
    const out = new Uint8Array(40).fill(9)
    crypto.sha256Into(data.subarray(10, 74), out, 8)
    expect(out.subarray(8)).toEqual(expected)
    expect(out.subarray(0, 8)).toEqual(new Uint8Array(8).fill(9))
    crypto.sha256Into(data.subarray(10, 74), data, 20)
    expect(data.slice(20, 52)).toEqual(expected)
    expect(data[19]).toBe(19)
    expect(data[52]).toBe(52)
  })

  it('does not write a hash where it does not fit', () => {
    const out = new Uint8Array(40)
    expect(() => crypto.sha256Into(new Uint8Array(1), out, 9)).toThrow(RangeError)
    expect(out).toEqual(new Uint8Array(40))
  })

  it('returns bytes that belong to the caller', () => {
    const first = crypto.sha256(toUtf8('a'))
    const copy = first.slice()
    crypto.sha256(toUtf8('b'))
    expect(first).toEqual(copy)
    expect(first).toBeInstanceOf(Uint8Array)
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
    expect(first.byteLength).toBe(32)
  })

  it.each([
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ])('signs as RFC 8032 §7.1 does with seed %s', (seed, publicKey, message, signature) => {
    expect(toHex(crypto.ed25519PublicKey(fromHex(seed)))).toBe(publicKey)
    expect(toHex(crypto.ed25519Sign(fromHex(message), fromHex(seed)))).toBe(signature)
    expect(crypto.ed25519Equation(fromHex(signature), fromHex(message), fromHex(publicKey))).toBe(true)
  })

  it('refuses a seed of another length', () => {
    for (const length of [0, 31, 33, 64]) {
      expect(() => crypto.ed25519PublicKey(new Uint8Array(length))).toThrow()
      expect(() => crypto.ed25519Sign(new Uint8Array(0), new Uint8Array(length))).toThrow()
    }
  })

  it('takes a seed, a message and a key that are views of larger bytes', () => {
    const seed = new Uint8Array(40).fill(5)
    const message = new Uint8Array(40).fill(6)
    const signature = crypto.ed25519Sign(message.subarray(3, 30), seed.subarray(4, 36))
    const key = crypto.ed25519PublicKey(seed.slice(4, 36))
    const padded = new Uint8Array(50)
    padded.set(key, 7)
    expect(crypto.ed25519Equation(signature, message.slice(3, 30), padded.subarray(7, 39))).toBe(true)
  })

  it('says no to a signature or a key of another length', () => {
    const seed = new Uint8Array(32).fill(1)
    const key = crypto.ed25519PublicKey(seed)
    const signature = crypto.ed25519Sign(seed, seed)
    expect(crypto.ed25519Equation(signature, seed, key)).toBe(true)
    expect(crypto.ed25519Equation(Uint8Array.of(...signature, 0), seed, key)).toBe(false)
    expect(crypto.ed25519Equation(signature.subarray(0, 63), seed, key)).toBe(false)
    expect(crypto.ed25519Equation(signature, seed, Uint8Array.of(...key, 0))).toBe(false)
    expect(crypto.ed25519Equation(signature, seed, key.subarray(0, 31))).toBe(false)
  })
})

it('hashes alike, natively and purely, at any length and offset', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (bytes, from) => {
      const data = bytes.subarray(Math.min(from, bytes.length))
      expect(native.sha256(data)).toEqual(pure.sha256(data))
      expect(native.sha256Hex(data)).toBe(pure.sha256Hex(data))
    }),
  )
})

it('takes a native seed for what it holds when it was first used, and forgets nothing of other seeds', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => new Uint8Array(32).fill(i))
  for (const seed of [...seeds, ...seeds]) expect(native.ed25519PublicKey(seed)).toEqual(pure.ed25519PublicKey(seed))
})
