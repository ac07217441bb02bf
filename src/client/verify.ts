import { realpath } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { toHex } from '../core/bytes/hex.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, MalformedError, quote, UnavailableError } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import { parseCheckpoint, parseNote, parseVerifierKey } from '../core/tlog/index.js'
import {
  asksFor,
  FINDINGS,
  type HeldCheckpoint,
  LogVerifier,
  parseTrust,
  type Report,
  type TimeRange,
  type Trust,
} from '../core/verify/index.js'
import { BundlePool } from './bundle-pool.js'
import { TRUST_BYTES_MAX } from './claimed-keys.js'
import { PREVIOUS_MAX, type Verified, walkBack } from './continuation.js'
import { checkpointOf, type OnProgress } from './feed.js'
import { isInside } from './inside.js'
import { judge } from './judge.js'
import { recall, remember } from './memory.js'
import { openSource } from './open.js'
import { isProofFile, verifyProofFile } from './proof-file.js'
import { readForeignFile } from './read-file.js'
import type { LogSource } from './source.js'
import { Timeline } from './timeline.js'

/*
 * `deedlog/verify`: from a path to a report. Loads hash, signature and the file system, and nothing else.
 */

export type { HeldCheckpoint, Report, Trust } from '../core/verify/index.js'
export { CHECKS, exitCodeOf, FINDINGS, formatTrust, NOT_EXCLUDED, parseTrust } from '../core/verify/index.js'
export type { OnProgress } from './feed.js'
export { memoryFolder } from './memory.js'

/** Most threads that may read ahead. */
export const WORKERS_MAX = 64

export interface VerifyOptions {
  /** Path of a trust file. One that lies inside the target counts as none. */
  readonly trust?: string
  /** Without a trust file: ask nobody outside, on purpose. */
  readonly self?: boolean
  /** Where the target is a `.tlog-proof`: path of the record that it is of. */
  readonly record?: string
  /** Signed checkpoints of this log that you hold from before, as the bytes of their notes. */
  readonly held?: readonly Uint8Array[]
  /** What witnesses told you themselves to have cosigned last, by name; `deedlog/publish` asks them. */
  readonly fromWitnesses?: readonly HeldCheckpoint[]
  /** Witnesses that you wanted to ask what they have cosigned and could not: each is a finding. */
  readonly unasked?: readonly { readonly name: string; readonly why: string }[]
  /**
   * Folder of what you saw at earlier visits: it is compared with this log, and what is seen now is added to it when
   * the evidence holds. {@link memoryFolder} is the one that the command line uses. Absent: nothing is remembered.
   */
  readonly memory?: string
  /** Logs that this one carries on after, where it says so: the walk goes back to them, and compares. */
  readonly previous?: readonly string[]
  readonly onProgress?: OnProgress
  /**
   * Threads that read and parse a log in a folder ahead of the one that judges it, 0 to 64. The report is the same.
   * Default: one for each core but one, at most 4; none for a small log.
   */
  readonly workers?: number
  /**
   * Times, in milliseconds since 1970, both included, between which calls are judged one by one: exceptions of others are
   * counted only. The evidence, and all counts, are of the whole log either way. By the recorder's clock.
   */
  readonly since?: number
  readonly until?: number
  /** Calls that the report's timeline may hold, from 1: the first of them. Absent: it has none. */
  readonly timeline?: number
}

/**
 * Verifies a log and reports. Bad evidence is a result, never an exception.
 *
 * @param target  A folder that a log is kept in, its public part, a JSONL file, or a `.tlog-proof`.
 * @throws {UnavailableError} what is not there or cannot be read: `target.missing`, `target.unreadable`,
 *   `file.unreadable`, `trust.missing`, `source.changed`
 * @throws {MalformedError} what is no log: `target.kind`, `target.no-log`; a trust file that is none: `trust.*`,
 *   `policy.*`, `file.kind`, `file.length`
 */
export async function verify(target: string, options: VerifyOptions = {}): Promise<Report> {
  const { workers } = options
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 0 && workers <= WORKERS_MAX))
    throw new TypeError(`workers is an integer from 0 to ${WORKERS_MAX}, not ${quote(workers)}`)
  if (options.trust !== undefined && options.self)
    throw new TypeError('a trust file and `self` exclude each other: ask outsiders or ask nobody')
  if (isProofFile(target)) {
    if (options.record === undefined)
      throw new MalformedError('target.kind', `${quote(target)} is a proof of one entry`, {
        expected: 'a log; or the proof together with the record that it is of',
      })
    const { trust, self } = options
    const asked = { ...(self === undefined ? {} : { self }), nowSeconds: Math.floor(Date.now() / 1000) }
    return verifyProofFile(target, options.record, {
      ...asked,
      ...(trust === undefined ? {} : { trust: await readTrust(trust) }),
    })
  }
  // What threads are to a folder, connections are to a server.
  const source = await openSource(target, workers ? { connections: workers } : {})
  try {
    const verified = await verifyWith(source, await trustOf(target, options), options)
    const { continuation } = verified.verifier
    return continuation && !source.bundle ? await walk(verified, options) : refusePrevious(verified.report, options)
  } finally {
    await source.close()
  }
}

/** The logs that were given as earlier ones, each by its own word: this log's operator has named it, and its note. */
async function walk(first: Verified, { previous = [] }: VerifyOptions): Promise<Report> {
  if (previous.length > PREVIOUS_MAX) throw new TypeError(`at most ${PREVIOUS_MAX} earlier logs are walked back to`)
  const sources: LogSource[] = []
  try {
    for (const target of previous) sources.push(await openSource(target))
    return await walkBack(first, sources, (source, held) => verifyWith(source, {}, { self: true, held }))
  } finally {
    for (const source of sources) await source.close()
  }
}

function refusePrevious(report: Report, { previous = [] }: VerifyOptions): Report {
  if (previous.length === 0) return report
  throw new MalformedError('previous.unrelated', 'this log does not say that it carries on after another', {
    expected: 'no earlier log, or a log that carries on after it',
  })
}

interface Trusted {
  readonly trust?: Trust
  readonly suppliedTrust?: string
}

async function trustOf(target: string, { trust: path }: VerifyOptions): Promise<Trusted> {
  if (path === undefined) return {}
  // Read first: a file that is no trust file is refused wherever it lies.
  const trust = await readTrust(path)
  return (await isInside(target, path)) ? { suppliedTrust: path } : { trust }
}

/**
 * Reads an auditor's trust file.
 * @throws {UnavailableError} `trust.missing`
 * @throws {MalformedError} `trust.*`, `policy.*`, `file.*`
 */
export async function readTrust(path: string): Promise<Trust> {
  // An auditor's own file may be reached by a link; a log's files may not.
  const real = await realpath(path).catch(() => path)
  const bytes = await readForeignFile(real, TRUST_BYTES_MAX)
  if (!bytes)
    throw new UnavailableError('trust.missing', `there is no trust file at ${quote(path)}`, {
      expected: 'the trust file that came to you another way than the log',
    })
  return parseTrust(fromUtf8(bytes))
}

/** Verifies what a source holds. */
export async function verifySource(source: LogSource, trusted: Trusted, options: SourceOptions = {}): Promise<Report> {
  return (await verifyWith(source, trusted, options)).report
}

type SourceOptions = Pick<
  VerifyOptions,
  'self' | 'held' | 'fromWitnesses' | 'unasked' | 'memory' | 'onProgress' | 'workers' | 'since' | 'until' | 'timeline'
>

async function verifyWith(source: LogSource, trusted: Trusted, options: SourceOptions): Promise<Verified> {
  const claimed = trusted.trust ? [] : ((await source.verifierKeys?.()) ?? []).map(parseVerifierKey)
  const logKeys = trusted.trust?.policy.logs.map(log => log.key) ?? claimed
  const checkpoint = options.memory === undefined ? undefined : await checkpointOf(source)
  const shown = isDeedlogError(checkpoint) ? undefined : checkpoint
  const range = rangeOf(options)
  const isAsked = range && asksFor(range)
  const timeline = options.timeline === undefined ? undefined : new Timeline(options.timeline, isAsked)
  const verifier = new LogVerifier({
    ...trusted,
    ...(options.self === undefined ? {} : { self: options.self }),
    ...(options.held === undefined ? {} : { held: options.held }),
    ...(options.fromWitnesses === undefined ? {} : { fromWitnesses: options.fromWitnesses }),
    ...(options.memory === undefined ? {} : { memory: await recall(options.memory, shown, logKeys) }),
    claimedKeys: claimed,
    ...(range === undefined ? {} : { range }),
    ...(timeline && { onCall: call => timeline.add(call), onPass: () => timeline.clear() }),
    ...(source.bundle === undefined ? {} : { excerpt: source.bundle.query }),
    nowSeconds: Math.floor(Date.now() / 1000),
  })
  for (const { name, why } of options.unasked ?? [])
    verifier.found('witness.not-asked', `${quote(name)} could not be asked what it has cosigned last: ${why}`)
  const threads = options.workers ?? ownThreads
  const { publicFolder } = source
  const judged = await judge(source, verifier, {
    onProgress: options.onProgress,
    ...(publicFolder !== undefined && {
      ahead: size => BundlePool.start(publicFolder, typeof threads === 'number' ? threads : threads(size)),
    }),
  })
  const told = timeline ? { ...judged, timeline: timeline.answer(judged.evidence.times) } : judged
  const report = options.memory === undefined || !shown ? told : await rememberSeen(options.memory, shown, told)
  return { source, verifier, report }
}

function rangeOf({ since, until }: Pick<VerifyOptions, 'since' | 'until'>): TimeRange | undefined {
  if (since === undefined && until === undefined) return undefined
  return {
    ...(since === undefined ? {} : { since: formatTime(since) }),
    ...(until === undefined ? {} : { until: formatTime(until) }),
  }
}

/** Adds what was seen to the auditor's memory, when it held. A memory that cannot be written takes no answer away. */
async function rememberSeen(folder: string, note: Uint8Array, report: Report): Promise<Report> {
  if (report.evidence.verdict !== 'self-consistent' && report.evidence.verdict !== 'intact') return report
  const { size, root } = parseCheckpoint(parseNote(note).text)
  // A writer may have signed a larger tree between two reads; then it is the other one that was verified.
  if (size !== report.size || toHex(root) !== report.root) return report
  try {
    for (const { vkey, role } of report.evidence.keys) if (role === 'log') await remember(folder, vkey, note)
    return report
  } catch (error) {
    const code = 'memory.not-saved'
    const message = `${quote(folder)} could not be written: ${(error as Error).message}`
    const finding = { code, ...FINDINGS[code], message, indexes: [], count: 1 }
    return { ...report, findings: [...report.findings, finding] }
  }
}

/** One thread judges; starting others takes longer than reading a small log. */
const ownThreads = (size: number): number =>
  size < SMALL_SIZE ? 0 : Math.min(Math.max(1, availableParallelism() - 1), OWN_THREADS_MAX)

const SMALL_SIZE = 20_000
// More of them than this run ahead of the thread that judges.
const OWN_THREADS_MAX = 4
