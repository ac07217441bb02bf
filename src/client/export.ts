import { sha256Hex } from '#crypto'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, MalformedError, quote, VerificationError } from '../core/errors.js'
import { isHash, isId, type Json } from '../core/record/index.js'
import { type NodeId, parseCheckpoint, parseNote, subtreesOf } from '../core/tlog/index.js'
import {
  type Bundle,
  type BundleQuery,
  checkQuery,
  formatBundle,
  LogVerifier,
  parseBundle,
  type Report,
  type TreePart,
} from '../core/verify/index.js'
import { bundleSource, cutsOf, partsOf } from './bundle-file.js'
import { anchorsFor } from './export-anchors.js'
import { chosenDisclosures, type DisclosureChoice } from './export-disclose.js'
import { ExportGather, tooLarge } from './export-gather.js'
import { ExportSurvey, readLoosely } from './export-survey.js'
import type { OnProgress } from './feed.js'
import { judge } from './judge.js'
import { subtreeHashes } from './prove.js'
import type { LogSource } from './source.js'

export interface ExportOptions {
  readonly query: BundleQuery
  readonly disclose?: readonly DisclosureChoice[]
  /** Whether the files go along that the shown `rules` records name, as far as they are kept here. */
  readonly rules?: boolean
  /** When it is made, as records write times. */
  readonly made?: string
  readonly onProgress?: OnProgress
}

/** A bundle, its bytes, and what whoever receives it will find, before a trust file is asked. */
export interface Exported {
  readonly bundle: Bundle
  readonly bytes: Uint8Array
  readonly report: Report
}

/**
 * Puts calls of a log into a bundle (spec/bundle.md) and verifies it before it is handed out. Reads the log twice, a
 * third time where it has no tiles; memory grows with what is shown, not with the log.
 *
 * @throws {MalformedError} `bundle-file.query` for what is no query; `call.unknown` when there is nothing that was asked for; `export.too-large` when it does not fit
 *   into one bundle; `disclose.*` for a disclosure that is not to be had
 * @throws {VerificationError} `entries.unproven` when the log has no checkpoint or its records do not hash to it
 */
export async function exportBundle(source: LogSource, options: ExportOptions): Promise<Exported> {
  // Before a large log is read for something that no bundle can say.
  const query = checkQuery(options.query as unknown as Json)
  const checkpoint = await source.checkpoint()
  if (!checkpoint)
    throw new VerificationError('entries.unproven', 'the log has no signed checkpoint to prove its records by')
  const { size } = parseCheckpoint(parseNote(checkpoint).text)
  const gathered = await gather(source, size, options)
  const notes = await notesOf(source, gathered)
  const anchors = await anchorsFor(source, Math.max(...gathered.asked), size)
  const bare: Bundle = {
    keys: [...((await source.verifierKeys?.()) ?? [])].sort().slice(0, KEYS_MAX),
    ...(options.made === undefined ? {} : { made: options.made }),
    query,
    checkpoint,
    notes: notes.map(({ bytes }) => bytes),
    anchors,
    parts: await excerptOf(source, size, gathered, [...notes, ...anchors]),
    files: options.rules === true ? await filesOf(source, gathered.records.values()) : [],
    disclosures: [],
  }
  const found = await check(bare, source.name)
  const bundle = { ...bare, disclosures: await chosenDisclosures(source, bare, options.disclose ?? []) }
  const bytes = write(bundle)
  // As the receiver will read it, from its bytes.
  return {
    bundle,
    bytes,
    report: bundle.disclosures.length === 0 ? found : await check(parseBundle(bytes), source.name),
  }
}

// spec/bundle.md §1.
const KEYS_MAX = 8
// Each is a signed note with its cosignatures; a call needs two of them at most.
const NOTES_MAX = 256

async function gather(source: LogSource, size: number, { query, onProgress }: ExportOptions): Promise<ExportGather> {
  const survey = new ExportSurvey(query)
  let read = 0
  const each = async (add: (index: number, bytes: Uint8Array) => void) => {
    for await (const part of partsOf(source, size)) {
      if ('hash' in part) continue
      add(part.index, part.record)
      onProgress?.(++read, 2 * size)
    }
  }
  await each((index, bytes) => survey.add(index, bytes))
  survey.finish()
  if (survey.asked.length === 0) throw unknown(query)
  const gathered = new ExportGather(survey, 'all' in query)
  await each((index, bytes) => gathered.add(index, bytes))
  return gathered
}

interface FoundNote {
  readonly size: number
  readonly bytes: Uint8Array
}

/** The notes that what is shown cites, newest first, and the one that bounds it from above; those that are kept. */
async function notesOf(source: LogSource, { notes, above }: ExportGather): Promise<FoundNote[]> {
  const wanted = [...notes].map(([note, size]) => ({ note, size })).sort((a, b) => b.size - a.size)
  const found = new Map<string, FoundNote>()
  for (const { note, size } of [...(above ? [above] : []), ...wanted]) {
    if (found.size >= NOTES_MAX) break
    const bytes = found.has(note) ? undefined : await noteOf(source, note)
    if (bytes && sha256Hex(bytes) === note) found.set(note, { size, bytes })
  }
  return [...found.values()]
}

async function noteOf(source: LogSource, hash: string): Promise<Uint8Array | undefined> {
  try {
    const bytes = await source.note?.(hash)
    // In a bundle it is text.
    if (bytes) fromUtf8(bytes)
    return bytes
  } catch (error) {
    // What is no file, no text or not to be read is as good as none.
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

/** The whole tree: what is shown, and between that the fewest subtrees that end at every size that is cited. */
async function excerptOf(
  source: LogSource,
  size: number,
  { records, notes }: ExportGather,
  found: readonly { readonly size: number }[],
): Promise<TreePart[]> {
  const cited = [...notes.values(), ...found.map(each => each.size)].filter(at => at < size)
  const isCut = await cutsOf(source)
  const cuts = [...new Set(cited)].filter(isCut).sort((a, b) => a - b)
  const shown = [...records.keys()].sort((a, b) => a - b)
  const nodes: NodeId[] = []
  let at = 0
  let cut = 0
  for (const index of [...shown, size]) {
    for (; cut < cuts.length && cuts[cut]! < index; cut++) {
      if (cuts[cut]! > at) nodes.push(...subtreesOf(at, cuts[cut]!))
      at = Math.max(at, cuts[cut]!)
    }
    nodes.push(...subtreesOf(at, index))
    at = index + 1
  }
  const hashes = await subtreeHashes(source, nodes, size)
  const hidden = nodes.map(({ level, index }, i) => ({ index: index * 2 ** level, level, hash: hashes[i]! }))
  const entries = shown.map(index => ({ index, record: records.get(index)! }))
  return [...hidden, ...entries].sort((a, b) => a.index - b.index)
}

async function filesOf(source: LogSource, records: Iterable<Uint8Array>): Promise<Uint8Array[]> {
  const files = new Map<string, Uint8Array>()
  for (const bytes of records) {
    const record = readLoosely(bytes)
    if (record?.['type'] !== 'rules' || !Array.isArray(record['files'])) continue
    for (const file of record['files'] as readonly { readonly digest?: unknown }[]) {
      const digest = file?.digest
      if (typeof digest !== 'string' || !isHash(digest) || files.has(digest)) continue
      const content = await source.ruleFile?.(digest)
      if (content && sha256Hex(content) === digest) files.set(digest, content)
    }
  }
  return [...files.values()]
}

/** What leaves the house is checked as whoever receives it will check it. */
async function check(bundle: Bundle, name: string): Promise<Report> {
  const { query } = bundle
  const verifier = new LogVerifier({ self: true, excerpt: query })
  const report = await judge(bundleSource(bundle, name), verifier)
  const against = report.findings.find(({ severity }) => severity === 'against')
  if (against)
    throw new VerificationError('entries.unproven', `what ${quote(name)} holds does not verify: ${against.message}`, {
      expected: 'a log that verifies: deedlog verify says what is wrong',
    })
  const missing = report.findings.find(({ code, call }) => code === 'bundle.not-shown' && call !== undefined)
  if (missing || report.bundle?.calls.asked === 0) throw unknown(query, missing?.call)
  return report
}

function unknown(query: BundleQuery, call?: string): MalformedError {
  const asked = call === undefined ? JSON.stringify(query) : `call ${call}`
  return new MalformedError('call.unknown', `the log has no call that counts for ${quote(asked)}`, {
    expected: 'calls that deedlog list shows',
  })
}

function write(bundle: Bundle): Uint8Array {
  try {
    return formatBundle(bundle)
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(error)
    throw error
  }
}

/**
 * The ids of calls that were named by them, or by the index of one of their records, ascending.
 * @throws {MalformedError} `call.unknown` when there is no such record, or it is about no call
 */
export async function resolveCalls(source: LogSource, named: readonly string[]): Promise<readonly string[]> {
  const calls = new Set<string>()
  for (const name of named) {
    const call = isId(name) ? name : /^(0|[1-9]\d{0,15})$/.test(name) ? await callAt(source, Number(name)) : undefined
    if (call === undefined)
      throw new MalformedError('call.unknown', `the log has no call ${quote(name)}`, {
        expected: 'the id of a call, 26 characters, or the index of one of its records; deedlog list names them',
      })
    calls.add(call)
  }
  return [...calls].sort()
}

async function callAt(source: LogSource, index: number): Promise<string | undefined> {
  const checkpoint = await source.checkpoint()
  if (!checkpoint || index >= parseCheckpoint(parseNote(checkpoint).text).size) return undefined
  for await (const { record } of source.entries({ from: index, to: index + 1 })) {
    const call = readLoosely(record)?.['call']
    return isId(call) ? call : undefined
  }
  return undefined
}
