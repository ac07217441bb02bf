import { isDeedlogError } from '../errors.js'
import { parseRecord } from '../record/index.js'
import { leafHash, type TlogProof, verifyInclusion } from '../tlog/index.js'
import { Checks } from './checks.js'
import { Evidence } from './evidence.js'
import { Findings } from './findings.js'
import { NOT_EXCLUDED } from './not-excluded.js'
import type { Report } from './report.js'
import { exitCodeOf } from './summary.js'
import type { Trust } from './trust.js'

export interface EntryOptions {
  readonly trust?: Trust
  readonly self?: boolean
  /** The time of this verification, in seconds since 1970; for the trust file's `lag`. */
  readonly nowSeconds?: number
}

/**
 * Verifies one record by a C2SP tlog-proof: that the log whose key the trust file names has signed a tree with this
 * record in it. Of all other records it says nothing, so completeness and conduct could not be checked.
 *
 * @param record  The record's own bytes; its leaf hash is computed, never taken from the proof.
 */
export function verifyEntry(proof: TlogProof, record: Uint8Array, options: EntryOptions = {}): Report {
  const { trust } = options
  const [findings, checks] = [new Findings(), new Checks()]
  const mode = trust ? 'file' : options.self ? 'self' : 'none'
  const evidence = new Evidence({
    findings,
    checks,
    trust,
    mode,
    claimed: [],
    held: [],
    memory: undefined,
    nowSeconds: options.nowSeconds,
  })
  evidence.read(proof.checkpoint)
  checkInclusion(proof, record, evidence, findings, checks)
  checkRecord(proof.index, record, findings, checks)
  evidence.settle()
  const list = findings.list()
  return {
    format: 'deedlog/report/v1',
    exitCode: exitCodeOf(list),
    origin: evidence.checkpoint?.origin ?? '',
    // Entry 0 is not here: the log key and its origin are all that says which log this is.
    logId: '',
    size: evidence.checkpoint?.size ?? 0,
    root: evidence.root,
    evidence: evidence.answer(1, undefined),
    completeness: {
      verdict: 'could not check',
      streams: [],
      sessions: { total: 0, ended: 0, gaps: 0 },
      strays: 0,
      notUnderstood: list.some(finding => finding.code === 'record.not-understood') ? 1 : 0,
      malformed: list.some(finding => finding.code === 'entry.malformed') ? 1 : 0,
      outcomes: { final: 0, provisional: 0, missing: 0, closed: 0 },
      losses: { records: 0, counted: 0 },
      coverage: { wrapped: 0, notWrapped: 0, unseen: [] },
    },
    conduct: { verdict: 'could not check', calls: 0, byVerdict: {}, byStatus: {}, byTool: {}, rules: [] },
    notExcluded: NOT_EXCLUDED,
    checks: checks.list().map(check => (check.detail === 'not reached' ? { ...check, detail: ONE } : check)),
    findings: list,
  }
}

const ONE = 'one record and its proof are here, not the log'

function checkInclusion(
  proof: TlogProof,
  record: Uint8Array,
  { checkpoint }: Evidence,
  findings: Findings,
  checks: Checks,
): void {
  if (!checkpoint) return
  try {
    verifyInclusion(proof.index, checkpoint.size, leafHash(record), proof.proof, checkpoint.root)
    checks.set('entry.included', 'passed', `entry ${proof.index} of ${checkpoint.size}`)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    findings.add('entry.not-included', `entry ${proof.index} of ${checkpoint.size}: ${error.message}`, {
      indexes: [proof.index],
    })
    checks.set('entry.included', 'failed', error.message)
  }
}

function checkRecord(index: number, record: Uint8Array, findings: Findings, checks: Checks): void {
  try {
    const parsed = parseRecord(record)
    if (parsed.understood) {
      checks.set('records.understood', 'passed', `a record of type ${parsed.record.type}`)
      return
    }
    findings.add('record.not-understood', `entry ${index} is not understood: ${parsed.why}`, { indexes: [index] })
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    findings.add('entry.malformed', `entry ${index} is no record: ${error.message}`, { indexes: [index] })
  }
  checks.set('records.understood', 'not_checked', 'the record cannot be read')
}
