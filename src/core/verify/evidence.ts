import { sha256Hex } from '#crypto'
import type { AnchorFile } from '../anchor/index.js'
import { equalBytes } from '../bytes/equal.js'
import { toHex } from '../bytes/hex.js'
import { isDeedlogError, quote } from '../errors.js'
import type { After } from '../record/index.js'
import {
  type Checkpoint,
  type Cosignature,
  EMPTY_ROOT,
  meetsQuorum,
  parseCheckpoint,
  parseNote,
  type SignedNote,
  type TlogPolicy,
  type VerifierKey,
  verifyCosignatures,
  verifyLogSignatures,
} from '../tlog/index.js'
import { Anchors } from './anchors.js'
import type { Checks } from './checks.js'
import type { Findings } from './findings.js'
import type { PastRoots } from './past-roots.js'
import type { Dispute } from './reading.js'
import type { EvidenceAnswer } from './report.js'
import { type Citation, type SeenNote, timeOf, timesOf } from './times.js'
import type { Trust } from './trust.js'

type SignerKey = EvidenceAnswer['keys'][number]

/** A signed checkpoint that an auditor has from before. */
export interface HeldCheckpoint {
  /** Where it comes from, for messages: a path. */
  readonly name: string
  /** The bytes of a signed note. */
  readonly note: Uint8Array
}

/** How far the clocks of an auditor and a witness may be apart. */
const CLOCK_TOLERANCE_SECONDS = 300

/** Of the notes that records cite, so many of the newest are looked at for a quorum. */
const NOTES_MAX = 64

/** The signed side of a log: checkpoint, cosignatures, notes, and earlier checkpoints that the auditor holds. */
export class Evidence {
  readonly #findings: Findings
  readonly #checks: Checks
  readonly #trust: Trust | undefined
  readonly #mode: EvidenceAnswer['trust']
  readonly #claimed: readonly VerifierKey[]
  readonly #held: readonly Uint8Array[]
  readonly #fromWitnesses: readonly HeldCheckpoint[]
  readonly #memory: readonly HeldCheckpoint[] | undefined
  readonly #nowSeconds: number | undefined
  readonly #isExcerpt: boolean
  readonly #keys: SignerKey[] = []
  #note: SignedNote | undefined
  #checkpoint: Checkpoint | undefined
  /** Every log key of the trust file: a bad signature of any of them refuses a note. Or those that the log claims. */
  #knownKeys: readonly VerifierKey[] = []
  /** The log keys that may sign this origin: pinned, or claimed by the log itself. */
  #logKeys: readonly VerifierKey[] = []
  #signed = false
  /** Size and newest cosignature, in seconds, of the largest tree that the quorum has seen. */
  #witnessed: { readonly size: number; readonly seconds: number } | undefined

  /** Notes of this log that the quorum has cosigned. */
  readonly #seen: SeenNote[] = []
  readonly #anchors: Anchors

  constructor(options: {
    findings: Findings
    checks: Checks
    trust: Trust | undefined
    mode: EvidenceAnswer['trust']
    claimed: readonly VerifierKey[]
    held: readonly Uint8Array[]
    fromWitnesses?: readonly HeldCheckpoint[] | undefined
    memory: readonly HeldCheckpoint[] | undefined
    nowSeconds: number | undefined
    /** Whether it is a bundle, which is of the moment when it was made: a larger tree elsewhere is no roll-back. */
    isExcerpt?: boolean
  }) {
    this.#findings = options.findings
    this.#checks = options.checks
    this.#trust = options.trust
    this.#mode = options.mode
    this.#claimed = options.claimed
    this.#held = options.held
    this.#fromWitnesses = options.fromWitnesses ?? []
    this.#memory = options.memory
    this.#nowSeconds = options.nowSeconds
    this.#isExcerpt = options.isExcerpt ?? false
    this.#anchors = new Anchors(options)
  }

  /** What the checkpoint says, signed or not; undefined when there is none that parses. */
  get checkpoint(): Checkpoint | undefined {
    return this.#checkpoint
  }

  get hasQuorum(): boolean {
    return this.#trust === undefined || this.#trust.policy.quorum === 'none' || this.#witnessed !== undefined
  }

  read(bytes: Uint8Array): void {
    try {
      this.#note = parseNote(bytes)
      this.#checkpoint = parseCheckpoint(this.#note.text)
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      this.#findings.add('checkpoint.malformed', `the checkpoint is none: ${error.message}`)
      return
    }
    if (this.#checkpoint.size === 0) this.#findings.add('checkpoint.empty', 'the checkpoint is of size 0')
    this.#checkLogSignature(this.#note, this.#checkpoint)
    this.#checkQuorum(this.#note, this.#checkpoint)
  }

  #checkLogSignature(note: SignedNote, { origin }: Checkpoint): void {
    const known = this.#trust ? this.#trust.policy.logs.map(log => log.key) : this.#claimed
    this.#knownKeys = known
    this.#logKeys = known.filter(key => key.name === origin)
    if (this.#logKeys.length === 0) {
      if (this.#trust)
        this.#findings.add(
          'trust.other-log',
          `the checkpoint is of ${quote(origin)}; the trust file names ${known.map(key => quote(key.name)).join(', ') || 'no log'}`,
        )
      this.#checks.set(
        'checkpoint.signature',
        'not_checked',
        this.#trust ? 'the trust file has no key of this origin' : 'the log key is not known without a trust file',
      )
    }
    try {
      for (const key of this.#signersOf(note))
        this.#keys.push({ vkey: key.text, role: 'log', trusted: this.#trust !== undefined })
      this.#signed = true
      this.#checks.set(
        'checkpoint.signature',
        'passed',
        this.#trust ? 'by a key of the trust file' : 'by a key that the log itself supplied',
      )
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      const isUnsigned = error.code === 'note.unsigned'
      if (isUnsigned && this.#logKeys.length === 0) return
      const code = isUnsigned ? 'checkpoint.unsigned' : 'checkpoint.signature'
      // Said plainly, since an honest operator's new key looks like this too; whose it is, the log cannot settle.
      const other = isUnsigned && note.signatures.some(({ name }) => name === origin)
      const why = other ? '; another key of that name has, which may be a new one of the operator or a stranger’s' : ''
      this.#findings.add(code, `the checkpoint of ${quote(origin)}: ${error.message}${why}`)
      this.#checks.set('checkpoint.signature', 'failed', error.message)
    }
  }

  /**
   * The keys of this origin that signed the note.
   * @throws {VerificationError} `note.signature` when any known key's line is bad; `note.unsigned` when there is none
   */
  #signersOf(note: SignedNote): VerifierKey[] {
    const signers = verifyLogSignatures(note, this.#knownKeys).filter(key => this.#logKeys.includes(key))
    return signers.length > 0 ? signers : verifyLogSignatures(note, this.#logKeys)
  }

  #checkQuorum(note: SignedNote, { size }: Checkpoint): void {
    const policy = this.#trust?.policy
    if (!policy) {
      this.#checks.set('checkpoint.quorum', 'not_checked', 'no trust file names witnesses')
      return
    }
    const seen = this.#cosignatures(note)
    if (!seen) {
      this.#checks.set('checkpoint.quorum', 'failed', 'a cosignature is not good')
      return
    }
    for (const { key } of seen.cosignatures) this.#keys.push({ vkey: key.text, role: 'witness', trusted: true })
    if (policy.quorum === 'none') {
      this.#checks.set('checkpoint.quorum', 'not_checked', 'the trust file asks for no witness')
      return
    }
    if (!seen.met) {
      this.#checks.set('checkpoint.quorum', 'failed', `the witnesses of ${quote(policy.quorum)} did not all sign`)
      return
    }
    this.#witnessed = { size, seconds: seen.newest }
    this.#seen.push({ note: undefined, size, seconds: seen.complete })
    this.#checks.set('checkpoint.quorum', 'passed', `newest cosignature ${timeOf(seen.newest)}`)
  }

  /** The good cosignatures of trusted witnesses; undefined when one of them is bad. */
  #cosignatures(note: SignedNote) {
    const policy = this.#trust?.policy
    if (!policy) return undefined
    try {
      const cosignatures = verifyCosignatures(
        note,
        policy.witnesses.map(witness => witness.key),
      )
      const complete = policy.quorum === 'none' ? undefined : completeAt(policy, cosignatures)
      return {
        cosignatures,
        met: complete !== undefined,
        newest: Math.max(...cosignatures.map(cosignature => cosignature.seconds)),
        complete: complete ?? 0,
      }
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      this.#findings.add('cosignature.bad', error.message)
      return undefined
    }
  }

  /** Notes that say when trees were seen, though no record cites them: pruning kept their hashes. */
  #dating: readonly Uint8Array[] = []
  /** Entries below this are known by what pruning kept of them; 0 where all are here. */
  #prunedBelow = 0

  /** Before the first entry. @param dating  Of notes that are here, the bytes. */
  pruned(below: number, dating: readonly Uint8Array[]): void {
    this.#prunedBelow = below
    this.#dating = dating
  }

  /** After the tree is known: when `size` entries had been seen, at the earliest, in seconds since 1970. */
  seenSeconds(size: number, tree: PastRoots): number | undefined {
    for (const note of this.#dating) this.readNote(sha256Hex(note), note, tree)
    const seen = [...this.#seen, ...this.#anchors.counted].filter(each => each.size >= size)
    return seen.length === 0 ? undefined : Math.min(...seen.map(each => each.seconds))
  }

  /** Sizes whose roots `finishTree` will want. */
  get sizes(): number[] {
    const named = [...this.#fromWitnesses, ...(this.#memory ?? [])].map(each => each.note)
    const held = [...this.#held, ...this.#dating, ...named].flatMap(bytes => {
      try {
        return [parseCheckpoint(parseNote(bytes).text).size]
      } catch {
        return []
      }
    })
    return [...held, ...this.#anchors.sizes]
  }

  /** One anchor that lies beside the log. After the checkpoint. @returns sizes whose roots it will want */
  addAnchor(name: string, anchor: Uint8Array | AnchorFile): number[] {
    const origin = this.#checkpoint?.origin
    if (origin !== undefined)
      return this.#anchors.add(name, anchor, origin, note => {
        const opened = this.#openNote(note)
        return opened?.origin === origin ? opened : undefined
      })
    this.#anchors.unreadable(name, 'there is no checkpoint that says what it would date')
    return []
  }

  /** Anchors that could not be read, and how many nobody tried to. */
  unreadAnchors(unreadable: readonly { readonly name: string; readonly why: string }[], passedOver: number): void {
    for (const { name, why } of unreadable) this.#anchors.unreadable(name, why)
    if (passedOver > 0) this.#anchors.passedOver(passedOver)
  }

  /** After the last entry: root, and what the auditor holds from before. */
  finishTree(tree: PastRoots): void {
    const checkpoint = this.#checkpoint
    const holds = checkpoint?.size === tree.size && equalBytes(tree.root(), checkpoint.root)
    this.#anchors.settle(tree, checkpoint, holds)
    if (!checkpoint) {
      this.#checks.set('checkpoint.root', 'not_checked', 'there is no checkpoint')
      return
    }
    for (const signed of this.#anchors.signed) this.#contradicts(signed, tree, checkpoint, signed.what)
    if (tree.size < checkpoint.size) {
      this.#checks.set('checkpoint.root', 'not_checked', `${tree.size} of ${checkpoint.size} records are here`)
    } else if (equalBytes(tree.root(), checkpoint.root)) {
      this.#checks.set('checkpoint.root', 'passed', `${checkpoint.size} records`)
    } else {
      const detail = `the ${tree.size} records hash to ${toHex(tree.root())}, and ${toHex(checkpoint.root)} was signed`
      this.#findings.add('root.mismatch', detail, { indexes: [], count: 1 })
      this.#checks.set('checkpoint.root', 'failed', detail)
    }
    this.#compareHeld(tree, checkpoint)
  }

  #compareHeld(tree: PastRoots, checkpoint: Checkpoint): void {
    const held = [
      ...this.#held.map(note => ({ note, what: 'the earlier checkpoint that you hold' })),
      ...this.#fromWitnesses.map(({ name, note }) => ({ note, what: `what the witness ${quote(name)} has cosigned` })),
    ]
    const seen = this.#memory?.map(({ name, note }) => ({ note, what: `what you saw at an earlier visit (${name})` }))
    this.#compareAll('checkpoint.held', held, tree, checkpoint, 'you hold no earlier checkpoint to compare with')
    this.#compareAll(
      'checkpoint.remembered',
      seen ?? [],
      tree,
      checkpoint,
      seen
        ? 'this is the first visit to this log that is remembered: there was nothing to compare with'
        : 'no memory of earlier visits was used',
    )
  }

  #compareAll(
    check: 'checkpoint.held' | 'checkpoint.remembered',
    all: readonly { readonly note: Uint8Array; readonly what: string }[],
    tree: PastRoots,
    checkpoint: Checkpoint,
    none: string,
  ): void {
    if (all.length === 0) {
      this.#checks.set(check, 'not_checked', none)
      return
    }
    const results = all.map(({ note, what }) => this.#isContinued(note, what, tree, checkpoint))
    const good = results.filter(result => result === true).length
    if (this.#isExcerpt && check === 'checkpoint.held' && results.includes(undefined))
      this.#findings.add('held.unusable', 'a bundle does not show that its tree and one of another size are of one log')
    if (this.#prunedBelow > 0 && check === 'checkpoint.held' && results.includes(undefined))
      this.#findings.add(
        'held.unusable',
        'a pruned log does not show that it continues a tree from below what was pruned',
      )
    const status = results.includes(false) ? 'failed' : good === all.length ? 'passed' : 'not_checked'
    this.#checks.set(check, status, `${good} of ${all.length} are continued`)
  }

  /** Whether this tree continues a checkpoint from elsewhere; undefined when that could not be told. */
  #isContinued(bytes: Uint8Array, what: string, tree: PastRoots, checkpoint: Checkpoint): boolean | undefined {
    const unusable = (why: string): undefined => {
      this.#findings.add('held.unusable', `${what} ${why}`)
      return undefined
    }
    if (this.#logKeys.length === 0) return unusable('cannot be compared: the key of this log is not known')
    const held = this.#openNote(bytes)
    if (!held) return unusable('is no checkpoint that this log’s key has signed')
    if (held.origin !== checkpoint.origin) return unusable(`is of ${quote(held.origin)}`)
    const contradicted = this.#contradicts(held, tree, checkpoint, what)
    return contradicted === undefined ? undefined : !contradicted
  }

  /** The checkpoint in a note that this log's key signed well; undefined otherwise. */
  #openNote(bytes: Uint8Array): (Checkpoint & { readonly note: SignedNote }) | undefined {
    try {
      const note = parseNote(bytes)
      this.#signersOf(note)
      return { ...parseCheckpoint(note.text), note }
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      return undefined
    }
  }

  /**
   * Whether a checkpoint signed by the log and this tree cannot both be. Undefined when that could not be told.
   * @param what  Where that checkpoint comes from, for a message.
   */
  #contradicts(other: Checkpoint, tree: PastRoots, checkpoint: Checkpoint, what: string): boolean | undefined {
    if (other.size > checkpoint.size) {
      // A bundle is of its moment. Whoever adds a note of a later one must not make an honest log look rolled back.
      if (this.#isExcerpt) return undefined
      this.#findings.add(
        'log.rolled-back',
        `the log’s key signed a tree of ${other.size} records, and shows one of ${checkpoint.size} now: ${what} says so`,
      )
      return true
    }
    // Records that are not those that were signed say nothing of what the log's key has signed: that they were altered
    // is reported, and is no fork.
    if (!this.#signed || tree.size !== checkpoint.size || !equalBytes(tree.root(), checkpoint.root)) return undefined
    const had = tree.had(other.size, other.root)
    if (had !== false) return had === undefined ? undefined : false
    this.#findings.add(
      'log.forked',
      `the log’s key signed root ${toHex(other.root)} at size ${other.size}, where this tree had ${toHex(tree.at(other.size)!)}: ${what} says so`,
    )
    return true
  }

  /** Hashes of the notes that would tell more than is known now, the most telling first. */
  notesWanted(disputes: ReadonlyMap<string, Dispute>, cited: ReadonlyMap<string, After>): string[] {
    const wanted = [...disputes.keys()]
    // Without a quorum on the newest checkpoint they say how far one goes; with it, when records were made.
    if (this.#trust !== undefined && this.#trust.policy.quorum !== 'none')
      wanted.push(
        ...[...cited.values()]
          .sort((a, b) => b.size - a.size)
          .slice(0, NOTES_MAX)
          .map(after => after.note),
      )
    return [...new Set(wanted)]
  }

  /**
   * A note that was asked for. Bytes that are not what the hash says are passed over.
   * @returns whether it proves that the log was forked or rolled back.
   */
  readNote(hash: string, bytes: Uint8Array, tree: PastRoots): boolean {
    const checkpoint = this.#checkpoint
    if (!checkpoint || sha256Hex(bytes) !== hash) return false
    const other = this.#openNote(bytes)
    if (!other || other.origin !== checkpoint.origin) return false
    const contradicts = this.#contradicts(other, tree, checkpoint, 'a note that records cite')
    if (contradicts === false && this.#trust) this.#see(hash, other)
    return contradicts === true
  }

  #see(hash: string, other: Checkpoint & { readonly note: SignedNote }): void {
    const seen = this.#cosignatures(other.note)
    if (!seen?.met) return
    this.#seen.push({ note: hash, size: other.size, seconds: seen.complete })
    if (!this.hasQuorum) this.#witnessed = { size: other.size, seconds: seen.newest }
  }

  /** Whether the log's key stands behind the checkpoint, as far as that was asked. */
  get isSigned(): boolean {
    return this.#signed
  }

  /** Last of all: findings that depend on everything else. */
  settle(): void {
    if (this.#mode === 'none' && !this.#findings.has('trust.supplied'))
      this.#findings.add('trust.none', 'no trust file was given: whose log this is was not checked')
    const policy = this.#trust?.policy
    if (policy && this.#checkpoint && !this.hasQuorum)
      this.#findings.add(
        'checkpoint.quorum',
        `quorum ${quote(policy.quorum)} has not signed this checkpoint, nor an earlier one that is kept`,
      )
    this.#checkLag(this.#trust?.lagSeconds)
  }

  #checkLag(lag: number | undefined): void {
    if (lag === undefined) {
      this.#checks.set('checkpoint.lag', 'not_checked', 'no trust file says how old a cosignature may be')
      return
    }
    const seen = this.#witnessed?.seconds
    if (seen !== undefined && this.#nowSeconds === undefined) {
      this.#checks.set('checkpoint.lag', 'not_checked', 'the time of this verification is not known')
      this.#findings.add('checkpoint.stale', `the trust file allows ${lag} s, and nobody said what time it is`)
      return
    }
    const age = seen === undefined ? undefined : this.#nowSeconds! - seen
    // A witness whose clock is ahead could make an old copy look fresh for as long as it likes.
    const isAhead = age !== undefined && age < -CLOCK_TOLERANCE_SECONDS
    const detail =
      age === undefined
        ? 'no cosignature of a quorum says when'
        : isAhead
          ? `of a time that is ${-age} s ahead of this clock`
          : `${age} s old; ${lag} s are allowed`
    const fresh = age !== undefined && !isAhead && age <= lag
    this.#checks.set('checkpoint.lag', fresh ? 'passed' : age === undefined ? 'not_checked' : 'failed', detail)
    if (!fresh) this.#findings.add('checkpoint.stale', `the newest cosignature: ${detail}`)
  }

  /** The first answer. Call it when all evidence findings are in. */
  answer(records: number, awaiting: number | undefined, citations: readonly Citation[] = []): EvidenceAnswer {
    const own = this.#findings.list().filter(finding => finding.area === 'evidence')
    const against = own.filter(finding => finding.severity === 'against')
    const unknown = own.filter(finding => finding.severity === 'unknown')
    // Times of a tree that does not hold date nothing.
    const anchors = this.#anchors.answer()
    const times = against.length > 0 ? undefined : timesOf([...this.#seen, ...this.#anchors.counted], citations)
    const base = {
      ...(times === undefined ? {} : { times }),
      ...(anchors === undefined ? {} : { anchors }),
      trust: this.#mode,
      keys: this.#keys,
      records,
      ...(awaiting === undefined ? {} : { awaitingCheckpoint: awaiting }),
    }
    if (against.length > 0) {
      const words = [
        ...(against.some(finding => finding.code === 'log.forked') ? ['forked'] : []),
        ...(against.some(finding => finding.code === 'log.rolled-back') ? ['rolled back'] : []),
        ...(against.some(finding => !WORDS.has(finding.code)) ? ['altered'] : []),
        ...(against.some(finding => finding.code === 'entries.pruned-not-permitted') ? ['pruned, not permitted'] : []),
      ]
      return { ...base, verdict: words[0]!, words }
    }
    const dated = Math.max(this.#witnessed?.size ?? 0, this.#anchors.datedTo)
    const undated = dated > 0 && dated >= (this.#checkpoint?.size ?? 0) ? [] : [`undated since ${dated}`]
    const unwitnessed = ['unwitnessed since 0', ...undated, 'age unknown']
    if (unknown.length > 0) {
      const reasons = unknown.map(finding =>
        finding.code === 'entries.pruned'
          ? 'pruned, not checkable'
          : `could not check: ${finding.asserts ?? finding.code}`,
      )
      return { ...base, verdict: 'could not check', words: [...new Set(reasons), ...unwitnessed] }
    }
    const pruned = this.#prunedBelow > 0 ? [`pruned below ${this.#prunedBelow}`] : []
    if (!this.#witnessed)
      return { ...base, verdict: 'self-consistent', words: ['self-consistent', ...unwitnessed, ...pruned] }
    const { size } = this.#witnessed
    const tail = [...(size < this.#checkpoint!.size ? [`unwitnessed since ${size}`, ...undated] : []), ...pruned]
    return { ...base, verdict: 'intact', words: [`intact to ${size}`, ...tail] }
  }

  get root(): string {
    return toHex(this.#checkpoint?.root ?? EMPTY_ROOT)
  }
}

// Evidence against that has a word of its own.
const WORDS: ReadonlySet<string> = new Set(['log.forked', 'log.rolled-back', 'entries.pruned-not-permitted'])

/** When the last witness that the quorum needed had signed; undefined when it is not met. */
export function completeAt(policy: TlogPolicy, cosignatures: readonly Cosignature[]): number | undefined {
  const names = new Set<string>()
  for (const { key, seconds } of [...cosignatures].sort((a, b) => a.seconds - b.seconds)) {
    for (const witness of policy.witnesses) if (witness.key === key) names.add(witness.name)
    if (meetsQuorum(policy, names)) return seconds
  }
  return undefined
}
