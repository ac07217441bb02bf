import { MalformedError } from '../errors.js'
import { TILE_WIDTH } from './tile.js'

/** Bytes of the longest entry that a bundle can carry: its length is a uint16. C2SP tlog-tiles, "Log entries". */
export const ENTRY_BYTES_MAX = 65_535

/**
 * The bytes of an entry bundle: each entry after its length as a big-endian uint16.
 *
 * @param entries  1 to 256 entries of 0 to 65,535 bytes.
 * @throws {RangeError} for more, fewer or longer ones.
 * @see C2SP tlog-tiles, "Log entries"
 */
export function encodeBundle(entries: readonly Uint8Array[]): Uint8Array {
  checkWidth(entries.length)
  const bytes = new Uint8Array(entries.reduce((length, entry) => length + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    if (entry.length > ENTRY_BYTES_MAX)
      throw new RangeError(`an entry has at most ${ENTRY_BYTES_MAX} bytes, not ${entry.length}`)
    bytes[at] = Math.floor(entry.length / 256)
    bytes[at + 1] = entry.length % 256
    bytes.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bytes
}

/**
 * The entries of a bundle, as views of its bytes. Nothing says that they are the log's: compare their leaf hashes
 * with a verified tile.
 *
 * @param width  Entries the bundle must hold, 1 to 256, from its path.
 * @throws {MalformedError} `bundle.length` when the bytes end inside an entry or go on after the last.
 * @throws {RangeError} unless `width` is from 1 to 256.
 */
export function decodeBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  checkWidth(width)
  const entries: Uint8Array[] = []
  let at = 0
  while (entries.length < width) {
    const from = at + 2
    const to = from + (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)
    if (to > bytes.length) throw malformed(`ends inside entry ${entries.length}`, width)
    entries.push(bytes.subarray(from, to))
    at = to
  }
  if (at !== bytes.length) throw malformed(`has ${bytes.length - at} bytes after its last entry`, width)
  return entries
}

const malformed = (what: string, width: number): MalformedError =>
  new MalformedError('bundle.length', `the entry bundle ${what}`, {
    expected: `exactly ${width} entries, each after its length as two bytes`,
  })

function checkWidth(width: number): void {
  if (!Number.isInteger(width) || width < 1 || width > TILE_WIDTH)
    throw new RangeError(`a bundle has 1 to ${TILE_WIDTH} entries, not ${width}`)
}
