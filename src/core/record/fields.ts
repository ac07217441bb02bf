import { ascendingNames } from './canonical.js'
import type { Json } from './types.js'

/** Where a field is: from the outermost container inwards, an index (from 0) or a name each. */
export type Path = readonly (string | number)[]

/** Most fields a value is split into. spec/record.md §6. */
export const FIELDS_MAX = 64

/** A value's fields in the order that its commitment numbers them, from 1. */
export interface Fields {
  readonly paths: readonly Path[]
  readonly values: readonly Json[]
}

/**
 * The fields of e: all containers of one level are replaced at once by their members, level by level, as long as no
 * more than 64 fields result. `[[]]` as the list of paths means: not split.
 *
 * @see spec/record.md §6, "Fields of e"
 */
export function splitFields(e: Json): Fields {
  let fields: Fields = { paths: [[]], values: [e] }
  for (;;) {
    if (!fields.values.some(isSplittable) || sizeAfterSplit(fields.values) > FIELDS_MAX) return fields
    fields = splitOnce(fields)
  }
}

function splitOnce(fields: Fields): Fields {
  const paths: Path[] = []
  const values: Json[] = []
  const put = (path: Path, value: Json): void => {
    paths.push(path)
    values.push(value)
  }
  fields.values.forEach((value, i) => {
    const path = fields.paths[i]!
    if (!isSplittable(value)) put(path, value)
    else if (Array.isArray(value)) for (let at = 0; at < value.length; at++) put([...path, at], value[at] as Json)
    else for (const name of ascendingNames(value as JsonObject)) put([...path, name], (value as JsonObject)[name]!)
  })
  return { paths, values }
}

/** How many fields there would be if every splittable one of `values` were replaced by its members. */
export function sizeAfterSplit(values: readonly Json[]): number {
  let size = 0
  for (const value of values) size += isSplittable(value) ? memberCount(value) : 1
  return size
}

/** Whether `value` is a non-empty array or a non-empty object that is no tag. */
export function isSplittable(value: Json): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.length > 0
  const names = Object.keys(value)
  return names.length > 0 && !names.some(isTagName)
}

/** Whether `name` is one that E gives to a tag: it begins with one `$`, and not with `$utf16:`. */
const isTagName = (name: string): boolean =>
  name.charCodeAt(0) === 0x24 && name.charCodeAt(1) !== 0x24 && !name.startsWith('$utf16:')

const memberCount = (value: Json): number =>
  Array.isArray(value) ? value.length : Object.keys(value as JsonObject).length

type JsonObject = { readonly [name: string]: Json }

/** Whether two paths are the same; `0` and `"0"` are not. */
const samePath = (a: Path, b: Path): boolean => a.length === b.length && startsWith(a, b)

/** Whether `path` is `above` or lies inside it. */
export const startsWith = (path: Path, above: Path): boolean =>
  above.length <= path.length && above.every((step, i) => step === path[i])

/**
 * Whether some value has exactly these paths as the list of its fields, in this order: containers are rebuilt from
 * them (a number makes an array, a string an object) and listed again.
 *
 * Without this, one name could be shown with two values, an index left out, or a container and its member both.
 *
 * @returns undefined when they are, else what is wrong, for a message
 */
export function wrongPaths(paths: readonly Path[]): string | undefined {
  if (paths.length === 0) return 'there are no paths'
  if (paths.length > FIELDS_MAX) return `there are ${paths.length} paths, at most ${FIELDS_MAX} exist`
  const root = newBranch()
  for (const path of paths) {
    let at = root
    for (const step of path) {
      if (at.leaf) return 'a path goes on below another'
      if (typeof step === 'string' && isTagName(step)) return `"${step}" is the name of a tag`
      if (typeof step === 'number' && (!Number.isSafeInteger(step) || step < 0)) return `${step} is no index`
      const kind = typeof step === 'number' ? 'array' : 'object'
      if (at.kind !== undefined && at.kind !== kind) return 'an index and a name in one place'
      at.kind = kind
      const next = at.members.get(step) ?? newBranch()
      at.members.set(step, next)
      at = next
    }
    if (at.leaf) return 'a path is listed twice'
    if (at.kind !== undefined) return 'a path ends where another goes on'
    at.leaf = true
  }
  const listed: Path[] = []
  const gap = list(root, [], listed)
  if (gap !== undefined) return gap
  return listed.every((path, i) => samePath(path, paths[i]!)) ? undefined : 'the paths are out of order'
}

interface Branch {
  kind: 'array' | 'object' | undefined
  readonly members: Map<string | number, Branch>
  leaf: boolean
}

const newBranch = (): Branch => ({ kind: undefined, members: new Map(), leaf: false })

/** Lists the leaves below `branch`; says so when an array misses an index. Depth is the longest path's length. */
function list(branch: Branch, path: Path, into: Path[]): string | undefined {
  if (branch.leaf) {
    into.push(path)
    return undefined
  }
  const steps = [...branch.members.keys()]
  // Numbers by value, strings by code units: `sort` alone compares both as strings.
  if (branch.kind === 'array') (steps as number[]).sort((a, b) => a - b)
  else steps.sort()
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i]!
    if (branch.kind === 'array' && step !== i) return `index ${i} is missing`
    const gap = list(branch.members.get(step)!, [...path, step], into)
    if (gap !== undefined) return gap
  }
  return undefined
}
