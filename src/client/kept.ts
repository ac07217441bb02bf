import { isDeedlogError, UnavailableError } from '../core/errors.js'
import { type Kept, type LogVerifier, parseKept } from '../core/verify/index.js'
import type { LogSource } from './source.js'

/**
 * What pruning kept of a source's log, where its first entries are gone; undefined where they are here, or where nothing
 * that can be read was kept in their place.
 *
 * @throws {MalformedError} `kept.form`, `file.kind`, `file.length`
 */
export function keptIn(source: LogSource): Promise<Kept | undefined> {
  // Asked for by everybody who reads a log from its beginning, and up to a quarter of a gigabyte long.
  let found = parsed.get(source)
  if (!found) {
    found = readKept(source)
    parsed.set(source, found)
  }
  return found
}

const parsed = new WeakMap<LogSource, Promise<Kept | undefined>>()

async function readKept(source: LogSource): Promise<Kept | undefined> {
  const bytes = await source.kept?.()
  return bytes && parseKept(bytes)
}

/** The same for a verifier, told of what it will not be shown. What cannot be read, or reaches too far, speaks against the log. */
export async function keptFor(source: LogSource, verifier: LogVerifier): Promise<Kept | undefined> {
  let kept: Kept | undefined
  try {
    kept = await keptIn(source)
  } catch (error) {
    if (!isDeedlogError(error) || error.name !== 'MalformedError') throw error
    verifier.found('entries.pruned-not-permitted', error.message)
    return undefined
  }
  if (!kept) return undefined
  if (kept.below > (verifier.size ?? 0)) {
    const size = verifier.size ?? 0
    verifier.found('entries.pruned-not-permitted', `below ${kept.below} are said to be pruned, and ${size} are signed`)
    return undefined
  }
  const notes = await Promise.all(kept.notes.map(hash => noteOf(source, hash)))
  verifier.pruned(
    kept.below,
    notes.filter(note => note !== undefined),
  )
  return kept
}

/** What is no file, or may not be read, is as good as none. */
async function noteOf(source: LogSource, hash: string): Promise<Uint8Array | undefined> {
  try {
    return await source.note?.(hash)
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

/** @throws {UnavailableError} `source.pruned` for an entry below those that are all here */
export async function refusePruned(source: LogSource, index: number): Promise<void> {
  const below = (await keptIn(source))?.below ?? 0
  if (index >= below) return
  throw new UnavailableError('source.pruned', `entry ${index} was pruned, with others below ${below}`, {
    expected: `an entry from ${below} on; a bundle or a proof that was made before still verifies`,
  })
}
