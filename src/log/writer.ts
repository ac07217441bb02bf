import { ed25519PublicKey, ed25519Sign, sha256Hex } from '#crypto'
import { equalBytes } from '../core/bytes/equal.js'
import { toHex } from '../core/bytes/hex.js'
import {
  type DeedlogError,
  HaltedError,
  isDeedlogError,
  MalformedError,
  quote,
  UnavailableError,
} from '../core/errors.js'
import { isWord, type LogRef, linkOf, type ParsedRecord, parseRecord, RECORD_BYTES_MAX } from '../core/record/index.js'
import {
  ALGORITHM,
  formatCheckpoint,
  formatTlogProof,
  formatVerifierKey,
  leafHash,
  parseNote,
  planInclusion,
  rootPlan,
  signNote,
  type VerifierKey,
  verifyCheckpoint,
  verifyInclusion,
} from '../core/tlog/index.js'
import { Acceptance, concernsOthers, streamOf } from './acceptance.js'
import type { RunningAnchors } from './anchoring.js'
import type { AppendEntry, DeadStream, Level, Receipt, Signer } from './backend.js'
import { checkpointDelay } from './checkpoint-delay.js'
import { CommitQueue, fitsOneWrite } from './commit-queue.js'
import { DeadStreams, streamsAlive } from './dead-streams.js'
import type { Erased } from './erase.js'
import { Integrator, type TreeHead } from './integrator.js'
import { damaged, rolledBack } from './journal-scan.js'
import type { SequencedRecord, Store } from './ports.js'
import { keepResume, resume } from './resume.js'
import { Turns } from './turns.js'
import { VaultKeeper } from './vault-keeper.js'
import type { Clock, Timer, World } from './world.js'

/** What a log is, as its first record and its keys say. */
interface Identity {
  readonly origin: string
  /** Leaf hash of entry 0, lowercase hex. */
  readonly id: string
}

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
  /** Told of each checkpoint that is out; asked before anybody is told `published`. */
  readonly anchors?: Pick<RunningAnchors, 'released' | 'refusal'>
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
  readonly #queue: CommitQueue
  readonly #turns = new Turns()
  readonly #vault: VaultKeeper
  /** Appends whose records are not durable yet. */
  readonly #sequencing = new Set<Promise<unknown>>()
  readonly #seed: Uint8Array
  #head: Uint8Array
  #headTree: TreeHead
  /** Size of the checkpoint that others can see. Below the head's while a release has failed. */
  #released = 0
  /** Checkpoints that recorders may still cite, by the hash of their note, oldest first. */
  readonly #recentHeads = new Map<string, { readonly tree: TreeHead; readonly note: Uint8Array }>()
  readonly #keptNotes = new Set<string>()
  /** Notes that are being written, by their hash. */
  readonly #keeping = new Map<string, Promise<void>>()
  #waiters: Waiter[] = []
  #timer: { readonly timer: Timer; readonly due: number } | undefined
  #checkpointing: Promise<void> | undefined
  #lastCheckpoint: number | undefined
  #lastAppend = 0
  #oldestUncovered = 0
  #halted: HaltedError | undefined
  #closing: Promise<void> | undefined
  #gone: Promise<void> | undefined
  readonly #signers = new Map<string, Promise<Signer>>()
  #makingSigner: Promise<void> = Promise.resolve()

  private constructor(parts: WriterParts, opened: Opened) {
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
    this.#head = opened.head
    this.#headTree = opened.headTree
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
        return this.#headTree.size
      },
    })
    this.#remember(opened.head, opened.headTree)
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
      // A crash may have come between swap and release, or before what was sequenced was signed.
      await writer.#release()
      if (writer.#integrator.size > writer.#headTree.size) await writer.#checkpoint()
      await writer.#vault.finish()
    } catch (error) {
      // Whoever opens lets go of the lock now: nothing of this writer may come to life after that.
      writer.#closing = Promise.resolve()
      writer.#timer?.timer.cancel()
      throw error
    }
    // The limit of one checkpoint in a while is for a running log; the first append should not wait for this one.
    writer.#lastCheckpoint = undefined
    return writer
  }

  /** Records that are durable. */
  get size(): number {
    return this.#integrator.size
  }

  /** The newest signed checkpoint. */
  get head(): Uint8Array {
    return this.#head
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
    checkLevel(level)
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
    if (level === 'published')
      await this.#published(indexes[indexes.length - 1]! + 1)
        .then(() => this.#proveToOurselves(parsed, indexes))
        .then(() => this.#refuseOverdue())
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
      const checking = this.#checkAfter(entry)
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
    this.#lastAppend = this.#clock.monotonic()
    if (this.#integrator.size === this.#headTree.size) this.#oldestUncovered = this.#lastAppend
    for (const [i, record] of records.entries()) {
      this.#acceptance.saved(record, first + i)
      this.#deadStreams.saved(record)
      this.#integrator.add(record.bytes, leafHash(record.bytes))
    }
    this.#schedule()
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

  /**
   * Checks a record's `after` of our own origin against our own tree, and keeps the note that it cites, no later than
   * the record itself.
   *
   * @throws {MalformedError} `append.after` when it is beyond our head or has another root
   * @throws {HaltedError} `log.forked` when our own signature is on that other root
   */
  #checkAfter({ parsed, note }: BatchEntry): Promise<void> | undefined {
    const after = parsed.understood ? parsed.record.after : undefined
    if (after?.origin !== this.origin) return undefined
    const tree = this.#recentHeads.get(after.note)?.tree
    const isOurs = tree?.size === after.size && toHex(tree.root) === after.root
    return isOurs && this.#keptNotes.has(after.note) ? undefined : this.#checkOwnAfter(after, note)
  }

  async #checkOwnAfter(
    after: { readonly size: number; readonly root: string; readonly note: string },
    handedOver: Uint8Array | undefined,
  ): Promise<void> {
    const known = this.#recentHeads.get(after.note)
    const note = known?.note ?? (handedOver && sha256Hex(handedOver) === after.note ? handedOver : undefined)
    const inTree = after.size <= this.#headTree.size
    const root = inTree ? toHex(await this.#rootAt(after.size)) : undefined
    if (root !== after.root) {
      if (note && signedByUs(note, this.logKey, after)) {
        const error = new HaltedError(
          'log.forked',
          `this log has signed another tree of size ${after.size}: an old copy was put back, or a second writer has its key`,
        )
        this.#halt(error)
        throw error
      }
      throw new MalformedError(
        'append.after',
        inTree
          ? `the record was made after root ${after.root} of size ${after.size}, which is not this log's`
          : `the record was made after size ${after.size}, and only ${this.#headTree.size} records are signed`,
        { expected: `a checkpoint of this log, at most of size ${this.#headTree.size}` },
      )
    }
    if (!note || !signedByUs(note, this.logKey, after)) return
    await this.#keepNote(after.note, note)
  }

  /** Keeps a note that records cite. Streams that begin together cite the same one: it is written once. */
  #keepNote(hash: string, bytes: Uint8Array): Promise<void> {
    let keeping = this.#keeping.get(hash)
    if (!keeping) {
      keeping = this.#store.objects
        .put([{ path: `notes/${hash}`, bytes }])
        .then(() => {
          if (this.#keptNotes.size >= RECENT_HEADS_MAX) this.#keptNotes.clear() // putting one again costs a read
          this.#keptNotes.add(hash)
        })
        .finally(() => this.#keeping.delete(hash))
      this.#keeping.set(hash, keeping)
    }
    return keeping
  }

  /** The root of our tree when it had `size` entries. */
  async #rootAt(size: number): Promise<Uint8Array> {
    if (size === this.#headTree.size) return this.#headTree.root
    return (await this.#integrator.fold(rootPlan(size)))[0]!
  }

  /** Resolves when a released checkpoint covers `size` records. */
  #published(size: number): Promise<void> {
    if (size <= this.#released) return Promise.resolve()
    // The last checkpoint is over, and failed.
    if (this.#gone) return Promise.reject(this.#halted ? haltedBefore(this.#halted) : closedError())
    return new Promise((resolve, reject) => {
      this.#waiters.push({ size, resolve, reject })
      this.#schedule()
    })
  }

  /** `published` says that the proof was checked: computed from the stored tiles, folded, and compared with the signed root. */
  async #proveToOurselves(records: readonly ParsedRecord[], indexes: readonly number[]): Promise<void> {
    const { size, root } = this.#headTree
    for (const [i, { bytes }] of records.entries()) {
      const proof = await this.#integrator.fold(planInclusion(indexes[i]!, size))
      verifyInclusion(indexes[i]!, size, leafHash(bytes), proof, root)
    }
  }

  /** See `AuditBackend.flush`. */
  async flush(level: Level = 'published'): Promise<void> {
    this.#checkOpen()
    checkLevel(level)
    await this.#sequenced()
    this.#checkOpen()
    if (level !== 'published') return
    await this.#published(this.size)
    this.#refuseOverdue()
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
    // The one in progress may have begun before the last record; its error is repeated or mended by the next.
    await this.#checkpointing?.catch(() => {})
    if (!this.#halted && this.size > this.#released) await this.#checkpoint()
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
    await this.#published(index + 1)
    const [note, { size }] = [this.#head, this.#headTree]
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
    let signer = this.#signers.get(agent)
    if (!signer) {
      // One at a time: each writes the trust file anew, and would take away the line of another.
      signer = this.#makingSigner.then(() => this.#makeSigner(agent))
      this.#makingSigner = signer.then(
        () => {},
        () => {},
      )
      this.#signers.set(agent, signer)
      // Forgotten when it failed: the disk may have room again.
      signer.catch(() => this.#signers.delete(agent))
    }
    return signer
  }

  /** Keys were replaced by another hand: they are read again when they are next asked for. */
  forgetSigners(): void {
    this.#signers.clear()
  }

  async #makeSigner(agent: string): Promise<Signer> {
    this.#checkOpen()
    if (!isWord(agent))
      throw new MalformedError('agent.id', `${quote(agent)} is no id of an agent`, {
        expected: '1 to 255 visible ASCII characters without +',
      })
    let seed = await this.#store.keys.get({ agent })
    if (!seed) {
      seed = this.#parts.world.random(32)
      // A crash after this leaves a line for a key that nobody has, which is harmless; the other order would leave an
      // agent whose records no trust file knows.
      await this.#parts.announceAgent(formatVerifierKey(agent, ALGORITHM.ed25519, ed25519PublicKey(seed)))
      await this.#store.keys.put({ agent }, seed)
    }
    const secret = seed
    return { publicKey: ed25519PublicKey(secret), sign: message => ed25519Sign(message, secret) }
  }

  /** Arms the timer for the next checkpoint, if there is something to sign. */
  #schedule(): void {
    if (this.#checkpointing || this.#halted || this.#closing || this.size === this.#released) return
    const delay = this.#delay()
    const due = this.#clock.monotonic() + delay
    if (!this.#timer || due < this.#timer.due) {
      this.#timer?.timer.cancel()
      const timer = this.#clock.timer(delay, () => {
        this.#timer = undefined
        // Appends since it was armed may have moved the time.
        if (this.#delay() > 0) this.#schedule()
        else this.#checkpoint().catch(() => {}) // whoever waits was told; the next append tries again
      })
      this.#timer = { timer, due }
    }
    if (this.#waiters.length > 0) this.#timer.timer.keepAlive()
  }

  #delay(): number {
    return checkpointDelay({
      now: this.#clock.monotonic(),
      everyMs: this.#parts.checkpointMs,
      lastCheckpoint: this.#lastCheckpoint,
      lastAppend: this.#lastAppend,
      oldestUncovered: this.#oldestUncovered,
      somebodyWaits: this.#waiters.length > 0,
    })
  }

  /** Signs what was sequenced. Tells whoever waits, good news or bad. One at a time. */
  #checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#integrateAndSign()
      .then(
        () => this.#tellWaiters(),
        (cause: unknown) => {
          const error = asDeedlogError(cause)
          if (error instanceof HaltedError) this.#halt(error)
          const waiters = this.#waiters
          this.#waiters = []
          for (const waiter of waiters) waiter.reject(error)
          throw error
        },
      )
      .finally(() => {
        this.#checkpointing = undefined
        this.#lastCheckpoint = this.#clock.monotonic()
        this.#schedule()
      })
    return this.#checkpointing
  }

  async #integrateAndSign(): Promise<void> {
    const startedAt = this.#clock.monotonic()
    const tree = await this.#integrator.settle()
    // Every tile and bundle of this size is durable. A crash here: they are put again, byte for byte.
    // One signed checkpoint per size: an Ed25519 signature is deterministic, so a crash before the swap costs nothing.
    if (tree.size !== this.#headTree.size) {
      const note = this.#sign(tree)
      await this.#store.head.swap(this.#head, note)
      // The signature is ours for good, and nobody has seen it. A crash here: the next start releases it.
      this.#head = note
      this.#headTree = tree
      this.#oldestUncovered = startedAt
      this.#remember(note, tree)
    }
    await this.#release()
    this.#vault.covered(this.#headTree.size)
  }

  /** Lets the head out, again if that failed before: what nobody can see is not published. */
  async #release(): Promise<void> {
    const { size } = this.#headTree
    await this.#store.head.release(this.#head)
    this.#released = size
    this.#parts.anchors?.released(this.#head, size)
  }

  #sign({ size, root }: TreeHead): Uint8Array {
    return signCheckpoint({ origin: this.origin, size, root }, this.logKey, this.#seed)
  }

  #remember(note: Uint8Array, tree: TreeHead): void {
    this.#recentHeads.set(sha256Hex(note), { tree, note })
    if (this.#recentHeads.size > RECENT_HEADS_MAX) this.#recentHeads.delete(this.#recentHeads.keys().next().value!)
  }

  #tellWaiters(): void {
    const waiters = this.#waiters
    this.#waiters = waiters.filter(({ size }) => size > this.#released)
    for (const { size, resolve } of waiters) if (size <= this.#released) resolve()
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
    this.#timer?.timer.cancel()
    this.#timer = undefined
    try {
      await this.settle()
      // Before the seal of the journal's files is taken.
      if (!this.#halted) await this.#vault.ending(this.#headTree.size)
      const place = { store: this.#store, id: this.id, head: this.#head, headTree: this.#headTree }
      if (!this.#halted) await keepResume(place, { acceptance: this.#acceptance }, this.#seed)
    } finally {
      await this.#stop()
    }
  }

  /** We no longer know what is saved: nothing is written any more, and whoever waits is told. */
  #halt(error: HaltedError): void {
    if (this.#halted) return
    this.#halted = error
    this.#timer?.timer.cancel()
    this.#queue.abandon(error)
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(error)
    // Lets go of the lock, so that the log can be opened again, which reads it from the disk.
    if (!this.#closing) this.#stop().catch(() => {})
  }

  #stop(): Promise<void> {
    this.#gone ??= (async () => {
      // The lock must outlive our last write: another writer would find it in its way.
      await this.#queue.idle()
      await this.#checkpointing?.catch(() => {})
      await this.#vault.idle()
      // Who came while the last checkpoint was being made, and failed, is covered by none.
      const waiters = this.#waiters
      this.#waiters = []
      for (const waiter of waiters) waiter.reject(closedError())
      try {
        await this.#store.close()
      } finally {
        await this.#parts.letGo()
      }
    })()
    return this.#gone
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

interface Waiter {
  readonly size: number
  resolve(): void
  reject(error: Error): void
}

interface Opened {
  readonly logKey: VerifierKey
  readonly operatorKey: VerifierKey
  readonly seed: Uint8Array
  readonly head: Uint8Array
  readonly headTree: TreeHead
  readonly acceptance: Acceptance
  readonly integrator: Integrator
}

/** Reads a log from its store and compares all that must agree. Writes nothing but what a crash left unfinished. */
async function readLog({ store, identity }: WriterParts): Promise<Opened> {
  const { origin, id } = identity
  const seed = await requireKey(store, 'log')
  const logKey = formatVerifierKey(origin, ALGORITHM.ed25519, ed25519PublicKey(seed))
  const operatorSeed = await requireKey(store, 'operator')
  const operatorKey = formatVerifierKey(origin, ALGORITHM.ed25519, ed25519PublicKey(operatorSeed))
  const head = await store.head.read()
  if (!head) throw rolledBack('the head', 0, 1)
  const headTree = ownCheckpoint(head, logKey)
  if (!headTree)
    throw new UnavailableError('log.key', 'the newest checkpoint is not signed by the key of this log', {
      expected: `a signature of ${logKey.text}`,
    })
  // Somebody put an old private folder beside a newer public one: going on would sign a second history.
  const released = await store.head.released()
  const releasedTree = released && ownCheckpoint(released, logKey)
  if (releasedTree && releasedTree.size > headTree.size) throw rolledBack('the head', headTree.size, releasedTree.size)

  const resumed = await resume({ store, id, head, headTree }, logKey)
  if (resumed) return { logKey, operatorKey, seed, head, headTree, ...resumed }

  const integrator = new Integrator(store.objects)
  let acceptance: Acceptance | undefined
  await store.sequencer.replay(headTree.size, async ({ index, record: bytes, place }) => {
    const record = parsedOr(bytes, why => damaged(place(), index, why))
    if (!acceptance) {
      const log = record.understood && record.record.type === 'log' ? record.record : undefined
      if (!log || record.leaf !== id || log.origin !== origin)
        throw damaged(place(), index, `it is not the log record of ${quote(origin)} with the id ${id}`)
      acceptance = new Acceptance(id, log.operators)
    } else if (index >= headTree.size) {
      // No signature of ours covers these yet, so each must show by itself that it is as it was written.
      const why = acceptance.describeDamage(record)
      if (why) throw damaged(place(), index, why)
    }
    acceptance.saved(record, index)
    integrator.add(bytes.slice(), leafHash(bytes), store.keepsTiles && index < headTree.size)
    if (integrator.size === headTree.size) {
      if (!equalBytes(integrator.treeHead().root, headTree.root)) throw await locateDamage(store, id, headTree.size)
      await integrator.restorePartials()
    }
    const pressure = integrator.below(BACKLOG_BYTES_MAX)
    if (pressure) await pressure
  })
  if (!acceptance) throw rolledBack('the log', 0, headTree.size)
  return { logKey, operatorKey, seed, head, headTree, acceptance, integrator }
}

/** Which of the records below the head was altered: the first that shows it. */
async function locateDamage(store: Store, id: string, size: number): Promise<UnavailableError> {
  let acceptance: Acceptance | undefined
  // By stream, the last record when nothing signs it. A batch ends signed, and a head covers whole batches.
  const unsigned = new Map<string, SequencedRecord>()
  for await (const found of store.sequencer.read(0, size)) {
    const { index, record: bytes, place } = found
    const record = parsedOr(bytes, why => damaged(place(), index, why))
    if (!acceptance) {
      if (record.leaf !== id) return damaged(place(), index, 'it is not the log record')
      acceptance = new Acceptance(id, record.understood && record.record.type === 'log' ? record.record.operators : [])
    } else {
      const why = acceptance.describeDamage(record)
      if (why) return damaged(place(), index, why)
      const stream = linkOf(record)!.stream
      if (record.json['sig'] === undefined) unsigned.set(stream, found)
      else unsigned.delete(stream)
    }
    acceptance.saved(record, index)
  }
  for (const { index, place } of unsigned.values()) return damaged(place(), index, 'no signature covers it')
  return damaged('the log', size, `its first ${size} records do not give the root that was signed for them`)
}

/** A parsed record, or the error that `damage` makes of why it cannot be parsed. */
function parsedOr(bytes: Uint8Array, damage: (why: string) => Error): ParsedRecord {
  try {
    return parseRecord(bytes)
  } catch (error) {
    throw damage(`it is no record (${(error as Error).message})`)
  }
}

async function requireKey(store: Store, name: 'log' | 'operator'): Promise<Uint8Array> {
  const seed = await store.keys.get(name)
  if (!seed)
    throw new UnavailableError('log.key', `the ${name} key of this log is not in its private folder`, {
      expected: 'the key the log was made with; without it the log can be read and verified, not written',
    })
  return seed
}

/** The size and root of a note that carries our good signature; undefined for any other note. */
function ownCheckpoint(note: Uint8Array, key: VerifierKey): TreeHead | undefined {
  try {
    const { size, root } = verifyCheckpoint(parseNote(note), [key])
    return { size, root }
  } catch {
    return undefined
  }
}

/** A copy of a record; of one that is too long, no copy is made before it is refused. */
function copyOf(record: Uint8Array): Uint8Array {
  if (!ArrayBuffer.isView(record)) throw new TypeError('a record is handed over as its bytes, a Uint8Array')
  // Not `slice`: that of a Buffer is a view.
  return record.length > RECORD_BYTES_MAX ? record : new Uint8Array(record)
}

function signedByUs(
  note: Uint8Array,
  key: VerifierKey,
  after: { readonly size: number; readonly root: string },
): boolean {
  const tree = ownCheckpoint(note, key)
  return tree !== undefined && tree.size === after.size && toHex(tree.root) === after.root
}

/** The signed note of a checkpoint: the same bytes for the same tree, always. */
export const signCheckpoint = (
  checkpoint: TreeHead & { readonly origin: string },
  key: VerifierKey,
  seed: Uint8Array,
): Uint8Array => signNote(formatCheckpoint(checkpoint), key, message => ed25519Sign(message, seed))

function checkLevel(level: Level): void {
  if (level === 'witnessed')
    throw new UnavailableError('log.no-witness', 'this log has no witness that could cosign its checkpoints', {
      expected: 'level "sequenced" or "published"',
    })
}

const asDeedlogError = (cause: unknown): DeedlogError =>
  isDeedlogError(cause)
    ? cause
    : new HaltedError('log.write-failed', 'signing a checkpoint failed in a way nobody foresaw', { cause })

// A new object for each caller: its stack says who came too late.
const haltedBefore = (cause: HaltedError): HaltedError =>
  new HaltedError('log.halted', 'this log has stopped after an error; open it again to go on', { cause })

export const closedError = (): UnavailableError =>
  new UnavailableError('log.closed', 'this log is closed', { expected: 'an open log' })

const NOTHING: ReadonlyMap<string, number> = new Map()
/** Full tiles that may wait to be written before appends wait for them. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024
// A recorder cites the newest checkpoint it has seen, at most a minute old in a busy stream, one a second.
const RECENT_HEADS_MAX = 128
