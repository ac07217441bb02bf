import type { Bundle } from '../core/verify/index.js'
import type { Moved } from '../log/moved.js'
import type { WitnessStanding } from '../log/witness-standing.js'

/*
 * Where evidence comes from. A source hands out bytes that nobody has checked; `verify.ts` and `proven.ts` decide.
 */

export interface RawEntry {
  readonly index: number
  readonly record: Uint8Array
}

/** What lies beside a log to date it. */
export interface AnchorListing {
  /** Names of files, ascending, which is by size. */
  readonly names: readonly string[]
  /** How many more there are. */
  readonly passedOver: number
  /** The bytes of one of them; undefined when it has gone. @throws {MalformedError} {UnavailableError} `file.*` */
  read(name: string): Promise<Uint8Array | undefined>
}

/** One log as found somewhere. Nothing in it has been checked. */
export interface LogSource {
  readonly kind: 'directory' | 'jsonl' | 'bundle' | 'url'
  /** For messages: a path or an address. */
  readonly name: string
  /** The folder that a log is kept in, where the target is that folder or its public part. */
  readonly holder?: string
  /** The folder of the tiles, where they are files on this machine: then several threads may read them. */
  readonly publicFolder?: string
  /** Where the source is a bundle: what is in it. `entries` gives those that it shows. */
  readonly bundle?: Bundle
  /** The bytes of the newest signed checkpoint; undefined when there is none. */
  checkpoint(): Promise<Uint8Array | undefined>
  /**
   * Entries `from` (default 0) up to, not including, `to` (default: as many as there are), in order, in
   * constant memory. May end early, when the source does.
   *
   * @throws {UnavailableError} `source.entries-missing` when a file that should hold the next one is not there
   * @throws {MalformedError} `bundle.length` when it does not parse; `file.kind`, `file.length` when it is no file, or
   *   too long for one
   */
  entries(range?: { readonly from?: number; readonly to?: number }): AsyncIterable<RawEntry>
  /** The bytes of the tile or bundle at a tlog-tiles path; undefined when it is not there or the source has no tiles. */
  tile?(path: string): Promise<Uint8Array | undefined>
  /** Verifier keys that the target names as its own. They prove nothing; without a trust file they are all there is. */
  verifierKeys?(): Promise<readonly string[]>
  /** What pruning kept of the first entries (spec/kept.md), where they are gone; undefined where they are here. */
  kept?(): Promise<Uint8Array | undefined>
  /** The bytes of a signed note that records cite in `after`, by its SHA-256 in lowercase hex. */
  note?(hash: string): Promise<Uint8Array | undefined>
  /** What the mark of a log says that lives on elsewhere, where the writer's own files can be read. */
  moved?(): Promise<Moved | undefined>
  /** The anchors that are there now (spec/anchors.md). */
  anchors?(): Promise<AnchorListing>
  /** Witnesses that the keeper says did not cosign, where the writer's own files can be read. */
  notWitnessed?(): Promise<readonly WitnessStanding[]>
  /** Sequenced records beyond the checkpoint, where the writer's own files can be read. */
  awaiting?(): Promise<number | undefined>
  /** The disclosures of the record at `index`, where a vault can be read (spec/vault.md). */
  disclosures?(index: number): Promise<Uint8Array | undefined>
  /** The file of rules with this SHA-256, lowercase hex, where the writer's own files can be read. */
  ruleFile?(digest: string): Promise<Uint8Array | undefined>
  /** Paths of trust files found inside the target: they count as none. */
  readonly suppliedTrust: readonly string[]
  close(): Promise<void>
}
