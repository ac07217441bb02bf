import { AppendFile } from './append-file.js'
import type { AppendEntry } from './backend.js'
import type { Disk } from './disk.js'
import { encodeFrame } from './frame.js'
import { framesFrom, type JournalTail, type ScannedFrame } from './journal-scan.js'
import { PRIVATE_FILE_MODE, segmentName } from './layout.js'

/**
 * The private journal: segments of framed, checksummed writes, each after the sync of the one before. The files
 * store's order of records is this; the jsonl store keeps its disclosures in one. Format: `spec/layout.md`.
 */
export class Journal {
  readonly #disk: Disk
  readonly #folder: string
  #file: AppendFile | undefined
  /** Where to start reading for an index: one mark per {@link MARK_RECORDS} records, not one per frame. */
  readonly #marks: Mark[] = []

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** Remembers a frame that was scanned, for later reading. */
  mark(frame: { readonly header: { readonly first: number }; readonly segment: string; readonly at: number }): void {
    const last = this.#marks[this.#marks.length - 1]
    if (last && last.segment === frame.segment && frame.header.first < last.first + MARK_RECORDS) return
    this.#marks.push({ first: frame.header.first, segment: frame.segment, at: frame.at })
  }

  /**
   * Goes on where a scan ended: cuts the incomplete write, if there is one.
   * @param rewriteFrom  Where the frames begin that no signed checkpoint covers, see `AppendFile.reopen`.
   */
  async resume(tail: JournalTail, rewriteFrom: number): Promise<void> {
    if (tail.segment !== undefined)
      this.#file = await AppendFile.reopen(this.#disk, tail.segment, tail.length, rewriteFrom)
  }

  /**
   * Appends one frame durably. With `lone` it blocks and answers without a promise, unless a segment must begin.
   * @throws {UnavailableError} `log.no-space`
   * @throws {HaltedError} `log.write-failed`
   */
  append(first: number, entries: readonly AppendEntry[], lone: boolean): void | Promise<void> {
    const frame = encodeFrame(first, entries)
    const file = this.#file
    if (!file || (file.length > 0 && file.length + frame.length > SEGMENT_BYTES_MAX))
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
    const file = await AppendFile.create(this.#disk, path, PRIVATE_FILE_MODE)
    await this.#file?.close()
    this.#file = file
    return file
  }

  /** The frames that may hold records from index `from` on, and all that follow. */
  async *frames(from: number): AsyncGenerator<ScannedFrame> {
    let i = this.#marks.findLastIndex(mark => mark.first <= from)
    if (i < 0) i = 0
    let start = this.#marks[i]
    while (start) {
      yield* framesFrom(this.#disk, start.segment, start.at)
      const segment = start.segment
      while (i < this.#marks.length && this.#marks[i]!.segment === segment) i++
      start = this.#marks[i]
    }
  }

  close(): Promise<void> {
    return this.#file?.close() ?? Promise.resolve()
  }
}

interface Mark {
  readonly first: number
  readonly segment: string
  readonly at: number
}

const MARK_RECORDS = 256
/** A segment is not begun anew before it has this many bytes; one frame may be longer. */
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024
