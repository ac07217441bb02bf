import { equalBytes } from '../core/bytes/equal.js'
import { leafHash } from '../core/tlog/index.js'
import { type BundlePart, bundleParts } from './bundles.js'
import { type Disk, temporaryOf } from './disk.js'
import { isPayloadOf } from './frame.js'
import type { Segment } from './journal.js'
import { damaged, framesFrom } from './journal-scan.js'
import type { Change, Objects } from './ports.js'
import { type VaultEntry, vaultName, writeVault } from './vault-file.js'

/**
 * Puts a vault file in the place of a segment whose records the tiles of a signed tree hold; none where it has no
 * disclosures. The records were read back from their bundles before this is over: the segment is their only other copy.
 *
 * A crash leaves the segment, or both, or the vault file: a segment that begins inside a vault file is what was shrunk.
 *
 * @param size    Entries of the signed tree, at least `segment.end`.
 * @param change  What becomes of each record's disclosures; default: they stay.
 * @param gone    Called when records must be read from their bundles from here on.
 */
export async function shrinkSegment(
  disk: Disk,
  folder: string,
  segment: Segment,
  tree: { readonly objects: Pick<Objects, 'get'>; readonly size: number },
  change: Change | undefined,
  gone: () => void,
): Promise<void> {
  const path = `${folder}/${vaultName(segment.first, segment.end)}`
  const count = await writeVault(disk, path, disclosuresOf(disk, segment, tree, change))
  if (count > 0) {
    await disk.rename(temporaryOf(path), path)
    await disk.syncDirectory(folder)
  }
  // From here on nothing needs the segment.
  gone()
  await disk.remove(segment.path)
  // One at a time: the segments that are left must follow one another whatever a power cut leaves of this folder.
  await disk.syncDirectory(folder)
}

/** By frame. */
async function* disclosuresOf(
  disk: Disk,
  { path, first, end }: Segment,
  tree: { readonly objects: Pick<Objects, 'get'>; readonly size: number },
  change: Change | undefined,
): AsyncGenerator<readonly VaultEntry[]> {
  const parts = bundleParts(tree.objects, { from: first, to: end, size: tree.size })
  let part: BundlePart | undefined
  let next = first
  let sinceTurn = 0
  try {
    for await (const frame of framesFrom(disk, path, 0)) {
      const place = `${path}, byte ${frame.at}`
      if (frame.header.first !== next || !isPayloadOf(frame.header, frame.payload))
        throw damaged(place, next, 'the frame is not as it was written')
      const entries: VaultEntry[] = []
      for (const { record, disclosures } of frame.entries()) {
        if (!part || next >= part.first + part.records.length)
          part = (await parts.next()).value as BundlePart | undefined
        const bundled = part?.records[next - part.first]
        if (!bundled || !equalBytes(bundled, record))
          throw damaged(place, next, 'its entry bundle holds another record')
        const kept = disclosures && change ? change(next, disclosures) : disclosures
        if (kept) entries.push({ index: next, leaf: leafHash(record), disclosures: kept })
        next++
        sinceTurn += record.length + (disclosures?.length ?? 0)
        if (sinceTurn < TURN_BYTES) continue
        sinceTurn = 0
        // Others wait for this thread.
        await new Promise(resolve => setImmediate(resolve))
      }
      yield entries
    }
  } finally {
    await parts.return(undefined)
  }
  if (next !== end) throw damaged(path, next, `the segment ends before record ${end}`)
}

// Parsed, hashed twice and compared in well under a millisecond.
const TURN_BYTES = 128 * 1024
