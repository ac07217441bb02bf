import { AppendFile } from './append-file.js'
import type { AppendEntry } from './backend.js'
import type { Disk } from './disk.js'
import { reading } from './disk-error.js'
import { encodeFrame } from './frame.js'
import { framesFrom, type JournalTail, type ScannedFrame } from './journal-scan.js'
import { PRIVATE_FILE_MODE, parseSegmentName, segmentName } from './layout.js'

/**
 * The private journal: segments of framed, checksummed writes, each after the sync of the one before. The files
 * store's order of records is this; the jsonl store keeps its disclosures in one. Format: `spec/layout.md`.
 */
export class Journal {
  readonly #disk: Disk
  readonly #folder: string
  readonly #segmentBytes: number
  #file: AppendFile | undefined
  /** Where to start reading for an index: one mark per {@link MARK_RECORDS} records, not one per frame. */
  #marks: Mark[] = []
  /** All segments, in order. */
  #segments: { readonly path: string; readonly first: number }[] = []
  /** A segment was begun, and making its file failed: it may be there all the same. */
  #halfBegun = false
  /** Where the last segment ends, once nothing is appended to it any more. */
  #endOfLast = 0

  /** @param segmentBytes  A segment is not begun anew before it has so many bytes; one frame may be longer. */
  constructor(disk: Disk, folder: string, segmentBytes = SEGMENT_BYTES) {
    this.#disk = disk
    this.#folder = folder
    this.#segmentBytes = segmentBytes
  }

  /** Bytes of the segment that is being written. */
  get lengthOfLast(): number {
    return this.#file?.length ?? 0
  }

  /** Segments that nothing is appended to any more and that end at or below record `size`: oldest first. */
  closed(size: number): readonly Segment[] {
    const last = this.#segments.length - 1
    return this.#segments.flatMap((segment, i) => {
      const end = this.#segments[i + 1]?.first ?? (this.#file ? undefined : this.#endOfLast)
      return end !== undefined && end <= size && (i < last || !this.#file) ? [{ ...segment, end }] : []
    })
  }

  /** The next append begins a new segment. Not while one is under way. @param size  Records that are durable. */
  async setAside(size: number): Promise<void> {
    const file = this.#file
    const first = this.#segments[this.#segments.length - 1]?.first ?? 0
    // A segment is named for its first record: without any, the next one would have its name.
    if (!file || file.length === 0) return
    this.#file = undefined
    this.#endOfLast = size
    await file.close()
    if (first < size) return
    // Its frames are of writes that never came to their end: jsonl, when the lines failed.
    this.forget(file.path)
    await reading(file.path, this.#disk.remove(file.path))
    await reading(this.#folder, this.#disk.syncDirectory(this.#folder))
  }

  /** The file of a segment is gone, or about to be. */
  forget(path: string): void {
    this.#segments = this.#segments.filter(segment => segment.path !== path)
    this.#marks = this.#marks.filter(mark => mark.segment !== path)
  }

  /** Remembers a frame that was scanned, for later reading. */
  mark(frame: { readonly header: { readonly first: number }; readonly segment: string; readonly at: number }): void {
    this.#know(frame.segment)
    const last = this.#marks[this.#marks.length - 1]
    if (last && last.segment === frame.segment && frame.header.first < last.first + MARK_RECORDS) return
    this.#marks.push({ first: frame.header.first, segment: frame.segment, at: frame.at })
  }

  /**
   * Goes on where a scan ended: cuts the incomplete write, if there is one.
   * @param rewriteFrom  Where the frames begin that no signed checkpoint covers, see `AppendFile.reopen`.
   */
  async resume(tail: JournalTail, rewriteFrom: number): Promise<void> {
    if (tail.segment === undefined) return
    this.#know(tail.segment)
    this.#file = await AppendFile.reopen(this.#disk, tail.segment, tail.length, rewriteFrom)
  }

  #know(path: string): void {
    if (this.#segments[this.#segments.length - 1]?.path === path) return
    const first = parseSegmentName(path.slice(path.lastIndexOf('/') + 1))
    if (first !== undefined) this.#segments.push({ path, first })
  }

  /**
   * Appends one frame durably. With `lone` it blocks and answers without a promise, unless a segment must begin.
   * @throws {UnavailableError} `log.no-space`
   * @throws {HaltedError} `log.write-failed`
   */
  append(first: number, entries: readonly AppendEntry[], lone: boolean): void | Promise<void> {
    const frame = encodeFrame(first, entries)
    const file = this.#file
    if (!file || this.#halfBegun || (file.length > 0 && file.length + frame.length > this.#segmentBytes))
      return this.#begin(first).then(next => this.#appendTo(next, first, frame, false))
    return this.#appendTo(file, first, frame, lone)
  }

  #appendTo(file: AppendFile, first: number, frame: Uint8Array, lone: boolean): void | Promise<void> {
    const at = file.length
    const done = () => this.mark({ header: { first }, segment: file.path, at })
    const writing = file.append(frame, lone)
    return writing ? writing.then(done) : done()
  }

  /** A crash below leaves an empty segment, which the next start goes on with. */
  async #begin(first: number): Promise<AppendFile> {
    const path = `${this.#folder}/${segmentName(first)}`
    // Going on in the segment before, as a shorter frame could, would leave its records and this file's name in
    // contradiction. Nothing was saved since, so the name is the same.
    if (this.#halfBegun) await reading(path, this.#disk.remove(path))
    this.#halfBegun = true
    const file = await AppendFile.create(this.#disk, path, PRIVATE_FILE_MODE)
    this.#halfBegun = false
    await this.#file?.close()
    this.#file = file
    this.#know(path)
    return file
  }

  /** The frames of one segment from about record `from` on: of the segment that holds it. */
  async *frames(from: number): AsyncGenerator<ScannedFrame> {
    const start = this.#marks.findLast(mark => mark.first <= from)
    if (start) yield* framesFrom(this.#disk, start.segment, start.at)
  }

  close(): Promise<void> {
    return this.#file?.close() ?? Promise.resolve()
  }
}

export interface Segment {
  readonly path: string
  /** Its records: `first` up to, not including, `end`. */
  readonly first: number
  readonly end: number
}

interface Mark {
  readonly first: number
  readonly segment: string
  readonly at: number
}

const MARK_RECORDS = 256
// Integrated segments shrink, so this bounds how much lies on the disk twice while a log is open; with fewer bytes, a
// large log would have more files than a folder is pleasant with.
const SEGMENT_BYTES = 16 * 1024 * 1024
