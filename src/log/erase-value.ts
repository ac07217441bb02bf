import { fromBase64 } from '../core/bytes/base64.js'
import { MalformedError, quote } from '../core/errors.js'
import { startsWith } from '../core/record/fields.js'
import {
  type Disclosure,
  discloseInPart,
  formatDisclosureSet,
  type Path,
  parseDisclosureSet,
  splitFields,
  withholdAllBut,
} from '../core/record/index.js'
import type { ErasedField } from './erase-plan.js'

/**
 * The disclosures of one record without a field: the key, the value and the field's salt are gone, what proves the other
 * fields stays. spec/record.md §6
 *
 * @returns the same bytes when there is no such field, or it was erased before
 * @throws {MalformedError} `erase.field` when the path leads into a field: that has one salt and goes as a whole
 */
export function withoutField(disclosures: Uint8Array, { member, path }: ErasedField): Uint8Array {
  const set = parseDisclosureSet(disclosures)
  const disclosure = set.get(member)
  const rest = disclosure && without(disclosure, path)
  if (!rest) return disclosures
  return formatDisclosureSet(new Map([...set, [member, rest]]))
}

function without(disclosure: Disclosure, path: Path): Disclosure | undefined {
  const paths = 'key' in disclosure ? splitFields(disclosure.value).paths : disclosure.paths
  const around = paths.find(field => field.length < path.length && startsWith(path, field))
  if (around)
    throw new MalformedError(
      'erase.field',
      around.length === 0
        ? `the value has no fields that could be erased one by one, so not ${quote(JSON.stringify(path))} either`
        : `${quote(JSON.stringify(path))} is inside a field that can only be erased as a whole`,
      { expected: around.length === 0 ? 'no --field: the whole call' : JSON.stringify(around) },
    )
  const isShown = (i: number) => 'key' in disclosure || 'salt' in disclosure.fields[i]!
  if (!paths.some((field, i) => startsWith(field, path) && isShown(i))) return undefined
  const rest = paths.filter((field, i) => !startsWith(field, path) && isShown(i))
  return 'key' in disclosure
    ? discloseInPart(disclosure.value, fromBase64(disclosure.key), rest)
    : withholdAllBut(disclosure, rest)
}
