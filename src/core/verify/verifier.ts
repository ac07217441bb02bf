import type { AnchorFile } from '../anchor/index.js'
import { equalBytes } from '../bytes/equal.js'
import { fromHex, toHex } from '../bytes/hex.js'
import { isDeedlogError, quote, UnavailableError } from '../errors.js'
import {
  type Record as DeedRecord,
  decodeKey,
  decodeSig,
  type Hash,
  type Intent,
  isSig,
  type ParsedRecord,
  parseRecord,
  recordMessage,
  type StreamStart,
} from '../record/index.js'
import { leafHash, type VerifierKey, verifyEd25519 } from '../tlog/index.js'
import { type Attribution, attribute, type Node } from './attribution.js'
import { asksFor, type BundleQuery, type TimeRange } from './bundle-query.js'
import { Checks } from './checks.js'
import type { CallSummary } from './conduct.js'
import { describeEntry } from './describe.js'
import { Evidence, type HeldCheckpoint } from './evidence.js'
import { type FindingCode, Findings } from './findings.js'
import { recordKey } from './identity.js'
import { type Knowledge, NOTHING_KNOWN } from './knowledge.js'
import { NotShown } from './not-shown.js'
import { PastRoots } from './past-roots.js'
import { judgePruning } from './pruning.js'
import { type Continuation, placeOf, Reading } from './reading.js'
import type { Report } from './report.js'
import { type BundleContents, buildReport } from './summary.js'
import type { Trust } from './trust.js'

export interface VerifierOptions {
  /** What the auditor brought. Absent: nobody outside was asked. */
  readonly trust?: Trust
  /** Ask nobody outside, on purpose: the best word is then `self-consistent`. */
  readonly self?: boolean
  /** A trust file that lay inside the target, and so counts as none: for the message. */
  readonly suppliedTrust?: string
  /** Log keys that the target itself names; used only without a trust file, and never trusted. */
  readonly claimedKeys?: readonly VerifierKey[]
  /** Signed checkpoints of this log that the auditor holds from before. */
  readonly held?: readonly Uint8Array[]
  /** What witnesses of this log told the auditor themselves to have cosigned last, by name of the witness. */
  readonly fromWitnesses?: readonly HeldCheckpoint[]
  /** Checkpoints of this log from earlier visits; empty on the first. Absent: no memory is used. */
  readonly memory?: readonly HeldCheckpoint[]
  /** The time of this verification, in seconds since 1970; for the trust file's `lag`. */
  readonly nowSeconds?: number
  /** Told of every call once it is settled, in no particular order. Called anew in each pass: see `onPass`. */
  readonly onCall?: (call: CallSummary) => void
  /** Told of every record of a stream that counts, its start apart, in the order of the log. Called anew in each pass. */
  readonly onRecord?: (index: number, record: DeedRecord, stream: Hash) => void
  /** Told when a pass over the entries begins: forget what the one before told of. */
  readonly onPass?: (pass: number) => void
  /** Of calls of which time what is wrong is reported; of all when absent. The log is read, and counted, as a whole. */
  readonly range?: TimeRange
  /** The target is a bundle, made for this query: entries may be skipped, and what was not asked for is not judged. */
  readonly excerpt?: BundleQuery
}

/** An entry whose bytes the caller has found to differ from those the log's tiles were made of. */
export interface AlteredEntry {
  readonly index: number
  readonly bytes: Uint8Array
}

const DESCRIBED_MAX = 16

/**
 * Verifies one log: its checkpoint, then its entries in order, then a report.
 *
 * ```
 * verifier.checkpoint(note)
 * do for (index, record of entries) verifier.add(index, record)
 * while (verifier.again())
 * verifier.finish()
 * ```
 *
 * Pure and synchronous. One pass over an honest log; a log in which something does not fit is read up to three times,
 * because whether a record counts is known only from the records after it (spec/record.md §3). Memory does not grow
 * with what records hold: see `Reading`.
 */
export class LogVerifier {
  readonly #options: VerifierOptions
  readonly #checks = new Checks()
  /** Findings about the whole; each reading has its own, and the last one's count. */
  readonly #findings = new Findings()
  readonly #evidence: Evidence
  readonly #notShown = new NotShown()
  readonly #isAsked: ((intent: Intent) => boolean) | undefined
  #shown = 0
  #tree: PastRoots
  #reading: Reading
  #readingFindings = new Findings()
  #known: Knowledge = NOTHING_KNOWN
  /** Records of odd streams, while they are being collected. */
  #nodes: Map<Hash, Node[]> | undefined
  #pass = 1
  /** Whether this pass is the last: it is known which records count. */
  #judges = false
  #firstRoot: Uint8Array | undefined
  /** Leaf hash of entry 0, whatever that is. */
  #firstLeaf = ''
  #altered = false
  #missing = false
  /** Entries below this are known by what pruning kept of them. */
  #prunedBelow: number | undefined

  constructor(options: VerifierOptions = {}) {
    this.#options = options
    const mode = options.trust ? 'file' : options.self ? 'self' : 'none'
    this.#evidence = new Evidence({
      findings: this.#findings,
      checks: this.#checks,
      trust: options.trust,
      mode,
      claimed: options.claimedKeys ?? [],
      held: options.held ?? [],
      fromWitnesses: options.fromWitnesses,
      memory: options.memory,
      nowSeconds: options.nowSeconds,
      isExcerpt: options.excerpt !== undefined,
    })
    this.#isAsked = options.excerpt && asksFor(options.excerpt)
    if (options.suppliedTrust !== undefined && mode === 'none')
      this.#findings.add(
        'trust.supplied',
        `the trust file ${quote(options.suppliedTrust)} was supplied by the log itself`,
      )
    this.#tree = new PastRoots(this.#evidence.sizes)
    this.#reading = this.#newReading(true)
    options.onPass?.(1)
  }

  #newReading(surveys: boolean): Reading {
    this.#readingFindings = new Findings()
    return new Reading({
      surveys,
      known: this.#known,
      findings: this.#readingFindings,
      trust: this.#options.trust,
      tree: this.#tree,
      // The root covers the records: whoever wrote them could not know it.
      salt: () => this.root ?? new Uint8Array(),
      signedOrigin: () => this.#evidence.checkpoint?.origin,
      onCall: this.#options.onCall,
      onRecord: this.#options.onRecord,
      notShown: this.#notShown,
      isAsked: this.#isAsked,
      judgedFrom: this.#prunedBelow ?? 0,
      lists: this.#options.range && asksFor(this.#options.range),
    })
  }

  /** The bytes of the newest signed checkpoint; undefined when there is none. Before the first entry. */
  checkpoint(note: Uint8Array | undefined): void {
    if (note === undefined) this.#findings.add('checkpoint.missing', 'the log has no signed checkpoint')
    else this.#evidence.read(note)
  }

  /** One anchor that lies beside the log (spec/anchors.md), or the bytes of its file. Before the first entry. */
  anchor(name: string, anchor: Uint8Array | AnchorFile): void {
    this.#tree.want(this.#evidence.addAnchor(name, anchor))
  }

  /** Anchors that the caller could not read, and how many more it did not look at. */
  anchorsUnread(unreadable: readonly { readonly name: string; readonly why: string }[], passedOver = 0): void {
    this.#evidence.unreadAnchors(unreadable, passedOver)
  }

  /**
   * The entries below `below` were pruned: those that were kept are to be added, and the others skipped, in order, in each
   * pass. Before the first of them.
   *
   * @param notes  The bytes of notes that say when the log had been seen, as far as they are here.
   */
  pruned(below: number, notes: readonly Uint8Array[]): void {
    this.#prunedBelow = below
    this.#evidence.pruned(below, notes)
    this.#tree = new PastRoots(this.#evidence.sizes)
    this.#reading = this.#newReading(true)
  }

  /**
   * Sizes of trees whose roots will be asked for, besides those that the verifier knows of itself. Before the first entry:
   * of an excerpt it keeps no others.
   */
  wants(sizes: readonly number[]): void {
    this.#wanted = sizes
    this.#tree.want(sizes)
  }

  #wanted: readonly number[] = []

  /** Entries to add: as many as the checkpoint covers; undefined when there is no readable checkpoint. */
  get size(): number | undefined {
    return this.#evidence.checkpoint?.size
  }

  /** What the log says of one that it carries on after, by an operator who counts. After the last pass. */
  get continuation(): Continuation | undefined {
    return this.#reading.continuation
  }

  /** Whether a key, as records write it, is or was an operator's of this log. After the last pass. */
  wasOperator(key: string): boolean {
    return this.#reading.wasOperator(key)
  }

  /** The root that the checkpoint states, 32 bytes. */
  get root(): Uint8Array | undefined {
    return this.#evidence.checkpoint?.root
  }

  /**
   * Adds the next entry.
   *
   * @param known  What the caller has made of the very same bytes, where another thread did it: as `parseRecord` and
   *   `leafHash` would. Whoever hands it over vouches for it.
   * @returns its leaf hash, 32 bytes; do not write to it.
   * @throws {RangeError} when `index` is not the next one, or the checkpoint covers no more.
   */
  add(
    index: number,
    record: Uint8Array,
    known?: { readonly parsed: ParsedRecord; readonly leaf: Uint8Array },
  ): Uint8Array {
    if (index !== this.#tree.size) throw new RangeError(`entry ${this.#tree.size} is next, not ${index}`)
    if (index >= (this.size ?? Number.POSITIVE_INFINITY))
      throw new RangeError(`the checkpoint covers ${this.size} entries`)
    const parsed = known?.parsed ?? parse(record)
    if (this.#nodes) {
      if ('leaf' in parsed) this.#collect(index, parsed, this.#nodes)
    } else if ('leaf' in parsed) this.#reading.entry(index, parsed)
    else this.#reading.malformedEntry(index, record, parsed.why)
    const leaf = known?.leaf ?? ('leaf' in parsed ? fromHex(parsed.leaf) : leafHash(record))
    if (index === 0) this.#firstLeaf = toHex(leaf)
    this.#tree.append(leaf)
    this.#shown++
    return leaf
  }

  /**
   * Goes past the next 2^level entries of an excerpt, of which only the hash is known.
   *
   * @param hash  Over them, 32 bytes.
   * @throws {RangeError} when `index` is not the next one or no multiple of 2^level, or the checkpoint covers no more.
   */
  skip(index: number, level: number, hash: Uint8Array): void {
    if (index !== this.#tree.size) throw new RangeError(`entry ${this.#tree.size} is next, not ${index}`)
    const to = index + 2 ** level
    if (to > (this.size ?? Number.POSITIVE_INFINITY)) throw new RangeError(`the checkpoint covers ${this.size} entries`)
    this.#tree.appendSubtree(level, hash)
    this.#notShown.add(index, to)
  }

  /**
   * Ends a pass. True when the same entries are to be added once more, from index 0.
   * @throws {UnavailableError} `source.changed` when they were not the same as in the pass before.
   */
  again(): boolean {
    const root = this.#tree.root()
    this.#firstRoot ??= root
    if (!equalBytes(root, this.#firstRoot))
      throw new UnavailableError('source.changed', 'the log changed while it was being read', {
        expected: 'the same records each time; copy the log and verify the copy',
        retryable: true,
      })
    if (this.#nodes)
      this.#judgeNext(new Map([...this.#nodes].map(([id, nodes]) => [id, attribute(nodes, this.#notShown)])))
    else if (this.#judges) return false
    else {
      this.#reading.checkTails()
      if (!this.#reading.needsMore) return false
      if (this.#reading.odd.size === 0) this.#judgeNext(new Map())
      else {
        this.#nodes = new Map([...this.#reading.odd].map(id => [id, []]))
        this.#begin(new PastRoots())
      }
    }
    return true
  }

  #begin(tree: PastRoots): void {
    this.#tree = tree
    this.#shown = 0
    this.#pass++
    this.#options.onPass?.(this.#pass)
  }

  /** Begins the pass in which it is known which records count. */
  #judgeNext(odd: ReadonlyMap<Hash, Attribution>): void {
    const survey = this.#reading
    const attributions = [...odd.values()]
    const changed = [...attributions.flatMap(each => each.altered), ...survey.malformedIndexes, ...survey.adrift]
    // Strays are what is left of a stream whose start was changed, unless nothing else was: then they were put in.
    const suspects = changed.length > 0 ? changed : attributions.flatMap(each => lowest(each.strays))
    this.#known = {
      odd,
      lateStarts: this.#lateStarts,
      strays: new Set(attributions.flatMap(each => [...each.strays])),
      copies: new Set(attributions.flatMap(each => [...each.copies])),
      watched: new Set([...survey.calls.suspects, ...survey.suspectIntents]),
      watchedIds: survey.suspectIds,
      sizes: survey.sizes,
      described: new Set(suspects.slice(0, DESCRIBED_MAX)),
    }
    this.#nodes = undefined
    this.#judges = true
    this.#begin(new PastRoots([...survey.sizes, ...this.#evidence.sizes, ...this.#wanted]))
    this.#reading = this.#newReading(false)
  }

  #collect(index: number, parsed: ParsedRecord, nodes: Map<Hash, Node[]>): void {
    const { json, leaf } = parsed
    if (json['stream'] === undefined) {
      if (!parsed.understood || parsed.record.type !== 'stream.start') return
      const { identity, key } = parsed.record
      const stream = nodes.get(leaf)
      const isLate = !this.#streamKeys.has(leaf) && stream !== undefined && stream.length > 0
      if (isLate) this.#lateStarts.set(leaf, { index, record: parsed.record })
      this.#streamKeys.set(leaf, key)
      stream?.push({ index, leaf, seq: 0, verify: signatureOf(parsed, () => identity) })
      return
    }
    const place = placeOf(parsed)
    const into = place && nodes.get(place.id)
    if (!into) return
    const node = { index, leaf, seq: place.seq, prev: place.prev }
    const signed = json['sig'] !== undefined
    into.push(signed ? { ...node, verify: signatureOf(parsed, () => this.#streamKeys.get(place.id)) } : node)
  }

  readonly #streamKeys = new Map<Hash, string>()
  readonly #lateStarts = new Map<Hash, { readonly index: number; readonly record: StreamStart }>()

  /** Hashes of signed notes that would tell more. After the last pass. */
  notesWanted(): readonly string[] {
    return this.#evidence.notesWanted(this.#reading.disputes, this.#reading.cited)
  }

  /** The bytes of a note that was asked for. */
  note(hash: string, bytes: Uint8Array): void {
    if (this.#evidence.readNote(hash, bytes, this.#tree)) this.#reading.disputes.delete(hash)
  }

  /**
   * Entries that the caller found to be others than the tiles of the log were made of, those tiles hashing to the
   * signed root: so these are the altered ones.
   *
   * @param entries  The first of them.
   * @param count    How many there are.
   */
  altered(entries: readonly AlteredEntry[], count = entries.length): void {
    this.#altered = true
    for (const { index, bytes } of entries)
      this.#findings.add('entry.altered', `entry ${index} is not what was signed; now it ${describeEntry(bytes)}`, {
        indexes: [index],
      })
    if (count > entries.length)
      this.#findings.add('entry.altered', `${count - entries.length} more entries are not what was signed`, {
        count: count - entries.length,
      })
  }

  /** Something that only the caller can see: files that are missing, do not parse, or do not match. */
  found(
    code: Extract<
      FindingCode,
      | 'checkpoint.malformed'
      | 'disclosure.mismatch'
      | 'entries.missing'
      | 'entries.pruned'
      | 'entries.pruned-not-permitted'
      | 'entries.unreadable'
      | 'log.moved'
      | 'tile.altered'
      | 'tile.missing'
      | 'witness.not-asked'
      | 'witness.not-cosigned'
    >,
    message: string,
    where: { readonly indexes?: readonly number[]; readonly count?: number } = {},
  ): void {
    if (code.startsWith('entries.')) this.#missing = true
    this.#findings.add(code, message, where)
  }

  /** Whether the disclosures that were shown are of what the records committed to. */
  disclosuresChecked(status: 'passed' | 'failed' | 'not_checked', detail: string): void {
    this.#disclosures = { status, detail }
  }

  #disclosures: { readonly status: 'passed' | 'failed' | 'not_checked'; readonly detail: string } | undefined

  /** Whether the tiles were compared with the records. */
  tilesChecked(status: 'passed' | 'failed' | 'not_checked', detail: string): void {
    this.#checks.set('tiles.match', status, detail)
  }

  /** Whether the root over all entries is not the signed one. After the last pass. */
  get rootDiffers(): boolean {
    const { checkpoint } = this.#evidence
    return (
      checkpoint !== undefined &&
      this.#tree.size === checkpoint.size &&
      !this.#tree.had(checkpoint.size, checkpoint.root)
    )
  }

  /**
   * The report.
   * @param about  `awaiting`: sequenced records that wait for a checkpoint, where that is known. `bundle`: what else is
   *   in a bundle.
   */
  finish(about: { readonly awaiting?: number; readonly bundle?: BundleContents } = {}): Report {
    this.#evidence.finishTree(this.#tree)
    this.#reading.reportDisputes()
    const { checkpoint } = this.#evidence
    if (checkpoint && this.#tree.size < checkpoint.size && !this.#missing)
      this.found('entries.missing', `${checkpoint.size} records were signed, and ${this.#tree.size} are here`, {
        count: checkpoint.size - this.#tree.size,
      })
    if (this.rootDiffers && !this.#altered && this.#notShown.total === 0) this.#nameSuspects()
    this.#judgePruning()
    this.#checkLogRecord()
    this.#evidence.settle()
    if (this.#disclosures) this.#checks.set('disclosures.match', this.#disclosures.status, this.#disclosures.detail)
    return buildReport({
      evidence: this.#evidence,
      reading: this.#reading,
      readingFindings: this.#readingFindings,
      findings: this.#findings,
      checks: this.#checks,
      known: this.#known,
      trust: this.#options.trust,
      records: this.#tree.size,
      shown: this.#shown,
      notShown: this.#notShown,
      excerpt: this.#options.excerpt,
      range: this.#options.range,
      about: about.bundle,
      awaiting: about.awaiting,
    })
  }

  /** What is kept proves itself by the root; where that differs, nothing is known of it. */
  #judgePruning(): void {
    const below = this.#prunedBelow
    if (below === undefined || this.rootDiffers || this.#tree.size !== this.size) return
    const seenSeconds = this.#evidence.seenSeconds(below, this.#tree)
    const { nowSeconds } = this.#options
    judgePruning({ below, reading: this.#reading, notShown: this.#notShown, seenSeconds, nowSeconds }, this.#findings)
  }

  /** Without tiles, the chain and the signatures of the streams narrow an alteration down to a record or a few. */
  #nameSuspects(): void {
    const { logRecordFault } = this.#reading
    if (logRecordFault)
      this.#findings.add('entry.suspect', `entry 0 was altered, as far as it tells itself: ${logRecordFault.why}`, {
        indexes: [0],
      })
    for (const [index, what] of [...this.#reading.descriptions].sort(([a], [b]) => a - b))
      if (index > 0 || !logRecordFault)
        this.#findings.add(
          'entry.suspect',
          `entry ${index} was altered, as far as its neighbours tell; now it ${what}`,
          {
            indexes: [index],
          },
        )
  }

  #checkLogRecord(): void {
    const { trust } = this.#options
    const { origin, operators, logRecordFault } = this.#reading
    const fail = (code: FindingCode, message: string) => this.#findings.add(code, message, { indexes: [0] })
    if (this.#tree.size === 0) {
      this.#checks.set('log.record', 'not_checked', 'there is no entry 0')
      return
    }
    if (logRecordFault) fail(logRecordFault.code, `entry 0 is not the log’s record: ${logRecordFault.why}`)
    const signed = this.#evidence.checkpoint?.origin
    const otherOrigin = origin !== undefined && signed !== undefined && origin !== signed
    if (otherOrigin) fail('log.origin', `the checkpoint is of ${quote(signed)}, the log record of ${quote(origin)}`)
    this.#checks.set('log.record', logRecordFault || otherOrigin ? 'failed' : 'passed', logRecordFault?.why)
    if (trust?.logId === undefined) this.#checks.set('log.id', 'not_checked', 'no trust file names a log id')
    else if (this.#firstLeaf === trust.logId) this.#checks.set('log.id', 'passed', 'pinned by the trust file')
    else {
      fail('log.id', `the leaf hash of entry 0 is ${this.#firstLeaf}, and the trust file names ${trust.logId}`)
      this.#checks.set('log.id', 'failed')
    }
    if (!trust || trust.operators.length === 0) {
      this.#checks.set('log.operators', 'not_checked', 'no trust file names an operator')
      return
    }
    const pinned = new Set(trust.operators.map(recordKey))
    const unknown = operators.filter(key => !pinned.has(key))
    for (const key of unknown)
      fail('log.operator', `the log names operator key ${quote(key)}, which the trust file does not`)
    this.#checks.set(
      'log.operators',
      unknown.length > 0 || operators.length === 0 ? 'failed' : 'passed',
      'pinned by the trust file',
    )
  }
}

function lowest(indexes: ReadonlySet<number>): number[] {
  let least = Number.POSITIVE_INFINITY
  for (const index of indexes) least = Math.min(least, index)
  return indexes.size > 0 ? [least] : []
}

function parse(bytes: Uint8Array): ParsedRecord | { readonly why: string } {
  try {
    return parseRecord(bytes)
  } catch (error) {
    if (isDeedlogError(error)) return { why: error.message }
    throw error
  }
}

/** A later check of the record's own signature; keeps 114 bytes, not the record. */
function signatureOf(parsed: ParsedRecord, key: () => string | undefined): () => boolean {
  const { sig } = parsed.json
  if (!isSig(sig)) return () => false
  const signature = decodeSig(sig)
  const message = recordMessage(parsed.json)
  return () => {
    const text = key()
    return text !== undefined && verifyEd25519(signature, message, decodeKey(text))
  }
}
