import { createHash } from 'node:crypto'
import { parseNote, parseVerifierKey, type VerifierKey, verifyCheckpoint } from '../../src/core/tlog/index.js'
import type { AppendEntry, Receipt } from '../../src/log/backend.js'
import { filesLayout, jsonlLayout, type Layout, type StoreKind } from '../../src/log/layout.js'
import type { DiskEvent, Machine } from './sim-machine.js'

/*
 * Holds a whole log against its promises after every event, by its files alone: what a reader sees now, and what is sure
 * to survive a power cut now. What did not change since it was last looked at is not computed again; all else comes from
 * the bytes, by code that shares nothing with the writer's journal, tree and tiles.
 */

/** A broken promise. */
export class Violation extends Error {
  override readonly name = 'Violation'
  readonly invariant: Invariant

  constructor(invariant: Invariant, message: string) {
    super(`${invariant}: ${message}`)
    this.invariant = invariant
  }
}

export type Invariant =
  | 'acknowledged is durable'
  | 'acknowledged stays in its place'
  | 'one checkpoint per size'
  | 'a checkpoint is of this log'
  | 'no checkpoint without its tiles'
  | 'no checkpoint before its head'
  | 'no path changes its bytes'
  | 'a checkpoint never shrinks'
  | 'opens after every fault'
  | 'takes what it should'
  | 'comes to an end'

interface Entry {
  readonly record: Uint8Array
  readonly leaf: string
  readonly disclosures: Uint8Array | undefined
}

/** The good beginning of a sequence, read from bytes. */
interface Sequence {
  readonly bytes: Uint8Array
  readonly entries: readonly Entry[]
  /** Where the last whole frame or line ends. */
  readonly end: number
}

export class Oracle {
  readonly #machine: Machine
  readonly #kind: StoreKind
  readonly #layout: Layout
  #key: VerifierKey | undefined
  readonly #acknowledged = new Map<number, { readonly leaf: string; readonly disclosures: Uint8Array | undefined }>()
  /** Every note that was ever signed, by its size. */
  readonly #signed = new Map<number, Uint8Array>()
  /** Leaf hashes that some signature covers: these can never become others. */
  #frozen: string[] = []
  readonly #subtrees = new Map<string, Uint8Array>()
  /** Bytes of every public path that must never have others. */
  readonly #published = new Map<string, Uint8Array>()
  #largestReleased = 0
  /** A power cut may have put back an older checkpoint file; the next writer releases the newer one again. */
  #mayBeOlder = false
  readonly #sequences = new Map<string, Sequence>()
  /** By view; by view and path where there are several segments. */
  readonly #journals = new Map<string, Sequence>()
  readonly #checked = new Map<string, Sequence>()
  /** What was checked, by name: numbers for whoever asks whether there was anything to check. */
  readonly counts = { checkpoints: 0, tiles: 0, events: 0 }

  constructor(machine: Machine, kind: StoreKind, target: string) {
    this.#machine = machine
    this.#kind = kind
    this.#layout = (kind === 'files' ? filesLayout : jsonlLayout)(target)
  }

  /** A log says it is open. */
  opened(verifierKey: string): void {
    this.#key ??= parseVerifierKey(verifierKey)
    if (this.#key.text !== verifierKey) throw new Violation('a checkpoint is of this log', 'the log has another key')
    this.#mayBeOlder = false
    this.#checkpoint(this.#layout.checkpoint)
    this.check({ what: 'read', path: '/' })
  }

  /** An append has resolved. */
  acknowledged(entries: readonly AppendEntry[], receipts: readonly Receipt[]): void {
    for (const [i, { record, disclosures }] of entries.entries()) {
      const { index, leafHash } = receipts[i]!
      const leaf = leafOf(record)
      if (leaf !== leafHash) throw new Violation('takes what it should', `record ${index} has another leaf hash`)
      const known = this.#acknowledged.get(index)
      if (known && known.leaf !== leaf) throw new Violation('acknowledged stays in its place', `two records ${index}`)
      for (const view of VIEWS) {
        const held = this.#sequence(view).entries[index]
        if (held?.leaf !== leaf)
          throw new Violation('acknowledged is durable', `record ${index} was acknowledged and is not ${view}`)
        if (!sameOrNone(held.disclosures, disclosures))
          throw new Violation('acknowledged is durable', `disclosures of record ${index} are not ${view}`)
      }
      this.#acknowledged.set(index, { leaf, disclosures })
    }
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size
  }

  /** Something happened to the disk. */
  check(event: DiskEvent): void {
    this.counts.events++
    if (event.what === 'power cut') {
      this.#mayBeOlder = true
      this.#sequences.clear()
      this.#journals.clear()
    }
    this.#acknowledgedAreThere()
    if (!this.#key) return
    if (event.what === 'power cut') for (const path of this.#machine.paths()) this.#publicPath(path)
    else this.#publicPath(event.to ?? event.path)
    for (const path of [this.#layout.head, `${this.#layout.head}.tmp`, this.#layout.checkpoint]) this.#checkpoint(path)
    this.#releasedIsCovered()
  }

  /** In what a reader sees, and in what would survive. */
  #acknowledgedAreThere(): void {
    for (const view of VIEWS) {
      const now = this.#sequence(view)
      const before = this.#checked.get(view)
      if (before === now) continue
      this.#checked.set(view, now)
      // Goes on as it was: what was there before is there still.
      if (
        before &&
        before.end > 0 &&
        this.#kind === 'files' &&
        startsWith(now.bytes, before.bytes.subarray(0, before.end))
      )
        continue
      for (const [index, { leaf, disclosures }] of this.#acknowledged) {
        const held = now.entries[index]
        if (held?.leaf !== leaf)
          throw new Violation(
            held ? 'acknowledged stays in its place' : 'acknowledged is durable',
            `acknowledged record ${index} is not ${view}${held ? ' in its place' : ''}`,
          )
        if (!sameOrNone(held.disclosures, disclosures))
          throw new Violation('acknowledged is durable', `disclosures of record ${index} are no longer ${view}`)
      }
      for (const [index, leaf] of this.#frozen.entries())
        if (now.entries[index]?.leaf !== leaf)
          throw new Violation('acknowledged stays in its place', `signed record ${index} is not ${view}`)
    }
  }

  /** Looks at a note that somebody signed: whoever holds it, it binds. */
  #checkpoint(path: string): void {
    const bytes = this.#machine.peek(path)
    if (!bytes || !this.#key) return
    const isReleased = path === this.#layout.checkpoint
    const size = this.#sizeOf(bytes, path)
    if (size === undefined) return
    if (!isReleased) return
    if (size < this.#largestReleased && !this.#mayBeOlder)
      throw new Violation('a checkpoint never shrinks', `from ${this.#largestReleased} to ${size}`)
    this.#largestReleased = Math.max(this.#largestReleased, size)
  }

  /** Verifies a note against every earlier one and against the records. @returns its size */
  #sizeOf(note: Uint8Array, path: string): number | undefined {
    let size: number
    let root: Uint8Array
    try {
      ;({ size, root } = verifyCheckpoint(parseNote(note), [this.#key!]))
    } catch {
      // Not written to its end: this name is no promise yet.
      if (path.endsWith('.tmp')) return undefined
      throw new Violation('a checkpoint is of this log', `${path} is no checkpoint of this log`)
    }
    const known = this.#signed.get(size)
    if (known) {
      if (!same(known, note)) throw new Violation('one checkpoint per size', `two checkpoints of size ${size}`)
      return size
    }
    this.counts.checkpoints++
    const { entries } = this.#sequence('on the disk')
    if (entries.length < size)
      throw new Violation(
        'a checkpoint is of this log',
        `size ${size} is signed, and ${entries.length} records are there`,
      )
    const leaves = entries.slice(0, size).map(({ leaf }) => leaf)
    for (const [index, leaf] of this.#frozen.slice(0, size).entries())
      if (leaves[index] !== leaf) throw new Violation('one checkpoint per size', `two histories differ at ${index}`)
    if (leaves.length > this.#frozen.length) this.#frozen = leaves
    if (!same(this.#treeHash(0, size), root))
      throw new Violation('a checkpoint is of this log', `the root of size ${size} is not that of its records`)
    this.#signed.set(size, note.slice())
    return size
  }

  /** What everybody can see, must survive whatever comes. */
  #releasedIsCovered(): void {
    const released = this.#machine.peek(this.#layout.checkpoint)
    if (!released) return
    const size = this.#sizeOf(released, this.#layout.checkpoint)!
    const head = this.#machine.peekDurable(this.#layout.head)
    if (!head || this.#sizeOf(head, this.#layout.head)! < size)
      throw new Violation('no checkpoint before its head', `size ${size} is out, and its head would not survive`)
    if (this.#sequence('durable').entries.length < size)
      throw new Violation('acknowledged is durable', `size ${size} is out, and its records would not survive`)
    if (this.#kind !== 'files') return
    for (const { path, full } of tilesOf(size)) {
      const [own, whole] = [path, full].map(name => `${this.#layout.publicFolder}/${name}`) as [string, string]
      for (const peek of [this.#machine.peek, this.#machine.peekDurable])
        if (!peek.call(this.#machine, own) && !peek.call(this.#machine, whole))
          throw new Violation(
            'no checkpoint without its tiles',
            `size ${size} is out, and ${path} is not there for good`,
          )
    }
  }

  /** A public path has the bytes that the records give, and never had others. */
  #publicPath(path: string): void {
    const relative = path.startsWith(`${this.#layout.publicFolder}/`)
      ? path.slice(this.#layout.publicFolder!.length + 1)
      : path.startsWith(`${this.#layout.notes}/`)
        ? 'note'
        : ''
    if ((!relative.startsWith('tile/') && relative !== 'note') || path.endsWith('.tmp')) return
    const bytes = this.#machine.peek(path)
    if (!bytes) return
    const known = this.#published.get(path)
    if (known) {
      if (!same(known, bytes)) throw new Violation('no path changes its bytes', path)
      return
    }
    this.#published.set(path, bytes.slice())
    if (relative === 'note') return
    this.counts.tiles++
    const expected = this.#tile(relative)
    if (!expected || !same(expected, bytes))
      throw new Violation('a checkpoint is of this log', `${path} is not what the records give`)
  }

  #tile(path: string): Uint8Array | undefined {
    const match = /^tile\/(entries|\d+)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d+))?$/.exec(path)
    if (!match) return undefined
    const index = Number(match[2]!.replace(/[x/]/g, ''))
    const width = Number(match[3] ?? 256)
    const { entries } = this.#sequence('on the disk')
    if (match[1] === 'entries') {
      const part = entries.slice(index * 256, index * 256 + width)
      return part.length < width
        ? undefined
        : Buffer.concat(part.flatMap(({ record }) => [Buffer.of(record.length >> 8, record.length & 255), record]))
    }
    const span = 256 ** Number(match[1])
    if (entries.length < (index * 256 + width) * span) return undefined
    const leaves = entries.map(({ leaf }) => leaf)
    return Buffer.concat(
      Array.from({ length: width }, (_, i) =>
        merkle(leaves.slice((index * 256 + i) * span, (index * 256 + i + 1) * span)),
      ),
    )
  }

  /** MTH of RFC 6962 §2.1 over the frozen leaves. */
  #treeHash(from: number, to: number): Uint8Array {
    const count = to - from
    if (count === 1) return Buffer.from(this.#frozen[from]!, 'hex')
    const name = `${from} ${to}`
    const known = this.#subtrees.get(name)
    if (known) return known
    let k = 1
    while (k * 2 < count) k *= 2
    const hash = sha256(Buffer.of(1), this.#treeHash(from, from + k), this.#treeHash(from + k, to))
    this.#subtrees.set(name, hash)
    return hash
  }

  /** The records as the files say. */
  #sequence(view: View): Sequence {
    return this.#kind === 'files' ? this.#journal(view) : this.#lines(view)
  }

  #journal(view: View): Sequence {
    const paths = view === 'on the disk' ? this.#machine.paths() : this.#machine.durablePaths()
    const vault = paths.flatMap(path => {
      const match = /(\d{16})-(\d{16})\.vault$/.exec(path)
      return match ? [{ path, first: Number(match[1]), end: Number(match[2]) }] : []
    })
    const firstOf = (path: string) => Number(path.slice(-24, -8))
    const segments = paths
      .filter(path => path.endsWith('.journal'))
      .filter(path => !vault.some(file => file.first <= firstOf(path) && firstOf(path) < file.end))
      .sort()
    const [segment] = segments
    if (vault.length > 0 || segments.length > 1 || (segment !== undefined && firstOf(segment) > 0))
      return this.#shrunk(view, paths, vault, segments)
    if (segment === undefined && this.#kind === 'files' && paths.some(path => path.includes('/tile/entries/')))
      return this.#shrunk(view, paths, vault, segments)
    const bytes = (segment === undefined ? undefined : this.#peek(view, segment)) ?? NOTHING
    const known = this.#journals.get(view)
    if (known?.bytes === bytes) return known
    const goesOn = known !== undefined && startsWith(bytes, known.bytes.subarray(0, known.end))
    const found = readFrames(bytes, goesOn ? known : { bytes, entries: [], end: 0 }, this.#kind === 'jsonl')
    this.#journals.set(view, found)
    return found
  }

  /** A journal some of whose segments have shrunk: their records are in the bundles, their disclosures in vault files. */
  #shrunk(
    view: View,
    paths: readonly string[],
    vault: readonly { readonly path: string; readonly first: number }[],
    segments: readonly string[],
  ): Sequence {
    const firstOf = (path: string) => Number(path.slice(-24, -8))
    const from = segments[0] === undefined ? Number.POSITIVE_INFINITY : firstOf(segments[0])
    const bundles: Uint8Array[] = []
    if (this.#kind === 'files')
      for (let index = 0; index * 256 < from; index++) {
        const whole = `${this.#layout.publicFolder}/tile/entries/${String(index).padStart(3, '0')}`
        const widths = paths.flatMap(path =>
          path.startsWith(`${whole}.p/`) ? [Number(path.slice(whole.length + 3))] : [],
        )
        const widest = Math.max(...widths.filter(Number.isInteger))
        const bytes = this.#peek(view, whole) ?? (widest > 0 ? this.#peek(view, `${whole}.p/${widest}`) : undefined)
        if (!bytes) break
        bundles.push(bytes)
      }
    const journals = segments.map(path => this.#peek(view, path) ?? NOTHING)
    const files = vault.map(({ path }) => this.#peek(view, path) ?? NOTHING)
    const parts = [...bundles, NOTHING, ...journals, NOTHING, ...files]
    const known = this.#shrunkParts.get(view)
    if (known && known.parts.length === parts.length && known.parts.every((part, i) => part === parts[i]))
      return known.found
    const entries: Entry[] = bundles.flatMap(bytes => this.#bundleEntries(bytes)).slice(0, from)
    for (const [i, bytes] of journals.entries()) {
      const first = firstOf(segments[i]!)
      const known = this.#journals.get(`${view} ${segments[i]}`)
      const goesOn = known !== undefined && startsWith(bytes, known.bytes.subarray(0, known.end))
      const found =
        known?.bytes === bytes
          ? known
          : readFrames(bytes, goesOn ? known : { bytes, entries: [], end: 0 }, this.#kind === 'jsonl', first)
      this.#journals.set(`${view} ${segments[i]}`, found)
      // Records that nothing connects with those before are none.
      if (this.#kind === 'files' && first !== entries.length) break
      for (const [at, entry] of found.entries.entries()) if (entry) entries[first + at] = entry
    }
    for (const bytes of files)
      for (const [index, leaf, disclosures] of readVaultFrames(bytes))
        if (entries[index]?.leaf === leaf) entries[index] = { ...entries[index], disclosures }
    const found = { bytes: new Uint8Array(0), entries, end: 0 }
    this.#shrunkParts.set(view, { parts, found })
    return found
  }

  readonly #shrunkParts = new Map<View, { readonly parts: readonly Uint8Array[]; readonly found: Sequence }>()
  readonly #bundlesRead = new WeakMap<Uint8Array, Entry[]>()

  #bundleEntries(bytes: Uint8Array): Entry[] {
    const known = this.#bundlesRead.get(bytes)
    if (known) return known
    const entries: Entry[] = []
    for (let at = 0; at + 2 <= bytes.length; ) {
      const end = at + 2 + bytes[at]! * 256 + bytes[at + 1]!
      const record = bytes.subarray(at + 2, end)
      entries.push({ record, leaf: leafOf(record), disclosures: undefined })
      at = end
    }
    this.#bundlesRead.set(bytes, entries)
    return entries
  }

  #lines(view: View): Sequence {
    const bytes = this.#peek(view, this.#layout.target) ?? NOTHING
    const journal = this.#journal(view)
    const known = this.#sequences.get(view)
    if (known?.bytes === bytes && this.#journalsOf.get(known) === journal) return known
    const entries: Entry[] = []
    let at = 0
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, at)) {
      const record = bytes.subarray(at, end)
      entries.push({
        record,
        leaf: leafOf(record),
        disclosures: journal.entries[entries.length]?.disclosures,
      })
      at = end + 1
    }
    const found = { bytes, entries, end: at }
    this.#sequences.set(view, found)
    this.#journalsOf.set(found, journal)
    return found
  }

  readonly #journalsOf = new WeakMap<Sequence, Sequence>()

  #peek(view: View, path: string): Uint8Array | undefined {
    return view === 'on the disk' ? this.#machine.peek(path) : this.#machine.peekDurable(path)
  }
}

type View = 'on the disk' | 'durable'
const VIEWS: readonly View[] = ['on the disk', 'durable']

/** The whole frames of a journal, from its bytes: spec/layout.md, "Journal". */
function readFrames(bytes: Uint8Array, known: Sequence, lastCounts: boolean, base = 0): Sequence {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const entries = known.entries.slice()
  let at = known.end
  while (at + 32 <= bytes.length && view.getUint32(at) === 0x444c4a01) {
    const first = view.getUint32(at + 4) * 2 ** 32 + view.getUint32(at + 8) - base
    const end = at + 32 + view.getUint32(at + 16)
    if (end > bytes.length) break
    const payload = bytes.subarray(at + 32, end)
    if (!same(sha256(payload).subarray(0, 8), bytes.subarray(at + 20, at + 28))) break
    if (!lastCounts && first !== entries.length) break
    let from = at + 32
    for (let i = 0; i < view.getUint32(at + 12); i++) {
      const recordEnd = from + 8 + (view.getUint32(from) & 0x7fffffff)
      const next = recordEnd + (view.getUint32(from + 4) & 0x7fffffff)
      const record = bytes.subarray(from + 8, recordEnd)
      const leaf = lastCounts ? '' : leafOf(record)
      const disclosures = next > recordEnd ? bytes.subarray(recordEnd, next) : undefined
      entries[first + i] = { record, leaf, disclosures }
      from = next
    }
    at = end
  }
  return { bytes, entries, end: at }
}

/** Index, leaf hash and disclosures of each entry of a vault file, from its bytes: spec/vault.md. */
function* readVaultFrames(bytes: Uint8Array): Generator<[index: number, leaf: string, disclosures: Uint8Array]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + 32 <= bytes.length && view.getUint32(at) === 0x444c5601; ) {
    const first = view.getUint32(at + 4) * 2 ** 32 + view.getUint32(at + 8)
    const end = at + 32 + view.getUint32(at + 16)
    if (!same(sha256(bytes.subarray(at + 32, end)).subarray(0, 8), bytes.subarray(at + 20, at + 28))) return
    for (let from = at + 32; from < end; ) {
      const next = from + 40 + (view.getUint32(from + 4) & 0x7fffffff)
      const leaf = Buffer.from(bytes.subarray(from + 8, from + 40)).toString('hex')
      yield [first + (view.getUint32(from) & 0x7fffffff), leaf, bytes.subarray(from + 40, next)]
      from = next
    }
    at = end
  }
}

/** Every tile of a tree, with the full one that may stand in its place. C2SP tlog-tiles. */
function tilesOf(size: number): { path: string; full: string }[] {
  const tiles: { path: string; full: string }[] = []
  const level = (name: string, count: number): void => {
    for (let index = 0; index * 256 < count; index++) {
      const width = Math.min(256, count - index * 256)
      const full = `tile/${name}/${String(index).padStart(3, '0')}`
      tiles.push({ path: width === 256 ? full : `${full}.p/${width}`, full })
    }
  }
  level('entries', size)
  for (let number = 0, count = size; count > 0; number++, count = Math.floor(count / 256)) level(String(number), count)
  return tiles
}

function merkle(leaves: readonly string[]): Uint8Array {
  if (leaves.length === 1) return Buffer.from(leaves[0]!, 'hex')
  const half = leaves.length / 2
  return sha256(Buffer.of(1), merkle(leaves.slice(0, half)), merkle(leaves.slice(half)))
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

const leafOf = (record: Uint8Array): string => Buffer.from(sha256(Buffer.of(0), record)).toString('hex')

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && Buffer.compare(a, b) === 0

const startsWith = (bytes: Uint8Array, start: Uint8Array): boolean =>
  bytes.length >= start.length && same(bytes.subarray(0, start.length), start)

const sameOrNone = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a && b ? same(a, b) : (a?.length ?? 0) === (b?.length ?? 0)

const NOTHING = new Uint8Array(0)
