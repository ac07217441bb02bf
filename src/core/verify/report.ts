/*
 * What a verification says. Three answers that never mix, then what is not excluded. Normative: spec/report.md.
 */

import type { BundleQuery } from './bundle-query.js'

export type CheckStatus = 'passed' | 'failed' | 'not_checked'

/** One thing that was, or could not be, checked over the whole of the target. */
export interface Check {
  /** Stable and dotted, see `spec/vocabulary.md`. */
  readonly code: string
  readonly status: CheckStatus
  /** What the check asserts when it passes; for people. */
  readonly asserts: string
  readonly doesNotAssert: string
  /** Why it failed or was not done. */
  readonly detail?: string
}

export type Area = 'evidence' | 'completeness' | 'conduct'

/** `against`: evidence against the log (exit 1). `unknown`: could not check (2). `exception` (3). `notice`: worth knowing (0). */
export type Severity = 'against' | 'unknown' | 'exception' | 'notice'

export interface Finding {
  readonly code: string
  readonly area: Area
  readonly severity: Severity
  /** One sentence with the values in it. */
  readonly message: string
  /** What follows from it, and what a reader might think follows and does not; the same for every finding of a code. */
  readonly asserts?: string
  readonly doesNotAssert?: string
  /** Indexes of the entries concerned, ascending, at most 16 of them; `count` has the whole number. */
  readonly indexes: readonly number[]
  readonly count: number
  /** Leaf hash of the stream and id of the call concerned, where there is one. */
  readonly stream?: string
  readonly call?: string
}

export type ExitCode = 0 | 1 | 2 | 3

export interface Report {
  readonly format: 'deedlog/report/v1'
  readonly exitCode: ExitCode
  readonly origin: string
  /** Leaf hash of entry 0, lowercase hex; empty when there is no readable entry 0. */
  readonly logId: string
  /** Size and root of the checkpoint that was verified; 0 and the empty root when there was none. */
  readonly size: number
  /** Lowercase hex. */
  readonly root: string
  readonly evidence: EvidenceAnswer
  readonly completeness: CompletenessAnswer
  readonly conduct: ConductAnswer
  /** Always printed: sentences, each with a stable code. */
  readonly notExcluded: readonly { readonly code: string; readonly text: string }[]
  readonly checks: readonly Check[]
  readonly findings: readonly Finding[]
  /** Where the log says that it carries on after another, and the reader was asked to walk back: one for each step. */
  readonly continues?: readonly ContinuationAnswer[]
  /** Where the target is a bundle: what it shows. All else in the report is of what is shown. */
  readonly bundle?: BundleAnswer
  /** Where only calls of some time are reported on. The log was read, and counted, as a whole. */
  readonly range?: RangeAnswer
  /** Where it was asked for: calls in the order of the log. */
  readonly timeline?: TimelineAnswer
}

export interface RangeAnswer {
  /** Both included; by the time in the intent, which is the recorder's word. */
  readonly since?: string
  readonly until?: string
  /** Calls of that time. */
  readonly calls: number
  /** Exceptions that were found about other calls, and are not among the findings. */
  readonly exceptionsElsewhere: number
}

export interface TimelineAnswer {
  readonly calls: readonly TimelineCall[]
  /** Calls that follow these and are left out. */
  readonly more: number
}

export interface TimelineCall {
  /** Of the intent. */
  readonly index: number
  readonly call: string
  readonly agent: string
  readonly tool: string
  readonly session?: { readonly id: string; readonly n: number }
  readonly verdict: string
  readonly rule?: string
  readonly status: string
  readonly executed?: string
  /** By the recorder's clock: no evidence. */
  readonly time: string
  /** The intent was made after and before these, by outside evidence; absent where there is none. */
  readonly after?: string
  readonly before?: string
  readonly exceptions: readonly string[]
}

/** One step from a log to the one that it says it carries on after. */
export interface ContinuationAnswer {
  /** Leaf hashes of entry 0: of the log that says so, and of the one that it means. */
  readonly log: string
  readonly of: string
  /** Size in the note of that log from which it carries on, and SHA-256 of the note. */
  readonly size: number
  readonly note: string
  readonly reason: string
  /** By the operator's clock. */
  readonly time: string
  /** Where that log was given: what it is now, and what its own verification said. */
  readonly previous?: {
    readonly target: string
    readonly origin: string
    readonly size: number
    readonly root: string
    readonly exitCode: ExitCode
    readonly words: readonly string[]
    /** Its records from index `from` up to, not including, `to`, which the later log does not carry on; times by recorders' clocks. */
    readonly lost?: {
      readonly from: number
      readonly to: number
      readonly firstTime?: string
      readonly lastTime?: string
    }
  }
}

/** What a bundle shows of its log (spec/bundle.md). */
export interface BundleAnswer {
  readonly query: BundleQuery
  /** When it was made, by the word of whoever made it. */
  readonly made?: string
  /** Entries that it shows; the others are known by hashes. */
  readonly entries: { readonly shown: number; readonly of: number }
  /** Calls that were asked for and are shown; others of which an intent is shown, and which are not judged. */
  readonly calls: { readonly asked: number; readonly others: number }
  /** Sessions of calls that were asked for, by their first call; of more than 256, the first. */
  readonly sessions: readonly BundleSession[]
  readonly disclosures: readonly BundleDisclosed[]
  /** What they are worth stands in the report's own `anchors`. */
  readonly anchors: readonly { readonly kind: string; readonly size: number; readonly root: string }[]
  /** Digests of the files of rules in it. */
  readonly files: readonly string[]
  readonly notes: number
}

export interface BundleSession {
  readonly stream: string
  readonly session: string
  /** Calls of it whose intents are shown. */
  readonly shown: number
  /** Calls that it had, where its end is shown; else as many as the shown ones imply at least. */
  readonly calls: number
  readonly ended: boolean
}

/** One disclosure in a bundle. Paths are of fields inside the disclosed value. */
export interface BundleDisclosed {
  readonly index: number
  /** Of the member of the record. */
  readonly member: string
  readonly holds: boolean
  /** Why it does not. */
  readonly why?: string
  /** Of a disclosure in part; absent when it is in full. */
  readonly shown?: readonly (readonly (string | number)[])[]
  readonly withheld?: readonly (readonly (string | number)[])[]
}

export interface EvidenceAnswer {
  /** The headline, a word of spec/report.md: `self-consistent`, `intact`, `altered`, `forked`, `rolled back`, `could not check`, ... */
  readonly verdict: string
  /** All the words that apply, numbers written out: `intact to 41`, `unwitnessed since 0`, `undated since 0`, `age unknown`. */
  readonly words: readonly string[]
  /** Where the trust came from: `file`, `self`, or `none`. */
  readonly trust: 'file' | 'self' | 'none'
  /** Verifier keys whose good signature was on the checkpoint, with whose they are. */
  readonly keys: readonly { readonly vkey: string; readonly role: 'log' | 'witness'; readonly trusted: boolean }[]
  /** Records read, and sequenced records that wait for a checkpoint (known only beside the writer's own files). */
  readonly records: number
  readonly awaitingCheckpoint?: number
  /** What the quorum's cosignatures say about when; absent where there are none. */
  readonly times?: TimesAnswer
  /** What lies beside the log, or in its bundle, to date it; absent where there is nothing. */
  readonly anchors?: AnchorsAnswer
}

/**
 * What an anchor is worth. `counted`: it dates this tree. `unpinned`: nobody the auditor trusts made it. `lookup`: one
 * fact is left to look up. `bad`: it is false, or of something else. `disputed`, `beyond`: it is of another tree of this
 * origin, or of a larger one. `unknown`, `unreadable`: not checked. `pending`, `failed`, `skipped`: what the keeper says.
 */
export type AnchorStatus =
  | 'counted'
  | 'unpinned'
  | 'lookup'
  | 'bad'
  | 'disputed'
  | 'beyond'
  | 'unknown'
  | 'unreadable'
  | 'pending'
  | 'failed'
  | 'skipped'

export interface AnchorsAnswer {
  readonly total: number
  readonly byStatus: { readonly [status in AnchorStatus]?: number }
  /** The newest of them, at most 64, by size. */
  readonly listed: readonly AnchorSummary[]
}

export interface AnchorSummary {
  readonly kind: string
  readonly name: string
  readonly size: number
  /** Lowercase hex. */
  readonly root: string
  readonly status: AnchorStatus
  /** The tree existed by then, as the anchor says; it counts only where the status is `counted`. */
  readonly time?: string
  /** Who says so, in the trust file's words. */
  readonly by?: string
  readonly detail?: string
  /** The single fact that is left to look up. */
  readonly lookUp?: string
}

/** Two lists from which the window of each record follows: `windowOf`. */
export interface TimesAnswer {
  /** The first `size` entries existed at `time`: sizes and times ascending. */
  readonly existed: readonly { readonly size: number; readonly time: string }[]
  /** The records of `stream` from `index` on were made after `time`: by index. */
  readonly made: readonly { readonly stream: string; readonly index: number; readonly time: string }[]
}

export interface CompletenessAnswer {
  readonly verdict:
    | 'complete as far as recorded'
    | 'no exceptions in what is shown'
    | 'no exceptions in the time asked for'
    | 'exceptions'
    | 'could not check'
  readonly streams: readonly StreamSummary[]
  readonly sessions: { readonly total: number; readonly ended: number; readonly gaps: number }
  readonly strays: number
  readonly notUnderstood: number
  readonly malformed: number
  readonly outcomes: {
    readonly final: number
    readonly provisional: number
    readonly missing: number
    readonly closed: number
    /** Of calls in a bundle that does not show how they ended. */
    readonly notShown?: number
  }
  readonly losses: { readonly records: number; readonly counted: number }
  readonly coverage: { readonly wrapped: number; readonly notWrapped: number; readonly unseen: readonly string[] }
  /** Known only where a vault was read. */
  readonly disclosures?: { readonly held: number; readonly erased: number; readonly missing: number }
}

export type StreamState = 'ended' | 'running' | 'recovered' | 'broken' | 'forked' | 'foreign'
export type IdentityState = 'pinned' | 'introduced' | 'contradicted' | 'self-asserted'

export interface StreamSummary {
  /** Leaf hash of its `stream.start`. */
  readonly id: string
  readonly agent: string
  readonly role: 'agent' | 'operator'
  readonly state: StreamState
  readonly identity: IdentityState
  /** Index of its first record; number of its attributed records. */
  readonly first: number
  readonly records: number
  readonly calls: number
  /** Records of it that a bundle is known not to show: below its newest shown one. */
  readonly notShown?: number
}

export interface ConductAnswer {
  readonly verdict:
    | 'no exceptions'
    | 'no exceptions in what is shown'
    | 'no exceptions in the time asked for'
    | 'exceptions'
    | 'could not check'
  readonly calls: number
  /** Calls by state, see `spec/vocabulary.md`: allowed, denied, declined, ... by their latest outcome status. */
  readonly byVerdict: Readonly<Record<string, number>>
  readonly byStatus: Readonly<Record<string, number>>
  readonly byTool: Readonly<Record<string, number>>
  /** The sets of rules that streams put on record, in the order of the log; of more than 256, the first. */
  readonly rules: readonly RulesInForce[]
}

export interface RulesInForce {
  /** Leaf hash of the record; decisions name it. */
  readonly id: string
  readonly index: number
  readonly stream: string
  /** Strangers' words, all of them. */
  readonly engine: string
  readonly files: readonly { readonly name: string; readonly digest: string }[]
  /** Leaf hash of the record that this one continues, when the set has several. */
  readonly part?: string
  /** Decisions that name it. */
  readonly decisions: number
}
