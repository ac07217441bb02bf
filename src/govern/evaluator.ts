import type { Verdict } from '../core/record/types.js'

/** What is to be decided. */
export interface EvaluationRequest {
  /** The agent's id, a DID by custom. */
  readonly agent: string
  readonly tool: string
  /** The arguments as the tool would get them. Evaluators must not change them. */
  readonly args: unknown
}

export interface Decision {
  readonly verdict: Verdict
  /** Name of the policy that decided. */
  readonly policy?: string
  /** Name of the rule that matched; absent for a default. */
  readonly rule?: string
  /** For people. Committed in the record, never written out. */
  readonly reason?: string
  /** True when the evaluator failed and this is the denial that stands for its answer. */
  readonly failed?: true
}

/** One set of rules as evidence: which engine, which files. */
export interface RulesInForce {
  readonly engine: { readonly name: string; readonly version: string }
  /** Any number. */
  readonly files: readonly RulesFile[]
}

export interface RulesFile {
  /** SHA-256 of the file's bytes, lowercase hex. */
  readonly digest: string
  readonly name: string
  /** The file itself, for a backend that keeps it: private, never part of the log. */
  readonly bytes?: Uint8Array
}

/** Decides whether a call may run. One that throws denies: see `policy_error` in `spec/vocabulary.md`. */
export interface PolicyEvaluator {
  /** What goes into the `rules` record; undefined where there are no rule files to name. */
  readonly rules?: RulesInForce
  /** Rules that should be in force and are not, one sentence each; declared in `coverage`. */
  readonly gaps?: readonly string[]
  evaluate(request: EvaluationRequest): Decision | Promise<Decision>
}

/** Asks somebody whether one call with exactly these arguments may run. */
export interface Approver {
  ask(request: ApprovalRequest): Promise<ApprovalAnswer>
}

export interface ApprovalRequest {
  readonly call: string
  readonly agent: string
  readonly tool: string
  readonly args: unknown
  /** Root of the arguments' commitment, lowercase hex: what an approval binds. */
  readonly root: string
  /** Leaf hash of the intent, lowercase hex. */
  readonly intent: string
  readonly signal?: AbortSignal
}

export interface ApprovalAnswer {
  readonly approved: boolean
  /** A pseudonym, a `word` of spec/record.md: never a name or an address. */
  readonly by: string
  /** How the answer came: `callback`, `cli`, ... a `word`. */
  readonly channel: string
  /** The approver's own signature over {args, intent, verdict}, spec/record.md section 4. */
  readonly approval?: { readonly key: string; readonly sig: string }
}
