import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { ANCHOR_BYTES_MAX, parseAnchorFileName } from '../core/anchor/index.js'
import { readForeignFile } from './read-file.js'
import type { AnchorListing } from './source.js'

// Each costs a signature. A log that is anchored every hour has so many after two years; of more, these are spread
// over the whole, and the newest is among them.
const ANCHORS_MAX = 16_384
// A stranger's folder may hold any number of names.
const NAMES_MAX = 200_000

/** The anchors in a folder beside a log, as they are there now. A folder that is not there, or is a link, holds none. */
export async function anchorsIn(folder: string): Promise<AnchorListing> {
  const names: string[] = []
  let seen = 0
  const isFolder = (await lstat(folder).catch(() => undefined))?.isDirectory() ?? false
  const entries = isFolder ? await opendir(folder).catch(() => undefined) : undefined
  for await (const { name } of entries ?? []) {
    if (++seen > NAMES_MAX) break
    if (parseAnchorFileName(name)) names.push(name)
  }
  names.sort()
  const step = Math.ceil(names.length / ANCHORS_MAX)
  const kept = step <= 1 ? names : names.filter((_, i) => (names.length - 1 - i) % step === 0)
  return {
    names: kept,
    passedOver: names.length - kept.length,
    read: name => readForeignFile(join(folder, name), ANCHOR_BYTES_MAX),
  }
}
