import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, quote, UnavailableError } from '../core/errors.js'
import {
  type Commitment,
  commitmentsOf,
  type Disclosure,
  isFinal,
  type ParsedRecord,
  parseDisclosureSet,
  parseRecord,
  type UnderstoodRecord,
  verifyDisclosure,
  verifyRecordSignature,
} from '../core/record/index.js'
import type { Report } from '../core/verify/index.js'
import type { OnProgress } from './feed.js'
import { erasingIn, vaultIn } from './private-files.js'
import type { LogSource } from './source.js'

/** How many commitments there are, by what became of their disclosures. */
export interface Counted {
  /** Held, and proving what was committed to: in full, and with some fields erased. */
  readonly full: number
  readonly part: number
  /** Not held, and an erasure record names the call. */
  readonly erased: number
  /** Not held, and nothing says why; what is held and proves nothing counts here as well. */
  readonly missing: number
}

export interface Contents {
  readonly commitments: number
  readonly total: Counted
  readonly byTool: ReadonlyMap<string, Counted>
  /** By type of record and member: `intent.args`, `outcome.error.message`. */
  readonly byMember: ReadonlyMap<string, Counted>
  /** Of those that are missing: held, and proving something else or nothing. */
  readonly mismatched: number
  /** The first that are missing. */
  readonly missing: readonly { readonly index: number; readonly member: string; readonly why: string }[]
  /** Calls that erasure records name. */
  readonly erasedCalls: number
  /** An erasing was begun and is not finished: the next start of a writer does it. */
  readonly unfinished: boolean
}

/**
 * Says of every commitment of a log whether its disclosure is held here, was erased, or is missing. Whether the records
 * are the log's is {@link verify}'s question.
 *
 * @param target  The log's folder, or its file of lines.
 * @returns undefined when the private files cannot be read
 * @throws {UnavailableError} `log.damaged` when they are not as they were written
 */
export async function readContents(
  source: LogSource,
  target: string,
  options: { readonly onProgress?: OnProgress } = {},
): Promise<Contents | undefined> {
  const vault = await vaultIn(target)
  if (!vault) return undefined
  const erased = await erasedIntents(source)
  const count = new Count(erased)
  let held = await vault.next()
  try {
    for await (const { index, record } of source.entries()) {
      options.onProgress?.(index + 1)
      while (!held.done && held.value.index < index) held = await vault.next()
      const parsed = parsedOr(record)
      if (parsed?.understood) count.add(index, parsed, held.value?.index === index ? held.value.disclosures : undefined)
    }
  } finally {
    await vault.return(undefined)
  }
  return { ...count.contents(), erasedCalls: erased.size, unfinished: (await erasingIn(target)) ?? false }
}

/** As {@link readContents}. @throws {UnavailableError} `contents.no-vault` when the private files cannot be read */
export async function requireContents(
  source: LogSource,
  target: string,
  options: { readonly onProgress?: OnProgress } = {},
): Promise<Contents> {
  const contents = await readContents(source, target, options)
  if (contents) return contents
  throw new UnavailableError('contents.no-vault', `the disclosures of ${quote(target)} cannot be read from here`, {
    expected: 'the log’s own folder with its private folder, and the user that made it',
  })
}

/** A report with what the vault holds: spec/report.md. Disclosures that prove nothing speak against the vault, not the log. */
export function reportContents(report: Report, { total, mismatched, commitments }: Contents): Report {
  const { full, part, erased, missing } = total
  const checks = report.checks.map(check =>
    check.code === 'disclosures.match'
      ? {
          ...check,
          status: mismatched > 0 ? ('failed' as const) : ('passed' as const),
          detail: `${full + part} of ${commitments} commitments opened${mismatched > 0 ? `; ${mismatched} disclosures prove nothing` : ''}`,
        }
      : check,
  )
  const disclosures = { held: full + part, erased, missing }
  return { ...report, checks, completeness: { ...report.completeness, disclosures } }
}

/** What operator streams that count say was erased: spec/record.md §2, §4. */
async function erasedIntents(source: LogSource): Promise<ReadonlySet<string>> {
  const operators = new Set<string>()
  const streams = new Map<string, string>()
  const intents = new Set<string>()
  for await (const { record: bytes } of source.entries()) {
    // Few records are parsed: those of operators, and no call's.
    const text = fromUtf8(bytes)
    if (!OPERATORS.test(text)) continue
    const parsed = parsedOr(bytes)
    if (!parsed?.understood) continue
    const { record } = parsed
    if (record.type === 'log') for (const key of record.operators) operators.add(key)
    else if (record.type === 'stream.start') {
      if (
        record.role === 'operator' &&
        operators.has(record.identity) &&
        verifyRecordSignature(parsed, record.identity)
      )
        streams.set(parsed.leaf, record.key)
    } else if ((record.type === 'key' || record.type === 'erasure') && isSigned(parsed, streams.get(record.stream))) {
      if (record.type === 'erasure') for (const intent of record.intents) intents.add(intent)
      else if (record.event === 'add' && record.agent === undefined) operators.add(record.key)
    }
  }
  return intents
}

const OPERATORS = /"type":"(?:log|erasure|key)"|"role":"operator"/

const isSigned = (parsed: ParsedRecord, key: string | undefined): boolean =>
  key !== undefined && verifyRecordSignature(parsed, key)

class Count {
  readonly #erased: ReadonlySet<string>
  /** Tools of calls that may get more records. */
  readonly #tools = new Map<string, string>()
  readonly #total = new Tally()
  readonly #byTool = new Map<string, Tally>()
  readonly #byMember = new Map<string, Tally>()
  readonly #missing: { index: number; member: string; why: string }[] = []
  #mismatched = 0

  constructor(erased: ReadonlySet<string>) {
    this.#erased = erased
  }

  add(index: number, parsed: UnderstoodRecord, bytes: Uint8Array | undefined): void {
    const { record } = parsed
    const tool = this.#toolOf(parsed)
    const commitments = commitmentsOf(record)
    if (commitments.size === 0) return
    const intent = record.type === 'intent' ? parsed.leaf : 'intent' in record ? record.intent : undefined
    const set = bytes && readSet(bytes)
    for (const [member, commitment] of commitments) {
      const disclosure = typeof set === 'string' ? undefined : set?.get(member)
      const why = typeof set === 'string' ? set : disclosure ? whyNot(disclosure, commitment) : NOT_HELD
      const what =
        why === undefined
          ? 'key' in disclosure!
            ? 'full'
            : 'part'
          : !disclosure && typeof set !== 'string' && intent !== undefined && this.#erased.has(intent)
            ? 'erased'
            : 'missing'
      for (const tally of [this.#total, at(this.#byTool, tool), at(this.#byMember, `${record.type}.${member}`)])
        tally[what]++
      if (what === 'missing' && bytes && why !== NOT_HELD) this.#mismatched++
      if (what === 'missing' && this.#missing.length < MISSING_NAMED)
        this.#missing.push({ index, member, why: why ?? NOT_HELD })
    }
  }

  #toolOf({ record, leaf }: UnderstoodRecord): string {
    if (record.type === 'intent') {
      this.#tools.set(leaf, record.tool.name)
      return record.tool.name
    }
    if (!('intent' in record)) return NO_TOOL
    const tool = this.#tools.get(record.intent) ?? NO_TOOL
    // Nothing follows it but a settlement that disputes it: memory does not grow with the log.
    if (record.type === 'outcome' && isFinal(record.status)) this.#tools.delete(record.intent)
    return tool
  }

  contents(): Omit<Contents, 'erasedCalls' | 'unfinished'> {
    const { full, part, erased, missing } = this.#total
    return {
      commitments: full + part + erased + missing,
      total: this.#total,
      byTool: this.#byTool,
      byMember: this.#byMember,
      mismatched: this.#mismatched,
      missing: this.#missing,
    }
  }
}

class Tally implements Counted {
  full = 0
  part = 0
  erased = 0
  missing = 0
}

function at(tallies: Map<string, Tally>, name: string): Tally {
  // A log may name a million tools; what is beyond is counted, not told apart.
  const key = tallies.has(name) || tallies.size < NAMES_MAX ? name : OTHERS
  const found = tallies.get(key) ?? new Tally()
  tallies.set(key, found)
  return found
}

function readSet(bytes: Uint8Array): ReadonlyMap<string, Disclosure> | string {
  try {
    return parseDisclosureSet(bytes)
  } catch (error) {
    if (isDeedlogError(error)) return error.message
    throw error
  }
}

/** Why a disclosure proves nothing of a commitment; undefined when it does. */
function whyNot(disclosure: Disclosure, commitment: Commitment): string | undefined {
  try {
    verifyDisclosure(disclosure, commitment)
    return undefined
  } catch (error) {
    if (isDeedlogError(error)) return error.message
    throw error
  }
}

function parsedOr(bytes: Uint8Array): ParsedRecord | undefined {
  try {
    return parseRecord(bytes)
  } catch {
    return undefined
  }
}

const NOT_HELD = 'not held'
/** What is of no call, or of one whose tool is not known any more. */
const NO_TOOL = ''
const OTHERS = 'others'
const NAMES_MAX = 1024
const MISSING_NAMED = 16
