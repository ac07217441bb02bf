import type { LogRef } from '../core/record/types.js'

/**
 * How far a record has come.
 * `sequenced`: durable and its index fixed, by the writer's word. `published`: a signed checkpoint covers it and the
 * inclusion proof was checked. `witnessed`: a quorum of witnesses cosigned that checkpoint.
 */
export type Level = 'sequenced' | 'published' | 'witnessed'

export interface AppendEntry {
  /** The record's canonical bytes, 1 to 16,384: the entry of the log. */
  readonly record: Uint8Array
  /**
   * What proves the record's commitments: the RFC 8785 form of an object that maps a member's path in the record
   * (`args`, `error.message`, `decision.reason`) to that commitment's full disclosure. Private; durable no later
   * than the record; never part of the log. Format: `spec/vault.md`.
   */
  readonly disclosures?: Uint8Array
  /**
   * The signed note that the record cites in `after`, where the recorder has it: a log finds out by it that it was
   * rolled back or forked.
   */
  readonly note?: Uint8Array
}

export interface Receipt {
  /** Position in the log, from 0. */
  readonly index: number
  /** Leaf hash of the record, lowercase hex. */
  readonly leafHash: string
  readonly level: Level
}

/** Signs as one agent. The secret stays inside. */
export interface Signer {
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  /** The 64-byte signature of `message`. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** A stream, or a part of one, that nobody will go on with. */
export interface DeadStream {
  /** Its id: leaf hash of its `stream.start`, lowercase hex. */
  readonly stream: string
  /** What a recovery of it must name: leaf hash and seq of its newest record. */
  readonly last: string
  readonly lastSeq: number
  /** The log has a recovery of it already, which did not get to all its calls: it needs no second one. */
  readonly recovered: boolean
  readonly unsettled: readonly UnsettledCall[]
}

/** A call that may have run, and has no outcome. */
export interface UnsettledCall {
  readonly call: string
  /** Leaf hash of the intent, lowercase hex. */
  readonly intent: string
}

/**
 * What takes records. Constructing one touches nothing; the first call opens it, and an error of opening is an
 * error of that call.
 */
export interface AuditBackend {
  /**
   * Appends consecutive records of one stream, the last of them signed: all or none, in order, durable at `level`
   * (default `sequenced`) when the promise resolves. One batch of a stream at a time. After a rejection nothing may
   * be assumed; handing over the same bytes again is safe, a record already held keeps its index.
   *
   * @throws {MalformedError}     a record the log does not take; nothing of the batch was appended
   * @throws {UnavailableError}   locked, disk full, closed: `retryable` says whether to try again
   * @throws {HaltedError}        what was saved is unknown
   */
  append(entries: readonly AppendEntry[], options?: { readonly level?: Level }): Promise<readonly Receipt[]>
  /** The log, or the 1 to 8 logs, that a stream written here must name in `logs`. */
  logs?(): Promise<readonly LogRef[]>
  /** The newest signed checkpoint this side has verified, as the bytes of its note; undefined before the first. */
  head?(): Promise<Uint8Array | undefined>
  /** The long-lived identity that signs stream starts of `agent` here; made on first use. */
  identity?(agent: string): Promise<Signer>
  /**
   * The streams of this agent under this identity that have no end, and whose recorder is known to be gone: spec/record.md
   * §4. In order, with the calls of each that nothing is known about; a stream with many comes in several parts. Whoever
   * asks closes them before it asks for the next part. Of those who ask at the same time each gets others.
   *
   * @param identity  Raw Ed25519 public key, 32 bytes, of who asks.
   */
  deadStreams?(agent: string, identity: Uint8Array): AsyncIterable<DeadStream>
  /**
   * Keeps the bytes of a file that a `rules` record names by its digest: private, and never part of the log. Safe to
   * call again with the same bytes. Absent: the digest is all that is known of the rules.
   */
  keepRules?(file: Uint8Array): Promise<void>
  /** Whether `disclosures` are kept. Absent or false: they are dropped, and the recorder says so. */
  readonly keepsDisclosures?: boolean
  /** Resolves when everything appended before the call has reached `level` (default `published`). */
  flush(level?: Level): Promise<void>
  /** Flushes, signs a last checkpoint and lets go of the log. Idempotent. */
  close(): Promise<void>
}
