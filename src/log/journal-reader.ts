import { resolve } from 'node:path'
import { isDeedlogError } from '../core/errors.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'
import { type Disk, diskErrorCode } from './disk.js'
import { reading } from './disk-error.js'
import { decodeFrameHeader, decodeFramePayload, FRAME_HEADER_BYTES, type FrameHeader, isPayloadOf } from './frame.js'
import { countingFrames } from './journal-rewrite.js'
import { damaged, listSegments } from './journal-scan.js'
import { filesLayout, jsonlLayout, type Layout } from './layout.js'
import { isSignedLine, scanLines } from './line-scan.js'
import { nodeDisk } from './node-disk.js'
import { findInVault, listVault, readVault } from './vault-file.js'
import { Window } from './window.js'

/*
 * Reads the private files of a log without its lock, while a writer may be at work: what has no end yet is not there.
 * Nothing is written. Where the files are missing or may not be read, the answer is that it is not known.
 */

/**
 * How many sequenced records no checkpoint covers yet; undefined when that cannot be known from here.
 * @param target  A log's directory, or its file of lines.
 */
export async function readAwaiting(target: string, disk: Disk = nodeDisk): Promise<number | undefined> {
  return whereReadable(async () => {
    const layout = await layoutOf(disk, target)
    const sequenced = layout.kind === 'files' ? await countJournal(disk, layout) : await countLines(disk, layout)
    const note = await reading(layout.checkpoint, disk.readFile(layout.checkpoint))
    if (sequenced === undefined || !note) return undefined
    return Math.max(0, sequenced - parseCheckpoint(parseNote(note).text).size)
  })
}

/**
 * The disclosures of the record at `index`, as they were handed over with it (spec/vault.md); undefined when there are
 * none, or the private files cannot be read. Nobody vouches for them: compare them with the record's commitments.
 *
 * @throws {UnavailableError} `log.damaged` when the journal is not as it was written
 */
export async function readDisclosures(
  target: string,
  index: number,
  disk: Disk = nodeDisk,
): Promise<Uint8Array | undefined> {
  return whereReadable(async () => {
    const layout = await layoutOf(disk, target)
    return unlessMoved(async () => {
      // First what a segment has shrunk to: where a crash left both, something may have been erased from it.
      for (const file of await listVault(disk, layout.journal))
        if (file.first <= index && index < file.end) return (await findInVault(disk, file, index))?.disclosures.slice()
      const segments = (await listSegments(disk, layout.journal)).filter(({ first }) => first <= index)
      // The frame of an incomplete write may be repeated, even in the next segment: the last one counts.
      for (const { path } of segments.slice(-2).reverse()) {
        const found = await findInSegment(disk, path, index)
        if (found) return found.disclosures
      }
      return undefined
    })
  })
}

/**
 * All disclosures that a log's private files hold, by index; undefined when they cannot be read from here.
 * @throws {UnavailableError} while it goes on: `log.damaged` when a file is not as it was written
 */
export async function readVaultOf(
  target: string,
  disk: Disk = nodeDisk,
): Promise<AsyncGenerator<{ readonly index: number; readonly disclosures: Uint8Array }> | undefined> {
  return whereReadable(async () => {
    const layout = await layoutOf(disk, target)
    if ((await disk.list(layout.journal)) === undefined) return undefined
    return disclosuresFrom(disk, layout, 0)
  })
}

async function* disclosuresFrom(
  disk: Disk,
  layout: Layout,
  from: number,
): AsyncGenerator<{ readonly index: number; readonly disclosures: Uint8Array }> {
  let next = from
  for (let attempt = 1; ; attempt++)
    try {
      for await (const found of disclosuresOnce(disk, layout, next)) {
        yield found
        next = found.index + 1
      }
      return
    } catch (error) {
      // A writer has shrunk what we were about to open.
      if (diskErrorCode(error) !== 'ENOENT' || attempt === ATTEMPTS_MAX) throw error
    }
}

async function* disclosuresOnce(
  disk: Disk,
  layout: Layout,
  from: number,
): AsyncGenerator<{ readonly index: number; readonly disclosures: Uint8Array }> {
  const vault = await listVault(disk, layout.journal)
  const segments = await listSegments(disk, layout.journal)
  for (const file of vault)
    if (file.end > from)
      for await (const { index, disclosures } of readVault(disk, file)) if (index >= from) yield { index, disclosures }
  for (const [i, segment] of segments.entries()) {
    const end = segments[i + 1]?.first ?? Number.MAX_SAFE_INTEGER
    if (end <= from || vault.some(file => file.first <= segment.first && segment.first < file.end)) continue
    for await (const { first, entries } of countingFrames(disk, { ...segment, end }))
      for (const [at, { disclosures }] of entries.entries())
        if (disclosures && first + at >= from) yield { index: first + at, disclosures }
  }
}

/** Whether an erasure was begun and has not come to its end; undefined when that cannot be known from here. */
export async function readErasing(target: string, disk: Disk = nodeDisk): Promise<boolean | undefined> {
  return whereReadable(async () => {
    const layout = await layoutOf(disk, target)
    if ((await disk.list(layout.journal)) === undefined) return undefined
    return (await disk.stat(layout.erasing)) !== undefined
  })
}

/** Again when a writer took a file away between the look at the folder and the look into the file. */
async function unlessMoved<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++)
    try {
      return await read()
    } catch (error) {
      if (diskErrorCode(error) !== 'ENOENT' || attempt === ATTEMPTS_MAX) throw error
    }
}

const ATTEMPTS_MAX = 5

async function findInSegment(
  disk: Disk,
  segment: string,
  index: number,
): Promise<{ readonly disclosures: Uint8Array | undefined } | undefined> {
  let covering: { header: FrameHeader; at: number } | undefined
  for await (const frame of frameHeaders(disk, segment)) {
    if (frame.header.first > index) break
    if (index < frame.header.first + frame.header.count) covering = frame
  }
  if (!covering) return undefined
  const { header, at } = covering
  const file = await disk.open(segment, 'read')
  try {
    const payload = await file.read(at + FRAME_HEADER_BYTES, header.payloadLength)
    if (!isPayloadOf(header, payload))
      throw damaged(`${segment}, byte ${at}`, index, 'the frame is not what its header names')
    return { disclosures: decodeFramePayload(header, payload)[index - header.first]!.disclosures?.slice() }
  } finally {
    await file.close()
  }
}

/** Goes from header to header, without reading what lies between. Ends at the first frame that is not whole. */
async function* frameHeaders(disk: Disk, segment: string): AsyncGenerator<{ header: FrameHeader; at: number }> {
  const file = await disk.open(segment, 'read')
  try {
    const length = await file.length()
    const window = new Window(file)
    for (let at = 0; at + FRAME_HEADER_BYTES <= length; ) {
      const header = decodeFrameHeader(await window.read(at, FRAME_HEADER_BYTES))
      const end = at + FRAME_HEADER_BYTES + (header?.payloadLength ?? 0)
      if (!header || end > length) return
      yield { header, at }
      at = end
    }
  } finally {
    await file.close()
  }
}

async function countJournal(disk: Disk, layout: Layout): Promise<number | undefined> {
  if ((await disk.list(layout.journal)) === undefined) return undefined
  const segments = await listSegments(disk, layout.journal)
  const last = segments[segments.length - 1]
  // All segments have shrunk, because a checkpoint covers all records.
  if (!last) return 0
  let size = last.first
  for await (const { header } of frameHeaders(disk, last.path)) size = header.first + header.count
  return size
}

async function countLines(disk: Disk, layout: Layout): Promise<number> {
  let size = 0
  // The last record of a write is signed; lines after it belong to one that has not come to its end.
  for await (const { record, index } of scanLines(disk, layout.target, { index: 0, at: 0 }))
    if (isSignedLine(record)) size = index + 1
  return size
}

async function layoutOf(disk: Disk, target: string): Promise<Layout> {
  const path = resolve(target)
  const found = await reading(path, disk.stat(path))
  return found?.kind === 'directory' ? filesLayout(path) : jsonlLayout(path)
}

/** A stranger's copy has no private files, and another user may not look into them. */
async function whereReadable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    const code = isDeedlogError(error) ? error.code : diskErrorCode(error)
    if (code !== undefined && UNKNOWN.has(code)) return undefined
    throw error
  }
}

const UNKNOWN = new Set(['log.permission', 'EACCES', 'EPERM', 'ENOENT'])
