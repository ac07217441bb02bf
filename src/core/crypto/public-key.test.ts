import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as native from '../../native/crypto.js'
import * as pure from './pure.js'

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64url'))
const message = new TextEncoder().encode('what is signed')
const HASHES = ['sha256', 'sha384', 'sha512'] as const

/** What both say; they must say the same. */
function rsa(key: native.RsaKey, padding: native.RsaPadding, hash: native.HashName, signed: Uint8Array, of = message) {
  const answers = [native, pure].map(({ rsaVerify }) => rsaVerify(key, padding, hash, of, signed))
  expect(answers[0]).toBe(answers[1])
  return answers[0]
}

describe.each([2048, 3072, 2049])('RSA of %i bits, on Node and without it', bits => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const jwk = publicKey.export({ format: 'jwk' })
  const key = { modulus: bytes(jwk.n!), exponent: bytes(jwk.e!) }

  it.each(HASHES)('PKCS #1 v1.5 with %s', hash => {
    const signature = new Uint8Array(sign(hash, message, privateKey))
    expect(rsa(key, 'pkcs1', hash, signature)).toBe(true)
    expect(rsa(key, 'pkcs1', hash, signature, new Uint8Array(1))).toBe(false)
    expect(rsa(key, 'pkcs1', hash === 'sha256' ? 'sha384' : 'sha256', signature)).toBe(false)
    expect(rsa(key, { saltLength: 32 }, hash, signature)).toBe(false)
  })

  it.each([0, 20, 32, 64])('PSS with a salt of %i bytes', saltLength => {
    for (const hash of HASHES) {
      const signature = new Uint8Array(sign(hash, message, { key: privateKey, padding: 6, saltLength }))
      expect(rsa(key, { saltLength }, hash, signature)).toBe(true)
      expect(rsa(key, { saltLength: saltLength + 1 }, hash, signature)).toBe(false)
      expect(rsa(key, 'pkcs1', hash, signature)).toBe(false)
    }
  })

  it('refuses a signature of another length, one above the modulus, and every changed byte', () => {
    const signature = new Uint8Array(sign('sha256', message, privateKey))
    expect(rsa(key, 'pkcs1', 'sha256', signature.subarray(1))).toBe(false)
    expect(rsa(key, 'pkcs1', 'sha256', new Uint8Array([0, ...signature]))).toBe(false)
    expect(rsa(key, 'pkcs1', 'sha256', new Uint8Array(signature.length).fill(0xff))).toBe(false)
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = signature.slice()
        changed[at]! ^= change
        expect(rsa(key, 'pkcs1', 'sha256', changed)).toBe(false)
      }),
      { numRuns: 30 },
    )
  })
})

describe.each(['P-256', 'P-384'] as const)('ECDSA on %s, on Node and without it', curve => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const { x, y } = publicKey.export({ format: 'jwk' })
  const point = new Uint8Array([4, ...bytes(x!), ...bytes(y!)])
  const verify = (of: Uint8Array, hash: native.HashName, signature: Uint8Array, key = point) => {
    const answers = [native, pure].map(({ ecdsaVerify }) => ecdsaVerify(curve, key, hash, of, signature))
    expect(answers[0]).toBe(answers[1])
    return answers[0]
  }

  it.each(HASHES)('with %s, either s', hash => {
    for (let i = 0; i < 8; i++) {
      const signature = new Uint8Array(sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
      expect(verify(message, hash, signature)).toBe(true)
      expect(verify(new Uint8Array(1), hash, signature)).toBe(false)
    }
  })

  it('refuses r and s of 0 or too large, a point beside the curve, and other lengths', () => {
    const signature = new Uint8Array(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }))
    for (const fill of [0, 0xff])
      expect(verify(message, 'sha256', new Uint8Array(signature.length).fill(fill))).toBe(false)
    const beside = point.slice()
    beside[beside.length - 1]! ^= 1
    expect(verify(message, 'sha256', signature, beside)).toBe(false)
    expect(verify(message, 'sha256', signature.subarray(1))).toBe(false)
    expect(verify(message, 'sha256', signature, point.subarray(1))).toBe(false)
    expect(verify(message, 'sha256', signature, new Uint8Array([2, ...point.subarray(1)]))).toBe(false)
  })
})

describe('hashes', () => {
  it.each(['sha1', ...HASHES] as const)('%s is the same on Node and without it', hash => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), data => {
        expect(native.digest(hash, data)).toEqual(pure.digest(hash, data))
      }),
    )
  })
})
