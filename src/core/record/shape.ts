import { quote } from '../errors.js'
import type { Json } from './types.js'

/*
 * Small checks that schema.ts is made of. A check returns undefined, or a sentence that says where and what is wrong.
 * Members that a shape does not name are none of its business: "kept, shown and otherwise ignored".
 */

export type Check = (value: Json, at: string) => string | undefined
export type JsonObject = { readonly [name: string]: Json }

export interface Shape extends Check {
  readonly names: ReadonlySet<string>
}

/** A string or number of a format. */
export const format =
  (is: (value: unknown) => boolean, name: string): Check =>
  (value, at) =>
    is(value) ? undefined : `${at} is ${show(value)}, not ${name}`

/** One of the listed words. */
export const oneOf =
  (...words: readonly string[]): Check =>
  (value, at) =>
    words.includes(value as string) ? undefined : `${at} is ${show(value)}, not one of ${words.join(', ')}`

/** Exactly this value. */
export const exactly =
  (only: Json): Check =>
  (value, at) =>
    value === only ? undefined : `${at} is ${show(value)}, not ${show(only)}`

/** An object with these members; a name that ends in `?` may be absent. Never empty. */
export function object(members: { readonly [name: string]: Check }): Shape {
  const list = Object.entries(members).map(([name, check]) => {
    const optional = name.endsWith('?')
    return { name: optional ? name.slice(0, -1) : name, optional, check }
  })
  const shape: Check = (value, at) => {
    if (!isObject(value)) return `${at} is ${show(value)}, not an object`
    if (list.every(({ optional }) => optional) && Object.keys(value).length === 0) return `${at} is empty`
    for (const { name, optional, check } of list) {
      if (!Object.hasOwn(value, name)) {
        if (optional) continue
        return `${inside(at, name)} is missing`
      }
      const wrong = check(value[name]!, inside(at, name))
      if (wrong !== undefined) return wrong
    }
    return undefined
  }
  return Object.assign(shape, { names: new Set(list.map(({ name }) => name)) })
}

/** 1 to `max` items. With `key`, strictly ascending by it (UTF-16 code units). */
export const listOf =
  (max: number, check: Check, key?: (item: Json) => Json | undefined): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return `${at} is ${show(value)}, not a list`
    if (value.length === 0 || value.length > max) return `${at} has ${value.length} items, not 1 to ${max}`
    for (let i = 0; i < value.length; i++) {
      const wrong = check(value[i] as Json, `${at}[${i}]`)
      if (wrong !== undefined) return wrong
      if (key && i > 0 && !((key(value[i - 1] as Json) as string) < (key(value[i] as Json) as string)))
        return `${at}[${i}] is not above the item before it`
    }
    return undefined
  }

/** The item itself is what a list ascends by. */
export const itself = (item: Json): Json => item
/** A member is what a list of objects ascends by. */
export const by =
  (name: string) =>
  (item: Json): Json | undefined =>
    (item as JsonObject)[name]

/** 1 to `max` members, any names of one format with values of another. */
export const mapOf =
  (max: number, names: Check, values: Check): Check =>
  (value, at) => {
    if (!isObject(value)) return `${at} is ${show(value)}, not an object`
    const entries = Object.entries(value)
    if (entries.length === 0 || entries.length > max) return `${at} has ${entries.length} members, not 1 to ${max}`
    for (const [name, member] of entries) {
      const wrong = names(name, `a name in ${at}`) ?? values(member, `${at}[${quote(name)}]`)
      if (wrong !== undefined) return wrong
    }
    return undefined
  }

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const inside = (at: string, name: string): string => (at === '' ? name : `${at}.${name}`)

const show = (value: Json): string =>
  typeof value === 'string' ? quote(value) : typeof value === 'object' ? 'something else' : `${value}`
