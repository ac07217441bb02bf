import { type AnchorFile, parseAnchorFile } from '../core/anchor/index.js'
import { toHex } from '../core/bytes/hex.js'
import { isDeedlogError } from '../core/errors.js'
import type { BundleAnchor } from '../core/verify/index.js'
import type { LogSource } from './source.js'

// A log is anchored in a handful of places.
const ANCHORS_MAX = 16

/**
 * What dates the entries up to `last`: of each kind and name, the anchor of the smallest checkpoint above it.
 *
 * @param last  Index of the newest intent that was asked for.
 * @param size  Of the tree: an anchor of a larger one is of no use.
 */
export async function anchorsFor(source: LogSource, last: number, size: number): Promise<readonly BundleAnchor[]> {
  if (source.bundle) return source.bundle.anchors
  const found = new Map<string, BundleAnchor>()
  const listing = await source.anchors?.()
  for (const name of listing?.names ?? []) {
    const file = await read(() => listing!.read(name))
    if (file?.evidence === undefined || file.state !== 'anchored' || file.size <= last || file.size > size) continue
    const key = `${file.kind} ${file.name}`
    const before = found.get(key)
    if (before ? before.size <= file.size : found.size >= ANCHORS_MAX) continue
    found.set(key, { kind: file.kind, size: file.size, root: toHex(file.root), evidence: file.evidence })
  }
  return [...found.values()]
}

async function read(bytes: () => Promise<Uint8Array | undefined>): Promise<AnchorFile | undefined> {
  try {
    const found = await bytes()
    return found && parseAnchorFile(found)
  } catch (error) {
    // What cannot be read dates nothing; a verification of the log says so.
    if (isDeedlogError(error)) return undefined
    throw error
  }
}
