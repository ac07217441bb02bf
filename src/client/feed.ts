import { isDeedlogError, type MalformedError, type UnavailableError } from '../core/errors.js'
import type { ParsedRecord } from '../core/record/index.js'
import { TILE_WIDTH } from '../core/tlog/index.js'
import { feedBundle, type Kept, type LogVerifier } from '../core/verify/index.js'
import { feedAnchors } from './feed-anchors.js'
import { keptFor } from './kept.js'
import type { AnchorListing, LogSource, RawEntry } from './source.js'
import type { TileCheck } from './tile-check.js'

/** Told how many entries were read, of how many when that is known. */
export type OnProgress = (done: number, total?: number) => void

// Telling somebody after each of a million entries would cost more than reading them.
const PROGRESS_EVERY = 1024

/** An entry with all that is known of it without looking at others. */
export interface CheckedEntry {
  readonly record: Uint8Array
  readonly parsed: ParsedRecord
  readonly leaf: Uint8Array
}

/** Bundles that others have read and parsed ahead of the one who judges. */
export interface ReadAhead {
  /**
   * The bundles of the first `size` entries, in order; undefined for one that the caller has to read itself. `root` is
   * there for a full one whose tile at the lowest level holds just its leaf hashes.
   */
  bundles(
    size: number,
  ): AsyncIterable<{ readonly entries: readonly CheckedEntry[]; readonly root: Uint8Array | undefined } | undefined>
  close(): Promise<void>
}

/** Why not all entries could be read. */
export interface Interruption {
  /** Index of the first entry that could not be read. */
  readonly at: number
  readonly error: MalformedError | UnavailableError
}

/**
 * Feeds a log to a verifier: checkpoint, then entries, as often as it asks.
 *
 * @param tiles    Compared with the entries in the first pass.
 * @param anchors  Beside the log, listed before this begins.
 * @param ahead    Begins to read ahead, where that is worth while for so many entries.
 * @returns why not all of them could be read; undefined when nothing came between.
 */
export async function feed(
  source: LogSource,
  verifier: LogVerifier,
  options: {
    readonly tiles?: TileCheck | undefined
    readonly anchors?: AnchorListing | undefined
    readonly onProgress?: OnProgress | undefined
    readonly ahead?: ((size: number) => ReadAhead | undefined) | undefined
  } = {},
): Promise<Interruption | undefined> {
  if (source.bundle) {
    feedBundle(source.bundle, verifier)
    return undefined
  }
  const note = await checkpointOf(source)
  if (isDeedlogError(note)) verifier.found('checkpoint.malformed', `the checkpoint is none: ${note.message}`)
  else verifier.checkpoint(note)
  if (options.anchors) await feedAnchors(options.anchors, verifier)
  const { size } = verifier
  const kept = await keptFor(source, verifier)
  options.tiles?.startAt(kept?.below ?? 0)
  // Who reads ahead begins with entry 0.
  const ahead = size === undefined || kept ? undefined : options.ahead?.(size)
  try {
    return await passes(source, verifier, size, ahead, { ...options, kept })
  } finally {
    await ahead?.close()
  }
}

async function passes(
  source: LogSource,
  verifier: LogVerifier,
  size: number | undefined,
  ahead: ReadAhead | undefined,
  options: {
    readonly tiles?: TileCheck | undefined
    readonly onProgress?: OnProgress | undefined
    readonly kept?: Kept | undefined
  },
): Promise<Interruption | undefined> {
  let interruption: Interruption | undefined
  let { tiles } = options
  do {
    interruption = undefined
    let next = addKept(verifier, options.kept)
    try {
      const add = (record: Uint8Array, checked?: CheckedEntry): Uint8Array => {
        const leaf = verifier.add(next, record, checked)
        next++
        if (next % PROGRESS_EVERY === 0) options.onProgress?.(next, size)
        return leaf
      }
      const addAll = async (entries: AsyncIterable<RawEntry>): Promise<void> => {
        for await (const { record } of entries) {
          const leaf = add(record)
          const complete = tiles?.add(leaf)
          if (complete) await complete
        }
      }
      const addChecked = async (entries: readonly CheckedEntry[], root: Uint8Array | undefined): Promise<void> => {
        for (const entry of entries) {
          const leaf = add(entry.record, entry)
          const complete = root ? undefined : tiles?.add(leaf)
          if (complete) await complete
        }
        if (root) await tiles?.addFull(root)
      }
      if (ahead && size !== undefined) {
        for await (const bundle of ahead.bundles(size))
          if (bundle) await addChecked(bundle.entries, bundle.root)
          else await addAll(source.entries({ from: next, to: Math.min(next + TILE_WIDTH, size) }))
      } else await addAll(source.entries({ from: next, ...(size === undefined ? {} : { to: size }) }))
    } catch (error) {
      if (!isInterruption(error)) throw error
      interruption = { at: next, error }
    }
    tiles = undefined
    options.onProgress?.(next, size)
  } while (verifier.again())
  return interruption
}

/** What pruning kept. @returns the index of the next entry */
function addKept(verifier: LogVerifier, kept: Kept | undefined): number {
  for (const part of kept?.parts ?? [])
    if ('hash' in part) verifier.skip(part.index, part.level, part.hash)
    else verifier.add(part.index, part.record)
  return kept?.below ?? 0
}

/** The signed checkpoint, or why what stands in its place is none: it is a link, a pipe, or longer than any. */
export async function checkpointOf(source: LogSource): Promise<Uint8Array | MalformedError | undefined> {
  try {
    return await source.checkpoint()
  } catch (error) {
    if (isMalformed(error)) return error
    throw error
  }
}

// What this machine does not let us read (`file.unreadable`) is no evidence, and is thrown.
const isInterruption = (error: unknown): error is MalformedError | UnavailableError =>
  isDeedlogError(error) && INTERRUPTIONS.has(error.code)

const INTERRUPTIONS: ReadonlySet<string> = new Set([
  'source.entries-missing',
  'bundle.length',
  'file.kind',
  'file.length',
])

const isMalformed = (error: unknown): error is MalformedError =>
  isDeedlogError(error) && error.name === 'MalformedError'
