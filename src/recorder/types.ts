import type { Executed, OutcomeStatus } from '../core/record/types.js'
import type { Approver, Decision, PolicyEvaluator } from '../govern/evaluator.js'
import type { AuditBackend, Signer } from '../log/backend.js'

/** What a recorder that cannot write does to a call. `strict`: the tool does not run. The others are marked in the record. */
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
  }
  readonly args: unknown
  /** The host's own session; its id stays in the vault, the record carries ours. */
  readonly session?: string
  /** On whose behalf. Committed, never written out. */
  readonly principal?: unknown
  /** 1 to 8 random identifiers of the host; never a person's. */
  readonly refs?: Readonly<Record<string, string>>
  /** The call that made this one. */
  readonly parent?: Ticket
  readonly attempt?: number
  readonly unmediated?: boolean
  readonly belated?: boolean
}

export interface CallResult {
  readonly status: OutcomeStatus
  readonly executed: Executed
  /** The executed arguments, when the tool ran: the recorder compares them with those in force. */
  readonly args?: { readonly value: unknown }
  readonly output?: { readonly value: unknown }
  /** What the model was shown, where it differs from `output`. */
  readonly visible?: { readonly value: unknown }
  /** Whatever was thrown. */
  readonly error?: { readonly value: unknown }
  readonly startedAt?: Date
  readonly durationUs?: number
  readonly late?: boolean
}

/** A call whose intent is recorded. */
export interface Ticket {
  /** Our id of the call, a ULID. */
  readonly call: string
  /** Leaf hash of the intent, lowercase hex. */
  readonly intent: string
  /** Root of the arguments' commitment. */
  readonly argsRoot: string
  readonly decision: Decision
  readonly tool: string
}

/** What `redact` may look at: it returns the value to commit in its place. Must not throw; a throw records `{"$opaque":"threw"}`. */
export type Redact = (
  value: unknown,
  about: { readonly tool: string; readonly part: 'args' | 'output' | 'visible' | 'error' | 'principal' },
) => unknown

export interface RecorderOptions {
  readonly backend: AuditBackend
  /** id: a `word` of spec/record.md, a DID by custom. */
  readonly agent: { readonly id: string; readonly name?: string; readonly version?: string }
  readonly host?: { readonly framework: string; readonly version: string }
  readonly observer?: 'host' | 'client' | 'proxy' | 'server'
  /** Signs stream starts; by default the backend's identity of this agent, else a fresh key. */
  readonly identity?: Signer
  readonly evaluator?: PolicyEvaluator
  readonly approver?: Approver
  /** How long an approver may take before the call is denied; default 300,000. */
  readonly reviewTimeoutMs?: number
  /** Default `strict`. */
  readonly tier?: Tier | ((tool: string) => Tier)
  readonly redact?: Redact
  /** Values whose canonical form is longer are committed as `{"$opaque":"size"}` plus their length; default 1 MiB. */
  readonly valueBytesMax?: number
  /** Whether disclosures are handed to the backend at all; default true. False: nothing can ever be disclosed. */
  readonly keepDisclosures?: boolean
  /** Kinds of calls this recorder can never see; goes into `coverage`. */
  readonly unseen?: readonly string[]
  /** Told what went wrong and was kept from the host. Must not throw. Default: one process warning per code. */
  readonly onError?: (error: Error) => void
}
