import { fromUtf8, isWellFormed, toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import type { Json } from './types.js'

/** Longest record, in bytes. spec/record.md §1. */
export const RECORD_BYTES_MAX = 16_384
/** Deepest nesting of a record's objects and arrays, the record itself being 1. spec/record.md §1. */
export const RECORD_DEPTH_MAX = 8
/**
 * Deepest nesting E can give: 64 containers, each a Map (a tag object, its list, a pair: three levels), and inside
 * the last an ill-formed error message, `{"$error":{"$utf16":"d800"}}`.
 */
export const VALUE_DEPTH_MAX = 64 * 3 + 2

/** What a text may hold beyond being canonical. */
export interface JsonLimits {
  /** What the bytes claim to be: the first part of every error code, `record` or `disclosure`. */
  readonly what: string
  readonly bytesMax: number
  /** Objects and arrays inside each other, the outermost being 1. */
  readonly depthMax: number
  /** Neither null nor fractions nor integers beyond 2^53-1: what records hold. */
  readonly recordValues: boolean
}

const RECORD_LIMITS: JsonLimits = {
  what: 'record',
  bytesMax: RECORD_BYTES_MAX,
  depthMax: RECORD_DEPTH_MAX,
  recordValues: true,
}

/**
 * The RFC 8785 form of `value`: names ascending by UTF-16 code units, numbers as ECMAScript prints them, no space.
 *
 * @throws {TypeError}  what JSON cannot say: undefined, NaN, infinities, functions, lone surrogates
 * @throws {RangeError} nested deeper than any value of E inside a disclosure set
 * @see RFC 8785 §3.2
 */
export const canonicalize = (value: Json): string => write(value, 1)

/** The form that `value` has `depth` levels inside another, the outermost being 1: the bound on nesting is for the whole. */
export const canonicalizeWithin = (value: Json, depth: number): string => write(value, depth)

/** {@link canonicalize} for what is likely to be plain and in order, as records are: faster then. */
export const canonicalizeOrdered = (value: Json): string =>
  isOrdered(value, RECORD_DEPTH_MAX) ? native(value) : write(value, 1)

/** Whether the engine's own writer gives the canonical form: plain values, names listed in ascending order. */
function isOrdered(value: Json, levels: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object') return typeof value === 'string' || typeof value === 'boolean'
  if (value === null) return true
  if (levels === 0 || !isPlain(value)) return false
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) if (!isOrdered(item, levels - 1)) return false
    return true
  }
  let before: string | undefined
  for (const name of Object.keys(value)) {
    if (before !== undefined && before >= name) return false
    if (!isOrdered((value as JsonObject)[name]!, levels - 1)) return false
    before = name
  }
  return true
}

/** The bytes of `canonicalize(value)`. */
export const canonicalBytes = (value: Json): Uint8Array => toUtf8(write(value, 1))

/** The bytes of a record as JSON, checked for everything section 1 asks of bytes. @throws {MalformedError} `record.*` */
export const parseRecordJson = (bytes: Uint8Array): Json => parseJson(bytes, RECORD_LIMITS)

/**
 * The bytes of a record, of which nobody knows yet that it is one: what {@link parseRecordJson} will take, and no other.
 * @throws {MalformedError} `record.length`, `record.depth`, `record.value`
 * @throws {TypeError} what JSON cannot say
 */
export function formatRecordJson(json: Json): Uint8Array {
  const walk: Walk = { limits: RECORD_LIMITS, strings: false, ascending: true, plain: true }
  inspect(json, 1, walk)
  const bytes = toUtf8(walk.ascending && walk.plain ? native(json) : write(json, 1))
  checkLength(bytes, RECORD_LIMITS)
  return bytes
}

/**
 * Strict JSON: parsed, serialized again and compared, so that one value has one text. A repeated name, another
 * order, an escape more than needed, `1.0` or `-0`, white space, a byte-order mark: all differ from their own
 * canonical form, and no list of such cases has to be complete.
 *
 * @throws {MalformedError} `<what>.length`, `<what>.utf8`, `<what>.syntax`, `<what>.depth`, `<what>.value`,
 *   `<what>.canonical`
 */
export function parseJson(bytes: Uint8Array, limits: JsonLimits): Json {
  const { what } = limits
  checkLength(bytes, limits)
  const text = decode(bytes, what)
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    throw new MalformedError(`${what}.syntax`, `the ${what} is no JSON text: ${quote(text)}`, { cause })
  }
  // Only an escape can name a lone surrogate, in either case of its digits; then every string is looked at.
  const walk: Walk = { limits, strings: /\\ud/i.test(text), ascending: true, plain: false }
  inspect(value, 1, walk)
  // Both are the value's canonical form. The first is much faster; but engines list integer-like names first and
  // in numeric order, so it can differ from the text where the second does not.
  if (walk.ascending && JSON.stringify(value) === text) return value
  if (canonicalize(value) === text) return value
  throw new MalformedError(`${what}.canonical`, `the ${what} is not in its RFC 8785 form: ${quote(text)}`, {
    expected: 'names ascending and once each, shortest escapes and numbers, no space',
  })
}

function checkLength(bytes: Uint8Array, { what, bytesMax }: JsonLimits): void {
  if (bytes.length === 0 || bytes.length > bytesMax)
    throw new MalformedError(`${what}.length`, `the ${what} has ${bytes.length} bytes`, {
      expected: `1 to ${bytesMax} bytes`,
    })
}

interface Walk {
  readonly limits: JsonLimits
  /** Whether strings must be looked at for lone surrogates. */
  readonly strings: boolean
  /** Turned false by names that are not listed in ascending order. */
  ascending: boolean
  /** Turned false by anything that `JSON.parse` would not give; false from the start where that is known. */
  plain: boolean
}

/**
 * The engine's own writer, several times as fast as {@link write}, for a plain value whose names are listed in ascending
 * order. It writes a lone surrogate as an escape, where there is nothing to write.
 */
function native(json: Json): string {
  const text = JSON.stringify(json)
  return LONE_ESCAPE.test(text) ? write(json, 1) : text
}

// Also in a text about escapes, which is then written the other way.
const LONE_ESCAPE = /\\ud[89a-f]/

function inspect(value: Json, depth: number, walk: Walk): void {
  if (typeof value === 'string') {
    if (walk.strings && !isWellFormed(value)) refuse(walk, 'a string with a lone surrogate')
  } else if (typeof value === 'number') {
    if (walk.limits.recordValues ? !Number.isSafeInteger(value) : !Number.isFinite(value))
      refuse(walk, `the number ${value}`)
  } else if (value === null) {
    if (walk.limits.recordValues) refuse(walk, 'null')
  } else if (typeof value === 'object') {
    if (depth > walk.limits.depthMax)
      throw new MalformedError(`${walk.limits.what}.depth`, `the ${walk.limits.what} nests deeper than it may`, {
        expected: `at most ${walk.limits.depthMax} levels`,
      })
    // What comes from `JSON.parse` has no other prototype, and no writer of its own.
    if (walk.plain && !isPlain(value)) walk.plain = false
    if (Array.isArray(value)) {
      for (const item of value as readonly Json[]) inspect(item, depth + 1, walk)
      return
    }
    let before: string | undefined
    for (const name of Object.keys(value)) {
      if (before !== undefined && before >= name) walk.ascending = false
      if (walk.strings && !isWellFormed(name)) refuse(walk, 'a name with a lone surrogate')
      inspect((value as JsonObject)[name]!, depth + 1, walk)
      before = name
    }
  } else if (typeof value !== 'boolean') walk.plain = false
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === Array.prototype || prototype === null) && !('toJSON' in value)
}

type JsonObject = { readonly [name: string]: Json }

function refuse({ limits }: Walk, found: string): never {
  throw new MalformedError(`${limits.what}.value`, `the ${limits.what} holds ${found}`, {
    expected: limits.recordValues
      ? 'objects, arrays, booleans, well-formed strings, integers of magnitude at most 2^53-1'
      : 'JSON values with well-formed strings and finite numbers',
  })
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return fromUtf8(bytes)
  } catch (cause) {
    throw new MalformedError(`${what}.utf8`, `the ${what} is not well-formed UTF-8`, { cause })
  }
}

// In a disclosure set, a disclosure in part has its value inside a field inside the list of fields. Recursion needs a bound.
const WRITE_DEPTH_MAX = VALUE_DEPTH_MAX + 4

function write(value: Json, depth: number): string {
  if (typeof value === 'string') return writeString(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`)
    return `${value}`
  }
  if (value === null || typeof value === 'boolean') return `${value}`
  if (typeof value !== 'object') throw new TypeError(`JSON has no ${typeof value}`)
  if (depth > WRITE_DEPTH_MAX) throw new RangeError(`canonicalize: nested deeper than ${WRITE_DEPTH_MAX}`)
  if (Array.isArray(value)) {
    // By index: an iterator would skip nothing, but a hole must not pass for null.
    let text = '['
    for (let i = 0; i < value.length; i++) text += (i === 0 ? '' : ',') + write(value[i] as Json, depth + 1)
    return `${text}]`
  }
  const object = value as JsonObject
  let text = ''
  for (const name of ascendingNames(object))
    text += `${text === '' ? '{' : ','}${writeString(name)}:${write(object[name]!, depth + 1)}`
  return text === '' ? '{}' : `${text}}`
}

/** The names of `object`, ascending by UTF-16 code units, which is how ECMAScript compares strings. */
export function ascendingNames(object: { readonly [name: string]: unknown }): string[] {
  const names = Object.keys(object)
  for (let i = 1; i < names.length; i++) if (names[i - 1]! >= names[i]!) return names.sort()
  return names
}

// What stands for itself between quotes: printable ASCII but the quote and the backslash.
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function writeString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  if (!isWellFormed(text)) throw new TypeError(`${quote(text)} has a lone surrogate`)
  return JSON.stringify(text)
}
