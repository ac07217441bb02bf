/*
 * The records of a log, version 1, as TypeScript sees them. `schema.ts` checks every format and list named here;
 * these types carry the shapes. Normative text: `spec/record.md`, sections 1, 2 and 4.
 */

/** What JSON can say. Records use a subset: no null, no fraction, see `canonical.ts`. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** SHA-256 as 64 lowercase hex digits. */
export type Hash = string
/** RFC 4648 §4 base64, padded, unused bits zero. */
export type Bin = string
/** Bin of an algorithm byte and a public key; version 1 knows 0x01, Ed25519 (33 bytes). */
export type Key = Bin
/** Bin of a signature; 64 bytes for Ed25519. */
export type Sig = Bin
/** `YYYY-MM-DDThh:mm:ss.mmmZ`, years 2000 to 2999. */
export type Time = string
/** A ULID: 26 characters, unique by chance; its time is no evidence. */
export type Id = string
/** 1 to 255 bytes 0x21 to 0x7E without `+`. */
export type Word = string
/** No control characters, 1 to 255 bytes as it stands between the quotes of the record. */
export type Text = string
/** An integer from 0 to 2^53-1. */
export type Int = number

export interface Commitment {
  readonly root: Hash
  readonly scheme: Word
  readonly size: Int
}

/** A checkpoint of some log that the recorder had verified when it made this record. */
export interface After {
  readonly origin: Word
  readonly size: Int
  readonly root: Hash
  /** SHA-256 of the signed note, cosignatures included. */
  readonly note: Hash
}

/** Members that every record may carry. `sig` is the last to be added: it covers all the others. */
export interface Common {
  readonly v: 1
  readonly time: Time
  readonly after?: After
  readonly crit?: readonly string[]
  readonly sig?: Sig
}

/** Members of every record but the log record; `stream` and `prev` are absent exactly on `stream.start`. */
export interface Chained extends Common {
  readonly stream: Hash
  readonly seq: Int
  readonly prev: Hash
}

export interface LogRecord extends Common {
  readonly type: 'log'
  readonly origin: Word
  readonly nonce: Bin
  readonly operators: readonly Key[]
  readonly retention?: { readonly days: Int }
  readonly sig: Sig
}

export interface StreamStart extends Common {
  readonly type: 'stream.start'
  readonly seq: 0
  readonly logs: readonly LogRef[]
  readonly role: 'agent' | 'operator'
  readonly observer?: 'host' | 'client' | 'proxy' | 'server'
  readonly agent: { readonly id: Word; readonly name?: Text; readonly version?: Text }
  readonly host?: { readonly framework: Text; readonly version: Text }
  readonly recorder: { readonly name: Text; readonly version: Text }
  readonly config?: Hash
  readonly custody?: 'process' | 'daemon' | 'kms'
  readonly identity: Key
  readonly key: Key
  readonly sig: Sig
}

export interface LogRef {
  readonly id: Hash
  readonly origin: Word
}

export interface RulesRecord extends Chained {
  readonly type: 'rules'
  readonly engine: { readonly name: Text; readonly version: Text }
  readonly files: readonly { readonly digest: Hash; readonly name: Text }[]
  readonly part?: Hash
}

export type Verdict = 'allow' | 'deny' | 'review' | 'not_evaluated'

export interface RecordedDecision {
  readonly verdict: Verdict
  readonly rules?: Hash
  readonly policy?: Text
  readonly rule?: Text
  readonly reason?: Commitment
}

export interface RecordedTool {
  readonly name: Text
  readonly kind?: Word
  readonly server?: Text
  readonly digest?: Hash
}

export interface Intent extends Chained {
  readonly type: 'intent'
  readonly call: Id
  readonly session?: { readonly id: Id; readonly n: Int }
  readonly tool: RecordedTool
  readonly toolName?: Commitment
  readonly args: Commitment
  readonly decision: RecordedDecision
  readonly principal?: Commitment
  readonly refs?: { readonly [name: Word]: Text }
  readonly parent?: Hash
  readonly same?: Hash
  readonly attempt?: Int
  readonly tier?: 'degraded' | 'lossy'
  readonly unmediated?: true
  readonly belated?: true
}

export interface Review extends Chained {
  readonly type: 'review'
  readonly call: Id
  readonly intent: Hash
  readonly verdict: 'approved' | 'rejected'
  readonly approver: { readonly id: Word; readonly channel: Word }
  readonly args?: Commitment
  readonly approval?: { readonly key: Key; readonly sig: Sig }
}

export type OutcomeStatus =
  | 'succeeded'
  | 'failed'
  | 'reported_error'
  | 'not_executed'
  | 'short_circuited'
  | 'pending'
  | 'cancelled'
  | 'timed_out'
  | 'unknown'

export type Executed = 'yes' | 'no' | 'unknown'

export interface Outcome extends Chained {
  readonly type: 'outcome'
  readonly call: Id
  readonly intent: Hash
  readonly status: OutcomeStatus
  readonly executed: Executed
  readonly args?: Commitment
  readonly output?: Commitment
  readonly visible?: Commitment
  readonly error?: { readonly name?: Text; readonly message?: Commitment }
  readonly startedAt?: Time
  readonly durationUs?: Int
  readonly late?: true
}

export interface Settlement extends Chained {
  readonly type: 'settlement'
  readonly intent: Hash
  readonly result: 'succeeded' | 'failed' | 'not_executed'
  readonly basis: Word
  readonly evidence?: Commitment
}

export interface SessionEnd extends Chained {
  readonly type: 'session.end'
  readonly session: Id
  readonly calls: Int
}

export interface Coverage extends Chained {
  readonly type: 'coverage'
  readonly tools?: readonly { readonly name: Text; readonly digest?: Hash; readonly wrapped: 'yes' | 'no' }[]
  readonly unseen?: readonly Word[]
  readonly detail?: Commitment
}

export interface Loss extends Chained {
  readonly type: 'loss'
  readonly reason: Word
  readonly count?: Int
  readonly detail?: Commitment
}

export interface Recovery extends Chained {
  readonly type: 'recovery'
  readonly of: Hash
  readonly last: Hash
  readonly lastSeq: Int
}

export interface Continuation extends Chained {
  readonly type: 'continuation'
  readonly of: Hash
  readonly note: Hash
  readonly size: Int
  readonly reason: Word
  readonly detail?: Commitment
}

export interface KeyEvent extends Chained {
  readonly type: 'key'
  readonly event: 'add' | 'retire' | 'compromised'
  readonly key: Key
  readonly agent?: Word
  readonly since?: Int
}

export interface Erasure extends Chained {
  readonly type: 'erasure'
  readonly intents: readonly Hash[]
  readonly basis: Word
}

export interface StreamEnd extends Chained {
  readonly type: 'stream.end'
  readonly calls: Int
  readonly pending: Int
}

export type ChainedRecord =
  | RulesRecord
  | Intent
  | Review
  | Outcome
  | Settlement
  | SessionEnd
  | Coverage
  | Loss
  | Recovery
  | Continuation
  | KeyEvent
  | Erasure
  | StreamEnd

/** Any record of version 1 whose every member is in its format. */
export type Record = LogRecord | StreamStart | ChainedRecord
export type RecordType = Record['type']

/** The types that only an operator stream may hold. */
export type OperatorOnlyType = 'settlement' | 'continuation' | 'key' | 'erasure'
