import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { ed25519Equation, ed25519PublicKey, ed25519Sign } from '#crypto'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { recordMessage } from '../../src/core/record/index.js'
import { hex, logRecord, seed } from './record-kit.js'
import type { VectorCase, VectorFile } from './record-vectors.js'

/** The one Ed25519 rule, held by signatures that some library takes and another refuses. */
export function signatureVectors(): [string, VectorFile][] {
  const file = (about: string, cases: VectorCase[]): VectorFile => ({ about, section: '3', kind: 'signature', cases })
  return [
    ['signature/good', file('Signatures that are good, the odd ones among them.', good())],
    [
      'signature/small-order-key',
      file('Under a key of small order one signature is good for every message, or for one in a few.', smallOrder()),
    ],
    ['signature/one-rule', file('Signatures that are good by some other rule.', otherRules())],
  ]
}

const { Point } = ed25519
const L = Point.Fn.ORDER
const P = 2n ** 255n - 19n
const KEY = ed25519PublicKey(seed(1))
const SCALAR = ed25519.utils.getExtendedPublicKey(seed(1)).scalar
const MESSAGE = recordMessage(logRecord())
const SIGNATURE = ed25519Sign(MESSAGE, seed(1))

const case_ = (
  name: string,
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  expect: 'good' | 'bad',
): VectorCase => ({
  name,
  key: hex(key),
  message: hex(message),
  signature: hex(signature),
  expect,
})

function good(): VectorCase[] {
  return [
    case_('the log record of section 10', KEY, MESSAGE, SIGNATURE, 'good'),
    case_('an empty message', KEY, new Uint8Array(), ed25519Sign(new Uint8Array(), seed(1)), 'good'),
    case_('R is the identity', KEY, MESSAGE, signedWithIdentity(number(1n), MESSAGE), 'good'),
    case_('a key with a part of small order, k a multiple of 8', MIXED, ...mixed(true), 'good'),
  ]
}

function otherRules(): VectorCase[] {
  const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))
  const S = read(SIGNATURE.subarray(32))
  const withS = (s: bigint): Uint8Array => join(SIGNATURE.subarray(0, 32), number(s))
  return [
    case_('another message', KEY, flipped(MESSAGE, 0), SIGNATURE, 'bad'),
    case_('another key', ed25519PublicKey(seed(2)), MESSAGE, SIGNATURE, 'bad'),
    case_('another R', KEY, MESSAGE, flipped(SIGNATURE, 0), 'bad'),
    case_('another S', KEY, MESSAGE, flipped(SIGNATURE, 32), 'bad'),
    case_('S plus L', KEY, MESSAGE, withS(S + L), 'bad'),
    case_('S is L', KEY, MESSAGE, withS(L), 'bad'),
    case_('S with its top bit set', KEY, MESSAGE, withS(S + 2n ** 255n), 'bad'),
    case_('63 bytes', KEY, MESSAGE, SIGNATURE.subarray(0, 63), 'bad'),
    case_('65 bytes', KEY, MESSAGE, join(SIGNATURE, new Uint8Array(1)), 'bad'),
    case_('all zero', KEY, MESSAGE, new Uint8Array(64), 'bad'),
    case_('R is the identity with y plus p', KEY, MESSAGE, signedWithIdentity(number(P + 1n), MESSAGE), 'bad'),
    case_(
      'R is the identity with the sign of x set',
      KEY,
      MESSAGE,
      signedWithIdentity(number(1n + 2n ** 255n), MESSAGE),
      'bad',
    ),
    case_(
      'a key with a part of small order, k no multiple of 8: good only with the cofactor',
      MIXED,
      ...mixed(false),
      'bad',
    ),
    case_('R with a part of small order: good only with the cofactor', KEY, MESSAGE, withTorsion(MESSAGE), 'bad'),
    case_('a key that is no point', number(2n), MESSAGE, SIGNATURE, 'bad'),
  ]
}

/** For each key of small order, a signature with which the bare equation holds: only the rule on keys refuses it. */
function smallOrder(): VectorCase[] {
  const encodings = TORSION.map(point => point.toBytes())
  const cases = TORSION.map((point, order) => {
    const key = point.toBytes()
    for (let n = 0; n < 4096; n++) {
      const message = toUtf8(`message ${n}`)
      for (const R of encodings) {
        const signature = join(R, new Uint8Array(32))
        if (ed25519Equation(signature, message, key))
          return case_(`point ${order} of order dividing 8`, key, message, signature, 'bad')
      }
    }
    throw new Error('no message found')
  })
  const identity = join(number(1n), new Uint8Array(32))
  for (const [name, y] of [
    ['the identity with y plus p', P + 1n],
    ['the identity with the sign of x set', 1n + 2n ** 255n],
    ['the identity with both', P + 1n + 2n ** 255n],
    ['y = p, which is 0', P],
    ['y = 2^255-1, which is 18', 2n ** 255n - 1n],
  ] as const)
    cases.push(case_(name, number(y), MESSAGE, identity, 'bad'))
  return cases
}

/** A point of order 8 and its multiples: all points of small order. */
const TORSION = (() => {
  const base = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
  let at = Point.ZERO
  return Array.from({ length: 8 }, () => {
    const here = at
    at = at.add(base)
    return here
  })
})()

const MIXED = Point.fromBytes(KEY).add(TORSION[1]!).toBytes()

/** A message and a signature under the mixed key that would be good with the cofactor, whose k is a multiple of 8 or not. */
function mixed(multiple: boolean): [Uint8Array, Uint8Array] {
  for (let n = 0; ; n++) {
    const message = toUtf8(`mixed ${n}`)
    const r = 12_345n
    const R = Point.BASE.multiply(r).toBytes()
    const k = challenge(R, MIXED, message)
    if ((k % 8n === 0n) === multiple) return [message, join(R, number((r + k * SCALAR) % L))]
  }
}

function withTorsion(message: Uint8Array): Uint8Array {
  const r = 12_345n
  const R = Point.BASE.multiply(r).add(TORSION[1]!).toBytes()
  return join(R, number((r + challenge(R, KEY, message) * SCALAR) % L))
}

/** A signature whose R is some encoding of the identity: S = k times the secret. */
const signedWithIdentity = (R: Uint8Array, message: Uint8Array): Uint8Array =>
  join(R, number((challenge(R, KEY, message) * SCALAR) % L))

const challenge = (R: Uint8Array, key: Uint8Array, message: Uint8Array): bigint =>
  read(sha512(join(R, key, message))) % L

function number(value: bigint): Uint8Array {
  const bytes = new Uint8Array(32)
  for (let i = 0, left = value; i < 32; i++, left >>= 8n) bytes[i] = Number(left & 255n)
  return bytes
}

const read = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n)

const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))
