import { ascendingNames, canonicalizeWithin } from './canonical.js'
import { FIELDS_MAX, isSplittable } from './fields.js'
import type { Json } from './types.js'

/** A value's RFC 8785 form, and those of its fields: each is a part of it, in the same order. */
export interface WrittenFields {
  readonly text: string
  /** RFC 8785 form of the list of the fields' paths. */
  readonly paths: string
  /** RFC 8785 forms of the fields, in the order of their paths. */
  readonly fields: readonly string[]
  /** Whether it is not split: its list of paths is `[[]]`. */
  readonly isWhole: boolean
}

/**
 * Writes a value once, and takes its fields' texts on the way: what `splitFields` and writing all of it again would
 * give.
 *
 * @throws what `canonicalize` throws
 */
export function writeFields(e: Json): WrittenFields {
  const levels = levelsToSplit(e)
  const taken: Taken = { paths: '', fields: [] }
  const text = write(e, levels, '', 1, taken)
  return { text, paths: `[${taken.paths}]`, fields: taken.fields, isWhole: levels === 0 }
}

interface Taken {
  paths: string
  readonly fields: string[]
}

/** @param path  RFC 8785 form of the steps to `value`, without the brackets. */
function write(value: Json, levels: number, path: string, depth: number, taken: Taken): string {
  if (levels === 0 || !isSplittable(value)) {
    const text = canonicalizeWithin(value, depth)
    taken.paths += `${taken.fields.length === 0 ? '' : ','}[${path}]`
    taken.fields.push(text)
    return text
  }
  const before = path === '' ? '' : `${path},`
  let text = ''
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++)
      text += `${i === 0 ? '[' : ','}${write(value[i] as Json, levels - 1, `${before}${i}`, depth + 1, taken)}`
    return `${text}]`
  }
  const object = value as { readonly [name: string]: Json }
  for (const name of ascendingNames(object)) {
    const written = canonicalizeWithin(name, depth)
    text += `${text === '' ? '{' : ','}${written}:${write(object[name]!, levels - 1, before + written, depth + 1, taken)}`
  }
  return `${text}}`
}

/** How many times all containers of the list are replaced by their members. spec/record.md §6, "Fields of e" */
function levelsToSplit(e: Json): number {
  let containers = isSplittable(e) ? [e as Container] : []
  // Fields that are not split any further.
  let others = 1 - containers.length
  for (let levels = 0; ; levels++) {
    let size = others
    for (const container of containers)
      size += Array.isArray(container) ? container.length : Object.keys(container).length
    if (containers.length === 0 || size > FIELDS_MAX) return levels
    const below: Container[] = []
    for (const container of containers)
      for (const member of Array.isArray(container) ? container : Object.values(container))
        if (isSplittable(member)) below.push(member)
    containers = below
    others = size - below.length
  }
}

type Container = readonly Json[] | { readonly [name: string]: Json }
