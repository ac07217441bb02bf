import { ed25519Sign } from '#crypto'
import { fromHex, toHex } from '../core/bytes/hex.js'
import { HaltedError, MalformedError, UnavailableError } from '../core/errors.js'
import { type LogRef, type ParsedRecord, parseRecord, RECORD_BYTES_MAX } from '../core/record/index.js'
import { formatTlogProof, leafHash, planInclusion, type VerifierKey, verifyInclusion } from '../core/tlog/index.js'
import { type Acceptance, concernsOthers, streamOf } from './acceptance.js'
import type { RunningAnchors } from './anchoring.js'
import type { AppendEntry, DeadStream, Level, Receipt, Signer } from './backend.js'
import { Checkpointer } from './checkpointer.js'
import { CitedNotes } from './cited-notes.js'
import { CommitQueue, fitsOneWrite } from './commit-queue.js'
import { Cosigned, type LogToWitness } from './cosigned.js'
import { DeadStreams, streamsAlive } from './dead-streams.js'
import type { Erased } from './erase.js'
import type { Integrator } from './integrator.js'
import type { Store } from './ports.js'
import { BACKLOG_BYTES_MAX, type Identity, type ReadLog, readLog } from './read-log.js'
import { keepResume } from './resume.js'
import { type OutsideSigners, outsideAgents } from './signer.js'
import { Signers } from './signers.js'
import { closedError, haltedBefore } from './stopped.js'
import { Turns } from './turns.js'
import { VaultKeeper } from './vault-keeper.js'
import type { RunningWitnesses } from './witnessing.js'
import type { Clock, World } from './world.js'

export interface WriterParts {
  readonly world: World
  readonly store: Store
  readonly identity: Identity
  /** At most one checkpoint in so many milliseconds. */
  readonly checkpointMs: number
  /** Told when an agent got its first key, before the key is kept. */
  readonly announceAgent: (key: VerifierKey) => Promise<void>
  /** Called once when the writer has stopped, for good, and all its files are closed: the lock may go. */
  readonly letGo: () => Promise<void>
  /** Keys that are kept elsewhere. */
  readonly signers?: OutsideSigners
  /** Told of each checkpoint that is out; asked before anybody is told `published`. */
  readonly anchors?: Pick<RunningAnchors, 'released' | 'refusal'>
  /** Begins to have checkpoints cosigned. */
  readonly witnesses?: (log: LogToWitness) => RunningWitnesses
  /** Whether another process has the log open, with streams that this one knows nothing of. Default: none has. */
  readonly othersPresent?: () => Promise<boolean>
}

/**
 * The single writer of a log. Order, from spec/record.md section 7: sequence, integrate, sign, swap the head, and only
 * then let the checkpoint out. Whatever happens between two of these, the next start finds what it needs to go on:
 *
 * - before sequencing is durable: nobody was told anything; the incomplete write is cut
 * - after it: tiles, root and checkpoint are computed again from the sequence and come out the same
 * - after tiles: the same bytes are put again, which the store finds to be there
 * - after the swap: the checkpoint is signed but not out; it is released again, the same bytes
 */
export class LogWriter {
  readonly origin: string
  readonly id: string
  readonly logKey: VerifierKey
  readonly operatorKey: VerifierKey
  readonly #parts: WriterParts
  readonly #clock: Clock
  readonly #store: Store
  readonly #acceptance: Acceptance
  readonly #deadStreams: DeadStreams
  readonly #integrator: Integrator
  /** Records below this were pruned. */
  readonly #below: number
  readonly #queue: CommitQueue
  readonly #turns = new Turns()
  readonly #vault: VaultKeeper
  /** Appends whose records are not durable yet. */
  readonly #sequencing = new Set<Promise<unknown>>()
  readonly #seed: Uint8Array | undefined
  readonly #checkpointer: Checkpointer
  readonly #citedNotes: CitedNotes
  readonly #cosigned: Cosigned
  readonly #signers: Signers
  #halted: HaltedError | undefined
  #closing: Promise<void> | undefined
  #gone: Promise<void> | undefined

  private constructor(parts: WriterParts, opened: ReadLog) {
    this.origin = parts.identity.origin
    this.id = parts.identity.id
    this.logKey = opened.logKey
    this.operatorKey = opened.operatorKey
    this.#parts = parts
    this.#clock = parts.world.clock
    this.#store = parts.store
    this.#acceptance = opened.acceptance
    this.#deadStreams = new DeadStreams({
      acceptance: opened.acceptance,
      alive: streamsAlive(parts.world.logs),
      read: (from, to) => this.#store.sequencer.read(from, to),
      size: () => this.size,
    })
    this.#integrator = opened.integrator
    this.#seed = opened.seed
    this.#below = opened.below
    this.#queue = new CommitQueue({
      sequencer: parts.store.sequencer,
      monotonic: () => this.#clock.monotonic(),
      ready: () => this.#integrator.below(BACKLOG_BYTES_MAX),
    })
    this.#vault = new VaultKeeper({
      vault: parts.store.vault,
      read: (from, to) => this.#store.sequencer.read(from, to),
      append: batch => this.append(batch, 'published'),
      signed: async () => {
        await this.settle()
        return this.#checkpointer.headTree.size
      },
    })
    this.#citedNotes = new CitedNotes({
      keys: opened.logSigners.map(({ key }) => key),
      objects: parts.store.objects,
      integrator: opened.integrator,
      forked: error => this.#halt(error),
    })
    this.#citedNotes.remember(opened.head, opened.headTree)
    this.#signers = new Signers({
      keys: parts.store.keys,
      outside: outsideAgents(parts.signers, parts.world.clock),
      random: parts.world.random,
      announce: parts.announceAgent,
    })
    this.#checkpointer = new Checkpointer({
      clock: parts.world.clock,
      heads: parts.store.head,
      integrator: opened.integrator,
      origin: parts.identity.origin,
      logSigners: opened.logSigners,
      everyMs: parts.checkpointMs,
      head: opened.head,
      headTree: opened.headTree,
      signed: (note, tree) => this.#citedNotes.remember(note, tree),
      released: (note, size) => {
        parts.anchors?.released(note, size)
        this.#cosigned.released(note, size)
      },
      covered: size => this.#vault.covered(size),
      halt: error => this.#halt(error),
    })
    this.#cosigned = new Cosigned({
      keys: opened.logSigners.map(({ key }) => key),
      clock: parts.world.clock,
      integrator: opened.integrator,
      notes: this.#citedNotes,
      checkpointer: () => this.#checkpointer,
      alarm: error => this.#halt(error),
      start: parts.witnesses,
    })
  }

  /**
   * Goes on where an orderly end left off; else reads the whole log, compares records, tiles and head, cuts an
   * incomplete last write, and signs what was sequenced and not signed.
   *
   * @throws {UnavailableError} `log.damaged`, `log.rolled-back`, `log.key` and what the disk says
   */
  static async open(parts: WriterParts): Promise<LogWriter> {
    const writer = new LogWriter(parts, await readLog(parts))
    try {
      await writer.#checkpointer.start()
      if (parts.witnesses) {
        const { head, headTree } = writer.#checkpointer
        await writer.#cosigned.found(await parts.store.head.released(), head, headTree.size)
      }
      await writer.#vault.finish()
    } catch (error) {
      // Whoever opens lets go of the lock now: nothing of this writer may come to life after that.
      writer.#closing = Promise.resolve()
      writer.#checkpointer.quiet()
      await writer.#cosigned.stop()
      throw error
    }
    writer.#checkpointer.opened()
    return writer
  }

  /** Records that are durable. */
  get size(): number {
    return this.#integrator.size
  }

  /** The newest signed checkpoint. */
  get head(): Uint8Array {
    return this.#checkpointer.head
  }

  /** The checkpoint that records should cite as seen before them. */
  get headToCite(): Uint8Array {
    return this.#cosigned.toCite(this.#checkpointer.head)
  }

  get halted(): boolean {
    return this.#halted !== undefined
  }

  get logs(): readonly LogRef[] {
    return [{ id: this.id, origin: this.origin }]
  }

  /** See `AuditBackend.append`. */
  async append(entries: readonly AppendEntry[], level: Level = 'sequenced'): Promise<readonly Receipt[]> {
    this.#checkOpen()
    this.#checkLevel(level)
    if (entries.length === 0) return []
    // A copy: what is judged must be what is written, whatever the caller does with its bytes meanwhile.
    const batch = entries.map(({ record, disclosures, note }) => ({
      parsed: parseRecord(copyOf(record)),
      disclosures,
      note,
    }))
    if (!fitsOneWrite(entries))
      throw new MalformedError(
        'append.too-large',
        `${entries.length} records with their disclosures are too much for one write`,
        {
          expected: 'at most 65,536 records and 64 MiB',
        },
      )
    const parsed = batch.map(entry => entry.parsed)
    const sequencing = this.#inTurn(batch)
    this.#sequencing.add(sequencing)
    const indexes = await sequencing.finally(() => this.#sequencing.delete(sequencing))
    const size = indexes[indexes.length - 1]! + 1
    if (level !== 'sequenced')
      await this.#checkpointer
        .covering(size)
        .then(() => this.#proveToOurselves(parsed, indexes))
        .then(() => this.#refuseOverdue())
    if (level === 'witnessed') await this.#cosigned.witnessed(size)
    return parsed.map(({ leaf }, i) => ({ index: indexes[i]!, leafHash: leaf, level }))
  }

  async #inTurn(batch: readonly BatchEntry[]): Promise<readonly number[]> {
    const parsed = batch.map(entry => entry.parsed)
    const turn = this.#turns.take(streamOf(parsed), concernsOthers(parsed))
    try {
      if (turn.ready) await turn.ready
      return await this.#sequence(batch)
    } finally {
      turn.done()
    }
  }

  /** Judges a batch and makes what is new of it durable. Returns the index of each record. */
  async #sequence(batch: readonly BatchEntry[]): Promise<readonly number[]> {
    const parsed = batch.map(entry => entry.parsed)
    const from = this.#acceptance.olderThanRemembered(parsed)
    const lookedUp = from === undefined ? NOTHING : await this.#lookUp(parsed, from)
    const { held, fresh } = this.#acceptance.judge(parsed, lookedUp)
    if (fresh.length === 0) return held
    const news = batch.slice(held.length)
    for (const entry of news) {
      const checking = this.#citedNotes.check(entry.parsed, entry.note, this.#checkpointer.headTree)
      if (checking) await checking
    }
    // Not whether it is being closed: what was handed over before that is finished.
    if (this.#halted) throw haltedBefore(this.#halted)
    this.#deadStreams.writing(fresh)
    const first = await new Promise<number>((resolve, reject) => {
      this.#queue.add({
        entries: news.map(({ parsed: { bytes }, disclosures }) =>
          disclosures && disclosures.length > 0 ? { record: bytes, disclosures } : { record: bytes },
        ),
        saved: index => {
          this.#saved(fresh, index)
          resolve(index)
        },
        failed: error => {
          if (error instanceof HaltedError) this.#halt(error)
          reject(error)
        },
      })
    })
    return [...held, ...fresh.map((_, i) => first + i)]
  }

  /** Records became durable. What follows is a pure function of them, and off the call's path. */
  #saved(records: readonly ParsedRecord[], first: number): void {
    this.#checkpointer.appending()
    for (const [i, record] of records.entries()) {
      this.#acceptance.saved(record, first + i)
      this.#deadStreams.saved(record)
      this.#integrator.add(record.bytes, fromHex(record.leaf))
    }
    this.#checkpointer.schedule()
  }

  /** Looks for records that are held but not remembered. Slow, and rare: a batch handed over again long after. */
  async #lookUp(batch: readonly ParsedRecord[], from: number): Promise<ReadonlyMap<string, number>> {
    const wanted = new Set(batch.map(({ leaf }) => leaf))
    const found = new Map<string, number>()
    for await (const { index, record } of this.#store.sequencer.read(from, this.size)) {
      const leaf = toHex(leafHash(record))
      if (wanted.delete(leaf)) found.set(leaf, index)
      if (wanted.size === 0) break
    }
    return found
  }

  /** `published` says that the proof was checked: computed from the stored tiles, folded, and compared with the signed root. */
  async #proveToOurselves(records: readonly ParsedRecord[], indexes: readonly number[]): Promise<void> {
    const { size, root } = this.#checkpointer.headTree
    for (const [i, { bytes }] of records.entries()) {
      const proof = await this.#integrator.fold(planInclusion(indexes[i]!, size))
      verifyInclusion(indexes[i]!, size, leafHash(bytes), proof, root)
    }
  }

  /** See `AuditBackend.flush`. */
  async flush(level: Level = 'published'): Promise<void> {
    this.#checkOpen()
    this.#checkLevel(level)
    await this.#sequenced()
    this.#checkOpen()
    if (level === 'sequenced') return
    const { size } = this
    await this.#checkpointer.covering(size)
    this.#refuseOverdue()
    if (level === 'witnessed') await this.#cosigned.witnessed(size)
  }

  /**
   * `enforce` keeps the word `published` back while an anchor is overdue, never the record: what a call acted on is in
   * the log either way.
   */
  #refuseOverdue(): void {
    const refusal = this.#parts.anchors?.refusal()
    if (refusal) throw refusal
  }

  /** Resolves when every append that was called so far has its answer; later ones are not waited for. */
  async #sequenced(): Promise<void> {
    await Promise.allSettled([...this.#sequencing])
  }

  /** As {@link flush}, for one of several users who leaves: does not wait for the next checkpoint, but makes it. */
  async settle(): Promise<void> {
    await this.#sequenced()
    await this.#checkpointer.settle()
  }

  /** The records `from` up to, not including, `to`. */
  async *entries(from: number, to: number): AsyncGenerator<{ readonly index: number; readonly record: Uint8Array }> {
    this.#checkOpen()
    for await (const { index, record } of this.#store.sequencer.read(from, Math.min(to, this.size)))
      yield { index, record: record.slice() }
  }

  /** A `.tlog-proof` of the record at `index`, under the newest checkpoint once that covers it. */
  async prove(index: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(index) || index < 0 || index >= this.size)
      throw new RangeError(`there is no record ${index}; the log has ${this.size}`)
    this.#checkOpen()
    if (index < this.#below)
      throw new UnavailableError('log.pruned', `record ${index} was pruned, with those below ${this.#below}`, {
        expected: 'a proof that was made before',
      })
    await this.#checkpointer.covering(index + 1)
    const { head, headTree } = this.#checkpointer
    const cosigned = this.#cosigned.newest
    // Under a checkpoint that others have seen, if it covers the record.
    const [note, size] = cosigned && cosigned.size > index ? [cosigned.note, cosigned.size] : [head, headTree.size]
    const proof = await this.#integrator.fold(planInclusion(index, size))
    return formatTlogProof({ index, proof, checkpoint: note })
  }

  /** See `Log.erase`. */
  async erase(plan: Uint8Array): Promise<Erased> {
    this.#checkOpen()
    return this.#vault.erase(plan)
  }

  /** See `AuditBackend.deadStreams`. */
  async *deadStreams(agent: string, identity: Uint8Array): AsyncGenerator<DeadStream> {
    this.#checkOpen()
    // Their streams look like those of the dead from here. Who is really dead is found out when they have gone.
    if (await this.#parts.othersPresent?.()) return
    yield* this.#deadStreams.of(agent, identity)
  }

  /** See `AuditBackend.identity`. */
  identity(agent: string): Promise<Signer> {
    return this.#signers.of(agent, () => this.#checkOpen())
  }

  /** Keys were replaced by another hand: they are read again when they are next asked for. */
  forgetSigners(): void {
    this.#signers.forget()
  }

  /**
   * Finishes what was appended, signs a last checkpoint, and lets go. Nothing is taken any more from the call on.
   * @throws what kept the last checkpoint from being signed; the log is let go of all the same
   */
  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    this.#checkpointer.quiet()
    try {
      await this.settle()
      await this.#lastRound()
      // Before the seal of the journal's files is taken.
      if (!this.#halted) await this.#vault.ending(this.#checkpointer.headTree.size)
      const { head, headTree } = this.#checkpointer
      const place = { store: this.#store, id: this.id, head, headTree }
      // What another keeps the key for is a checkpoint, and not what spares us reading the log again.
      const seed = this.#seed
      if (!this.#halted && seed)
        await keepResume(place, { acceptance: this.#acceptance }, message => ed25519Sign(message, seed))
    } finally {
      await this.#stop()
    }
  }

  async #lastRound(): Promise<void> {
    if (this.halted) return
    await this.#cosigned.finish()
    // A witness has said meanwhile that there is another history: nobody comes after whoever closes to be told.
    if (this.#halted) throw haltedBefore(this.#halted)
  }

  /** We no longer know what is saved: nothing is written any more, and whoever waits is told. */
  #halt(error: HaltedError): void {
    if (this.#halted) return
    this.#halted = error
    this.#queue.abandon(error)
    this.#checkpointer.halt(error)
    // Lets go of the lock, so that the log can be opened again, which reads it from the disk.
    if (!this.#closing) this.#stop().catch(() => {})
  }

  #stop(): Promise<void> {
    this.#gone ??= (async () => {
      this.#checkpointer.ending()
      // The lock must outlive our last write: another writer would find it in its way.
      await this.#queue.idle()
      await this.#cosigned.stop()
      await this.#checkpointer.idle()
      await this.#vault.idle()
      await this.#checkpointer.end()
      try {
        await this.#store.close()
      } finally {
        await this.#parts.letGo()
      }
    })()
    return this.#gone
  }

  #checkLevel(level: Level): void {
    if (level === 'witnessed' && !this.#cosigned.hasWitnesses)
      throw new UnavailableError('log.no-witness', 'this log has no witness that could cosign its checkpoints', {
        expected: 'level "sequenced" or "published", or a log that is opened with witnesses',
      })
  }

  #checkOpen(): void {
    if (this.#halted) throw haltedBefore(this.#halted)
    if (this.#closing) throw closedError()
  }
}

interface BatchEntry {
  readonly parsed: ParsedRecord
  readonly disclosures: Uint8Array | undefined
  readonly note: Uint8Array | undefined
}

/** A copy of a record; of one that is too long, no copy is made before it is refused. */
function copyOf(record: Uint8Array): Uint8Array {
  if (!ArrayBuffer.isView(record)) throw new TypeError('a record is handed over as its bytes, a Uint8Array')
  // Not `slice`: that of a Buffer is a view.
  return record.length > RECORD_BYTES_MAX ? record : new Uint8Array(record)
}

const NOTHING: ReadonlyMap<string, number> = new Map()
