import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as native from '../../native/crypto.js'
import { concatBytes } from '../bytes/equal.js'
import { fromHex, toHex } from '../bytes/hex.js'
import * as pure from '../crypto/pure.js'
import { isEd25519Key, verifyEd25519 } from './ed25519.js'

const L = ed25519.Point.Fn.ORDER
const P = 2n ** 255n - 19n
const littleEndian = (value: bigint) =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n))
const numberOf = (bytes: Uint8Array) => bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)
const withSign = (bytes: Uint8Array) => bytes.with(31, bytes[31]! | 0x80)

const seed = new Uint8Array(32).fill(1)
const message = Uint8Array.of(1, 2, 3)
const publicKey = native.ed25519PublicKey(seed)
const signature = native.ed25519Sign(message, seed)

/** One signature that the bare equation takes for every message under the neutral key: R neutral, S zero. */
const UNIVERSAL = Uint8Array.of(1, ...new Uint8Array(63))

// A point of order 8, and so all eight of small order.
const torsion = Array.from({ length: 8 }, (_, i) => {
  const generator = ed25519.Point.fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05')
  return i === 0 ? ed25519.Point.ZERO : generator.multiplyUnsafe(BigInt(i))
})

describe('the one rule', () => {
  it('takes a good signature and nothing near it', () => {
    expect(verifyEd25519(signature, message, publicKey)).toBe(true)
    for (let bit = 0; bit < 512; bit++)
      expect(verifyEd25519(signature.with(bit >> 3, signature[bit >> 3]! ^ (1 << (bit & 7))), message, publicKey)).toBe(
        false,
      )
    expect(verifyEd25519(signature, Uint8Array.of(1, 2), publicKey)).toBe(false)
    expect(verifyEd25519(signature, message, native.ed25519PublicKey(new Uint8Array(32)))).toBe(false)
  })

  it('refuses every key of small order, though the equation has a signature for each', () => {
    expect(new Set(torsion.map(point => toHex(point.toBytes()))).size).toBe(8)
    for (const point of torsion) {
      const key = point.toBytes()
      const message = Array.from({ length: 256 }, (_, i) => Uint8Array.of(i)).find(m =>
        native.ed25519Equation(UNIVERSAL, m, key),
      )
      expect(message).toBeDefined()
      expect(pure.ed25519Equation(UNIVERSAL, message!, key)).toBe(true)
      expect(isEd25519Key(key)).toBe(false)
      expect(isEd25519Key(withSign(key))).toBe(false)
      expect(verifyEd25519(UNIVERSAL, message!, key)).toBe(false)
    }
    // The neutral key, which anybody can use for any message.
    expect(native.ed25519Equation(UNIVERSAL, message, torsion[0]!.toBytes())).toBe(true)
    expect(verifyEd25519(UNIVERSAL, message, torsion[0]!.toBytes())).toBe(false)
  })

  it('refuses a y of 2^255-19 or more, whatever the sign', () => {
    for (let n = 0n; n < 19n; n++)
      for (const key of [littleEndian(P + n), withSign(littleEndian(P + n))]) {
        expect(isEd25519Key(key)).toBe(false)
        expect(verifyEd25519(UNIVERSAL, message, key)).toBe(false)
      }
    // The largest y below is -1, of order 2; the next is none of the five.
    expect(isEd25519Key(littleEndian(P - 1n))).toBe(false)
    expect(isEd25519Key(littleEndian(P - 2n))).toBe(true)
    expect(isEd25519Key(littleEndian(2n))).toBe(true)
  })

  it('refuses S plus a multiple of the group order', () => {
    const S = numberOf(signature.subarray(32))
    for (let n = 1n; S + n * L < 2n ** 256n; n++)
      expect(verifyEd25519(concatBytes(signature.subarray(0, 32), littleEndian(S + n * L)), message, publicKey)).toBe(
        false,
      )
    for (const bad of [L, L + 1n, 2n ** 255n, 2n ** 256n - 1n])
      expect(verifyEd25519(concatBytes(signature.subarray(0, 32), littleEndian(bad)), message, publicKey)).toBe(false)
  })

  it('refuses R with a torsion part, which verifiers with the cofactor take', () => {
    const { head, scalar, pointBytes } = ed25519.utils.getExtendedPublicKey(seed)
    expect(head).toHaveLength(32)
    const r = 123456789n
    for (const point of torsion.slice(1)) {
      const R = ed25519.Point.BASE.multiply(r).add(point).toBytes()
      const k = numberOf(sha512(concatBytes(R, pointBytes, message))) % L
      const forged = concatBytes(R, littleEndian((r + k * scalar) % L))
      expect(ed25519.verify(forged, message, publicKey)).toBe(true)
      expect(verifyEd25519(forged, message, publicKey)).toBe(false)
      expect(native.ed25519Equation(forged, message, publicKey)).toBe(false)
      expect(pure.ed25519Equation(forged, message, publicKey)).toBe(false)
    }
  })

  it('gives false, and never throws, for bytes of any length', () => {
    for (const length of [0, 1, 31, 32, 33, 63, 65, 96, 128, 1312]) {
      if (length !== 64) expect(verifyEd25519(new Uint8Array(length), message, publicKey)).toBe(false)
      if (length !== 32) expect(verifyEd25519(signature, message, new Uint8Array(length).fill(3))).toBe(false)
    }
    expect(verifyEd25519(concatBytes(signature, Uint8Array.of(0)), message, publicKey)).toBe(false)
    expect(verifyEd25519(signature, message, concatBytes(publicKey, Uint8Array.of(0)))).toBe(false)
    // y = 2 is on no point of the curve.
    expect(verifyEd25519(signature, message, fromHex(`02${'00'.repeat(31)}`))).toBe(false)
  })

  it('does not write to what it is given', () => {
    const key = withSign(publicKey)
    isEd25519Key(key)
    expect(key).toEqual(withSign(publicKey))
  })
})

describe('both implementations of #crypto', () => {
  it('agree on random and on spoilt signatures', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(
        bytes(32),
        fc.uint8Array({ maxLength: 100 }),
        fc.option(fc.nat(511)),
        fc.option(fc.nat(255)),
        (seed, message, a, b) => {
          const key = Uint8Array.from(native.ed25519PublicKey(seed))
          const made = Uint8Array.from(native.ed25519Sign(message, seed))
          expect(pure.ed25519PublicKey(seed)).toEqual(key)
          expect(pure.ed25519Sign(message, seed)).toEqual(made)
          if (a !== null) made[a >> 3]! ^= 1 << (a & 7)
          if (b !== null) key[b >> 3]! ^= 1 << (b & 7)
          const verdict = native.ed25519Equation(made, message, key)
          expect(verdict).toBe(a === null && b === null)
          expect(pure.ed25519Equation(made, message, key)).toBe(verdict)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('agree on random bytes, which are hardly ever good', () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
    fc.assert(
      fc.property(bytes(64), bytes(4), bytes(32), (made, message, key) => {
        expect(pure.ed25519Equation(made, message, key)).toBe(native.ed25519Equation(made, message, key))
      }),
      { numRuns: 100 },
    )
  })
})
