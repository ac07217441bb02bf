import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { MalformedError, UnavailableError } from '../core/errors.js'
import { canonicalize, type Json, type ParsedRecord } from '../core/record/index.js'

/*
 * How long disclosures are kept, by tool, and what is held whatever its age. Private: whom a hold protects is nobody
 * else's business. Its hash stands in the log: docs/design/erasure.md.
 */

export interface Retention {
  /** 32 random bytes in hex: without them its hash in the log could be guessed at. */
  readonly nonce: string
  readonly classes: readonly RetentionClass[]
  readonly holds: readonly Hold[]
}

export interface RetentionClass {
  /** A tool's name; `*` stands for any characters. */
  readonly tools: string
  /** After so many days, 0 to 36,500, the disclosures of a call may go. */
  readonly days: number
}

export interface Hold {
  /** What is held: a pattern of tools, the id of a call, or of a session. */
  readonly what: 'tool' | 'call' | 'session'
  readonly value: string
  /** A word. */
  readonly reason: string
  /** When it was put, as a time of a record. */
  readonly since: string
}

export const NO_RETENTION: Retention = { nonce: '', classes: [], holds: [] }

/** The bytes of a document: RFC 8785. */
export const formatRetention = (retention: Retention): Uint8Array =>
  toUtf8(canonicalize({ format: 1, ...retention } as unknown as Json))

/** @throws {UnavailableError} `retention.format`: what is held is not known, so nothing may be erased */
export function parseRetention(bytes: Uint8Array | undefined): Retention {
  if (!bytes) return NO_RETENTION
  try {
    const { format, nonce, classes, holds } = JSON.parse(fromUtf8(bytes)) as { readonly [name: string]: unknown }
    if (format === 1 && typeof nonce === 'string' && isListOf(classes, isClass) && isListOf(holds, isHold))
      return { nonce, classes, holds }
  } catch {
    // As below.
  }
  throw new UnavailableError('retention.format', 'private/retention.json is not understood, so nothing is erased', {
    expected: 'the document that deedlog hold or deedlog retain wrote; private/retentions keeps all of them',
  })
}

/** The calls among these records that a hold keeps, with its reason. */
export function callsHeld(
  retention: Retention,
  records: Iterable<ParsedRecord>,
): readonly { readonly call: string; readonly hold: string }[] {
  const held = new Map<string, string>()
  for (const { json } of records) {
    const { call, tool, session } = json as {
      readonly call?: string
      readonly tool?: { readonly name?: string }
      readonly session?: { readonly id?: string }
    }
    const hold = holdOf(retention, { call, tool: tool?.name, session: session?.id })
    if (hold) held.set(call ?? '', hold.reason)
  }
  return [...held].map(([call, hold]) => ({ call, hold }))
}

/** The first hold on a call; undefined when there is none. */
export function holdOf(
  { holds }: Retention,
  call: { readonly call: unknown; readonly tool: unknown; readonly session: unknown },
): Hold | undefined {
  return holds.find(({ what, value }) =>
    what === 'tool' ? typeof call.tool === 'string' && matchesPattern(call.tool, value) : call[what] === value,
  )
}

/** How many days the disclosures of a tool's calls are kept, the longest of what applies; undefined: for good. */
export function daysKept({ classes }: Retention, tool: string): number | undefined {
  const days = classes.filter(({ tools }) => matchesPattern(tool, tools)).map(each => each.days)
  return days.length > 0 ? Math.max(...days) : undefined
}

/** Whether `name` is what `pattern` says, `*` being any characters. In time linear in both for each star. */
export function matchesPattern(name: string, pattern: string): boolean {
  const [start = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return name === start
  const end = rest.pop()!
  if (!name.startsWith(start) || name.length < start.length + end.length || !name.endsWith(end)) return false
  let at = start.length
  for (const part of rest) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= name.length - end.length
}

/** `tool-pattern=days` as typed. @throws {MalformedError} `retention.class` */
export function parseClass(typed: string): RetentionClass {
  const at = typed.lastIndexOf('=')
  const [tools, days] = [typed.slice(0, at), typed.slice(at + 1)]
  if (at > 0 && /^\d{1,5}$/.test(days) && Number(days) <= DAYS_MAX) return { tools, days: Number(days) }
  throw new MalformedError('retention.class', 'this is no class of retention', {
    expected: 'a pattern of tools and days, 0 to 36500: mail.*=30',
  })
}

const isListOf = <T>(list: unknown, is: (each: unknown) => each is T): list is readonly T[] =>
  Array.isArray(list) && list.every(is)

function isClass(each: unknown): each is RetentionClass {
  const { tools, days } = (each ?? {}) as { readonly tools?: unknown; readonly days?: unknown }
  return (
    typeof tools === 'string' && Number.isSafeInteger(days) && (days as number) >= 0 && (days as number) <= DAYS_MAX
  )
}

function isHold(each: unknown): each is Hold {
  const { what, value, reason, since } = (each ?? {}) as { readonly [name: string]: unknown }
  const isKnown = what === 'tool' || what === 'call' || what === 'session'
  return isKnown && typeof value === 'string' && typeof reason === 'string' && typeof since === 'string'
}

const DAYS_MAX = 36_500
