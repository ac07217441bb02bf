import { MalformedError, quote } from '../core/errors.js'
import {
  commitmentsOf,
  type Disclosure,
  type ParsedRecord,
  type Path,
  parseDisclosureSet,
  verifyDisclosure,
} from '../core/record/index.js'
import type { Bundle, BundleDisclosure } from '../core/verify/index.js'
import { bundleSource } from './bundle-file.js'
import { type CallRow, listCalls, readRecord } from './calls.js'
import { discloseSome } from './disclose.js'
import type { LogSource } from './source.js'

/** What of a call is to be disclosed. */
export interface DisclosureChoice {
  /** The call's id, or the index of one of its records in decimal. */
  readonly call: string
  /**
   * A member of its records, with the record's type before it where two have it (`args`, `outcome.args`), and behind it
   * names of fields with dots between them: `args.payment.amount`. Absent: all that is kept.
   */
  readonly of?: string
  /** Fields below `of`, for names with dots in them. */
  readonly path?: Path
}

/**
 * The disclosures that were chosen, of calls that the bundle shows, each checked.
 *
 * @throws {MalformedError} `disclose.call` for a call that the bundle does not show; `disclose.member` for a member or a
 *   field that it has not; `disclose.not-kept` for what is not kept here
 */
export async function chosenDisclosures(
  source: LogSource,
  bundle: Bundle,
  choices: readonly DisclosureChoice[],
): Promise<readonly BundleDisclosure[]> {
  if (choices.length === 0) return []
  const shown = bundleSource(bundle, source.name)
  const rows = await listCalls(shown)
  // By index and member: of what is chosen twice, the fields of both are shown.
  const chosen = new Map<string, Chosen>()
  for (const choice of choices) {
    const row = rows.find(({ call, records }) => call === choice.call || records.some(i => `${i}` === choice.call))
    if (!row)
      throw new MalformedError('disclose.call', `call ${quote(choice.call)} is not among those that the bundle shows`, {
        expected: 'a call that the bundle was asked for',
      })
    for (const each of await membersOf(source, shown, row, choice)) {
      const key = `${each.index} ${each.path}`
      const before = chosen.get(key)
      const fields = before
        ? before.fields && each.fields
          ? [...before.fields, ...each.fields]
          : undefined
        : each.fields
      chosen.set(key, { ...each, fields })
    }
  }
  return [...chosen.values()].map(({ index, path, kept, fields, record }) => {
    const disclosure = fields === undefined ? kept : someOf(kept, fields, path)
    verifyDisclosure(disclosure, commitmentsOf(record).get(path)!)
    return { index, path, disclosure }
  })
}

type Understood = Extract<ParsedRecord, { understood: true }>['record']

interface Chosen {
  readonly index: number
  /** Of the member. */
  readonly path: string
  readonly kept: Disclosure
  readonly record: Understood
  /** Undefined: all of it. */
  readonly fields: readonly Path[] | undefined
}

function someOf(kept: Disclosure, fields: readonly Path[], member: string): Disclosure {
  try {
    return discloseSome(kept, fields)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new MalformedError('disclose.member', `${quote(member)}: ${cause.message}`, {
      expected: 'a field that deedlog show lists',
      cause,
    })
  }
}

async function membersOf(
  source: LogSource,
  shown: LogSource,
  { call, records }: CallRow,
  { of, path }: DisclosureChoice,
): Promise<Chosen[]> {
  const found: Chosen[] = []
  const known: string[] = []
  let isCommitted = false
  for (const index of records) {
    const parsed = await readRecord(shown, index)
    if (!parsed.understood) continue
    const { record } = parsed
    const bytes = await source.disclosures?.(index)
    const set = bytes && parseDisclosureSet(bytes)
    for (const member of commitmentsOf(record).keys()) {
      known.push(`${record.type}.${member}`)
      const steps = of === undefined ? [] : stepsBelow(of, member, record.type)
      if (steps === undefined) continue
      isCommitted = true
      const kept = set?.get(member)
      const field = [...steps, ...(path ?? [])]
      if (kept) found.push({ index, path: member, kept, record, fields: field.length === 0 ? undefined : [field] })
    }
    // Of two records that have the member, the first is meant.
    if (of !== undefined && isCommitted) break
  }
  if (found.length > 0) return found
  if (of === undefined || isCommitted)
    throw new MalformedError('disclose.not-kept', `no disclosure of ${quote(of ?? call)} is kept here`, {
      expected: 'the log’s own folder with its vault, and a value that was not erased',
    })
  throw new MalformedError('disclose.member', `no record of call ${quote(call)} commits to ${quote(of)}`, {
    expected: known.join(', '),
  })
}

const INDEX = /^(0|[1-9]\d{0,14})$/

/** The steps that `of` names below a member; undefined when it is about another one. */
function stepsBelow(of: string, member: string, type: string): Path | undefined {
  for (const name of [member, `${type}.${member}`]) {
    if (of === name) return []
    if (of.startsWith(`${name}.`))
      return of
        .slice(name.length + 1)
        .split('.')
        .map(step => (INDEX.test(step) ? Number(step) : step))
  }
  return undefined
}
