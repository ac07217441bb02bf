import { type AnchorFile, anchoredDigest, parseAnchorFile } from '../anchor/index.js'
import { toHex } from '../bytes/hex.js'
import { isDeedlogError, quote } from '../errors.js'
import type { Checkpoint } from '../tlog/index.js'
import { judgeAnchor } from './anchor-kinds.js'
import type { Checks } from './checks.js'
import type { Findings } from './findings.js'
import type { PastRoots } from './past-roots.js'
import type { AnchorStatus, AnchorSummary, AnchorsAnswer } from './report.js'
import { type SeenNote, timeOf } from './times.js'
import type { Trust } from './trust.js'

/** Anchors of one log that are listed one by one: the newest. All are judged and counted. */
const LISTED_MAX = 64

/** An anchor that holds by itself: it counts if this tree had that root. */
interface Holding {
  readonly size: number
  readonly root: Uint8Array
  readonly seconds: number
  readonly what: string
  readonly summary: AnchorSummary
}

/** A checkpoint that lies with an anchor and that the log's key has signed. */
export type SignedElsewhere = Checkpoint & { readonly what: string }

/**
 * What lies beside a log, or came in a bundle, to say when its checkpoints existed. Its files are not signed: whoever
 * can write beside the log can add, remove and exchange them, so each proves only what its evidence proves by itself.
 *
 * @see spec/anchors.md, "What an anchor proves"
 */
export class Anchors {
  readonly #findings: Findings
  readonly #checks: Checks
  readonly #trust: Trust | undefined
  readonly #holding: Holding[] = []
  readonly #signed: SignedElsewhere[] = []
  readonly #counts = new Map<AnchorStatus, number>()
  #listed: AnchorSummary[] = []
  /** By kind and name, the newest that its keeper says was not made. */
  readonly #declared = new Map<string, AnchorFile>()
  #counted: SeenNote[] = []
  #total = 0

  constructor(options: { findings: Findings; checks: Checks; trust: Trust | undefined }) {
    this.#findings = options.findings
    this.#checks = options.checks
    this.#trust = options.trust
  }

  /**
   * One anchor, or the bytes of its file. Before the first entry; the checkpoint has been read.
   *
   * @param name    Where it is from, for messages.
   * @param origin  Of the log.
   * @param open    The checkpoint in a note that the log's key signed well; undefined for any other note.
   * @returns sizes at which `settle` will ask for the root
   */
  add(
    name: string,
    anchor: Uint8Array | AnchorFile,
    origin: string,
    open: (note: Uint8Array) => Checkpoint | undefined,
  ): number[] {
    const before = [this.#holding.length, this.#signed.length]
    this.#add(name, anchor, origin, open)
    return [...this.#holding.slice(before[0]), ...this.#signed.slice(before[1])].map(({ size }) => size)
  }

  #add(
    name: string,
    anchor: Uint8Array | AnchorFile,
    origin: string,
    open: (note: Uint8Array) => Checkpoint | undefined,
  ): void {
    this.#total++
    let file: AnchorFile
    try {
      file = anchor instanceof Uint8Array ? parseAnchorFile(anchor) : anchor
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      this.#unreadable(name, error.message)
      return
    }
    this.#declare(file)
    const note = file.note && open(file.note)
    if (note) this.#signed.push({ ...note, what: `the note kept with the anchor ${quote(name)}` })
    const summary = { kind: file.kind, name: file.name, size: file.size, root: toHex(file.root) }
    if (file.evidence === undefined || file.state !== 'anchored') {
      const detail = file.detail ?? file.code
      this.#put({
        ...summary,
        status: file.state === 'anchored' ? 'unknown' : file.state,
        ...(detail ? { detail } : {}),
      })
      return
    }
    const judged = judgeAnchor(file.kind, file.evidence, anchoredDigest({ ...file, origin }), this.#trust)
    const said = 'seconds' in judged && judged.seconds !== undefined ? { time: timeOf(judged.seconds) } : {}
    const detail = judged.detail === undefined ? {} : { detail: judged.detail }
    if (judged.status === 'holds') {
      const { seconds, by } = judged
      const what = `the anchor ${quote(name)}, ${by}`
      this.#holding.push({
        size: file.size,
        root: file.root,
        seconds,
        what,
        summary: { ...summary, status: 'counted', ...said, by, ...detail },
      })
      return
    }
    this.#put({
      ...summary,
      status: judged.status,
      ...said,
      ...detail,
      ...(judged.status === 'lookup' ? { lookUp: judged.lookUp } : {}),
    })
    if (judged.status === 'bad') this.#findings.add('anchor.bad', `${quote(name)} does not hold: ${judged.detail}`)
    if (judged.status === 'unpinned') this.#findings.add('anchor.unpinned', `${quote(name)}, ${judged.detail}`)
  }

  /** A file of an anchor that cannot be read. */
  unreadable(name: string, why: string): void {
    this.#total++
    this.#unreadable(name, why)
  }

  /** So many files that were not looked at. */
  passedOver(count: number): void {
    this.#findings.add('anchor.passed-over', `${count} anchors were not looked at: there are too many`, { count })
  }

  #unreadable(name: string, why: string): void {
    this.#count('unreadable')
    this.#findings.add('anchor.unreadable', `${quote(name)}: ${why}`)
  }

  #declare(file: AnchorFile): void {
    const key = `${file.kind} ${file.name}`
    const before = this.#declared.get(key)
    // Many names cost memory, and a log has a handful of anchors.
    if (before ? before.size <= file.size : this.#declared.size < LISTED_MAX) this.#declared.set(key, { ...file })
  }

  /** All sizes at which `settle` will ask for the root. */
  get sizes(): number[] {
    return [...this.#holding, ...this.#signed].map(({ size }) => size)
  }

  /** Notes signed by the log that lie with anchors: proof, if this tree contradicts one. */
  get signed(): readonly SignedElsewhere[] {
    return this.#signed
  }

  /** After the last entry. @param holds  Whether the records are those that the checkpoint was signed over. */
  settle(tree: PastRoots, checkpoint: Checkpoint | undefined, holds: boolean): void {
    for (const { size, root, seconds, what, summary } of this.#holding) {
      if (checkpoint && size > checkpoint.size) {
        this.#put({ ...summary, status: 'beyond' })
        this.#findings.add(
          'anchor.beyond',
          `${what}, dates a tree of ${size} records of this origin, and ${checkpoint.size} are shown`,
        )
        continue
      }
      const had = holds && size <= tree.size ? tree.had(size, root) : undefined
      if (had === undefined) this.#put({ ...summary, status: 'unknown', detail: NOT_COMPARED })
      else if (had) {
        this.#put(summary)
        this.#counted.push({ note: undefined, size, seconds })
      } else {
        this.#put({ ...summary, status: 'disputed' })
        this.#findings.add(
          'anchor.disputed',
          `${what}, dates root ${toHex(root)} at size ${size}, which this tree never had`,
        )
      }
    }
    this.#reportDeclared()
    this.#setCheck()
  }

  #reportDeclared(): void {
    for (const { kind, name, size, state, detail, code } of this.#declared.values()) {
      if (state !== 'failed') continue
      const why = [detail, code && `[${code}]`].filter(Boolean).join(' ')
      this.#findings.add(
        'anchor.not-made',
        `the keeper says that ${kind} ${quote(name)} did not anchor size ${size}${why ? `: ${why}` : ''}`,
      )
    }
  }

  #setCheck(): void {
    const counted = this.#counted.length
    const wrong = ['disputed', 'beyond', 'bad'].filter(status => this.#counts.has(status as AnchorStatus))
    if (wrong.length > 0)
      this.#checks.set('checkpoint.dated', 'failed', `there are anchors that are ${wrong.join(', ')}`)
    else if (counted > 0)
      this.#checks.set('checkpoint.dated', 'passed', `${counted} anchors, up to size ${this.datedTo}`)
    else
      this.#checks.set(
        'checkpoint.dated',
        'not_checked',
        this.#total > 0 ? 'no anchor of whom the trust file names' : 'there is no anchor',
      )
  }

  /** Trees that are known to have existed by a time. After `settle`. */
  get counted(): readonly SeenNote[] {
    return this.#counted
  }

  /** The largest size that an anchor dates; 0 when none does. */
  get datedTo(): number {
    return this.#counted.reduce((most, { size }) => Math.max(most, size), 0)
  }

  answer(): AnchorsAnswer | undefined {
    if (this.#total === 0) return undefined
    const byStatus = Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)))
    const listed = [...this.#listed].sort((a, b) => a.size - b.size).slice(-LISTED_MAX)
    return { total: this.#total, byStatus, listed }
  }

  #put(summary: AnchorSummary): void {
    this.#count(summary.status)
    this.#listed.push(summary)
    if (this.#listed.length >= 2 * LISTED_MAX)
      this.#listed = this.#listed.sort((a, b) => a.size - b.size).slice(-LISTED_MAX)
  }

  #count(status: AnchorStatus): void {
    this.#counts.set(status, (this.#counts.get(status) ?? 0) + 1)
  }
}

const NOT_COMPARED = 'what is here does not give the root of that size to compare it with'
