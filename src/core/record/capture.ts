import { toBase64 } from '../bytes/base64.js'
import { isWellFormed } from '../bytes/utf8.js'
import { type Brand, brandOf, bytesOf, dateMs, entriesOf, sizeOf, valuesOf } from './brand.js'
import type { Json } from './types.js'

/*
 * E of spec/record.md §6: any JavaScript value as JSON. Tool arguments and results come from models and strangers;
 * whatever they are, this neither throws nor runs their code nor changes them. Only a Proxy has its traps run, since
 * nothing can tell one from its target.
 */

/** Containers inside each other that E shows; deeper ones become `{"$opaque":"depth"}`. spec/record.md §6. */
export const CONTAINERS_MAX = 64

/**
 * Default for the longest canonical form that `capture` gives. E itself has no bound, but `[,]` with a length of
 * 2^32-1 or 64 lists that each hold the next one twice are a few bytes of program and no end of JSON.
 */
export const CAPTURE_BYTES_MAX = 2 ** 24

/** What stands for a value whose E would be longer than allowed. spec/record.md §6, "Bounds". */
export const TOO_LARGE: Json = Object.freeze({ $opaque: 'size' })

// Printing a bigint takes more than linear time: 0.2 s for a million digits, minutes for the longest.
const BIGINT_DIGITS_MAX = 2 ** 20
const BIGINT_MAX = 1n << BigInt(Math.ceil(BIGINT_DIGITS_MAX * Math.log2(10)))

/**
 * E(value): a copy, made before returning, that shares nothing with `value`.
 *
 * @param bytesMax  Longest canonical form worth having. Time and memory stay within a small multiple of it; a value
 *   whose canonical form is certain to be longer becomes `{"$opaque":"size"}` as a whole, one whose canonical form is
 *   not longer never does (a bigint of more than 2^20 digits excepted).
 * @returns JSON that `canonicalize` takes. Never throws.
 */
export function capture(value: unknown, bytesMax: number = CAPTURE_BYTES_MAX): Json {
  const walk: Walk = {
    left: bytesMax,
    open: [],
    containers: 0,
    contextual: 0,
    deepest: 0,
    known: new Map(),
    siblings: [],
  }
  try {
    const json = encode(value, walk)
    return walk.left < 0 ? TOO_LARGE : json
  } catch {
    // Nothing left to run on: the caller's stack was nearly full.
    return { $opaque: 'threw' }
  }
}

interface Walk {
  /** Bytes of canonical form that may still be written, never less than the truth. Negative: give up. */
  left: number
  /** The containers around the value at hand, outermost first. */
  readonly open: object[]
  /** Containers looked into so far. */
  containers: number
  /** How often something depended on what stands around it. */
  contextual: number
  /** The greatest number of containers inside each other that was met below the one at hand. */
  deepest: number
  /** Containers that look the same wherever they stand. */
  readonly known: Map<object, Known>
  /** By the number of containers around them: those that were met in the innermost of these, however they depend on it. */
  readonly siblings: (Map<object, Known> | undefined)[]
}

interface Known {
  readonly json: Json
  /** What it took of `left`. */
  readonly bytes: number
  /** Containers below it, inside each other. */
  readonly levels: number
}

// Remembering costs more than looking into most values. One with more containers than this may hold the same ones over
// and over: sixty lists that each hold the next one twice would be looked into until the bytes are spent.
const CONTAINERS_UNREMEMBERED = 256

function encode(value: unknown, walk: Walk): Json {
  switch (typeof value) {
    case 'string':
      return encodeString(value, walk)
    case 'number':
      walk.left -= 1
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : `${value}` }
    case 'boolean':
      walk.left -= 4
      return value
    case 'undefined':
      return hole(walk)
    case 'bigint':
      return encodeBigint(value, walk)
    case 'symbol':
      return opaque('symbol', walk)
    case 'function':
      return opaque('function', walk)
    default:
      if (value !== null) return encodeObject(value as object, walk)
      walk.left -= 4
      return null
  }
}

function encodeObject(value: object, walk: Walk): Json {
  const { open } = walk
  const depth = open.length
  try {
    const brand = brandOf(value)
    if (brand === 'date') return encodeDate(dateMs(value), walk)
    if (brand === 'error') return encodeError(value, walk)
    if (brand === 'buffer' || brand === 'view') return encodeBytes(bytesOf(brand, value), walk)
    const at = open.lastIndexOf(value)
    if (at >= 0) {
      walk.left -= 9
      walk.contextual++
      return { $up: depth - at }
    }
    if (depth >= CONTAINERS_MAX) {
      walk.contextual++
      return opaque('depth', walk)
    }
    open.push(value)
    if (walk.containers++ < CONTAINERS_UNREMEMBERED) {
      walk.deepest = Math.max(walk.deepest, depth)
      return encodeContainer(value, brand, walk)
    }
    return encodeOnce(value, brand, depth, walk)
  } catch {
    walk.contextual++
    return opaque('threw', walk)
  } finally {
    open.length = depth
  }
}

/**
 * Looks into a container that may come again, unless it has come before. It looks the same in the same place. And it looks
 * the same everywhere unless something in it stood for a container around it, or was too deep: had it anything in it that
 * now stands around it, the two would lie in a ring, and going round would have met the container itself.
 */
function encodeOnce(value: object, brand: Brand, depth: number, walk: Walk): Json {
  const { known, siblings } = walk
  const anywhere = known.get(value)
  const before = anywhere && depth + anywhere.levels < CONTAINERS_MAX ? anywhere : siblings[depth]?.get(value)
  if (before) {
    walk.left -= before.bytes
    walk.deepest = Math.max(walk.deepest, depth + before.levels)
    if (before !== anywhere) walk.contextual++
    return before.json
  }
  const { left, contextual, deepest } = walk
  walk.deepest = depth
  siblings[depth + 1] = undefined
  const json = encodeContainer(value, brand, walk)
  const found = { json, bytes: left - walk.left, levels: walk.deepest - depth }
  walk.deepest = Math.max(walk.deepest, deepest)
  if (walk.left < 0) return json
  if (walk.contextual === contextual) known.set(value, found)
  else {
    const here = siblings[depth] ?? new Map<object, Known>()
    siblings[depth] = here.set(value, found)
  }
  return json
}

function encodeContainer(value: object, brand: Brand, walk: Walk): Json {
  if (brand === 'array') return encodeArray(value, walk)
  if (brand === 'map') return { $map: encodeMembers(entriesOf(value), sizeOf('map', value), walk) }
  if (brand === 'set')
    return { $set: encodeMembers(valuesOf(value), sizeOf('set', value), walk).map(([member]) => member!) }
  return encodeProperties(value, walk)
}

function encodeArray(array: object, walk: Walk): Json {
  // A Proxy may lie about its length, within limits: it stays an own property.
  const length = Object.getOwnPropertyDescriptor(array, 'length')!.value as number
  if (!Number.isInteger(length) || length < 0 || length >= 2 ** 32) return opaque('threw', walk)
  const items: Json[] = []
  // Every member takes a character and a comma, so a length alone can show that there is no point in starting.
  if (!take(walk, 1 + length, length)) return items
  for (let i = 0; i < length && walk.left >= 0; i++) items.push(encodeProperty(array, i, walk))
  return items
}

function encodeProperties(object: object, walk: Walk): Json {
  const names = Object.keys(object)
  const properties: { [name: string]: Json } = {}
  if (!take(walk, 1, names.length * 5)) return properties
  for (const name of names) {
    if (walk.left < 0) break
    // Counted before it is spelled out: a name of lone surrogates grows fourfold.
    if (!take(walk, name.length + 4)) break
    const encoded = encodeName(name)
    walk.left -= encoded.length - name.length
    const value = encodeProperty(object, name, walk)
    // Assigning to `__proto__` would set the prototype and lose the property.
    if (encoded === '__proto__')
      Object.defineProperty(properties, encoded, { value, writable: true, enumerable: true, configurable: true })
    else properties[encoded] = value
  }
  return properties
}

function encodeProperty(holder: object, name: string | number, walk: Walk): Json {
  let property: PropertyDescriptor | undefined
  try {
    property = Object.getOwnPropertyDescriptor(holder, name)
  } catch {
    return opaque('threw', walk)
  }
  if (property === undefined) return hole(walk)
  return Object.hasOwn(property, 'value') ? encode(property.value, walk) : opaque('accessor', walk)
}

function encodeMembers(next: () => readonly unknown[] | undefined, size: number, walk: Walk): Json[][] {
  const members: Json[][] = []
  if (!take(walk, 9 + size, size)) return members
  for (let member = next(); member !== undefined && walk.left >= 0; member = next())
    members.push(member.map(value => encode(value, walk)))
  return members
}

/** A name as E writes it: one `$` is a tag's, so a name of the value's own gets one more. */
function encodeName(name: string): string {
  if (!isWellFormed(name)) return `$utf16:${hexUnits(name)}`
  return name.charCodeAt(0) === 0x24 ? `$${name}` : name
}

function encodeString(text: string, walk: Walk): Json {
  if (!take(walk, text.length + 2) || isWellFormed(text)) return text
  return take(walk, 3 * text.length + 9) ? { $utf16: hexUnits(text) } : ''
}

function hexUnits(text: string): string {
  let hex = ''
  for (let i = 0; i < text.length; i++) hex += text.charCodeAt(i).toString(16).padStart(4, '0')
  return hex
}

function encodeBigint(value: bigint, walk: Walk): Json {
  if (value >= BIGINT_MAX || value <= -BIGINT_MAX) {
    walk.left = -1
    return null
  }
  const digits = `${value}`
  walk.left -= digits.length + 14
  return { $bigint: digits }
}

function encodeDate(ms: number, walk: Walk): Json {
  walk.left -= 10
  return { $date: Number.isNaN(ms) ? 'invalid' : ms }
}

/** Only `message`, and only where it is the error's own data: everything else of an error can run code. */
function encodeError(error: object, walk: Walk): Json {
  walk.left -= 11
  const message: unknown = Object.getOwnPropertyDescriptor(error, 'message')?.value
  return { $error: typeof message === 'string' ? encodeString(message, walk) : '' }
}

function encodeBytes(bytes: Uint8Array, walk: Walk): Json {
  return { $bytes: take(walk, 12 + 4 * Math.ceil(bytes.length / 3)) ? toBase64(bytes) : '' }
}

function hole(walk: Walk): Json {
  walk.left -= 19
  return { $undefined: true }
}

function opaque(why: string, walk: Walk): Json {
  walk.left -= 13
  return { $opaque: why }
}

/** Spends `bytes`; false, and all is spent, when they or the `least` that must follow are not there. */
function take(walk: Walk, bytes: number, least = 0): boolean {
  walk.left -= bytes
  if (walk.left < least) walk.left = -1
  return walk.left >= 0
}
