import { fromBase64, toBase64 } from '../bytes/base64.js'
import { isHash as isHexHash } from '../bytes/hex.js'
import { isWellFormed, toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import type { Bin, Hash, Id, Int, Key, Sig, Text, Time, Word } from './types.js'

/*
 * The formats of spec/record.md §1, each as a question. One value has one encoding, so `is` is all a reader needs.
 */

/** Note's algorithm byte of Ed25519, the only one version 1 knows. C2SP signed-note. */
export const ED25519 = 0x01

/** Longest `word` and longest `text`, in bytes. */
export const WORD_BYTES_MAX = 255

export const isHash = (value: unknown): value is Hash => typeof value === 'string' && isHexHash(value)

/** Whether `value` is canonical base64, of `length` bytes where that is given. */
export function isBin(value: unknown, length?: number): value is Bin {
  if (typeof value !== 'string' || value.length % 4 !== 0) return false
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0
  if (length !== undefined && (value.length / 4) * 3 - padding !== length) return false
  if (!BASE64.test(value)) return false
  // The last digit before the padding carries 4 or 2 bits that belong to no byte. Nonzero, they give one byte string
  // many texts.
  if (padding === 2) return 'AQgw'.includes(value[value.length - 3]!)
  if (padding === 1) return 'AEIMQUYcgkosw048'.includes(value[value.length - 2]!)
  return true
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** An Ed25519 key: 33 bytes, the first of them 0x01. Whether the other 32 are an acceptable key is for verification. */
export const isKey = (value: unknown): value is Key => isBin(value, 33) && fromBase64(value.slice(0, 4))[0] === ED25519

export const isSig = (value: unknown): value is Sig => isBin(value, 64)

export const isInt = (value: unknown): value is Int => Number.isSafeInteger(value) && (value as number) >= 0

/** A ULID in Crockford's alphabet, upper case; the first digit keeps the 130 bits of 26 digits within 128. */
export const isId = (value: unknown): value is Id => typeof value === 'string' && ULID.test(value)

const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

/** 1 to 255 bytes 0x21 to 0x7E without `+`, so that it can be the key name of a note. */
export const isWord = (value: unknown): value is Word => typeof value === 'string' && WORD.test(value)

const WORD = /^[\x21-\x2a\x2c-\x7e]{1,255}$/

/** No control characters; 1 to 255 bytes as it stands between the quotes of the record, escapes included. */
export function isText(value: unknown): value is Text {
  if (typeof value !== 'string' || value === '' || value.length > WORD_BYTES_MAX) return false
  if (SIMPLE_TEXT.test(value)) return true
  if (CONTROL.test(value) || !isWellFormed(value)) return false
  return toUtf8(JSON.stringify(value)).length - 2 <= WORD_BYTES_MAX
}

// ASCII that needs no escape: as many bytes as characters.
const SIMPLE_TEXT = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/
// Unicode category Cc, all of it.
const CONTROL = /[\x00-\x1f\x7f-\x9f]/

/** `YYYY-MM-DDThh:mm:ss.mmmZ`: an existing UTC instant of the years 2000 to 2999. There is no leap second. */
export function isTime(value: unknown): value is Time {
  if (typeof value !== 'string') return false
  const parts = TIME.exec(value)
  if (!parts) return false
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  return day <= daysOf(year, month)
}

const TIME = /^(2\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

function daysOf(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
}

/**
 * The time of `ms`, milliseconds since 1970-01-01 UTC; fractions are dropped.
 * @throws {RangeError} outside the years 2000 to 2999
 */
export function formatTime(ms: number): Time {
  const time = Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(Math.floor(ms)).toISOString() : ''
  if (!isTime(time)) throw new RangeError(`${ms} ms is no time of the years 2000 to 2999`)
  return time
}

/** Milliseconds since 1970-01-01 UTC of a `time`. */
export const timeMs = (time: Time): number => Date.parse(time)

/**
 * A ULID of the time `ms` and 10 bytes of chance.
 * @throws {RangeError} a time outside 48 bits, or not 10 bytes
 */
export function ulid(ms: number, random: Uint8Array): Id {
  if (!Number.isInteger(ms) || ms < 0 || ms >= 2 ** 48) throw new RangeError(`${ms} ms does not fit 48 bits`)
  if (random.length !== 10) throw new RangeError(`a ULID takes 10 random bytes, not ${random.length}`)
  let id = ''
  for (let i = 0, left = ms; i < 10; i++, left = Math.floor(left / 32)) id = CROCKFORD[left % 32]! + id
  // 80 bits in 16 digits of 5: each group of 5 bytes is 8 digits.
  for (let group = 0; group < 10; group += 5) {
    let digits = ''
    let value = 0
    for (let i = 0; i < 5; i++) value = value * 256 + random[group + i]!
    for (let i = 0; i < 8; i++, value = Math.floor(value / 32)) digits = CROCKFORD[value % 32]! + digits
    id += digits
  }
  return id
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A public key as records write it. @throws {RangeError} unless it has 32 bytes */
export function encodeKey(publicKey: Uint8Array): Key {
  if (publicKey.length !== 32) throw new RangeError(`an Ed25519 key has 32 bytes, not ${publicKey.length}`)
  const bytes = new Uint8Array(33)
  bytes[0] = ED25519
  bytes.set(publicKey, 1)
  return toBase64(bytes)
}

/** The 32 bytes of a record's key. @throws {MalformedError} `record.key` */
export function decodeKey(key: Key): Uint8Array {
  if (!isKey(key))
    throw new MalformedError('record.key', `${quote(key)} is no key`, {
      expected: 'base64 of 0x01 and a 32-byte Ed25519 key',
    })
  return fromBase64(key).subarray(1)
}

/** A signature as records write it. @throws {RangeError} unless it has 64 bytes */
export function encodeSig(signature: Uint8Array): Sig {
  if (signature.length !== 64) throw new RangeError(`an Ed25519 signature has 64 bytes, not ${signature.length}`)
  return toBase64(signature)
}

/** The 64 bytes of a record's signature. @throws {MalformedError} `record.sig` */
export function decodeSig(sig: Sig): Uint8Array {
  if (!isSig(sig))
    throw new MalformedError('record.sig', `${quote(sig)} is no signature`, {
      expected: 'base64 of 64 bytes',
    })
  return fromBase64(sig)
}
