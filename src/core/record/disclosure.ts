import { fromBase64, toBase64 } from '../bytes/base64.js'
import { quote, VerificationError } from '../errors.js'
import { canonicalize } from './canonical.js'
import { commit, fieldDigests, fieldsRoot, isWhole, SALT_BYTES, Salts, SCHEME, saltedDigest } from './commitment.js'
import {
  checkDisclosure,
  type Disclosure,
  type FullDisclosure,
  type PartialDisclosure,
  refuse,
} from './disclosure-form.js'
import { type Path, splitFields, startsWith } from './fields.js'
import type { Commitment, Hash, Json } from './types.js'

/*
 * What proves to somebody what a commitment commits to: spec/record.md §6. A disclosure in full gives the key; one in
 * part gives the salts of the fields it shows and the digests of those it withholds.
 */

export {
  checkDisclosure,
  type DisclosedField,
  type Disclosure,
  type FullDisclosure,
  formatDisclosure,
  type PartialDisclosure,
  parseDisclosure,
} from './disclosure-form.js'
export { type DisclosureSet, formatDisclosureSet, parseDisclosureSet } from './disclosure-set.js'

/** What a disclosure proved. */
export type Disclosed =
  | { readonly value: Json }
  | {
      readonly fields: readonly { readonly path: Path; readonly value: Json }[]
      readonly withheld: readonly Path[]
    }

/** The disclosure in full of the commitment to `e` under `key`. */
export const discloseInFull = (e: Json, key: Uint8Array): FullDisclosure => ({ key: toBase64(key), value: e })

/**
 * The disclosure of some fields of the commitment to `e` under `key`.
 *
 * @param shown  Paths of fields, or of containers of which all fields are shown.
 * @throws {RangeError} a path under which there is no field, or a value that is not split into fields
 */
export function discloseInPart(e: Json, key: Uint8Array, shown: readonly Path[]): PartialDisclosure {
  const fields = splitFields(e)
  if (isWhole(fields)) throw new RangeError('this value is not split into fields: it is disclosed in full only')
  for (const path of shown)
    if (!fields.paths.some(field => startsWith(field, path)))
      throw new RangeError(`there is no field at ${quote(JSON.stringify(path))}`)
  const salts = new Salts(key)
  const digests = fieldDigests(fields, salts)
  return {
    salt: toBase64(salts.at(0)),
    paths: fields.paths,
    fields: fields.paths.map((field, i) =>
      shown.some(path => startsWith(field, path))
        ? { salt: toBase64(salts.at(i + 1)), value: fields.values[i]! }
        : { digest: toBase64(digests.subarray(SALT_BYTES * (i + 1), SALT_BYTES * (i + 2))) },
    ),
  }
}

/**
 * `disclosure` with only the fields at or below `shown` left. To erase a field: keep this, delete the rest.
 * @throws {RangeError} a path under which no field is shown
 */
export function withholdAllBut(disclosure: PartialDisclosure, shown: readonly Path[]): PartialDisclosure {
  for (const path of shown)
    if (!disclosure.paths.some((field, i) => startsWith(field, path) && 'salt' in disclosure.fields[i]!))
      throw new RangeError(`no field is shown at ${quote(JSON.stringify(path))}`)
  return {
    ...disclosure,
    fields: disclosure.fields.map((field, i) => {
      if ('digest' in field || shown.some(path => startsWith(disclosure.paths[i]!, path))) return field
      const digest = new Uint8Array(SALT_BYTES)
      saltedDigest(fromBase64(field.salt), canonicalize(field.value), digest, 0)
      return { digest: toBase64(digest) }
    }),
  }
}

/**
 * What `disclosure` proves of `commitment`.
 *
 * @throws {VerificationError} `disclosure.mismatch` when it is a disclosure of something else
 * @throws {MalformedError}    `disclosure.*`, see `checkDisclosure`; `disclosure.scheme` for a scheme other than `f1`
 */
export function verifyDisclosure(disclosure: Disclosure, commitment: Commitment): Disclosed {
  if (commitment.scheme !== SCHEME)
    refuse('scheme', `the commitment's scheme ${quote(commitment.scheme)} is not understood`, SCHEME)
  const checked = checkDisclosure(disclosure as unknown as Json)
  if ('key' in checked) {
    const { root, size } = commit(checked.value, fromBase64(checked.key))
    if (root !== commitment.root) mismatch(root, commitment)
    if (size !== commitment.size)
      throw new VerificationError('disclosure.mismatch', `the value has size ${size}, not ${commitment.size}`)
    return { value: checked.value }
  }
  const root = partialRoot(checked)
  if (root !== commitment.root) mismatch(root, commitment)
  const { paths, fields } = checked
  const shown: { path: Path; value: Json }[] = []
  const withheld: Path[] = []
  fields.forEach((field, i) => {
    if ('digest' in field) withheld.push(paths[i]!)
    else shown.push({ path: paths[i]!, value: field.value })
  })
  return { fields: shown, withheld }
}

/**
 * The root that a disclosure gives: no commitment with another one is what it is of. For finding the record that it
 * belongs to; only {@link verifyDisclosure} says that it holds.
 *
 * @throws {MalformedError} `disclosure.*`, see `checkDisclosure`
 */
export function disclosedRoot(disclosure: Disclosure): Hash {
  const checked = checkDisclosure(disclosure as unknown as Json)
  return 'key' in checked ? commit(checked.value, fromBase64(checked.key)).root : partialRoot(checked)
}

function partialRoot({ salt, paths, fields }: PartialDisclosure): Hash {
  const digests = new Uint8Array(SALT_BYTES * (1 + paths.length))
  saltedDigest(fromBase64(salt), canonicalize(paths), digests, 0)
  fields.forEach((field, i) => {
    const at = SALT_BYTES * (i + 1)
    if ('digest' in field) digests.set(fromBase64(field.digest), at)
    else saltedDigest(fromBase64(field.salt), canonicalize(field.value), digests, at)
  })
  return fieldsRoot(digests)
}

function mismatch(root: string, commitment: Commitment): never {
  throw new VerificationError('disclosure.mismatch', `the disclosure gives the root ${root}`, {
    expected: commitment.root,
  })
}
