import { equalBytes } from '../core/bytes/equal.js'
import { fromHex } from '../core/bytes/hex.js'
import { isDeedlogError, MalformedError, quote, VerificationError } from '../core/errors.js'
import {
  commitmentsOf,
  type Disclosed,
  type Json,
  type ParsedRecord,
  parseDisclosureSet,
  parseRecord,
  type StreamStart,
  timeMs,
  verifyDisclosure,
} from '../core/record/index.js'
import { leafHash } from '../core/tlog/index.js'
import { type CallSummary, LogVerifier } from '../core/verify/index.js'
import { feed, type OnProgress } from './feed.js'
import { proveEntry } from './prove.js'
import type { LogSource } from './source.js'

/** A call as `list` shows it: {@link CallSummary}. */
export type CallRow = CallSummary

export interface CallFilters {
  /** Exactly this tool, agent, session, status or verdict. */
  readonly tool?: string
  readonly agent?: string
  readonly session?: string
  /** As `CallRow.status` has it: an outcome's status, or `denied`, `declined`, `undecided`, `missing`, `not_shown`. */
  readonly status?: string
  readonly verdict?: string
  /** Milliseconds since 1970, both included, by the recorder's clock. */
  readonly since?: number
  readonly until?: number
}

/**
 * The calls of a log, by their index. Only attributed records count, as in verification, and only once all entries
 * have been found to be those the checkpoint states. Whose checkpoint it is, is not asked: that is `verify`'s question.
 *
 * @throws {VerificationError} `entries.unproven` when they are not
 */
export async function listCalls(
  source: LogSource,
  filters: CallFilters = {},
  options: { readonly onProgress?: OnProgress } = {},
): Promise<readonly CallRow[]> {
  let rows: CallRow[] = []
  const verifier = new LogVerifier({
    self: true,
    ...(source.bundle === undefined ? {} : { excerpt: source.bundle.query }),
    onPass: () => {
      rows = []
    },
    onCall: call => {
      if (matches(call, filters)) rows.push(call)
    },
  })
  const interruption = await feed(source, verifier, options)
  if (interruption || verifier.rootDiffers)
    throw new VerificationError(
      'entries.unproven',
      `the records of ${quote(source.name)} are not those its checkpoint was signed over`,
      { expected: 'a log that verifies: deedlog verify says what is wrong', cause: interruption?.error },
    )
  verifier.finish()
  return rows.sort((a, b) => a.index - b.index)
}

function matches(call: CallRow, filters: CallFilters): boolean {
  const { tool, agent, session, status, verdict, since, until } = filters
  const time = timeMs(call.time)
  return (
    (tool === undefined || call.tool === tool) &&
    (agent === undefined || call.agent === agent) &&
    (session === undefined || call.session?.id === session) &&
    (status === undefined || call.status === status) &&
    (verdict === undefined || call.verdict === verdict) &&
    (since === undefined || time >= since) &&
    (until === undefined || time <= until)
  )
}

/** One record of a call, with what is kept beside the log. */
export interface CallRecord {
  readonly index: number
  /** Leaf hash, lowercase hex. */
  readonly leaf: string
  readonly json: { readonly [name: string]: Json }
  /** What kept disclosures prove, by member path (`args`, `decision.reason`); a string says why one proves nothing. */
  readonly disclosed: ReadonlyMap<string, Disclosed | string>
  /** A C2SP tlog-proof of the entry; absent where the log has no checkpoint. */
  readonly proof?: Uint8Array
}

export interface CallDetail {
  readonly row: CallRow
  readonly stream: { readonly id: string; readonly start: StreamStart }
  /** Intent, review, outcomes, settlement: by index. */
  readonly records: readonly CallRecord[]
}

/**
 * Everything the log holds of a call.
 *
 * @param which  The call's id, or the index of one of its records in decimal. An id is unique in its stream only:
 *   there may be several such calls.
 * @throws {MalformedError} `call.unknown` when there is none
 * @throws {VerificationError} as {@link listCalls}
 */
export async function showCall(source: LogSource, which: string): Promise<readonly CallDetail[]> {
  const index = /^(0|[1-9]\d{0,15})$/.test(which) ? Number(which) : undefined
  const rows = (await listCalls(source)).filter(
    row => row.call === which || (index !== undefined && row.records.includes(index)),
  )
  if (rows.length === 0)
    throw new MalformedError('call.unknown', `the log has no call ${quote(which)}`, {
      expected: 'the id of a call, 26 characters, or the index of one of its records; deedlog list names them',
    })
  const details: CallDetail[] = []
  for (const row of rows) {
    const records: CallRecord[] = []
    for (const each of row.records) records.push(await callRecord(source, each))
    details.push({ row, stream: { id: row.stream, start: await streamStart(source, row) }, records })
  }
  return details
}

async function callRecord(source: LogSource, index: number): Promise<CallRecord> {
  const parsed = await readRecord(source, index)
  const proof = await proveEntry(source, index)
  return {
    index,
    leaf: parsed.leaf,
    json: parsed.json,
    disclosed: await disclosedOf(source, index, parsed),
    ...(proof === undefined ? {} : { proof }),
  }
}

/** The record at an index. */
export async function readRecord(source: LogSource, index: number): Promise<ParsedRecord> {
  for await (const { record } of source.entries({ from: index, to: index + 1 })) return parseRecord(record)
  throw new MalformedError('call.unknown', `the log has no entry ${index}`)
}

/** What the kept disclosures of a record prove. One that proves nothing says why; it is no reason to show nothing. */
async function disclosedOf(
  source: LogSource,
  index: number,
  parsed: ParsedRecord,
): Promise<ReadonlyMap<string, Disclosed | string>> {
  const disclosed = new Map<string, Disclosed | string>()
  if (!parsed.understood) return disclosed
  try {
    const bytes = await source.disclosures?.(index)
    if (!bytes) return disclosed
    const kept = parseDisclosureSet(bytes)
    for (const [path, commitment] of commitmentsOf(parsed.record)) {
      const disclosure = kept.get(path)
      if (disclosure)
        disclosed.set(
          path,
          attempt(() => verifyDisclosure(disclosure, commitment)),
        )
    }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    for (const path of commitmentsOf(parsed.record).keys()) disclosed.set(path, error.message)
  }
  return disclosed
}

function attempt(verify: () => Disclosed): Disclosed | string {
  try {
    return verify()
  } catch (error) {
    if (isDeedlogError(error)) return error.message
    throw error
  }
}

/** The start of a call's stream: somewhere below its intent. */
async function streamStart(source: LogSource, { stream, index }: CallRow): Promise<StreamStart> {
  const leaf = fromHex(stream)
  for await (const { record } of source.entries({ to: index })) {
    if (!equalBytes(leafHash(record), leaf)) continue
    const parsed = parseRecord(record)
    if (parsed.understood && parsed.record.type === 'stream.start') return parsed.record
  }
  throw new VerificationError('entries.unproven', `the log has no start of stream ${stream} below entry ${index}`)
}
