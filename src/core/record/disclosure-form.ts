import { MalformedError, quote } from '../errors.js'
import { canonicalBytes, type JsonLimits, parseJson, VALUE_DEPTH_MAX } from './canonical.js'
import { isWhole, SALT_BYTES } from './commitment.js'
import { FIELDS_MAX, isSplittable, type Path, sizeAfterSplit, wrongPaths } from './fields.js'
import { isBin } from './formats.js'
import { isObject, type JsonObject } from './shape.js'
import type { Bin, Json } from './types.js'

/*
 * The two forms of a disclosure and all that a reader refuses before it has a commitment: spec/record.md §6.
 */

export type Disclosure = FullDisclosure | PartialDisclosure

export interface FullDisclosure {
  readonly key: Bin
  readonly value: Json
}

/** Shows the names of all fields, the values of some. Does not prove `size`. */
export interface PartialDisclosure {
  readonly salt: Bin
  readonly paths: readonly Path[]
  /** One for each path. */
  readonly fields: readonly DisclosedField[]
}

export type DisclosedField = { readonly salt: Bin; readonly value: Json } | { readonly digest: Bin }

/** Longest disclosure that is read, in bytes. A bound on work, no part of the format. */
export const DISCLOSURE_BYTES_MAX = 2 ** 28

const LIMITS: JsonLimits = {
  what: 'disclosure',
  bytesMax: DISCLOSURE_BYTES_MAX,
  // The disclosure itself, its list of fields and a field lie around the value.
  depthMax: VALUE_DEPTH_MAX + 3,
  recordValues: false,
}

/** The bytes of a disclosure: its RFC 8785 form. */
export const formatDisclosure = (disclosure: Disclosure): Uint8Array => canonicalBytes(disclosure as unknown as Json)

/** @throws {MalformedError} `disclosure.*`, see `checkDisclosure` and `parseJson` */
export const parseDisclosure = (bytes: Uint8Array): Disclosure => checkDisclosure(parseJson(bytes, LIMITS))

/**
 * `json` as a disclosure, after all that can be refused without a commitment.
 *
 * @throws {MalformedError}
 *   `disclosure.members`  members other than exactly those of one form
 *   `disclosure.key`, `disclosure.salt`, `disclosure.digest`  not 32 bytes
 *   `disclosure.paths`    a list that no value's fields give, or of a value that is not split
 *   `disclosure.fields`   not one field for each path
 *   `disclosure.depth`    a value deeper than any of E
 *   `disclosure.split`    a shown value that would have been split
 */
export function checkDisclosure(json: Json): Disclosure {
  if (hasExactly(json, 'key', 'value')) {
    refuseBin(json['key'], 'key')
    refuseDeep(json['value']!)
    return json as unknown as FullDisclosure
  }
  if (!hasExactly(json, 'fields', 'paths', 'salt'))
    refuse('members', 'it has other members than a disclosure has', 'exactly key, value or exactly fields, paths, salt')
  refuseBin(json['salt'], 'salt')
  const { paths, fields } = json
  if (!Array.isArray(paths) || !paths.every(isPath)) refuse('paths', 'its paths are no list of paths')
  const wrong = wrongPaths(paths)
  if (wrong !== undefined) refuse('paths', `its paths are no value's: ${quote(wrong)}`)
  if (isWhole({ paths })) refuse('paths', 'a value that is not split into fields is disclosed in full only')
  if (!Array.isArray(fields) || fields.length !== paths.length)
    refuse('fields', 'it does not have one field for each path')
  for (const field of fields as readonly Json[]) {
    if (hasExactly(field, 'salt', 'value')) {
      refuseBin(field['salt'], 'salt')
      refuseDeep(field['value']!)
    } else if (hasExactly(field, 'digest')) refuseBin(field['digest'], 'digest')
    else refuse('members', 'a field has other members than a field has', 'exactly salt, value or exactly digest')
  }
  const disclosure = json as unknown as PartialDisclosure
  refuseUnsplit(disclosure)
  return disclosure
}

/**
 * A shown value that could be split is right only where splitting stopped: at the greatest length, and because all
 * that could be split there would have made more than 64 fields. A withheld field of that length may have been what
 * made them too many. Otherwise somebody committed to another list of fields than the value has.
 */
function refuseUnsplit({ paths, fields }: PartialDisclosure): void {
  const deepest = Math.max(...paths.map(path => path.length))
  // A withheld field counts as one: not of the greatest length, it was not splittable, or the list would go on there.
  const values = fields.map(field => ('digest' in field ? null : field.value))
  const unsplit = paths.filter((_, i) => isSplittable(values[i]!))
  const early = unsplit.find(path => path.length < deepest)
  if (early !== undefined) refuse('split', `the value at ${quote(JSON.stringify(early))} is not split`)
  const withheld = fields.some((field, i) => 'digest' in field && paths[i]!.length === deepest)
  if (unsplit.length > 0 && !withheld && sizeAfterSplit(values) <= FIELDS_MAX)
    refuse('split', 'values are not split though their fields are few enough')
}

function refuseDeep(value: Json): void {
  if (isDeeper(value, VALUE_DEPTH_MAX)) refuse('depth', 'a value is deeper than any of E', `${VALUE_DEPTH_MAX} levels`)
}

function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(inner => isDeeper(inner as Json, levels - 1))
}

function hasExactly(json: Json, ...names: readonly string[]): json is JsonObject {
  if (!isObject(json)) return false
  const found = Object.keys(json)
  return found.length === names.length && names.every(name => Object.hasOwn(json, name))
}

const isPath = (json: Json): json is Path =>
  Array.isArray(json) && json.every(step => typeof step === 'string' || typeof step === 'number')

function refuseBin(json: Json | undefined, name: 'key' | 'salt' | 'digest'): void {
  if (!isBin(json, SALT_BYTES)) refuse(name, `a ${name} is not 32 bytes`, 'canonical base64 of 32 bytes')
}

export function refuse(code: string, why: string, expected?: string): never {
  throw new MalformedError(
    `disclosure.${code}`,
    `the disclosure is refused: ${why}`,
    expected === undefined ? {} : { expected },
  )
}
