import type { LogSource } from '../../src/client/source.js'
import { isDeedlogError, quote } from '../../src/core/errors.js'
import {
  commitmentsOf,
  type Disclosed,
  type Disclosure,
  disclosedRoot,
  parseDisclosure,
  parseRecord,
  verifyDisclosure,
} from '../../src/core/record/index.js'
import type { DisclosureShown, Given } from '../protocol.js'
import { bytesOf } from './files.js'

// A value of this length is no longer read by a person.
const DISCLOSURE_BYTES_MAX = 2 ** 26

/** A disclosure that opened a commitment. */
interface Opened {
  readonly name: string
  readonly disclosed: Disclosed
}

/** Everything that was opened, by entry and member. */
export type OpenedPlaces = Map<string, Opened>

export const placeKey = (index: number, member: string): string => `${index} ${member}`

/**
 * Finds the records that disclosures belong to, and checks them. A file does not say where it belongs: its root does.
 * Reads the entries once more.
 *
 * @param opened  Gets those that hold.
 */
export async function checkDisclosures(
  given: readonly Given[],
  source: LogSource,
  size: number,
  opened: OpenedPlaces,
): Promise<DisclosureShown[]> {
  const shown: DisclosureShown[] = []
  const wanted = new Map<string, { readonly name: string; readonly disclosure: Disclosure }[]>()
  for (const { path: name, file } of given)
    try {
      const disclosure = parseDisclosure(await bytesOf(file, DISCLOSURE_BYTES_MAX))
      const root = disclosedRoot(disclosure)
      wanted.set(root, [...(wanted.get(root) ?? []), { name, disclosure }])
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      shown.push({ name, holds: false, why: error.message })
    }
  if (wanted.size > 0) shown.push(...(await find(wanted, source, size, opened)))
  const found = new Set(shown.map(({ name }) => name))
  for (const { name } of [...wanted.values()].flat())
    if (!found.has(name)) shown.push({ name, holds: false, why: 'no record of this log has committed to it' })
  return shown
}

async function find(
  wanted: ReadonlyMap<string, readonly { readonly name: string; readonly disclosure: Disclosure }[]>,
  source: LogSource,
  size: number,
  opened: OpenedPlaces,
): Promise<DisclosureShown[]> {
  const shown: DisclosureShown[] = []
  const decoder = new TextDecoder()
  try {
    for await (const { index, record } of source.entries({ to: size })) {
      const roots = decoder.decode(record).matchAll(ROOT)
      // Most records name none of them, and need not be parsed.
      if (![...roots].some(([, root]) => wanted.has(root!))) continue
      const parsed = parseRecord(record)
      if (!parsed.understood) continue
      for (const [member, commitment] of commitmentsOf(parsed.record))
        for (const { name, disclosure } of wanted.get(commitment.root) ?? []) {
          const place = { index, member, type: parsed.record.type }
          try {
            const disclosed = verifyDisclosure(disclosure, commitment)
            opened.set(placeKey(index, member), { name, disclosed })
            shown.push({ name, place, holds: true, ...partsOf(disclosed) })
          } catch (error) {
            if (!isDeedlogError(error)) throw error
            shown.push({ name, place, holds: false, why: error.message })
          }
        }
    }
  } catch (error) {
    // Entries that are missing or do not parse are in the report.
    if (!isDeedlogError(error)) throw error
  }
  return shown
}

const ROOT = /"root":"([0-9a-f]{64})"/g

const partsOf = (disclosed: Disclosed): Partial<DisclosureShown> =>
  'value' in disclosed
    ? { value: disclosed.value }
    : { fields: disclosed.fields, shown: disclosed.fields.map(({ path }) => path), withheld: disclosed.withheld }

/** A name for a disclosure that came inside a bundle. */
export const bundleName = (bundle: string): string => `the bundle ${quote(bundle)}`
