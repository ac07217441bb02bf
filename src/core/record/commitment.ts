import { sha256Hex, sha256Into } from '#crypto'
import { toUtf8, utf8Length } from '../bytes/utf8.js'
import { canonicalize } from './canonical.js'
import { FIELDS_MAX, type Fields } from './fields.js'
import type { Commitment, Json } from './types.js'
import { type WrittenFields, writeFields } from './written-fields.js'

/*
 * Commitments, scheme `f1`: spec/record.md §6. Every commitment has a key of its own; disclosing one value must not
 * help to guess another.
 */

export const SCHEME = 'f1'
/** Bytes of a commitment's key, of a salt and of a field's digest. */
export const SALT_BYTES = 32
/** Least `size` of a commitment, so that `true` and `false` look alike. */
const SIZE_MIN = 256

// Two labels: under one, the digest of a value could be read as the digest of a list of paths.
const VALUE_LABEL = toUtf8('deedlog/v1 value\n')
const FIELDS_LABEL = toUtf8('deedlog/v1 fields\n')

/**
 * The commitment to e under `key`.
 *
 * @param e     E of the value, see `capture`
 * @param key   32 random bytes, used for nothing else
 * @throws {RangeError} a key of another length
 */
export const commit = (e: Json, key: Uint8Array): Commitment => commitWritten(writeFields(e), key)

/** {@link commit} to a value that has been written already. */
export function commitWritten({ text, paths, fields, isWhole }: WrittenFields, key: Uint8Array): Commitment {
  if (key.length !== SALT_BYTES) throw new RangeError(`a commitment's key has 32 bytes, not ${key.length}`)
  saltInput.set(key)
  const count = isWhole ? 0 : fields.length
  // The label and every digest behind it, as they are hashed: nothing is copied, and nothing made anew per field.
  const label = isWhole ? VALUE_LABEL : FIELDS_LABEL
  rootInput.set(label)
  for (let i = 0; i <= count; i++) {
    saltInto(i, scratch)
    digestBehindSalt(i > 0 ? fields[i - 1]! : isWhole ? text : paths, rootInput, label.length + SALT_BYTES * i)
  }
  saltInput.fill(0)
  const root = sha256Hex(rootInput.subarray(0, label.length + SALT_BYTES * (1 + count)))
  return { root, scheme: SCHEME, size: paddedSize(utf8Length(text)) }
}

/** Whether a value is not split into fields: its list of paths is `[[]]`. */
export const isWhole = ({ paths }: Pick<Fields, 'paths'>): boolean => paths.length === 1 && paths[0]!.length === 0

/** salt(i) of a key. The returned bytes are good until the next call. */
export class Salts {
  readonly #input = new Uint8Array(SALT_BYTES + 4)
  readonly #salt = new Uint8Array(SALT_BYTES)

  constructor(key: Uint8Array) {
    this.#input.set(key)
  }

  /** @param i 0 to 64: 0 is the value's or the list of paths', i the i-th field's */
  at(i: number): Uint8Array {
    this.#input[SALT_BYTES + 3] = i
    sha256Into(this.#input, this.#salt, 0)
    return this.#salt
  }
}

/** d(0), d(1), ...: one after the other, 32 bytes each. */
export function fieldDigests({ paths, values }: Fields, salts: Salts): Uint8Array {
  const digests = new Uint8Array(SALT_BYTES * (1 + values.length))
  saltedDigest(salts.at(0), canonicalize(paths), digests, 0)
  for (let i = 0; i < values.length; i++)
    saltedDigest(salts.at(i + 1), canonicalize(values[i]!), digests, SALT_BYTES * (i + 1))
  return digests
}

/** Writes SHA-256(salt || text) to `out` at `at`. */
export function saltedDigest(salt: Uint8Array, text: string, out: Uint8Array, at: number): void {
  scratch.set(salt)
  digestBehindSalt(text, out, at)
}

/** Writes SHA-256 of the salt at the beginning of `scratch` and of `text` to `out` at `at`. */
function digestBehindSalt(text: string, out: Uint8Array, at: number): void {
  // A UTF-16 code unit takes at most three bytes of UTF-8.
  const room = SALT_BYTES + 3 * text.length
  if (room > scratch.length) {
    const input = new Uint8Array(room)
    input.set(scratch.subarray(0, SALT_BYTES))
    const { written } = encoder.encodeInto(text, input.subarray(SALT_BYTES))
    sha256Into(input.subarray(0, SALT_BYTES + written), out, at)
    return
  }
  const { written } = encoder.encodeInto(text, behindSalt)
  sha256Into(saltAnd(written), out, at)
}

function saltInto(i: number, out: Uint8Array): void {
  saltInput[SALT_BYTES + 3] = i
  sha256Into(saltInput, out, 0)
}

const encoder = new TextEncoder()
// Kept between calls: making one costs more than filling it. Keys and values pass through; they are in memory anyway.
const scratch = new Uint8Array(4096)
const behindSalt = scratch.subarray(SALT_BYTES)
const saltInput = new Uint8Array(SALT_BYTES + 4)
const rootInput = new Uint8Array(32 + SALT_BYTES * (1 + FIELDS_MAX))

/** The salt in `scratch` and `length` bytes behind it. Short ones are views that are kept: fields are short. */
function saltAnd(length: number): Uint8Array {
  if (length >= VIEWS_MAX) return scratch.subarray(0, SALT_BYTES + length)
  const view = views[length] ?? scratch.subarray(0, SALT_BYTES + length)
  views[length] = view
  return view
}

const VIEWS_MAX = 256
const views: Uint8Array[] = []

export function fieldsRoot(digests: Uint8Array): string {
  const input = new Uint8Array(FIELDS_LABEL.length + digests.length)
  input.set(FIELDS_LABEL)
  input.set(digests, FIELDS_LABEL.length)
  return sha256Hex(input)
}

/** The least power of two that is at least 256 and at least `length`. Doubles: shifting would wrap at 2^31. */
function paddedSize(length: number): number {
  let size = SIZE_MIN
  while (size < length) size *= 2
  return size
}
