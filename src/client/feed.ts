import { isDeedlogError, type MalformedError, type UnavailableError } from '../core/errors.js'
import type { LogVerifier } from '../core/verify/index.js'
import type { LogSource } from './source.js'
import type { TileCheck } from './tile-check.js'

/** Told how many entries were read, of how many when that is known. */
export type OnProgress = (done: number, total?: number) => void

// Telling somebody after each of a million entries would cost more than reading them.
const PROGRESS_EVERY = 1024

/** Why not all entries could be read. */
export interface Interruption {
  /** Index of the first entry that could not be read. */
  readonly at: number
  readonly error: MalformedError | UnavailableError
}

/**
 * Feeds a log to a verifier: checkpoint, then entries, as often as it asks.
 *
 * @param tiles  Compared with the entries in the first pass.
 * @returns why not all of them could be read; undefined when nothing came between.
 */
export async function feed(
  source: LogSource,
  verifier: LogVerifier,
  options: { readonly tiles?: TileCheck | undefined; readonly onProgress?: OnProgress | undefined } = {},
): Promise<Interruption | undefined> {
  verifier.checkpoint(await source.checkpoint())
  const { size } = verifier
  let interruption: Interruption | undefined
  let { tiles } = options
  do {
    interruption = undefined
    let next = 0
    try {
      for await (const { index, record } of source.entries(size === undefined ? {} : { to: size })) {
        const leaf = verifier.add(index, record)
        next = index + 1
        const complete = tiles?.add(leaf)
        if (complete) await complete
        if (next % PROGRESS_EVERY === 0) options.onProgress?.(next, size)
      }
    } catch (error) {
      if (!isInterruption(error)) throw error
      interruption = { at: next, error }
    }
    tiles = undefined
    options.onProgress?.(next, size)
  } while (verifier.again())
  return interruption
}

const isInterruption = (error: unknown): error is MalformedError | UnavailableError =>
  isDeedlogError(error) && (error.code === 'source.entries-missing' || error.code === 'bundle.length')
