import type { Kept } from '../core/verify/index.js'
import type { AppendEntry } from './backend.js'

/*
 * The three ports that carry every store, and what a store is made of. Normative: spec/record.md section 7, "Order".
 * The writer (`writer.ts`) owns the order in which they are called; a store owns how bytes survive.
 */

/**
 * Fixes the order of records. Once `append` has answered, the records are durable and everything else about the log,
 * signatures apart, is a pure function of them.
 */
export interface Sequencer {
  /** Records that are durable. */
  readonly size: number
  /**
   * Comes first, once: reads every record there is, checks what can be checked without knowing what a record means,
   * cuts an incomplete last write, and makes all that is left durable.
   *
   * @param headSize  Records that a signed checkpoint covers: nothing below is ever cut.
   * @throws {UnavailableError} `log.damaged` with the place, `log.rolled-back`
   */
  replay(headSize: number, visit: Visit): Promise<void>
  /**
   * Appends entries durably, all of them or none, and gives the index of the first. One call at a time: the next only
   * after the answer to this one, so that an incomplete write can only be the last.
   *
   * `lone` asks for the quickest way to have one small write on the disk, which may block the event loop; the answer
   * then comes without a promise.
   *
   * @throws {UnavailableError} nothing was saved and the log can go on, such as `log.no-space`
   * @throws {HaltedError} what was saved is unknown; nothing may be appended any more
   */
  append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number>
  /** The records `from` up to, not including, `to`, in order and in constant memory. */
  read(from: number, to: number): AsyncIterable<SequencedRecord>
  close(): Promise<void>
}

/**
 * Lets a start go on where an orderly end left off, without reading all records again. What is kept for it decides
 * nothing that a signature of the log does not cover, and losing it costs time only.
 */
export interface Shortcut {
  /** What was kept at the last orderly end; undefined when nothing was. */
  read(): Promise<Uint8Array | undefined>
  keep(bytes: Uint8Array): Promise<void>
  /** A text that is another one as soon as anything in the sequence has been touched; undefined where nobody can tell. */
  seal(): Promise<string | undefined>
  /** In place of `replay`: goes on behind `size` records, if the sequence still has this seal. */
  resume(size: number, seal: string): Promise<boolean>
}

export interface SequencedRecord {
  readonly index: number
  readonly record: Uint8Array
  /** Where it lies, for messages: file and byte offset. */
  readonly place: () => string
}

/** Told each record in order; throws when it cannot be. */
export type Visit = (found: SequencedRecord) => void | Promise<void>

/** Keeps immutable objects: tiles, bundles, notes. Paths are relative to the log's prefix, as in C2SP tlog-tiles. */
export interface Objects {
  /**
   * Puts all of them durably. The same bytes may be put again at any time.
   * @throws {HaltedError} `log.object-differs` when other bytes are at a path already: they are never replaced
   */
  put(objects: readonly StoredObject[]): Promise<void>
  get(path: string): Promise<Uint8Array | undefined>
  /** Removes the partial tiles of a tile that is full and durable by now. Need not be durable. */
  removePartials(fullTiles: readonly string[]): Promise<void>
}

export interface StoredObject {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Holds the newest signed checkpoint, in two places: one that only the writer sees, and one for everybody. */
export interface Head {
  read(): Promise<Uint8Array | undefined>
  /**
   * Replaces the head durably, if it still is `seen`.
   * @throws {HaltedError} `log.head-moved` when it is another: somebody else wrote, or put an old copy back
   */
  swap(seen: Uint8Array | undefined, next: Uint8Array): Promise<void>
  /** The checkpoint that everybody sees; undefined when there is none. */
  released(): Promise<Uint8Array | undefined>
  /** Lets a head that was swapped in out of the writer's hands. Repeated at start, so a crash before it loses nothing. */
  release(note: Uint8Array): Promise<void>
}

/** Secrets, which never leave. */
export interface KeyStore {
  /** The 32-byte Ed25519 seed of a name; undefined when there is none. */
  get(name: KeyName): Promise<Uint8Array | undefined>
  /** Keeps the seed durably; `name` has none yet. */
  put(name: KeyName, seed: Uint8Array): Promise<void>
}

/** `former-log` is there while a new key of the log takes its place: both sign. */
export type KeyName = 'log' | 'former-log' | 'operator' | { readonly agent: string }

/** What becomes of the disclosures of the record at `index`; undefined when nothing is to be left of them. */
export type Change = (index: number, disclosures: Uint8Array) => Uint8Array | undefined

/** The disclosures that a store keeps, apart from the order of records: spec/vault.md. */
export interface Vault {
  /**
   * Gives back the room of records that the log holds twice. Appends go on meanwhile.
   *
   * @param size    Entries of the tree that the head signs: their tiles are durable.
   * @param ending  Nothing is appended any more.
   */
  shrink(size: number, ending: boolean): Promise<void>
  /**
   * Shows the disclosures of these records, wherever they lie, in any order.
   * @throws {UnavailableError} `log.damaged` when a file is not as it was written
   */
  visit(indexes: ReadonlySet<number>, see: (index: number, disclosures: Uint8Array) => void): Promise<void>
  /** Appends nothing more to the file that is being written; the next append begins another. @returns durable records */
  setAside(): Promise<number>
  /**
   * Writes every file that holds disclosures of these records anew, with what `change` leaves of them. When it resolves,
   * nothing else of them is in any file of the store. Appends go on meanwhile.
   *
   * @param size  As in {@link shrink}; all these records are below it, and were when {@link setAside} was called.
   */
  rewrite(size: number, indexes: ReadonlySet<number>, change: Change): Promise<void>
  /** What is being erased, so that the next start can finish it; undefined when nothing is. */
  plan(): Promise<Uint8Array | undefined>
  keepPlan(plan: Uint8Array): Promise<void>
  removePlan(): Promise<void>
  /** The document of retention and holds that is in force; undefined when there is none. */
  retention(): Promise<Uint8Array | undefined>
}

export interface Store {
  readonly sequencer: Sequencer
  readonly objects: Objects
  readonly head: Head
  readonly keys: KeyStore
  /** Absent: nothing is given back, and nothing can be erased. */
  readonly vault?: Vault
  /**
   * What pruning left in the place of the first entries; undefined when nothing was pruned. Comes before `replay` and
   * `resume`, which then begin behind them. Absent: nothing is ever pruned.
   * @throws {UnavailableError} `log.damaged`
   */
  readonly kept?: () => Promise<Kept | undefined>
  /** Absent: every start reads all records. */
  readonly shortcut?: Shortcut
  /** Whether `objects` still holds at start what was put before. If not, all of it is put again. */
  readonly keepsTiles: boolean
  /** Closes all files. The lock is not the store's. */
  close(): Promise<void>
}
