import { sha256Hex } from '#crypto'
import { concatBytes } from '../bytes/equal.js'
import { isHash } from '../bytes/hex.js'
import { toUtf8 } from '../bytes/utf8.js'
import { isDeedlogError, MalformedError, quote } from '../errors.js'
import { canonicalize, type Hash, isInt, type Json, parseJson } from '../record/index.js'
import { Frontier, leafHash, TILE_WIDTH } from '../tlog/index.js'
import { entryOf, subtreeOf, type TreePart } from './bundle.js'
import { formatPart } from './bundle-format.js'

/*
 * What pruning keeps of the entries below m: those that it must not take away, and hashes in the place of the others, so
 * that the tree goes on from there. One file of lines, as a bundle's tree has them: spec/kept.md.
 */

export interface Kept {
  /** Entries from here on are all there: a multiple of 256, from 256. */
  readonly below: number
  /** Hashes of signed notes that say when a checkpoint of this size or more was seen: in `notes/`. Ascending. */
  readonly notes: readonly Hash[]
  /** All entries below, each once: by itself or in a perfect subtree. Entry 0 is by itself. */
  readonly parts: readonly TreePart[]
}

/** Longest file of what is kept, in bytes, and most lines of it. */
export const KEPT_BYTES_MAX = 2 ** 28
const LINES_MAX = 2 ** 21
/** Most notes that it may name. */
export const KEPT_NOTES_MAX = 16

const FORMAT = 'kept/1'
const NEWLINE = 0x0a
const LINE_LIMITS = { what: 'kept', bytesMax: 2 ** 18, depthMax: 12, recordValues: false }

/**
 * Reads what pruning kept. Strict: one form for each content.
 * @throws {MalformedError} `kept.form`
 */
export function parseKept(bytes: Uint8Array): Kept {
  const lines = linesOf(bytes)
  const end = parseLine(lines.at(-1)!, lines.length)
  const before = bytes.subarray(0, bytes.length - lines.at(-1)!.length - 1)
  if (canonicalize(end) !== canonicalize({ end: { lines: lines.length - 1, sha256: sha256Hex(before) } }))
    throw refused('its last line does not close the lines above it: it is not whole')
  const { below, notes } = headerOf(parseLine(lines[0]!, 1))
  const parts: TreePart[] = []
  let at = 0
  for (const [i, line] of lines.slice(1, -1).entries()) {
    const part = partOf(line, i + 2)
    if (part.index !== at) throw refused(`line ${i + 2} is of entry ${part.index}, and entry ${at} is next`)
    at += 'hash' in part ? 2 ** part.level : 1
    if (at > below) throw refused(`line ${i + 2} goes beyond entry ${below}`)
    parts.push(part)
  }
  if (at < below) throw refused(`${at} of ${below} entries are accounted for`)
  if ('hash' in parts[0]!) throw refused('entry 0 is not kept')
  return { below, notes, parts }
}

/** @throws {RangeError} for what would be longer, or have more lines, than the file may */
export function formatKept({ below, notes, parts }: Kept): Uint8Array {
  const lines = [
    canonicalize({ below, deedlog: FORMAT, notes: [...notes].sort() as unknown as Json }),
    ...parts.map(formatPart),
  ]
  const body = concatBytes(...lines.map(line => toUtf8(`${line}\n`)))
  const end = toUtf8(`${canonicalize({ end: { lines: lines.length, sha256: sha256Hex(body) } })}\n`)
  if (lines.length + 1 > LINES_MAX || body.length + end.length > KEPT_BYTES_MAX)
    throw new RangeError(`what is kept has at most ${LINES_MAX} lines and ${KEPT_BYTES_MAX} bytes`)
  return concatBytes(body, end)
}

/** The tree of the entries below, from what is kept of them. */
export function frontierOf({ parts }: Pick<Kept, 'parts'>): Frontier {
  const tree = Frontier.empty()
  for (const part of parts)
    if ('hash' in part) tree.appendSubtree(part.level, part.hash)
    else tree.append(leafHash(part.record))
  return tree
}

function linesOf(bytes: Uint8Array): Uint8Array[] {
  if (bytes.length > KEPT_BYTES_MAX) throw refused(`it has ${bytes.length} bytes`)
  const lines: Uint8Array[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(NEWLINE, from)
    if (to < 0) throw refused('it ends inside a line')
    if (lines.length === LINES_MAX) throw refused(`it has more than ${LINES_MAX} lines`)
    lines.push(bytes.subarray(from, to))
    from = to + 1
  }
  if (lines.length < 3) throw refused('it has no entries')
  return lines
}

type JsonObject = { readonly [name: string]: Json }

function parseLine(bytes: Uint8Array, number: number): JsonObject {
  let json: Json
  try {
    json = parseJson(bytes, LINE_LIMITS)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw refused(`line ${number}: ${error.message}`, error)
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject
  throw refused(`line ${number} is no JSON object`)
}

function headerOf(json: JsonObject): Pick<Kept, 'below' | 'notes'> {
  const member = (name: string): Json | undefined => (Object.hasOwn(json, name) ? json[name] : undefined)
  if (member('deedlog') !== FORMAT) throw refused(`its first line says ${quote(member('deedlog'))}, not "${FORMAT}"`)
  const [below, notes] = [member('below'), member('notes')]
  if (Object.keys(json).length !== 3) throw refused('its first line has other members than below, deedlog and notes')
  if (!isInt(below) || below < TILE_WIDTH || below % TILE_WIDTH !== 0)
    throw refused(`it says below ${quote(below)}, which is no multiple of ${TILE_WIDTH}`)
  if (!Array.isArray(notes) || notes.length > KEPT_NOTES_MAX) throw refused('its notes are no list of a few hashes')
  const hashes = (notes as readonly Json[]).map(note => (typeof note === 'string' && isHash(note) ? note : ''))
  if (hashes.some((hash, i) => hash === '' || (i > 0 && hashes[i - 1]! >= hash)))
    throw refused('its notes are not hashes, ascending and each once')
  return { below, notes: hashes }
}

function partOf(bytes: Uint8Array, number: number): TreePart {
  const json = parseLine(bytes, number)
  const names = Object.keys(json).join(' ')
  try {
    if (names === 'hash index level') return subtreeOf({ json, number })
    if (names === 'index record' || names === 'entry index') return entryOf({ json, number }, bytes)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw refused(error.message, error)
  }
  throw refused(`line ${number} is neither an entry nor a subtree`)
}

const refused = (why: string, cause?: unknown): MalformedError =>
  new MalformedError('kept.form', `what is said to be kept cannot be read: ${why}`, {
    expected: 'the file as pruning left it',
    cause,
  })
