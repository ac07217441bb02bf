import { isDeedlogError, quote } from '../core/errors.js'
import { feedBundle, finishBundle, type LogVerifier, type Report } from '../core/verify/index.js'
import { feed, type Interruption, type OnProgress, type ReadAhead } from './feed.js'
import { alteredEntries, readEntries } from './locate.js'
import type { LogSource } from './source.js'
import { TileCheck, tilesHashTo } from './tile-check.js'

/*
 * From a source to a report. Needs no Node: the command line and the auditor's page both judge with this.
 */

/**
 * Has a verifier judge all that a source holds: checkpoint, entries as often as it asks, tiles, notes.
 *
 * @throws {UnavailableError} `source.changed`, or what the source throws that is no evidence (`file.unreadable`)
 */
export async function judge(
  source: LogSource,
  verifier: LogVerifier,
  options: {
    readonly onProgress?: OnProgress | undefined
    readonly ahead?: ((size: number) => ReadAhead | undefined) | undefined
  } = {},
): Promise<Report> {
  if (source.bundle) {
    feedBundle(source.bundle, verifier)
    return finishBundle(source.bundle, verifier)
  }
  const tiles = source.tile ? new TileCheck(path => source.tile!(path)) : undefined
  // Before the checkpoint is read: see `feedAnchors`.
  const anchors = await source.anchors?.()
  const interruption = await feed(source, verifier, { ...options, tiles, anchors })
  if (interruption) await reportInterruption(source, verifier, interruption)
  else await compareTiles(source, verifier, tiles)
  for (const hash of verifier.notesWanted()) {
    const note = await noteOf(source, hash)
    if (note) verifier.note(hash, note)
  }
  const moved = await source.moved?.()
  if (moved) verifier.found('log.moved', `the log was moved to ${quote(moved.to)} at ${quote(moved.time)}`)
  for (const { name, asked, error } of (await source.notWitnessed?.()) ?? [])
    verifier.found(
      'witness.not-cosigned',
      `${quote(name)} did not cosign ${asked.size} records when it was asked at ${quote(asked.time)}: ${quote(error!.message)}`,
    )
  const awaiting = await awaitingOf(source)
  return verifier.finish(awaiting === undefined ? {} : { awaiting })
}

/** A note that records cite. What is no file, or may not be read, is as good as none. */
async function noteOf(source: LogSource, hash: string): Promise<Uint8Array | undefined> {
  try {
    return await source.note?.(hash)
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

/** How many records wait for a checkpoint. A damaged journal is its writer's trouble: the log is what is judged. */
async function awaitingOf(source: LogSource): Promise<number | undefined> {
  try {
    return await source.awaiting?.()
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

async function reportInterruption(
  source: LogSource,
  verifier: LogVerifier,
  { at, error }: Interruption,
): Promise<void> {
  const size = verifier.size ?? 0
  verifier.tilesChecked('not_checked', 'not all records could be read')
  if (error.code === 'source.entries-missing') {
    const what = `${error.message}; the checkpoint was signed over ${size}`
    verifier.found(await missingCode(source, at, size), what, { indexes: [at], count: size - at })
  } else
    verifier.found('entries.unreadable', `from entry ${at} on: ${error.message}`, { indexes: [at], count: size - at })
  const { root } = verifier
  if (!source.tile || !root || !(await tilesHashTo(source.tile, size, root))) return
  const { entries, count } = await alteredEntries(source, size, ALTERED_MAX)
  if (count > 0) verifier.altered(entries, count)
}

/** Pruning keeps entry 0, which alone can promise it, and the operators' records: without those it is none. */
async function missingCode(source: LogSource, at: number, size: number) {
  return at === 0 && (await isThere(source, size - 1)) ? 'entries.pruned-not-permitted' : 'entries.missing'
}

async function isThere(source: LogSource, index: number): Promise<boolean> {
  try {
    for await (const _ of source.entries({ from: index, to: index + 1 })) return true
  } catch {
    // Missing or damaged, which is reported where it matters.
  }
  return false
}

/** Tiles against entries: when they differ, whichever hashes to the signed root is what was signed. */
async function compareTiles(source: LogSource, verifier: LogVerifier, tiles: TileCheck | undefined): Promise<void> {
  const { size, root } = verifier
  if (!tiles || !source.tile || !root || size === undefined)
    return verifier.tilesChecked('not_checked', 'this kind of log has no tiles')
  const { compared, missing, differing, indexes, count } = await tiles.finish()
  for (const path of missing) verifier.found('tile.missing', `${path} is not here`)
  if (differing.length === 0)
    return verifier.tilesChecked(
      missing.length > 0 ? 'not_checked' : 'passed',
      `${compared} compared, ${missing.length} missing`,
    )
  verifier.tilesChecked('failed', `${differing.length} of ${compared} tiles differ from the records`)
  if (verifier.rootDiffers && (await tilesHashTo(source.tile, size, root)))
    return verifier.altered(await readEntries(source, indexes.slice(0, ALTERED_MAX)), count)
  for (const path of differing) verifier.found('tile.altered', `${path} is not what its records hash to`)
}

// Altered entries that are described one by one; the rest is counted.
const ALTERED_MAX = 16
