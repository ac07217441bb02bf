import { sha256Hex } from '#crypto'
import { judge } from '../../src/client/judge.js'
import type { LogSource } from '../../src/client/source.js'
import { fromUtf8 } from '../../src/core/bytes/utf8.js'
import { isDeedlogError, MalformedError, UnavailableError } from '../../src/core/errors.js'
import { EXTRA_BYTES_MAX, NOTE_BYTES_MAX, parseTlogProof, parseVerifierKey } from '../../src/core/tlog/index.js'
import { LogVerifier, parseTrust, type Report, type Trust, verifyEntry } from '../../src/core/verify/index.js'
import type { Answer, Asked, CallQuery, CallShown, Evidence, Given, Refusal, Result } from '../protocol.js'
import { readBundle } from './bundle-source.js'
import { CallList } from './calls.js'
import { showCall } from './detail.js'
import { checkDisclosures, type OpenedPlaces } from './disclosures.js'
import { bytesOf } from './files.js'
import { folderSource } from './folder-source.js'
import { jsonlSource } from './jsonl-source.js'

const TRUST_BYTES_MAX = 2 ** 20
const PROOF_BYTES_MAX = NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX
// Longer than any record may be: whether it is one is for the verification to say.
const RECORD_BYTES_MAX = 65_535
const HELD_MAX = 64
// What the page draws at most of what a stranger's log can have any number of.
const LISTED_MAX = 1000
const TIME_BINS = 48

/** One verification, and the questions about it that follow. */
export class Session {
  readonly #tell: (answer: Answer) => void
  readonly #calls = new CallList()
  #opened: OpenedPlaces = new Map()
  #source: LogSource | undefined
  #report: Report | undefined

  constructor(tell: (answer: Answer) => void) {
    this.#tell = tell
  }

  /** @throws whatever `explain` explains */
  async verify(asked: Asked, started: number): Promise<Result> {
    const trust = asked.trust && (await readTrust(asked.trust))
    const { evidence } = asked
    if (evidence.kind === 'proof') {
      const report = await this.#proof(evidence, trust?.trust, asked.self)
      return this.#result(report, asked, trust?.digest, [], started)
    }
    const source = await openSource(evidence)
    this.#source = source
    const report = await judge(source, await this.#verifier(source, asked, trust?.trust), {
      onProgress: (done, total) => this.#tell({ type: 'progress', done, total, what: 'Reading records' }),
    })
    this.#calls.close()
    this.#opened = new Map()
    if (asked.disclosures.length > 0)
      this.#tell({ type: 'progress', done: 0, total: undefined, what: 'Looking for what the disclosures belong to' })
    const disclosures =
      asked.disclosures.length === 0 ? [] : await checkDisclosures(asked.disclosures, source, report.size, this.#opened)
    return this.#result(report, asked, trust?.digest, disclosures, started)
  }

  async #verifier(source: LogSource, { self, held }: Asked, trust: Trust | undefined): Promise<LogVerifier> {
    const notes: Uint8Array[] = []
    for (const { file } of held.slice(0, HELD_MAX)) notes.push(await bytesOf(file, NOTE_BYTES_MAX))
    const supplied = source.suppliedTrust[0]
    return new LogVerifier({
      ...(trust ? { trust } : {}),
      ...(trust === undefined && self ? { self } : {}),
      ...(trust === undefined && !self && supplied !== undefined ? { suppliedTrust: supplied } : {}),
      ...(source.bundle ? { excerpt: source.bundle.query } : {}),
      claimedKeys: trust ? [] : (source.bundle?.keys ?? []).map(parseVerifierKey),
      held: notes,
      nowSeconds: Math.floor(Date.now() / 1000),
      onPass: () => this.#calls.clear(),
      onCall: call => this.#calls.add(call),
    })
  }

  async #proof(
    { file, record }: Evidence & { readonly kind: 'proof' },
    trust: Trust | undefined,
    self: boolean,
  ): Promise<Report> {
    if (!record)
      throw new UnavailableError('proof.no-record', 'a proof says nothing without the record that it is of', {
        expected: 'the record too: the file that came beside the proof',
      })
    const proof = parseTlogProof(await bytesOf(file, PROOF_BYTES_MAX))
    const options = { nowSeconds: Math.floor(Date.now() / 1000), ...(trust ? { trust } : self ? { self } : {}) }
    return verifyEntry(proof, await bytesOf(record, RECORD_BYTES_MAX), options)
  }

  #result(
    report: Report,
    { evidence, trust }: Asked,
    digest: string | undefined,
    disclosures: Result['disclosures'],
    started: number,
  ): Result {
    this.#report = report
    const holds = (code: string) => report.checks.some(check => check.code === code && check.status === 'passed')
    return {
      ...cutReport(report),
      codes: [...new Set(report.findings.map(({ code }) => code))].sort(),
      target: evidence.name,
      trust: trust && digest !== undefined ? { name: trust.path, digest } : undefined,
      supplied: this.#source?.suppliedTrust ?? [],
      timeline: this.#calls.timeline(TIME_BINS),
      disclosures,
      calls: this.#calls.length,
      proven: holds('checkpoint.root') || holds('bundle.shown') || holds('entry.included'),
      tookMs: Date.now() - started,
    }
  }

  rows(query: CallQuery, from: number, to: number) {
    return this.#calls.rows(query, from, to)
  }

  async call(index: number): Promise<CallShown | Refusal> {
    const call = this.#calls.at(index)
    try {
      if (!call || !this.#source || !this.#report)
        throw new MalformedError('call.unknown', `no call has a record at entry ${index}`)
      return await showCall(call, this.#source, this.#report, this.#opened)
    } catch (error) {
      return explain(error)
    }
  }
}

function openSource(evidence: Exclude<Evidence, { readonly kind: 'proof' }>): LogSource | Promise<LogSource> {
  if (evidence.kind === 'folder') return folderSource(evidence)
  return evidence.kind === 'jsonl' ? jsonlSource(evidence) : readBundle(evidence.name, evidence.file)
}

async function readTrust({ file }: Given): Promise<{ readonly trust: Trust; readonly digest: string }> {
  const bytes = await bytesOf(file, TRUST_BYTES_MAX)
  return { trust: parseTrust(fromUtf8(bytes)), digest: sha256Hex(bytes) }
}

function cutReport(report: Report): Pick<Result, 'report' | 'cut'> {
  const { evidence, completeness, bundle } = report
  const { times } = evidence
  return {
    report: {
      ...report,
      evidence: {
        ...evidence,
        ...(times && { times: { existed: times.existed.slice(-LISTED_MAX), made: times.made.slice(0, LISTED_MAX) } }),
      },
      completeness: { ...completeness, streams: completeness.streams.slice(0, LISTED_MAX) },
      ...(bundle && {
        bundle: {
          ...bundle,
          disclosures: bundle.disclosures.slice(0, LISTED_MAX),
          anchors: bundle.anchors.slice(0, LISTED_MAX),
        },
      }),
    },
    cut: {
      streams: completeness.streams.length,
      existed: times?.existed.length ?? 0,
      made: times?.made.length ?? 0,
    },
  }
}

/** What any thrown value means to whoever looks at the page. A false claim is evidence; all else could not be checked. */
export function explain(error: unknown): Refusal {
  if (isDeedlogError(error))
    return {
      code: error.code,
      message: error.message,
      ...(error.expected === undefined ? {} : { expected: error.expected }),
      exitCode: error.name === 'VerificationError' ? 1 : 2,
    }
  return {
    code: 'internal',
    message: `this is a bug in the page: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`,
    exitCode: 2,
  }
}
