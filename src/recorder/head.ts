import { sha256Hex } from '#crypto'
import { toHex } from '../core/bytes/hex.js'
import { VerificationError } from '../core/errors.js'
import type { After, LogRef } from '../core/record/types.js'
import { parseCheckpoint } from '../core/tlog/checkpoint.js'
import { parseNote } from '../core/tlog/note.js'
import type { Sink } from './sink.js'

/** The newest checkpoint this recorder has seen, to be carried as `after` (spec/record.md §5). */
export class Head {
  readonly #sink: Sink
  readonly #newest = new Map<string, { size: number; root: string }>()

  constructor(sink: Sink) {
    this.#sink = sink
  }

  /**
   * Asks for the newest checkpoint of one of `logs`.
   *
   * @returns undefined while there is none
   * @throws {VerificationError} `recorder.head` when it is of another log, or when this log was longer before or had
   *   another root at this size
   * @throws {MalformedError} when it is no checkpoint
   */
  async read(logs: readonly LogRef[]): Promise<After | undefined> {
    const note = await this.#sink.head()
    if (!note) return undefined
    const { origin, size, root: rootBytes } = parseCheckpoint(parseNote(note).text)
    const root = toHex(rootBytes)
    const refuse = (why: string): never => {
      throw new VerificationError('recorder.head', `the checkpoint of ${JSON.stringify(origin)}, size ${size}, ${why}`)
    }
    if (!logs.some(log => log.origin === origin)) refuse('is of a log that this stream does not name')
    const seen = this.#newest.get(origin)
    if (seen && seen.size > size) refuse(`is older than one seen before, of size ${seen.size}`)
    if (seen && seen.size === size && seen.root !== root) refuse('has another root than one seen before of that size')
    this.#newest.set(origin, { size, root })
    return size === 0 ? undefined : { origin, size, root, note: sha256Hex(note) }
  }
}
