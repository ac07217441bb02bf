import type { Executed, OutcomeStatus } from '../core/record/types.js'
import type { Approver, Decision, PolicyEvaluator } from '../govern/evaluator.js'
import type { AuditBackend, Signer } from '../log/backend.js'
import type { Snapshot } from './values.js'

/**
 * What a recorder that cannot write does to a call. `strict`: the tool does not run. `degraded`: it waits as long, then
 * runs, and what is recorded of it is written later if that is possible. `lossy`: it does not wait at all. The last two
 * are marked on every intent, also while all is well: they say what would have happened.
 */
export type Tier = 'strict' | 'degraded' | 'lossy'

export interface CallRequest {
  readonly tool: {
    /** As the host registered it, or as the model made it up: any string. */
    readonly name: string
    /** False when the host does not know this name: then the record says `?` and commits the string. Default true. */
    readonly registered?: boolean
    readonly kind?: string
    readonly server?: string
    /** The definition offered to the model; its digest goes into the record. */
    readonly definition?: unknown
    /** That digest, as `Recorder.definitionDigest` gives it, where only it is at hand. */
    readonly digest?: string
  }
  readonly args: unknown
  /** The host's own session; its id stays in the vault, the record carries ours. */
  readonly session?: string
  /** On whose behalf. Committed, never written out. */
  readonly principal?: unknown
  /**
   * 1 to 8 random identifiers of the host; never a person's. Where an OpenTelemetry span is active, `trace_id` and
   * `span_id` join them.
   */
  readonly refs?: Readonly<Record<string, string>>
  /** The call that made this one. Default: the one in whose course `intent` is called, of whichever recorder. */
  readonly parent?: Ticket
  /**
   * Leaf hash of the intent of this call as another observer recorded it, lowercase hex: a proxy's of its client's, say.
   */
  readonly same?: string
  /** From 2 on for a call that the host tries again under its old id. */
  readonly attempt?: number
  readonly unmediated?: boolean
  readonly belated?: boolean
}

/** A value as it is now, or as it was when a snapshot was taken of it. In an object, since `undefined` is a value too. */
export type Given = { readonly value: unknown } | Snapshot

export interface CallResult {
  readonly status: OutcomeStatus
  readonly executed: Executed
  /**
   * The executed arguments, when the tool ran: the recorder compares them with those in force. A tool may change its
   * arguments while it runs, so take a `Recorder.snapshot` of them when it starts.
   */
  readonly args?: Given
  readonly output?: Given
  /** What the model was shown, where it differs from `output`. */
  readonly visible?: Given
  /** Whatever was thrown. */
  readonly error?: { readonly value: unknown }
  readonly startedAt?: Date
  readonly durationUs?: number
  readonly late?: boolean
}

/** A call whose intent is recorded. Only the recorder makes these. */
export interface Ticket {
  /** Our id of the call, a ULID. */
  readonly call: string
  /**
   * Leaf hash of the intent, lowercase hex. Undefined while the intent has no place in the log yet, which only the
   * tiers `degraded` and `lossy` let happen.
   */
  readonly intent: string | undefined
  /** Root of the arguments' commitment. */
  readonly argsRoot: string
  readonly decision: Decision
  readonly tool: string
}

/** The parts of a call that hold a host's values. `error` is what was thrown. */
export type Part = 'args' | 'output' | 'visible' | 'error' | 'principal'

/**
 * Returns the value to commit in the place of `value`, which it must not change. A throw records `{"$opaque":"threw"}`.
 * Whether arguments changed between decision and execution is judged on the values before redaction.
 */
export type Redact = (value: unknown, about: { readonly tool: string; readonly part: Part }) => unknown

/** The framework that runs the tools. */
export interface HostInfo {
  readonly framework: string
  readonly version: string
}

export interface RecorderOptions {
  readonly backend: AuditBackend
  /** id: a `word` of spec/record.md, a DID by custom. */
  readonly agent: { readonly id: string; readonly name?: string; readonly version?: string }
  /** A function is asked when the first stream opens, so that finding out a version costs nothing before. */
  readonly host?: HostInfo | (() => HostInfo | undefined)
  /** From where calls are seen: two observers may record the same one, see `CallRequest.same`. */
  readonly observer?: 'host' | 'client' | 'proxy' | 'server'
  /** What holds the secret of `identity`: the process of the calls (default), a daemon that records for it, a key service. */
  readonly custody?: 'process' | 'daemon' | 'kms'
  /** Signs stream starts; by default the backend's identity of this agent, else a fresh key. */
  readonly identity?: Signer
  readonly evaluator?: PolicyEvaluator
  readonly approver?: Approver
  /** How long an approver may take before the call is denied; default 300,000. */
  readonly reviewTimeoutMs?: number
  /** Default `strict`. */
  readonly tier?: Tier | ((tool: string) => Tier)
  readonly redact?: Redact
  /** Values whose canonical form is longer, in bytes, are committed as `{"$opaque":"size"}`; default 1 MiB. */
  readonly valueBytesMax?: number
  /** Whether disclosures are handed to the backend at all; default true. False: nothing can ever be disclosed. */
  readonly keepDisclosures?: boolean
  /** Kinds of calls this recorder can never see; goes into `coverage`. */
  readonly unseen?: readonly string[]
  /** How long one append may take before its calls are told that it failed; default 30,000. */
  readonly appendTimeoutMs?: number
  /** Told what went wrong and was kept from the host. Default: one process warning per code. */
  readonly onError?: (error: Error) => void
}

/** One tool as the host offers it, and whether calls of it pass through us. */
export interface CoveredTool {
  readonly name: string
  /** SHA-256 of its definition, lowercase hex, as `Recorder.definitionDigest` gives it. */
  readonly digest?: string
  readonly wrapped: boolean
}
