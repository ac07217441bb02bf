import { MalformedError } from '../core/errors.js'
import { BUNDLE_BYTES_MAX, BUNDLE_LINES_MAX } from '../core/verify/index.js'
import { afterOf, type ExportSurvey, type LooseRecord, leafOf, readLoosely } from './export-survey.js'

// A stream that says more often that records are missing has said it.
const LOSSES_MAX = 16

/** The second reading: the records that go into a bundle, with those that attribute them. */
export class ExportGather {
  readonly #survey: ExportSurvey
  readonly #showsAll: boolean
  /** Records by their index, ascending. */
  readonly records = new Map<number, Uint8Array>()
  #bytes = 0
  /** Streams with a shown record that no signature covers yet. */
  readonly #open = new Set<string>()
  /** The newest record of each stream that cites a checkpoint, if it is not shown yet. */
  readonly #citing = new Map<string, { readonly index: number; readonly bytes: Uint8Array }>()
  readonly #losses = new Map<string, number>()
  /** Notes that shown records cite, with the size of the tree that each is of. */
  readonly notes = new Map<string, number>()
  /** Of the notes that any record cites of a size above the last intent, the smallest. */
  above: { readonly size: number; readonly note: string } | undefined

  constructor(survey: ExportSurvey, showsAll: boolean) {
    this.#survey = survey
    this.#showsAll = showsAll
  }

  /** Indexes of the intents that were asked for. */
  get asked(): readonly number[] {
    return this.#survey.asked
  }

  add(index: number, bytes: Uint8Array): void {
    const record = readLoosely(bytes)
    const after = record && afterOf(record)
    const last = this.#survey.asked.at(-1)
    if (after && last !== undefined && after.size > last && after.size < (this.above?.size ?? Number.POSITIVE_INFINITY))
      this.above = after
    const stream = typeof record?.['stream'] === 'string' ? record['stream'] : undefined
    const isShown =
      index === 0 || this.#showsAll || (record !== undefined && this.#belongs(index, bytes, record, stream))
    if (!isShown) {
      if (after && record?.['sig'] !== undefined && stream !== undefined && this.#survey.streams.has(stream))
        this.#citing.set(stream, { index, bytes: bytes.slice() })
      return
    }
    if (stream !== undefined && record?.['type'] === 'intent' && this.#survey.selected.has(index))
      this.#showCiting(stream)
    this.#show(index, bytes)
    if (stream === undefined || this.#showsAll) return
    if (record?.['sig'] === undefined) this.#open.add(stream)
    else this.#open.delete(stream)
  }

  #belongs(index: number, bytes: Uint8Array, record: LooseRecord, stream: string | undefined): boolean {
    const { selected, streams, sessions, rules } = this.#survey
    const { type, session } = record
    if (stream === undefined) return type === 'stream.start' && streams.has(leafOf(bytes))
    if (selected.has(index) || this.#open.has(stream)) return true
    if (type === 'session.end') return typeof session === 'string' && sessions.has(`${stream} ${session}`)
    if (type === 'rules') return rules.has(leafOf(bytes))
    if (!streams.has(stream)) return false
    if (type !== 'loss') return type === 'stream.end'
    const losses = this.#losses.get(stream) ?? 0
    this.#losses.set(stream, losses + 1)
    return losses < LOSSES_MAX
  }

  /** The call was made after that checkpoint. */
  #showCiting(stream: string): void {
    const citing = this.#citing.get(stream)
    if (!citing) return
    this.#citing.delete(stream)
    this.#show(citing.index, citing.bytes)
  }

  #show(index: number, bytes: Uint8Array): void {
    if (this.records.has(index)) return
    this.records.set(index, bytes.slice())
    this.#bytes += bytes.length
    // Each record has its line, and hashes around it: refused before memory fills, not when all is written.
    if (this.#bytes > BUNDLE_BYTES_MAX || this.records.size > BUNDLE_LINES_MAX) throw tooLarge()
    const after = this.#afterOf(bytes)
    if (after) this.notes.set(after.note, after.size)
  }

  #afterOf(bytes: Uint8Array): { readonly size: number; readonly note: string } | undefined {
    const record = readLoosely(bytes)
    return record && afterOf(record)
  }
}

export const tooLarge = (cause?: unknown): MalformedError =>
  new MalformedError('export.too-large', 'what was asked for does not fit into one bundle', {
    expected: `at most ${BUNDLE_BYTES_MAX} bytes and ${BUNDLE_LINES_MAX} lines: fewer calls, or the log itself`,
    cause,
  })
