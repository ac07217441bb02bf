import type { Disclosed } from '../../core/record/index.js'
import type { Json } from '../../core/record/types.js'
import { safe, safeJson } from '../terminal/safe.js'
import { addDisclosed, INDENT } from './disclosure.js'
import type { Page } from './page.js'

/** One record of a call, with what is known beside its bytes. */
export interface ShownRecord {
  readonly index: number
  /** Leaf hash, lowercase hex. */
  readonly leaf: string
  readonly json: { readonly [name: string]: Json }
  /** Whether it is known to be in the log, in a few words. */
  readonly standing: string
  /** What disclosures prove of its commitments, by member path; a string says why one proves nothing. */
  readonly disclosed: ReadonlyMap<string, Disclosed | string>
}

// Members that chain a record to others and say nothing about the call; `--json` has them.
const CHAIN = new Set(['v', 'type', 'time', 'stream', 'seq', 'prev', 'sig', 'crit', 'call', 'intent'])

/** Adds one record to a page: what it says, and behind each commitment what is disclosed of it. */
export function renderRecord(page: Page, { index, leaf, json, standing, disclosed }: ShownRecord): void {
  page.heading(`Entry ${index}: ${safe(text(json['type']))}, ${safe(text(json['time']))}`)
  page.value('leaf hash', leaf)
  page.fact('in the log', standing)
  for (const [path, value] of members(json, '')) {
    if (!isCommitment(value)) page.fact(safe(path), plain(value))
    else {
      page.fact(safe(path), 'commitment with the root').line(INDENT + safe(text(value['root'])))
      addDisclosed(page, disclosed.get(path) ?? 'not disclosed: no disclosure is kept here')
    }
  }
}

/** Members of a record with the names of nested ones joined by dots; commitments stay whole. */
function* members(json: { readonly [name: string]: Json }, above: string): Generator<readonly [string, Json]> {
  for (const [name, value] of Object.entries(json)) {
    const path = above + name
    if (above === '' && CHAIN.has(name)) continue
    if (isObject(value) && !isCommitment(value)) yield* members(value, `${path}.`)
    else yield [path, value]
  }
}

const plain = (value: Json): string => (typeof value === 'string' ? safe(value) : safeJson(value))

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '?')

type JsonObject = { readonly [name: string]: Json }

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCommitment = (value: Json): value is JsonObject =>
  isObject(value) && typeof value['root'] === 'string' && typeof value['scheme'] === 'string'
