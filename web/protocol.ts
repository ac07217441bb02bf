import type { Disclosed, Json, Path } from '../src/core/record/index.js'
import type { CallSummary, Report } from '../src/core/verify/index.js'

/*
 * What page and worker say to each other. The worker holds the log and all its calls; the page asks for what it shows.
 */

/** A file as it came in: `path` has the folder's name in front where it came in a folder. */
export interface Given {
  readonly path: string
  readonly file: File
}

/** What is to be verified. */
export type Evidence =
  | { readonly kind: 'folder'; readonly name: string; readonly files: readonly Given[] }
  | {
      readonly kind: 'jsonl'
      readonly name: string
      readonly file: File
      readonly checkpoint: File | undefined
      /** The folders beside it, by the names of their files. */
      readonly notes: ReadonlyMap<string, File>
      readonly anchors: ReadonlyMap<string, File>
    }
  | { readonly kind: 'bundle'; readonly name: string; readonly file: File }
  | { readonly kind: 'proof'; readonly name: string; readonly file: File; readonly record: File | undefined }

export interface Asked {
  readonly evidence: Evidence
  readonly trust: Given | undefined
  /** Ask nobody outside, on purpose. */
  readonly self: boolean
  /** Checkpoints that the auditor kept from earlier. */
  readonly held: readonly Given[]
  /** Files that should open commitments of the log. */
  readonly disclosures: readonly Given[]
}

/** Which calls, in which order. */
export interface CallQuery {
  /** Part of a tool's, agent's, call's or session's name, in any case; empty for all. */
  readonly text: string
  readonly verdict: string
  readonly status: string
  readonly onlyExceptions: boolean
  readonly sort: 'index' | 'time' | 'tool' | 'agent' | 'verdict' | 'status' | 'exceptions'
  readonly descending: boolean
}

/** One line of the list of calls. */
export type CallRow = Pick<
  CallSummary,
  'index' | 'call' | 'agent' | 'tool' | 'verdict' | 'status' | 'executed' | 'time' | 'exceptions'
>

/** What can be said of one commitment. */
export interface CommitmentShown {
  /** Of the member: `args`, `error.message`. */
  readonly member: string
  readonly root: string
  /** What disclosures at hand prove of it; a text says why one proves nothing; absent where there is none. */
  readonly disclosed?: Disclosed | string
  /** Where that disclosure came from. */
  readonly from?: string
}

export interface RecordShown {
  readonly index: number
  readonly leaf: string
  readonly type: string
  readonly time: string
  readonly json: { readonly [name: string]: Json }
  readonly commitments: readonly CommitmentShown[]
}

export interface CallShown {
  readonly call: CallSummary
  readonly records: readonly RecordShown[]
  /** Of the intent, by the quorum's cosignatures. */
  readonly window: { readonly after?: string; readonly before?: string }
}

/** A disclosure that was brought, and the record that it belongs to. */
export interface DisclosureShown {
  readonly name: string
  /** Where it fits; absent where no record of this log committed to it. */
  readonly place?: { readonly index: number; readonly member: string; readonly type: string }
  readonly holds: boolean
  /** Why it does not. */
  readonly why?: string
  readonly shown?: readonly Path[]
  readonly withheld?: readonly Path[]
  readonly value?: Json
  readonly fields?: readonly { readonly path: Path; readonly value: Json }[]
}

/** Calls in a stretch of time, by the recorders' clocks. */
export interface TimeBin {
  /** Milliseconds since 1970; `to` is not included, but in the last bin. */
  readonly from: number
  readonly to: number
  readonly exception: number
  readonly notRun: number
  readonly open: number
  readonly ran: number
}

export interface Result {
  /** Long lists are cut; `cut` says how long they were. */
  readonly report: Report
  readonly cut: { readonly streams: number; readonly existed: number; readonly made: number }
  /** Of all findings, each once, ascending. */
  readonly codes: readonly string[]
  readonly target: string
  readonly trust: { readonly name: string; readonly digest: string } | undefined
  /** Names of trust files that lay in the folder itself. */
  readonly supplied: readonly string[]
  readonly timeline: readonly TimeBin[]
  readonly disclosures: readonly DisclosureShown[]
  /** Calls that can be listed: of very many, the first. */
  readonly calls: number
  /** Whether the records were found to be those the checkpoint was signed over. */
  readonly proven: boolean
  /** Milliseconds that it took. */
  readonly tookMs: number
}

/** What kept a report from being made. */
export interface Refusal {
  readonly code: string
  readonly message: string
  readonly expected?: string
  /** As the command line would end: 1 for a false claim, else 2. */
  readonly exitCode: 1 | 2
}

export type Request =
  | { readonly type: 'files'; readonly files: readonly Given[] }
  | { readonly type: 'verify'; readonly asked: Asked }
  | {
      readonly type: 'calls'
      readonly id: number
      readonly query: CallQuery
      readonly from: number
      readonly to: number
    }
  | { readonly type: 'call'; readonly id: number; readonly index: number }

export type Answer =
  | { readonly type: 'progress'; readonly done: number; readonly total: number | undefined; readonly what: string }
  | { readonly type: 'result'; readonly result: Result }
  | { readonly type: 'refused'; readonly refusal: Refusal }
  | { readonly type: 'calls'; readonly id: number; readonly rows: readonly CallRow[]; readonly total: number }
  | { readonly type: 'call'; readonly id: number; readonly call: CallShown | Refusal }
