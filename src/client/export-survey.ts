import { toHex } from '../core/bytes/hex.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError } from '../core/errors.js'
import { isHash, isInt, type Json } from '../core/record/index.js'
import { leafHash } from '../core/tlog/index.js'
import { asksFor, type BundleQuery } from '../core/verify/index.js'

/*
 * Which records belong to the story of some calls: spec/bundle.md §4. Read leniently: whoever reads the bundle judges
 * them, and a record too many proves nothing false.
 */

export type LooseRecord = { readonly [name: string]: Json }

/** The bytes as a JSON object, whatever else they are; undefined when they are none. */
export function readLoosely(bytes: Uint8Array): LooseRecord | undefined {
  try {
    const json = JSON.parse(fromUtf8(bytes)) as Json
    return typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as LooseRecord) : undefined
  } catch (error) {
    if (error instanceof SyntaxError || isDeedlogError(error)) return undefined
    throw error
  }
}

export const leafOf = (bytes: Uint8Array): string => toHex(leafHash(bytes))

// Of a stranger's log: so many are remembered, and what is beyond them a bundle lacks.
const KEY_RECORDS_MAX = 65_536

/** The first reading: the calls that are asked for, and what is about them. */
export class ExportSurvey {
  readonly #isAsked: (record: LooseRecord) => boolean
  readonly #starts = new Map<string, { readonly identity: Json | undefined; readonly key: Json | undefined }>()
  readonly #parts = new Map<string, string>()
  readonly #keyRecords: { readonly index: number; readonly stream: string; readonly key: Json | undefined }[] = []
  /** Indexes of records that are to be shown. */
  readonly selected = new Set<number>()
  /** Indexes of the intents that were asked for, ascending. */
  readonly asked: number[] = []
  readonly #intents = new Set<string>()
  /** Streams of which any record is to be shown. */
  readonly streams = new Set<string>()
  /** `<stream> <session>` of the calls that were asked for. */
  readonly sessions = new Set<string>()
  /** Leaf hashes of the `rules` records that decisions name, with those that they continue. */
  readonly rules = new Set<string>()

  constructor(query: BundleQuery) {
    const asks = asksFor(query)
    // Only what is there is looked at, and what is of another type than it should be is not asked for.
    this.#isAsked = record => {
      const { call, time, session } = record
      if (typeof time !== 'string') return false
      const own = isObject(session) && typeof session['id'] === 'string' ? { id: session['id'], n: 0 } : undefined
      return asks({ call: typeof call === 'string' ? call : '', time, ...(own && { session: own }) })
    }
  }

  add(index: number, bytes: Uint8Array): void {
    const record = readLoosely(bytes)
    if (!record) return
    const { type, stream } = record
    if (type === 'stream.start') {
      this.#starts.set(leafOf(bytes), { identity: record['identity'], key: record['key'] })
      return
    }
    if (typeof stream !== 'string') return
    if (type === 'rules' && typeof record['part'] === 'string') this.#parts.set(leafOf(bytes), record['part'])
    if (type === 'key' && this.#keyRecords.length < KEY_RECORDS_MAX)
      this.#keyRecords.push({ index, stream, key: record['key'] })
    if (type === 'intent' && this.#isAsked(record)) this.#intent(index, bytes, record, stream)
    else if (this.#isAbout(index, record)) this.#select(index, stream)
  }

  #intent(index: number, bytes: Uint8Array, { decision, session }: LooseRecord, stream: string): void {
    this.#select(index, stream)
    this.asked.push(index)
    this.#intents.add(leafOf(bytes))
    if (isObject(decision) && typeof decision['rules'] === 'string') this.rules.add(decision['rules'])
    if (isObject(session) && typeof session['id'] === 'string') this.sessions.add(`${stream} ${session['id']}`)
  }

  #isAbout(index: number, { type, intent, intents, of }: LooseRecord): boolean {
    if (type === 'review' || type === 'outcome' || type === 'settlement')
      return typeof intent === 'string' && this.#intents.has(intent)
    if (type === 'erasure')
      return Array.isArray(intents) && intents.some(each => typeof each === 'string' && this.#intents.has(each))
    if (type === 'recovery') return typeof of === 'string' && this.streams.has(of)
    return type === 'continuation' && index === 2
  }

  #select(index: number, stream: string): void {
    this.selected.add(index)
    this.streams.add(stream)
  }

  /** After the last entry: what the records that were found need in their turn. */
  finish(): void {
    for (const leaf of this.rules) {
      const part = this.#parts.get(leaf)
      // A set that grows while it is gone through: each part is come to once.
      if (part !== undefined) this.rules.add(part)
    }
    const keys = new Set<Json | undefined>()
    for (let before = -1; this.streams.size > before; ) {
      before = this.streams.size
      for (const id of this.streams) {
        const start = this.#starts.get(id)
        if (start) keys.add(start.identity).add(start.key)
      }
      for (const { index, stream, key } of this.#keyRecords) if (keys.has(key)) this.#select(index, stream)
    }
    this.#starts.clear()
  }
}

const isObject = (json: Json | undefined): json is LooseRecord =>
  typeof json === 'object' && json !== null && !Array.isArray(json)

/** What a record says that it has seen of the log, if it can be read. */
export function afterOf(record: LooseRecord): { readonly size: number; readonly note: string } | undefined {
  const { after } = record
  if (!isObject(after)) return undefined
  const { size, note } = after
  return isInt(size) && isHash(note) ? { size, note } : undefined
}
