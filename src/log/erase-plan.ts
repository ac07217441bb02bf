import { fromBase64, toBase64 } from '../core/bytes/base64.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { MalformedError } from '../core/errors.js'
import { isHash, type Path } from '../core/record/index.js'
import type { AppendEntry } from './backend.js'

/*
 * What is to be erased, as it is handed to whoever holds the log, and put down until it is done: the stream of erasure
 * records, signed and whole, and the records whose disclosures go. Nothing in it is a disclosure. docs/design/erasure.md
 */

export interface ErasePlan {
  /** One stream of the operator, start to end. Handing it over twice is safe: what is held keeps its index. */
  readonly batch: readonly AppendEntry[]
  /** Index and leaf hash of each record that loses disclosures, ascending. */
  readonly records: readonly (readonly [index: number, leaf: string])[]
  /** Only the fields at or below `path` of the value that `member` commits to; absent: everything. */
  readonly field?: ErasedField
}

export interface ErasedField {
  /** `args`, `output`, `error.message`, ... */
  readonly member: string
  readonly path: Path
}

/** Records of one plan: 128 intents with a review and outcomes each fit many times. */
const PLAN_RECORDS_MAX = 65_536
const PLAN_BYTES_MAX = 32 * 1024 * 1024

export const encodePlan = ({ batch, records, field }: ErasePlan): Uint8Array =>
  toUtf8(
    JSON.stringify({
      batch: batch.map(({ record, note }) => [toBase64(record), ...(note ? [toBase64(note)] : [])]),
      records,
      ...(field ? { field: { member: field.member, path: field.path } } : {}),
    }),
  )

/** @throws {MalformedError} `erase.plan` */
export function decodePlan(bytes: Uint8Array): ErasePlan {
  if (bytes.length > PLAN_BYTES_MAX) throw malformed(`${bytes.length} bytes are too many`)
  let json: unknown
  try {
    json = JSON.parse(fromUtf8(bytes))
  } catch {
    throw malformed('it is no JSON')
  }
  const { batch, records, field } = (json ?? {}) as { readonly [name: string]: unknown }
  if (!Array.isArray(batch) || batch.length === 0 || !batch.every(isEntry)) throw malformed('its stream is no list')
  if (!Array.isArray(records) || records.length === 0 || records.length > PLAN_RECORDS_MAX)
    throw malformed(`it names no records, or more than ${PLAN_RECORDS_MAX}`)
  for (const [i, each] of records.entries())
    if (!isPlace(each) || (i > 0 && (records[i - 1] as [number])[0] >= each[0])) throw malformed('its records are none')
  if (field !== undefined && !isField(field)) throw malformed('its field is none')
  return {
    batch: (batch as [string, string?][]).map(([record, note]) => ({
      record: fromBase64(record),
      ...(note === undefined ? {} : { note: fromBase64(note) }),
    })),
    records: records as ErasePlan['records'],
    ...(field === undefined ? {} : { field: field as ErasedField }),
  }
}

const isEntry = (each: unknown): boolean =>
  Array.isArray(each) && each.length >= 1 && each.length <= 2 && each.every(part => typeof part === 'string')

const isPlace = (each: unknown): each is [number, string] =>
  Array.isArray(each) && each.length === 2 && Number.isSafeInteger(each[0]) && each[0] >= 0 && isHash(each[1])

function isField(field: unknown): boolean {
  const { member, path } = (field ?? {}) as { readonly member?: unknown; readonly path?: unknown }
  return (
    typeof member === 'string' &&
    Array.isArray(path) &&
    path.length > 0 &&
    path.every(step => typeof step === 'string' || (Number.isSafeInteger(step) && (step as number) >= 0))
  )
}

const malformed = (why: string): MalformedError =>
  new MalformedError('erase.plan', `what is to be erased is not understood: ${why}`, {
    expected: 'what deedlog erase writes; a damaged private/erasing can be moved away, and the erasing begun again',
  })
