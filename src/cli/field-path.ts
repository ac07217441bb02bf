import { quote } from '../core/errors.js'
import type { Path } from '../core/record/index.js'
import { UsageError } from './errors.js'

/**
 * The ways to read what somebody typed as the path of a field: names and indices with dots between them
 * (`payment.items.0`), or the path itself as JSON (`["a.b",0]`), for names with dots in them.
 *
 * @throws {UsageError} `usage.value`
 */
export function parseFieldPath(typed: string): Path {
  if (!typed.startsWith('[')) {
    const steps = typed.split('.')
    if (steps.every(step => step !== '')) return steps.map(step => (INDEX.test(step) ? Number(step) : step))
    throw wrong(typed)
  }
  let path: unknown
  try {
    path = JSON.parse(typed)
  } catch {
    throw wrong(typed)
  }
  if (!isPath(path)) throw wrong(typed)
  return path
}

// A name that looks like an index is written in JSON: `["1"]`.
const INDEX = /^(0|[1-9]\d{0,14})$/

const isPath = (value: unknown): value is Path =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every(step => typeof step === 'string' || (Number.isSafeInteger(step) && step >= 0))

const wrong = (typed: string): UsageError =>
  new UsageError('usage.value', `--path ${quote(typed)} is no path of a field`, {
    expected: 'names and indices with dots between them, payment.items.0, or the same as JSON, ["payment","items",0]',
  })
