/*
 * What kind of built-in a value is, by its internal slots. `instanceof` fails across realms (a `vm` context, an
 * iframe) and is decided by prototypes, which anybody may set; a method taken from our own realm's prototype works on
 * every realm's objects and throws for all others. Everything is taken once, when this module loads, so that a later
 * change of a prototype changes no record.
 */

const { apply, getPrototypeOf } = Reflect
const { getOwnPropertyDescriptor, getOwnPropertyNames } = Object
const isArray = Array.isArray
const isView = ArrayBuffer.isView
const builtinTag = Object.prototype.toString
const objectPrototype = Object.prototype

type Method = (this: unknown, ...args: never[]) => unknown

const getter = (prototype: object, name: string): Method =>
  getOwnPropertyDescriptor(prototype, name)!.get as unknown as Method

const typedArray = getPrototypeOf(Uint8Array.prototype) as Uint8Array
const typedArrayName = getOwnPropertyDescriptor(typedArray, Symbol.toStringTag)!.get as unknown as Method
const typedArrayBuffer = getter(typedArray, 'buffer')
const typedArrayOffset = getter(typedArray, 'byteOffset')
const typedArrayLength = getter(typedArray, 'byteLength')
const typedArrayKeys = typedArray.keys as unknown as Method
const dataViewBuffer = getter(DataView.prototype, 'buffer')
const dataViewOffset = getter(DataView.prototype, 'byteOffset')
const dataViewLength = getter(DataView.prototype, 'byteLength')

const dateTime = Date.prototype.getTime as unknown as Method
const mapSize = getter(Map.prototype, 'size')
const setSize = getter(Set.prototype, 'size')
const mapEntries = Map.prototype.entries as unknown as Method
const setValues = Set.prototype.values as unknown as Method
const nextEntry = getPrototypeOf(new Map().entries() as object)!['next' as never] as Method
const nextValue = getPrototypeOf(new Set().values() as object)!['next' as never] as Method
const bufferLength = getter(ArrayBuffer.prototype, 'byteLength')
// Absent where a browser page is not isolated.
const sharedLength =
  typeof SharedArrayBuffer === 'function' ? getter(SharedArrayBuffer.prototype, 'byteLength') : undefined
const isError = (Error as { isError?: (value: unknown) => boolean }).isError

export type Brand = 'array' | 'map' | 'set' | 'date' | 'error' | 'buffer' | 'view' | 'object'

/**
 * The brand of `value`. Runs no getter; a Proxy's traps may run and may throw, and a revoked Proxy throws.
 *
 * Asking for a slot that is not there throws, which costs some microseconds. An object with our own
 * `Object.prototype` and names of its own is therefore taken for a plain one unless it is a Date or an Error, which can
 * be told without throwing.
 */
export function brandOf(value: object): Brand {
  if (isArray(value)) return 'array'
  if (isView(value)) return 'view'
  const prototype = getPrototypeOf(value)
  const tagged = Symbol.toStringTag in value
  if (!tagged) {
    const tag = apply(builtinTag, value, [])
    if (tag === '[object Date]') return has(dateTime, value) ? 'date' : 'object'
    if (tag === '[object Error]') return 'error'
    if (prototype === objectPrototype && getOwnPropertyNames(value).length > 0) return 'object'
  }
  if (has(mapSize, value)) return 'map'
  if (has(setSize, value)) return 'set'
  if (has(bufferLength, value) || (sharedLength && has(sharedLength, value))) return 'buffer'
  if (tagged) {
    if (has(dateTime, value)) return 'date'
    if (isTaggedError(value)) return 'error'
  }
  return 'object'
}

function has(method: Method, value: object): boolean {
  try {
    apply(method, value, [])
    return true
  } catch {
    return false
  }
}

// A prototype chain has no natural bound when Proxies make it up as they go.
const CHAIN_MAX = 1000

/**
 * Whether an object with a `Symbol.toStringTag` is an Error. The tag hides the slot from everything but
 * `Error.isError` (ES2026); without that, one with our realm's `Error.prototype` above it is taken for an Error.
 */
function isTaggedError(value: object): boolean {
  if (isError) return isError(value)
  let above = getPrototypeOf(value)
  for (let i = 0; above !== null && i < CHAIN_MAX; i++) {
    if (above === Error.prototype) return true
    above = getPrototypeOf(above)
  }
  return false
}

/** Milliseconds of a Date; NaN for an invalid one. */
export const dateMs = (date: object): number => apply(dateTime, date, []) as number

/** Number of entries of a Map or a Set. */
export const sizeOf = (brand: 'map' | 'set', value: object): number =>
  apply(brand === 'map' ? mapSize : setSize, value, []) as number

/** The entries of a Map, one a call; undefined after the last. */
export function entriesOf(map: object): () => readonly [unknown, unknown] | undefined {
  const iterator = apply(mapEntries, map, [])
  return () => {
    const step = apply(nextEntry, iterator, []) as IteratorResult<[unknown, unknown]>
    return step.done ? undefined : step.value
  }
}

/** The members of a Set, one a call, each in a list of one; undefined after the last. */
export function valuesOf(set: object): () => readonly [unknown] | undefined {
  const iterator = apply(setValues, set, [])
  return () => {
    const step = apply(nextValue, iterator, []) as IteratorResult<unknown>
    return step.done ? undefined : [step.value]
  }
}

/**
 * The bytes of an ArrayBuffer or SharedArrayBuffer, or the own bytes of a view, not copied.
 * @throws {TypeError | RangeError} they are gone: the buffer is detached or was shrunk
 */
export function bytesOf(brand: 'buffer' | 'view', value: object): Uint8Array {
  if (brand === 'buffer') return new Uint8Array(value as ArrayBuffer)
  if (apply(typedArrayName, value, []) !== undefined) {
    apply(typedArrayKeys, value, []) // throws where the length would silently read 0
    return new Uint8Array(
      apply(typedArrayBuffer, value, []) as ArrayBuffer,
      apply(typedArrayOffset, value, []) as number,
      apply(typedArrayLength, value, []) as number,
    )
  }
  return new Uint8Array(
    apply(dataViewBuffer, value, []) as ArrayBuffer,
    apply(dataViewOffset, value, []) as number,
    apply(dataViewLength, value, []) as number,
  )
}
