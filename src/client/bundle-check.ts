import { equalBytes } from '../core/bytes/equal.js'
import { type ParsedRecord, parseRecord, type Record } from '../core/record/index.js'
import { decodeBundle, fullTileRoot, splitTile, TILE_WIDTH } from '../core/tlog/index.js'
import type { CheckedEntry } from './feed.js'

/*
 * What a thread does with a bundle, and what its caller makes of the answer. Everything about a record that needs no
 * other record is done there: bytes, canonical form, schema, leaf hash. What crosses is text, because parsing a text of
 * which all that is known costs less than copying objects between threads.
 */

/** A bundle whose entries are all records, in a form that crosses threads cheaply. */
export interface CheckedBundle {
  readonly bytes: Uint8Array
  /** The records as the items of one JSON array. */
  readonly text: string
  /** The leaf hashes, one after the other. */
  readonly leaves: Uint8Array
  /** Of a full bundle, the root over its leaves, if its tile at the lowest level holds just these. */
  readonly root: Uint8Array | undefined
  /** Records that are not understood, and why. */
  readonly why: ReadonlyMap<number, string>
}

/**
 * @param tile  The bytes of the tile at the lowest level, of a full bundle.
 * @returns undefined for a bundle that is not whole or holds what is no record: the caller finds out what it is.
 */
export function checkBundle(bytes: Uint8Array, width: number, tile?: Uint8Array): CheckedBundle | undefined {
  const leaves = Buffer.alloc(HASH_BYTES * width)
  const why = new Map<number, string>()
  // Each entry comes after its length in two bytes, so there is room for a comma between any two and for the brackets.
  const text = Buffer.alloc(bytes.length + 1)
  let at = 0
  try {
    for (const [i, record] of decodeBundle(bytes, width).entries()) {
      const parsed = parseRecord(record)
      if (!parsed.understood) why.set(i, parsed.why)
      leaves.write(parsed.leaf, HASH_BYTES * i, 'hex')
      text[at++] = i === 0 ? BRACKET_OPEN : COMMA
      text.set(record, at)
      at += record.length
    }
  } catch {
    return undefined
  }
  text[at++] = BRACKET_CLOSE
  const root = tile && equalBytes(tile, leaves) ? fullTileRoot(splitTile(leaves, TILE_WIDTH)) : undefined
  return { bytes, text: text.toString('utf8', 0, at), leaves, root, why }
}

/** The entries of a bundle that was checked in this process. */
export function entriesOf({ bytes, text, leaves, why }: CheckedBundle): CheckedEntry[] {
  const items = JSON.parse(text) as ParsedRecord['json'][]
  const hashes = Buffer.from(leaves.buffer, leaves.byteOffset, leaves.length)
  return decodeBundle(bytes, items.length).map((record, i) => {
    const json = items[i]!
    const leaf = hashes.toString('hex', HASH_BYTES * i, HASH_BYTES * (i + 1))
    const reason = why.get(i)
    const parsed: ParsedRecord =
      reason === undefined
        ? { understood: true, record: json as unknown as Record, json, leaf, bytes: record }
        : { understood: false, why: reason, json, leaf, bytes: record }
    return { record, parsed, leaf: leaves.subarray(HASH_BYTES * i, HASH_BYTES * (i + 1)) }
  })
}

const HASH_BYTES = 32
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d
const COMMA = 0x2c
