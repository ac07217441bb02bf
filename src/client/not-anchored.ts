import { type AnchorFile, parseAnchorFile, parseAnchorFileName } from '../core/anchor/index.js'
import { isDeedlogError } from '../core/errors.js'
import type { LogSource } from './source.js'

/** Of each anchor of a log, what its keeper says of the newest checkpoint, where that is not dated. */
export type NotAnchored = Pick<AnchorFile, 'kind' | 'name' | 'size' | 'state' | 'code' | 'detail'>

// A log has a handful; a stranger's folder may name any number.
const ANCHORS_MAX = 64

/** The anchors whose newest checkpoint failed, or still waits after a failure. The keeper's word, not evidence. */
export async function notAnchored(source: LogSource): Promise<NotAnchored[]> {
  const listing = await source.anchors?.()
  const newest = new Map<string, string>()
  // Ascending by size: the last one of each stays.
  for (const name of listing?.names ?? []) {
    const { kind, name: own } = parseAnchorFileName(name)!
    const key = `${kind} ${own}`
    if (newest.has(key) || newest.size < ANCHORS_MAX) newest.set(key, name)
  }
  const found: NotAnchored[] = []
  for (const name of newest.values()) {
    const file = await readAnchor(() => listing!.read(name))
    if (!file || !(file.state === 'failed' || (file.state === 'pending' && file.code !== undefined))) continue
    const { kind, name: own, size, state, code, detail } = file
    const why = { ...(code === undefined ? {} : { code }), ...(detail === undefined ? {} : { detail }) }
    found.push({ kind, name: own, size, state, ...why })
  }
  return found
}

/** What cannot be read is a verification's to report. */
async function readAnchor(read: () => Promise<Uint8Array | undefined>): Promise<AnchorFile | undefined> {
  try {
    const bytes = await read()
    return bytes && parseAnchorFile(bytes)
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}
