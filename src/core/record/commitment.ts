import { sha256Hex, sha256Into } from '#crypto'
import { toUtf8, utf8Length } from '../bytes/utf8.js'
import { canonicalize } from './canonical.js'
import { type Fields, splitFields } from './fields.js'
import type { Commitment, Json } from './types.js'

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
 * @param text  `canonicalize(e)`, where the caller has it
 * @throws {RangeError} a key of another length
 */
export function commit(e: Json, key: Uint8Array, text = canonicalize(e)): Commitment {
  if (key.length !== SALT_BYTES) throw new RangeError(`a commitment's key has 32 bytes, not ${key.length}`)
  const fields = splitFields(e)
  const salts = new Salts(key)
  const root = isWhole(fields) ? wholeRoot(salts.at(0), text) : fieldsRoot(fieldDigests(fields, salts))
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
  // A UTF-16 code unit takes at most three bytes of UTF-8.
  const room = SALT_BYTES + 3 * text.length
  const input = room <= scratch.length ? scratch : new Uint8Array(room)
  input.set(salt)
  const { written } = encoder.encodeInto(text, input.subarray(SALT_BYTES))
  sha256Into(input.subarray(0, SALT_BYTES + written), out, at)
}

const encoder = new TextEncoder()
// Kept between calls: making one costs more than filling it. Values pass through it; they are in memory anyway.
const scratch = new Uint8Array(4096)

function wholeRoot(salt: Uint8Array, text: string): string {
  const input = new Uint8Array(VALUE_LABEL.length + SALT_BYTES)
  input.set(VALUE_LABEL)
  saltedDigest(salt, text, input, VALUE_LABEL.length)
  return sha256Hex(input)
}

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
