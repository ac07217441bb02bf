import { toBase64 } from '../bytes/base64.js'
import { toUtf8 } from '../bytes/utf8.js'
import { MalformedError, quote } from '../errors.js'
import { canonicalBytes, type JsonLimits, parseJson, VALUE_DEPTH_MAX } from './canonical.js'
import { checkDisclosure, DISCLOSURE_BYTES_MAX, type Disclosure } from './disclosure-form.js'
import type { Json } from './types.js'

/*
 * What a vault keeps for one record: the disclosures of its commitments, by the path of the member that holds each
 * (`args`, `error.message`). Private; format: spec/vault.md.
 */

/** In full; in part where fields have been erased. */
export type DisclosureSet = ReadonlyMap<string, Disclosure>

/** No record type has nearly as many commitments; a bound on work. */
const DISCLOSURES_MAX = 64

const LIMITS: JsonLimits = {
  what: 'disclosures',
  bytesMax: DISCLOSURE_BYTES_MAX,
  depthMax: VALUE_DEPTH_MAX + 4,
  recordValues: false,
}

const MEMBER_PATH = /^[A-Za-z]+(?:\.[A-Za-z]+)*$/

/**
 * The bytes of a set of disclosures in full, from the texts of their values: what {@link formatDisclosureSet} gives,
 * without writing every value once more.
 *
 * @param disclosures  By member path: the key, 32 bytes, and the RFC 8785 form of E of the value.
 * @throws {RangeError} an empty set, more than 64, or a path that is none
 */
export function formatFullDisclosures(
  disclosures: ReadonlyMap<string, { readonly key: Uint8Array; readonly text: string }>,
): Uint8Array {
  checkPaths(disclosures)
  const members = [...disclosures.keys()].sort().map(path => {
    const { key, text } = disclosures.get(path)!
    return `"${path}":{"key":"${toBase64(key)}","value":${text}}`
  })
  return toUtf8(`{${members.join(',')}}`)
}

/**
 * The bytes of a set: the RFC 8785 form of an object, member path to disclosure.
 * @throws {RangeError} an empty set, more than 64, or a path that is none
 */
export function formatDisclosureSet(set: DisclosureSet): Uint8Array {
  checkPaths(set)
  return canonicalBytes(Object.fromEntries(set) as unknown as Json)
}

function checkPaths(set: ReadonlyMap<string, unknown>): void {
  if (set.size === 0 || set.size > DISCLOSURES_MAX)
    throw new RangeError(`a disclosure set holds 1 to ${DISCLOSURES_MAX}, not ${set.size}`)
  for (const path of set.keys()) if (!MEMBER_PATH.test(path)) throw new RangeError(`${quote(path)} is no member path`)
}

/** @throws {MalformedError} `disclosures.*` for the set, `disclosure.*` for one of its disclosures */
export function parseDisclosureSet(bytes: Uint8Array): DisclosureSet {
  const json = parseJson(bytes, LIMITS)
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new MalformedError('disclosures.object', 'a disclosure set is a JSON object')
  const entries = Object.entries(json as { readonly [path: string]: Json })
  if (entries.length === 0 || entries.length > DISCLOSURES_MAX)
    throw new MalformedError('disclosures.count', `the disclosure set holds ${entries.length}`, {
      expected: `1 to ${DISCLOSURES_MAX}`,
    })
  const set = new Map<string, Disclosure>()
  for (const [path, disclosure] of entries) {
    if (!MEMBER_PATH.test(path))
      throw new MalformedError('disclosures.path', `${quote(path)} is no path of a record's member`, {
        expected: 'member names with dots between them',
      })
    set.set(path, checkDisclosure(disclosure))
  }
  return set
}
