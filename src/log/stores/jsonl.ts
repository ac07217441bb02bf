import { concatBytes } from '../../core/bytes/equal.js'
import { toUtf8 } from '../../core/bytes/utf8.js'
import { encodeBundle, hashTile, leafHash, parseTilePath, TILE_WIDTH } from '../../core/tlog/index.js'
import { AppendFile } from '../append-file.js'
import { Aside } from '../aside.js'
import type { AppendEntry } from '../backend.js'
import type { Disk } from '../disk.js'
import { reading } from '../disk-error.js'
import { Journal, type Segment } from '../journal.js'
import { countingFrames, rewriteFrames } from '../journal-rewrite.js'
import { damaged, frameEnd, listSegments, rolledBack, scanJournal, visitAll } from '../journal-scan.js'
import { type Layout, PUBLIC_FILE_MODE } from '../layout.js'
import { isIncompleteLine, isSignedLine, isUnsignedRecord, type ScannedLine, scanLines } from '../line-scan.js'
import type { Change, Objects, SequencedRecord, Sequencer, Store, StoredObject, Vault, Visit } from '../ports.js'
import { FileHead } from './file-head.js'
import { FileKeys } from './file-keys.js'
import { FileObjects } from './file-objects.js'
import { planFile, removeTemporaries } from './vault-folder.js'

/**
 * The jsonl store: one record and one newline per entry, for `tail -f` and `jq`; the head beside it. Disclosures go to
 * the private journal, durable before the line is. Tiles are recomputed when somebody needs them.
 */
export function jsonlStore(disk: Disk, layout: Layout): Store {
  const sequencer = new LineSequencer(disk, layout)
  return {
    sequencer,
    vault: {
      // The private journal holds nothing but disclosures.
      shrink: async () => {},
      setAside: () => sequencer.setAside(),
      visit: (indexes, see) => sequencer.visit(indexes, see),
      rewrite: (_, indexes, change) => sequencer.rewrite(indexes, change),
      ...planFile(disk, layout),
    } satisfies Vault,
    objects: new RecomputedObjects(disk, layout, sequencer),
    head: new FileHead(disk, layout),
    keys: new FileKeys(disk, layout),
    keepsTiles: false,
    close: () => sequencer.close(),
  }
}

class LineSequencer implements Sequencer {
  readonly #disk: Disk
  readonly #path: string
  readonly #journalFolder: string
  readonly #journal: Journal
  #file: AppendFile | undefined
  #size = 0
  /** Where the last frame of disclosures ends: behind the lines, after a write that did not come to its end. */
  #disclosedTo = 0
  /** The offset of every {@link TILE_WIDTH}th line. */
  readonly #marks: number[] = []
  readonly #aside = new Aside()

  constructor(disk: Disk, layout: Layout) {
    this.#disk = disk
    this.#path = layout.target
    this.#journalFolder = layout.journal
    this.#journal = new Journal(disk, layout.journal)
  }

  get size(): number {
    return this.#size
  }

  async replay(headSize: number, visit: Visit): Promise<void> {
    if (!(await reading(this.#path, this.#disk.stat(this.#path)))) {
      if (headSize > 0) throw rolledBack(this.#path, 0, headSize)
      this.#file = await AppendFile.create(this.#disk, this.#path, PUBLIC_FILE_MODE)
      return
    }
    const { length, coveredLength } = await this.#replayLines(headSize, visit)
    await this.#replayJournal(headSize)
    // Only now, when all is known to be as it should: cuts what the last write left incomplete.
    this.#file = await AppendFile.reopen(this.#disk, this.#path, length, coveredLength)
  }

  /** Visits the lines up to the last signed record. What follows it beyond the head is an incomplete write. */
  async #replayLines(headSize: number, visit: Visit): Promise<{ length: number; coveredLength: number }> {
    // Lines beyond the head since the last signed one: the last record of every batch is signed, so these are kept
    // only if another signed one follows.
    let unsigned: ScannedLine[] = []
    let length = 0
    let coveredLength = 0
    const lines = scanLines(this.#disk, this.#path, { index: 0, at: 0 })
    const { at, rest } = await visitAll(lines, async line => {
      unsigned.push(line)
      if (line.index >= headSize && !isSignedLine(line.record)) return
      for (const kept of unsigned) {
        await visit(this.#found(kept))
        this.#mark(kept.index, kept.at)
      }
      unsigned = []
      this.#size = line.index + 1
      length = line.at + line.record.length + 1
      if (this.#size <= headSize) coveredLength = length
    })
    if (this.#size < headSize) throw rolledBack(this.#path, this.#size, headSize)
    if (!isIncompleteLine(rest, at))
      throw damaged(`${this.#path}, byte ${at}`, this.#size + unsigned.length, 'the line has no end')
    for (const line of unsigned) this.#checkUnsigned(line)
    return { length, coveredLength }
  }

  /** A line that is about to be cut must be what a recorder writes before the last of a batch, and nothing else. */
  #checkUnsigned(line: ScannedLine): void {
    if (!isUnsignedRecord(line.record))
      throw damaged(`${this.#path}, byte ${line.at}`, line.index, 'the line is not a record as it was written')
  }

  /**
   * Checks the journal of disclosures against the lines. Its frame is written first, so the frame of an incomplete
   * write may be there without its lines, whole or in part, and its indexes come again: the last frame counts.
   */
  async #replayJournal(headSize: number): Promise<void> {
    let uncovered = { segment: '', at: 0 }
    const tail = await visitAll(scanJournal(this.#disk, this.#journalFolder, false), frame => {
      const { first, count } = frame.header
      if (first > this.#size)
        throw damaged(
          this.#path,
          this.#size,
          `it ends here, and the journal holds disclosures of record ${first}: lines are missing`,
        )
      this.#journal.mark(frame)
      this.#disclosedTo = Math.max(this.#disclosedTo, first + count)
      const covered = first + count <= headSize
      if (covered || uncovered.segment !== frame.segment)
        uncovered = { segment: frame.segment, at: covered ? frameEnd(frame) : frame.at }
    })
    await this.#journal.resume(tail, tail.segment === uncovered.segment ? uncovered.at : 0)
  }

  append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    return this.#aside.enter(() => this.#append(entries, lone))
  }

  #append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    const first = this.#size
    // A frame whose lines never came gave these indexes to other disclosures: one without any takes them back.
    const isNeeded = first < this.#disclosedTo || entries.some(entry => entry.disclosures)
    if (isNeeded) this.#disclosedTo = Math.max(this.#disclosedTo, first + entries.length)
    const writing = isNeeded ? this.#journal.append(first, entries.map(withoutRecord), lone) : undefined
    // A crash here leaves disclosures of records that never were; the next frame takes their indexes.
    return writing
      ? writing.then(() => this.#appendLines(first, entries, lone))
      : this.#appendLines(first, entries, lone)
  }

  #appendLines(first: number, entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    const file = this.#file!
    const done = (): number => {
      let at = start
      for (const [i, { record }] of entries.entries()) {
        this.#mark(first + i, at)
        at += record.length + 1
      }
      this.#size = first + entries.length
      return first
    }
    const start = file.length
    const writing = file.append(concatBytes(...entries.flatMap(({ record }) => [record, NEWLINE])), lone)
    return writing ? writing.then(done) : done()
  }

  setAside(): Promise<number> {
    return this.#aside.alone(async () => {
      await this.#journal.setAside(this.#size)
      return this.#size
    })
  }

  async visit(indexes: ReadonlySet<number>, see: (index: number, disclosures: Uint8Array) => void): Promise<void> {
    for (const segment of await this.#segments())
      for await (const { first, entries } of countingFrames(this.#disk, segment))
        for (const [i, { disclosures }] of entries.entries())
          if (disclosures && indexes.has(first + i)) see(first + i, disclosures)
  }

  /**
   * Besides what `change` takes away, everything goes that no line belongs to: it may be the same disclosures, of a
   * write that failed and was made again.
   */
  async rewrite(indexes: ReadonlySet<number>, change: Change): Promise<void> {
    await removeTemporaries(this.#disk, this.#journalFolder)
    for (const segment of this.#journal.closed(this.#size))
      await rewriteFrames(this.#disk, segment, (index, disclosures) =>
        indexes.has(index) ? change(index, disclosures) : disclosures,
      )
  }

  async #segments(): Promise<readonly Segment[]> {
    const found = await listSegments(this.#disk, this.#journalFolder)
    return found.map((segment, i) => ({ ...segment, end: found[i + 1]?.first ?? this.#size }))
  }

  async *read(from: number, to: number): AsyncGenerator<SequencedRecord> {
    const at = this.#marks[Math.floor(from / TILE_WIDTH)]
    if (from >= to || at === undefined) return
    const start = { index: from - (from % TILE_WIDTH), at }
    for await (const line of scanLines(this.#disk, this.#path, start)) {
      if (line.index >= from) yield this.#found(line)
      if (line.index + 1 >= to) return
    }
  }

  #found({ index, record, at }: ScannedLine): SequencedRecord {
    return { index, record, place: () => `${this.#path}, byte ${at}` }
  }

  #mark(index: number, at: number): void {
    if (index % TILE_WIDTH === 0) this.#marks[index / TILE_WIDTH] = at
  }

  async close(): Promise<void> {
    await this.#file?.close()
    await this.#journal.close()
  }
}

/**
 * No tile is stored. The lowest level is computed again from the lines; of the levels above, full tiles stay in
 * memory, 32 bytes for 256 records, and partial ones are not asked for. Notes are files.
 */
class RecomputedObjects implements Objects {
  readonly #files: FileObjects
  readonly #notes: string
  readonly #lines: LineSequencer
  readonly #tiles = new Map<string, Uint8Array>()

  constructor(disk: Disk, layout: Layout, lines: LineSequencer) {
    // `notes/<hash>` of other stores is `<path>.notes/<hash>` here: a name beside the lines, not a folder around them.
    this.#notes = `${layout.target}.`
    this.#files = new FileObjects(disk, layout.target.slice(0, layout.target.lastIndexOf('/')))
    this.#lines = lines
  }

  async put(objects: readonly StoredObject[]): Promise<void> {
    for (const { path, bytes } of objects) {
      if (!path.startsWith('tile/')) await this.#files.put([{ path: this.#beside(path), bytes }])
      else if (/^tile\/[1-9]/.test(path) && !path.includes('.p/')) this.#tiles.set(path, bytes)
    }
  }

  async get(path: string): Promise<Uint8Array | undefined> {
    if (!path.startsWith('tile/')) return this.#files.get(this.#beside(path))
    const kept = this.#tiles.get(path)
    if (kept) return kept
    const { level, index, width } = parseTilePath(path)
    const from = index * TILE_WIDTH
    if ((level !== 0 && level !== 'entries') || from + width > this.#lines.size) return undefined
    const records: Uint8Array[] = []
    for await (const { record } of this.#lines.read(from, from + width)) records.push(record)
    return level === 0 ? hashTile(records.map(leafHash)) : encodeBundle(records)
  }

  async removePartials(): Promise<void> {}

  #beside(path: string): string {
    return `${this.#notes.slice(this.#notes.lastIndexOf('/') + 1)}${path}`
  }
}

const NEWLINE = toUtf8('\n')
const NOTHING = new Uint8Array(0)

const withoutRecord = ({ disclosures }: AppendEntry): AppendEntry =>
  disclosures ? { record: NOTHING, disclosures } : { record: NOTHING }
