import { type Kept, parseKept } from '../../core/verify/index.js'
import { Aside } from '../aside.js'
import type { AppendEntry } from '../backend.js'
import { readBundles } from '../bundles.js'
import { type Disk, diskErrorCode, replaceFile } from '../disk.js'
import { diskError, reading } from '../disk-error.js'
import { Journal } from '../journal.js'
import {
  damaged,
  frameEnd,
  listSegments,
  rolledBack,
  type ScannedFrame,
  scanJournal,
  visitAll,
} from '../journal-scan.js'
import { type Layout, PRIVATE_FILE_MODE } from '../layout.js'
import type { Change, Objects, SequencedRecord, Sequencer, Shortcut, Store, Vault, Visit } from '../ports.js'
import { shrinkSegment } from '../shrink.js'
import { FileHead } from './file-head.js'
import { FileKeys } from './file-keys.js'
import { FileObjects } from './file-objects.js'
import { planFile, removeTemporaries, VaultFolder } from './vault-folder.js'

/**
 * The files store: a private journal fixes the order and carries disclosures in the same write; tiles are files that
 * any web server can serve. Once the tiles hold the records of a journal segment, only its disclosures are kept.
 *
 * @param segmentBytes  Length at which a segment of the journal is not gone on with; for tests.
 */
export function filesStore(disk: Disk, layout: Layout, segmentBytes?: number): Store {
  const objects = new FileObjects(disk, layout.publicFolder!)
  const sequencer = new JournalSequencer(disk, layout.journal, objects, segmentBytes)
  const resume = `${layout.privateFolder}/resume`
  const kept = keptPath(layout)
  return {
    sequencer,
    vault: {
      shrink: (size, ending) => sequencer.shrink(size, ending),
      visit: (indexes, see) => sequencer.visit(indexes, see),
      setAside: () => sequencer.setAside(),
      rewrite: (size, indexes, change) => sequencer.rewrite(size, indexes, change),
      ...planFile(disk, layout),
    } satisfies Vault,
    shortcut: {
      read: () => reading(resume, disk.readFile(resume)),
      keep: bytes => reading(resume, replaceFile(disk, resume, bytes, PRIVATE_FILE_MODE)),
      seal: () => sequencer.seal(),
      resume: (size, seal) => sequencer.resume(size, seal),
    } satisfies Shortcut,
    kept: async () => {
      const bytes = await reading(kept, disk.readFile(kept))
      const found = bytes && readKept(bytes, kept)
      sequencer.beginAt(found?.below ?? 0)
      return found
    },
    objects,
    head: new FileHead(disk, layout),
    keys: new FileKeys(disk, layout),
    keepsTiles: true,
    close: () => sequencer.close(),
  }
}

/** Where pruning puts down what it keeps. */
export const keptPath = ({ publicFolder }: Layout): string => `${publicFolder}/kept/records.jsonl`

function readKept(bytes: Uint8Array, path: string): Kept {
  try {
    return parseKept(bytes)
  } catch (error) {
    throw damaged(path, undefined, (error as Error).message)
  }
}

class JournalSequencer implements Sequencer {
  readonly #disk: Disk
  readonly #folder: string
  readonly #objects: Objects
  readonly #journal: Journal
  readonly #vault: VaultFolder
  readonly #aside = new Aside()
  readonly #endingBytes: number
  #size = 0
  /** Records below this were pruned. */
  #begin = 0
  /** Records below this are read from their bundles. */
  #bundled = 0
  /** Entries of a tree that was signed, at least {@link #bundled}: of its bundles at least one form is there. */
  #signed = 0
  /** Changes of the vault: one after the other. */
  #changing: Promise<void> = Promise.resolve()

  constructor(disk: Disk, folder: string, objects: Objects, segmentBytes?: number) {
    this.#disk = disk
    this.#folder = folder
    this.#objects = objects
    this.#journal = new Journal(disk, folder, segmentBytes)
    this.#vault = new VaultFolder(disk, folder)
    this.#endingBytes = Math.min(ENDING_BYTES, segmentBytes ?? ENDING_BYTES)
  }

  get size(): number {
    return this.#size
  }

  /** Nothing below is read any more. Before anything else. */
  beginAt(below: number): void {
    this.#begin = below
  }

  async replay(headSize: number, visit: Visit): Promise<void> {
    await removeTemporaries(this.#disk, this.#folder)
    const { path = 'the journal', first } = await this.#removeShrunk(headSize)
    // Segments shrink from the first one on, once a head covers them; where none is left, all are shrunk.
    this.#bundled = first ?? headSize
    this.#signed = headSize
    if (this.#bundled > headSize) throw rolledBack(`the head before ${path}`, headSize, this.#bundled)
    if (this.#bundled < this.#begin) throw damaged(path, this.#bundled, `records below ${this.#begin} were pruned`)
    for await (const found of this.#fromBundles(this.#begin, this.#bundled)) await visit(found)
    this.#size = this.#bundled
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

  /** Finishes what a crash left of shrinking. @returns the first segment that is left, if any */
  async #removeShrunk(headSize: number): Promise<{ readonly path?: string; readonly first?: number }> {
    const vault = await this.#vault.list()
    // Nothing shrinks that no head covers: an older head was put back.
    for (const { path, end } of vault) if (end > headSize) throw rolledBack(`the head before ${path}`, headSize, end)
    let synced = false
    for (const segment of await listSegments(this.#disk, this.#folder)) {
      // A vault file gets its name when it is whole and synced, so the segment is what a crash kept from being removed.
      if (!vault.some(({ first, end }) => first <= segment.first && segment.first < end)) return segment
      try {
        // Its name may not be durable yet.
        if (!synced) await this.#disk.syncDirectory(this.#folder)
        synced = true
        await this.#disk.remove(segment.path)
        await this.#disk.syncDirectory(this.#folder)
      } catch (cause) {
        throw diskError(cause, segment.path, false)
      }
    }
    return {}
  }

  /** Names and versions of the segments; vault files hold no records. */
  async seal(): Promise<string | undefined> {
    const segments = await listSegments(this.#disk, this.#folder)
    const found = await Promise.all(segments.map(({ path }) => reading(path, this.#disk.stat(path))))
    if (found.some(each => each?.version === undefined)) return undefined
    return segments.map(({ first }, i) => `${first} ${found[i]!.version}`).join('\n')
  }

  async resume(size: number, seal: string): Promise<boolean> {
    if ((await this.seal()) !== seal) return false
    const segments = await listSegments(this.#disk, this.#folder)
    const vault = await this.#vault.list()
    if (vault.some(({ end }) => end > (segments[0]?.first ?? size))) return false
    await removeTemporaries(this.#disk, this.#folder)
    for (const { path, first } of segments) this.#journal.mark({ header: { first }, segment: path, at: 0 })
    const last = segments[segments.length - 1]
    if (last) {
      const { length } = (await reading(last.path, this.#disk.stat(last.path)))!
      await this.#journal.resume({ segment: last.path, length, incomplete: false }, length)
    }
    this.#bundled = segments[0]?.first ?? size
    this.#signed = size
    this.#size = size
    return true
  }

  append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    return this.#aside.enter(() => this.#append(entries, lone))
  }

  #append(entries: readonly AppendEntry[], lone: boolean): number | Promise<number> {
    const first = this.#size
    const done = (): number => {
      this.#size = first + entries.length
      return first
    }
    const writing = this.#journal.append(first, entries, lone)
    return writing ? writing.then(done) : done()
  }

  async *read(from: number, to: number): AsyncGenerator<SequencedRecord> {
    let next = Math.max(from, this.#begin)
    while (next < to) {
      const before = next
      const source =
        next < this.#bundled ? this.#fromBundles(next, Math.min(to, this.#bundled)) : this.#records(next, to)
      try {
        for await (const found of source) {
          yield found
          next = found.index + 1
        }
      } catch (error) {
        // The segment has shrunk since we looked.
        if (diskErrorCode(error) !== 'ENOENT' || next >= this.#bundled) throw error
        continue
      }
      if (next === before) return
    }
  }

  #fromBundles(from: number, to: number): AsyncGenerator<SequencedRecord> {
    return readBundles(this.#objects, { from, to, size: this.#signed })
  }

  /** Records of one segment. */
  async *#records(from: number, to: number): AsyncGenerator<SequencedRecord> {
    for await (const frame of this.#journal.frames(from)) {
      if (frame.header.first >= to) return
      if (frame.header.first + frame.header.count <= from) continue
      for (const found of recordsOf(frame)) if (found.index >= from && found.index < to) yield found
    }
  }

  shrink(size: number, ending: boolean): Promise<void> {
    if (!ending && this.#journal.closed(size).length === 0) return Promise.resolve()
    return this.#inOrder(async () => {
      // A small one is gone on with by the next start: a log that is opened for each call would have a file for each.
      if (ending && size === this.#size && this.#journal.lengthOfLast >= this.#endingBytes) await this.setAside()
      await this.#shrinkClosed(size)
    })
  }

  visit(indexes: ReadonlySet<number>, see: (index: number, disclosures: Uint8Array) => void): Promise<void> {
    return this.#inOrder(async () => {
      await this.#vault.visit(indexes, see)
      let last = -1
      for (const index of indexes) last = Math.max(last, index)
      for (let next = this.#bundled; next <= last && next < this.#size; ) {
        const before = next
        for await (const frame of this.#journal.frames(next)) {
          for (const [i, { disclosures }] of frame.entries().entries())
            if (disclosures && indexes.has(frame.header.first + i)) see(frame.header.first + i, disclosures)
          next = frame.header.first + frame.header.count
        }
        if (next === before) return
      }
    })
  }

  setAside(): Promise<number> {
    return this.#aside.alone(async () => {
      await this.#journal.setAside(this.#size)
      return this.#size
    })
  }

  rewrite(size: number, indexes: ReadonlySet<number>, change: Change): Promise<void> {
    const changeThese: Change = (index, disclosures) => (indexes.has(index) ? change(index, disclosures) : disclosures)
    return this.#inOrder(async () => {
      await removeTemporaries(this.#disk, this.#folder)
      await this.#vault.rewrite(indexes, changeThese)
      await this.#shrinkClosed(size, changeThese)
    })
  }

  async #shrinkClosed(size: number, change?: Change): Promise<void> {
    this.#signed = Math.max(this.#signed, size)
    const tree = { objects: this.#objects, size }
    for (const segment of this.#journal.closed(size))
      await shrinkSegment(this.#disk, this.#folder, segment, tree, change, () => {
        this.#bundled = segment.end
        this.#journal.forget(segment.path)
      })
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    const working = this.#changing.then(work).catch(cause => {
      throw diskError(cause, this.#folder, true)
    })
    this.#changing = working.catch(() => {})
    return working
  }

  async close(): Promise<void> {
    await this.#changing
    await this.#journal.close()
  }
}

function* recordsOf(frame: ScannedFrame): Generator<SequencedRecord> {
  const place = () => `${frame.segment}, byte ${frame.at}`
  for (const [i, { record }] of frame.entries().entries()) yield { index: frame.header.first + i, record, place }
}

const ENDING_BYTES = 256 * 1024
