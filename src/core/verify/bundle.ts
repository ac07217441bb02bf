import { sha256Hex } from '#crypto'
import { fromBase64 } from '../bytes/base64.js'
import { fromHex, isHash } from '../bytes/hex.js'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { isDeedlogError, MalformedError, quote } from '../errors.js'
import { VALUE_DEPTH_MAX } from '../record/canonical.js'
import {
  checkDisclosure,
  type Disclosure,
  isBin,
  isInt,
  isTime,
  isWord,
  type Json,
  type JsonLimits,
  parseJson,
  parseRecordJson,
  type Time,
} from '../record/index.js'
import { ENTRY_BYTES_MAX, NOTE_BYTES_MAX, parseCheckpoint, parseNote, parseVerifierKey } from '../tlog/index.js'
import { type BundleQuery, checkQuery } from './bundle-query.js'

/*
 * A bundle: one file of evidence that verifies offline. Lines of canonical JSON in one order: spec/bundle.md. What is
 * read here is what a bundle says; whether it is true is for `verifyBundle`.
 */

/** One entry of the tree, or a perfect subtree of which the bundle gives the hash alone. */
export type TreePart = ShownEntry | HiddenSubtree

export interface ShownEntry {
  readonly index: number
  readonly record: Uint8Array
}

/** The 2^level entries from `index` on, by the hash over them, 32 bytes. */
export interface HiddenSubtree {
  readonly index: number
  readonly level: number
  readonly hash: Uint8Array
}

/** What dates a checkpoint from outside. */
export interface BundleAnchor {
  readonly kind: string
  /** Of the checkpoint that it dates: entries, and the root in lowercase hex. */
  readonly size: number
  readonly root: string
  readonly evidence: Uint8Array
}

/** A disclosure of the commitment in one member of the record at an index. */
export interface BundleDisclosure {
  readonly index: number
  /** Of the member of the record: `args`, `error.message`. */
  readonly path: string
  readonly disclosure: Disclosure
}

export interface Bundle {
  /** Log keys, as vkeys, that the bundle names itself: they prove nothing, and are all there is without a trust file. */
  readonly keys: readonly string[]
  /** When it was made, by the word of whoever made it. */
  readonly made?: Time
  readonly query: BundleQuery
  /** The bytes of a signed note whose text is a checkpoint. */
  readonly checkpoint: Uint8Array
  /** Signed notes, each once. */
  readonly notes: readonly Uint8Array[]
  readonly anchors: readonly BundleAnchor[]
  /** The whole tree of the checkpoint, from entry 0 on, which is shown. */
  readonly parts: readonly TreePart[]
  /** Files that `rules` records name by their SHA-256. */
  readonly files: readonly Uint8Array[]
  /** By index and path. */
  readonly disclosures: readonly BundleDisclosure[]
}

/** Longest bundle, in bytes. Whoever has more to hand over hands over the log. */
export const BUNDLE_BYTES_MAX = 2 ** 26
/** Most lines of a bundle. */
export const BUNDLE_LINES_MAX = 2 ** 20

// spec/anchors.md: evidence is at most 65,536 bytes.
const EVIDENCE_DIGITS_MAX = 4 * Math.ceil(65_536 / 3)
/** What the first line of a bundle says that it is. */
export const BUNDLE_FORMAT = 'bundle/1'
const KEYS_MAX = 8
const LEVEL_MAX = 52
const NEWLINE = 0x0a

/** How a file begins that is a bundle, or would be one. */
export const BUNDLE_BEGINNING = '{"deedlog":"bundle/'

const LIMITS: JsonLimits = {
  what: 'bundle-file',
  bytesMax: BUNDLE_BYTES_MAX,
  // A disclosure, with the line around it.
  depthMax: VALUE_DEPTH_MAX + 4,
  recordValues: false,
}

/**
 * Reads a bundle. Strict: every bundle has one form, but for the choice of what it shows.
 *
 * @throws {MalformedError}
 *   `bundle-file.length`, `bundle-file.lines`  longer, or of more lines, than a bundle may be; or no line feed at its end
 *   `bundle-file.version`     of another version than this one reads
 *   `bundle-file.header`, `bundle-file.query`, `bundle-file.checkpoint`  the first lines are not what they should be
 *   `bundle-file.utf8`, `bundle-file.syntax`, `bundle-file.canonical`, `bundle-file.value`, `bundle-file.depth`  a line is no canonical JSON
 *   `bundle-file.line`        a line is of no kind, or has members that its kind has not
 *   `bundle-file.order`       a line stands behind one that it belongs before, or twice
 *   `bundle-file.tree`        what is shown and what is hashed is not, together, each entry of the tree once
 *   `bundle-file.disclosure`  a disclosure is of an entry that is not shown
 *   `bundle-file.end`         the last line does not close the lines above it: cut off, or changed on the way
 *   `disclosure.*`       a disclosure that is none
 */
export function parseBundle(bytes: Uint8Array): Bundle {
  const lines = linesOf(bytes)
  checkEnd(lines, bytes)
  const { keys, made, query } = headerOf(lines[0]!)
  const reader = new LineReader(lines)
  const { note: checkpoint, size } = checkpointOf(reader)
  const notes = reader.sorted('note').map(json => noteOf(json, 'note'))
  const anchors = reader.sorted('anchor').map(anchorOf)
  const parts = reader.parts(size)
  const files = reader.sorted('file').map(fileOf)
  const shown = new Set(parts.flatMap(part => ('record' in part ? [`${part.index}`] : [])))
  const disclosures = reader.disclosures(shown)
  reader.end()
  return { keys, ...(made === undefined ? {} : { made }), query, checkpoint, notes, anchors, parts, files, disclosures }
}

interface Line {
  readonly number: number
  readonly bytes: Uint8Array
}

function linesOf(bytes: Uint8Array): Line[] {
  if (bytes.length === 0 || bytes.length > BUNDLE_BYTES_MAX)
    throw new MalformedError('bundle-file.length', `the bundle has ${bytes.length} bytes`, {
      expected: `1 to ${BUNDLE_BYTES_MAX} bytes`,
    })
  const lines: Line[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(NEWLINE, from)
    if (to < 0)
      throw new MalformedError('bundle-file.end', 'the bundle ends inside a line: it was cut off', {
        expected: 'a line feed at the end of every line',
      })
    if (lines.length === BUNDLE_LINES_MAX)
      throw new MalformedError('bundle-file.lines', 'the bundle has more lines than a bundle may have', {
        expected: `at most ${BUNDLE_LINES_MAX} lines`,
      })
    lines.push({ number: lines.length + 1, bytes: bytes.subarray(from, to) })
    from = to + 1
  }
  return lines
}

type JsonObject = { readonly [name: string]: Json }

/** Of any object, with no prototype's names: a line can have any. */
const get = (json: JsonObject, name: string): Json | undefined => (Object.hasOwn(json, name) ? json[name] : undefined)

function parseLine({ bytes, number }: Line): JsonObject {
  let json: Json
  try {
    json = parseJson(bytes, LIMITS)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw new MalformedError(error.code, `line ${number}: ${error.message}`, { cause: error })
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new MalformedError('bundle-file.line', `line ${number} is no JSON object`)
  return json as JsonObject
}

const hasExactly = (json: JsonObject, ...names: readonly string[]): boolean =>
  Object.keys(json).length === names.length && names.every(name => Object.hasOwn(json, name))

function checkEnd(lines: readonly Line[], bytes: Uint8Array): void {
  const last = lines[lines.length - 1]!
  const json = parseLine(last)
  const end = get(json, 'end') as JsonObject | undefined
  const is = typeof end === 'object' && end !== null && !Array.isArray(end) && hasExactly(json, 'end')
  if (!is || !hasExactly(end, 'lines', 'sha256')) throw notWhole('its last line does not end it')
  if (get(end, 'lines') !== lines.length - 1) throw notWhole(`${lines.length - 1} lines stand before its end`)
  const before = bytes.subarray(0, bytes.length - last.bytes.length - 1)
  if (get(end, 'sha256') !== sha256Hex(before)) throw notWhole('its lines are not those that it was ended with')
}

const notWhole = (why: string): MalformedError =>
  new MalformedError('bundle-file.end', `the bundle is not whole: ${why}`, {
    expected: 'a last line with the number of the lines above it and the SHA-256 of their bytes',
  })

function headerOf(line: Line): Pick<Bundle, 'keys' | 'made' | 'query'> {
  const json = parseLine(line)
  const version = get(json, 'deedlog')
  if (version !== BUNDLE_FORMAT)
    throw new MalformedError('bundle-file.version', `the first line says ${quote(version)}`, {
      expected: `"deedlog":"${BUNDLE_FORMAT}"`,
    })
  const { keys, made } = { keys: get(json, 'keys'), made: get(json, 'made') }
  const names = ['deedlog', 'query', ...(keys === undefined ? [] : ['keys']), ...(made === undefined ? [] : ['made'])]
  if (!hasExactly(json, ...names) || (made !== undefined && !isTime(made)) || !areKeys(keys))
    throw new MalformedError('bundle-file.header', 'the first line has other members than a header has', {
      expected: 'deedlog, query, and where known keys (1 to 8 verifier keys, ascending) and made (a time)',
    })
  const query = checkQuery(get(json, 'query'))
  return { keys: keys ?? [], ...(made === undefined ? {} : { made }), query }
}

function areKeys(json: Json | undefined): json is readonly string[] | undefined {
  if (json === undefined) return true
  if (!Array.isArray(json) || json.length === 0 || json.length > KEYS_MAX) return false
  return (json as readonly Json[]).every((key, i) => {
    if (typeof key !== 'string' || (i > 0 && !((json[i - 1] as string) < key))) return false
    try {
      parseVerifierKey(key)
      return true
    } catch (error) {
      if (isDeedlogError(error)) return false
      throw error
    }
  })
}

function checkpointOf(reader: LineReader): { readonly note: Uint8Array; readonly size: number } {
  const json = reader.next('checkpoint')
  if (!json) throw new MalformedError('bundle-file.checkpoint', 'the second line is no checkpoint')
  const note = noteOf(json, 'checkpoint')
  try {
    const { size } = parseCheckpoint(parseNote(note).text)
    if (size > 0) return { note, size }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw new MalformedError('bundle-file.checkpoint', `the checkpoint is none: ${error.message}`, { cause: error })
  }
  throw new MalformedError('bundle-file.checkpoint', 'the checkpoint covers no entry', { expected: 'a size from 1' })
}

function noteOf({ json, number }: Numbered, name: 'checkpoint' | 'note'): Uint8Array {
  const text = get(json, name)
  const note = typeof text === 'string' ? toUtf8(text) : undefined
  if (!note || note.length === 0 || note.length > NOTE_BYTES_MAX)
    throw new MalformedError(
      name === 'note' ? 'bundle-file.line' : 'bundle-file.checkpoint',
      `line ${number} holds no note`,
      {
        expected: `the text of a signed note, of at most ${NOTE_BYTES_MAX} bytes`,
      },
    )
  return note
}

function anchorOf({ json, number }: Numbered): BundleAnchor {
  const anchor = get(json, 'anchor') as JsonObject
  const is = typeof anchor === 'object' && anchor !== null && !Array.isArray(anchor)
  if (is && hasExactly(anchor, 'evidence', 'kind', 'root', 'size')) {
    const { evidence, kind, root, size } = anchor
    if (
      isBin(evidence) &&
      evidence.length <= EVIDENCE_DIGITS_MAX &&
      isWord(kind) &&
      typeof root === 'string' &&
      isHash(root) &&
      isInt(size)
    )
      return { kind, size, root, evidence: fromBase64(evidence) }
  }
  throw new MalformedError('bundle-file.line', `line ${number} holds no anchor`, {
    expected: 'exactly evidence (base64), kind (a word), root (a hash) and size',
  })
}

function fileOf({ json, number }: Numbered): Uint8Array {
  const file = get(json, 'file')
  if (isBin(file)) return fromBase64(file)
  throw new MalformedError('bundle-file.line', `line ${number} holds no file`, { expected: 'its bytes as base64' })
}

interface Numbered {
  readonly json: JsonObject
  readonly number: number
}

// Each kind of line, and the members by which it is known. In the order in which they stand.
const KINDS = {
  checkpoint: [['checkpoint']],
  note: [['note']],
  anchor: [['anchor']],
  tree: [
    ['index', 'record'],
    ['entry', 'index'],
    ['hash', 'index', 'level'],
  ],
  file: [['file']],
  disclosure: [['disclosure', 'index', 'path']],
} as const

type Kind = keyof typeof KINDS

/** Hands out the lines between header and end, kind by kind; each is parsed once. */
class LineReader {
  readonly #lines: readonly Line[]
  #at = 1
  #parsed: JsonObject | undefined

  constructor(lines: readonly Line[]) {
    this.#lines = lines
  }

  /** The next line, if it is of this kind. */
  next(kind: Kind): Numbered | undefined {
    if (this.#at >= this.#lines.length - 1) return undefined
    const line = this.#lines[this.#at]!
    this.#parsed ??= parseLine(line)
    const json = this.#parsed
    if (!KINDS[kind].some(names => hasExactly(json, ...names))) return undefined
    this.#at++
    this.#parsed = undefined
    return { json, number: line.number }
  }

  #text(number: number): string {
    return fromUtf8(this.#lines[number - 1]!.bytes)
  }

  /** All lines of a kind whose lines are a set: ascending, each once. */
  sorted(kind: 'note' | 'anchor' | 'file'): Numbered[] {
    const found: Numbered[] = []
    for (let line = this.next(kind); line; line = this.next(kind)) {
      const before = found[found.length - 1]
      if (before && !(this.#text(before.number) < this.#text(line.number))) throw disordered(line.number)
      found.push(line)
    }
    return found
  }

  /** The lines that make up the tree. */
  parts(size: number): TreePart[] {
    const parts: TreePart[] = []
    let at = 0
    for (let line = this.next('tree'); line; line = this.next('tree')) {
      const { json, number } = line
      const part = 'hash' in json ? subtreeOf(line) : entryOf(line, this.#lines[number - 1]!.bytes)
      if (part.index !== at) throw wrongTree(`line ${number} is of entry ${part.index}, and entry ${at} is next`)
      at += 'hash' in part ? 2 ** part.level : 1
      if (at > size) throw wrongTree(`line ${number} goes beyond the ${size} entries of the checkpoint`)
      parts.push(part)
    }
    if (at < size && !this.#isDone) this.end()
    if (at < size) throw wrongTree(`${at} of ${size} entries are accounted for`)
    if ('hash' in parts[0]!) throw wrongTree('entry 0, which says which log this is, is not shown')
    return parts
  }

  disclosures(shown: ReadonlySet<string>): BundleDisclosure[] {
    const found: BundleDisclosure[] = []
    for (let line = this.next('disclosure'); line; line = this.next('disclosure')) {
      const { json, number } = line
      const { index, path } = { index: get(json, 'index'), path: get(json, 'path') }
      if (!isInt(index) || typeof path !== 'string' || !MEMBER_PATH.test(path))
        throw new MalformedError('bundle-file.line', `line ${number} holds no disclosure`, {
          expected: 'exactly disclosure, index and path (member names with dots between them)',
        })
      const before = found[found.length - 1]
      if (before && (before.index > index || (before.index === index && before.path >= path))) throw disordered(number)
      if (!shown.has(`${index}`))
        throw new MalformedError('bundle-file.disclosure', `line ${number} discloses something of entry ${index}`, {
          expected: 'an entry that the bundle shows',
        })
      found.push({ index, path, disclosure: checkDisclosure(get(json, 'disclosure')!) })
    }
    return found
  }

  get #isDone(): boolean {
    return this.#at >= this.#lines.length - 1
  }

  /** Refuses what is left. */
  end(): void {
    if (this.#isDone) return
    const line = this.#lines[this.#at]!
    const json = this.#parsed ?? parseLine(line)
    const isKnown = Object.values(KINDS).some(kind => kind.some(names => hasExactly(json, ...names)))
    if (isKnown) throw disordered(line.number)
    throw new MalformedError('bundle-file.line', `line ${line.number} is of no kind that a bundle has`, {
      expected: 'exactly the members of one kind of line',
    })
  }
}

const MEMBER_PATH = /^[A-Za-z]{1,64}(?:\.[A-Za-z]{1,64}){0,7}$/

const disordered = (number: number): MalformedError =>
  new MalformedError('bundle-file.order', `line ${number} stands where it does not belong`, {
    expected: 'checkpoint, notes, anchors, tree, files, disclosures; in each of these, ascending and each once',
  })

const wrongTree = (why: string): MalformedError =>
  new MalformedError('bundle-file.tree', `the bundle does not make up the tree of its checkpoint: ${why}`, {
    expected: 'every entry once, by itself or in a perfect subtree',
  })

export function subtreeOf({ json, number }: Numbered): HiddenSubtree {
  const { hash, index, level } = json
  const is = typeof hash === 'string' && isHash(hash) && isInt(index) && isInt(level) && level <= LEVEL_MAX
  if (is && index % 2 ** level === 0) return { index, level, hash: fromHex(hash) }
  throw new MalformedError('bundle-file.line', `line ${number} holds no hash of a perfect subtree`, {
    expected: 'hash, index and level (0 to 52), the index a multiple of 2^level',
  })
}

export function entryOf({ json, number }: Numbered, bytes: Uint8Array): ShownEntry {
  const index = get(json, 'index')
  if (!isInt(index)) throw new MalformedError('bundle-file.line', `line ${number} holds no entry`)
  const refuse = (expected: string, cause?: unknown): never => {
    throw new MalformedError('bundle-file.line', `line ${number} holds no entry`, { expected, cause })
  }
  if ('record' in json) {
    // The line is canonical, so the record's bytes stand in it as they are.
    const record = bytes.subarray(`{"index":${index},"record":`.length, bytes.length - 1)
    if (isRecordForm(record)) return { index, record }
    return refuse('a record as an object: nothing else may stand there')
  }
  const entry = get(json, 'entry')
  const record = entry === '' ? new Uint8Array(0) : isBin(entry) ? fromBase64(entry) : refuse('base64')
  if (record.length > ENTRY_BYTES_MAX) return refuse(`at most ${ENTRY_BYTES_MAX} bytes`)
  return isRecordForm(record) ? refuse('what can be a record stands as "record"') : { index, record }
}

/** Whether the bytes are those of an object as records are: then they stand in a line as they are. */
export function isRecordForm(bytes: Uint8Array): boolean {
  try {
    const json = parseRecordJson(bytes)
    return typeof json === 'object' && json !== null && !Array.isArray(json)
  } catch (error) {
    if (isDeedlogError(error)) return false
    throw error
  }
}
