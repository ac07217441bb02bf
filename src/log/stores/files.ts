import type { AppendEntry } from '../backend.js'
import { type Disk, replaceFile } from '../disk.js'
import { reading } from '../disk-error.js'
import { Journal } from '../journal.js'
import { frameEnd, listSegments, rolledBack, type ScannedFrame, scanJournal, visitAll } from '../journal-scan.js'
import { type Layout, PRIVATE_FILE_MODE } from '../layout.js'
import type { SequencedRecord, Sequencer, Shortcut, Store, Visit } from '../ports.js'
import { FileHead } from './file-head.js'
import { FileKeys } from './file-keys.js'
import { FileObjects } from './file-objects.js'

/**
 * The files store: a private journal fixes the order and carries disclosures in the same write; tiles are files that
 * any web server can serve.
 */
export function filesStore(disk: Disk, layout: Layout): Store {
  const sequencer = new JournalSequencer(disk, layout.journal)
  const resume = `${layout.privateFolder}/resume`
  return {
    sequencer,
    shortcut: {
      read: () => reading(resume, disk.readFile(resume)),
      keep: bytes => reading(resume, replaceFile(disk, resume, bytes, PRIVATE_FILE_MODE)),
      seal: () => sequencer.seal(),
      resume: (size, seal) => sequencer.resume(size, seal),
    } satisfies Shortcut,
    objects: new FileObjects(disk, layout.publicFolder!),
    head: new FileHead(disk, layout),
    keys: new FileKeys(disk, layout),
    keepsTiles: true,
    close: () => sequencer.close(),
  }
}

class JournalSequencer implements Sequencer {
  readonly #disk: Disk
  readonly #folder: string
  readonly #journal: Journal
  #size = 0

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
    this.#journal = new Journal(disk, folder)
  }

  get size(): number {
    return this.#size
  }

  async replay(headSize: number, visit: Visit): Promise<void> {
    // Where in the last segment the frames begin that no checkpoint covers.
    let uncovered = { segment: '', at: 0 }
    const tail = await visitAll(scanJournal(this.#disk, this.#folder, true), async frame => {
      this.#journal.mark(frame)
      for (const found of recordsOf(frame)) await visit(found)
      this.#size = frame.header.first + frame.header.count
      if (this.#size <= headSize || uncovered.segment !== frame.segment)
        uncovered = { segment: frame.segment, at: this.#size <= headSize ? frameEnd(frame) : frame.at }
    })
    if (this.#size < headSize) throw rolledBack(this.#folder, this.#size, headSize)
    // A later segment is only begun after everything in the earlier ones was synced.
    await this.#journal.resume(tail, tail.segment === uncovered.segment ? uncovered.at : 0)
  }

  /** Names and versions of the segments. */
  async seal(): Promise<string | undefined> {
    const segments = await listSegments(this.#disk, this.#folder)
    const found = await Promise.all(segments.map(({ path }) => reading(path, this.#disk.stat(path))))
    if (segments.length === 0 || found.some(each => each?.version === undefined)) return undefined
    return segments.map(({ first }, i) => `${first} ${found[i]!.version}`).join('\n')
  }

  async resume(size: number, seal: string): Promise<boolean> {
    if ((await this.seal()) !== seal) return false
    const segments = await listSegments(this.#disk, this.#folder)
    for (const { path, first } of segments) this.#journal.mark({ header: { first }, segment: path, at: 0 })
    const { path: segment } = segments[segments.length - 1]!
    const { length } = (await reading(segment, this.#disk.stat(segment)))!
    await this.#journal.resume({ segment, length, incomplete: false }, length)
    this.#size = size
    return true
  }

  append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    const first = this.#size
    const done = (): number => {
      this.#size = first + entries.length
      return first
    }
    const writing = this.#journal.append(first, entries, lone)
    return writing ? writing.then(done) : done()
  }

  async *read(from: number, to: number): AsyncGenerator<SequencedRecord> {
    if (from >= to) return
    for await (const frame of this.#journal.frames(from)) {
      if (frame.header.first >= to) return
      if (frame.header.first + frame.header.count <= from) continue
      for (const found of recordsOf(frame)) if (found.index >= from && found.index < to) yield found
      if (frame.header.first + frame.header.count >= to) return
    }
  }

  close(): Promise<void> {
    return this.#journal.close()
  }
}

function* recordsOf(frame: ScannedFrame): Generator<SequencedRecord> {
  const place = () => `${frame.segment}, byte ${frame.at}`
  for (const [i, { record }] of frame.entries().entries()) yield { index: frame.header.first + i, record, place }
}
