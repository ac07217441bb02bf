import { Option } from 'commander'
import { quote } from '../core/errors.js'
import { isText, isWord } from '../core/record/formats.js'
import { UsageError } from './errors.js'

/** `--json`, the same on every command that has it: results on standard output, errors on standard error. */
export const jsonOption = (what: string): Option =>
  new Option('--json', `${what} as JSON on standard output, errors as JSON on standard error`)

/** An option that takes one of a list of words. */
export const choiceOption = (flags: string, description: string, words: readonly string[]): Option =>
  new Option(flags, description).argParser((value: string) => {
    if (words.includes(value)) return value
    throw new UsageError('usage.value', `${flagOf(flags)} ${quote(value)} is not one of its values`, {
      expected: `one of ${words.join(', ')}`,
    })
  })

/** An option whose value is a path. A value that looks like an option is a forgotten value. */
export const pathOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string) => readPath(flags, value))

/** A {@link pathOption} that may be given several times. */
export const pathsOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string, before?: readonly string[]) => [
    ...(before ?? []),
    readPath(flags, value),
  ])

function readPath(flags: string, value: string): string {
  if (value !== '' && !value.startsWith('--')) return value
  throw new UsageError('usage.value', `${flagOf(flags)} is followed by ${quote(value)}, which is no path`, {
    expected: 'a path; write ./--name for one that begins with two dashes',
  })
}

/** An option whose values are lines of a policy without their keyword. Repeatable. */
export const linesOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string, before?: readonly string[]) => [...(before ?? []), value])

/** An option whose value goes into records as a `word` of spec/record.md section 1. */
export const wordOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string) => {
    if (isWord(value)) return value
    throw new UsageError('usage.value', `${flagOf(flags)} ${quote(value)} cannot stand in a record`, {
      expected: '1 to 255 ASCII characters without spaces and without +',
    })
  })

/** An option whose value goes into records as a `text` of spec/record.md section 1. */
export const textOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string) => {
    if (isText(value)) return value
    throw new UsageError('usage.value', `${flagOf(flags)} ${quote(value)} cannot stand in a record`, {
      expected: '1 to 255 bytes of text without control characters',
    })
  })

/** An option that takes a whole number from `least` to `most`. */
export const numberOption = (flags: string, description: string, least: number, most: number): Option =>
  new Option(flags, description).argParser((value: string) => {
    const number = Number(value)
    if (/^\d{1,15}$/.test(value) && number >= least && number <= most) return number
    throw new UsageError('usage.value', `${flagOf(flags)} ${quote(value)} is not a number in its range`, {
      expected: `a whole number from ${least} to ${most}`,
    })
  })

// RFC 3339 with an explicit zone, or a day, which is that day in UTC. `Date.parse` alone takes far more, and reads
// some of it in the zone of the machine: an auditor elsewhere would get other rows.
const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

/**
 * An option that takes an instant; the value is milliseconds since 1970.
 *
 * @param ofDay  Which of its milliseconds a whole day stands for.
 */
export const timeOption = (flags: string, description: string, ofDay: 'first' | 'last'): Option =>
  new Option(flags, description).argParser((value: string) => {
    const ms = INSTANT.test(value) ? Date.parse(value) : Number.NaN
    // `Date.parse` rolls 30 February over into March.
    if (ms >= TIME_FIRST && ms < TIME_END && dayExists(value))
      return value.length === DAY_LENGTH && ofDay === 'last' ? ms + DAY_MS - 1 : ms
    throw new UsageError('usage.value', `${flagOf(flags)} ${quote(value)} is no instant`, {
      expected:
        'a day in UTC or a time with its zone, in the years 2000 to 2999: 2026-11-24, 2026-11-24T09:30Z, 2026-11-24T10:30:00.000+01:00',
    })
  })

// spec/record.md §1: no record bears another time.
const TIME_FIRST = Date.UTC(2000, 0)
const TIME_END = Date.UTC(3000, 0)

const DAY_LENGTH = 'yyyy-mm-dd'.length
const DAY_MS = 86_400_000

const dayExists = (value: string): boolean => {
  const [year, month, day] = value.slice(0, 10).split('-').map(Number) as [number, number, number]
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
}

const flagOf = (flags: string): string => flags.split(/[ ,]/)[0] ?? flags
