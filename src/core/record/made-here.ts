import type { JsonObject } from './shape.js'
import type { Hash } from './types.js'

/*
 * Records that were encoded a moment ago, by their leaf hashes. A log in the process of its recorder is handed bytes that
 * the same code has just checked member by member and written; parsing them again would take a tenth of the whole call
 * and give the same answer, since nobody finds other bytes with that hash. It saves time, it decides nothing: what is not
 * here is parsed.
 */

const made = new Map<Hash, JsonObject>()
// Some batches. Where no log of this process takes them, they are forgotten all at once.
const MADE_MAX = 1024

/** Remembers a record whose bytes `encodeRecord` gave. Nobody may change `json` any more. */
export function rememberMade(leaf: Hash, json: JsonObject): void {
  if (made.size >= MADE_MAX) made.clear()
  made.set(leaf, json)
}

/** Whether looking is worth a hash. */
export const anyMade = (): boolean => made.size > 0

/** What {@link rememberMade} was told of the record with this leaf hash, once. */
export function takeMade(leaf: Hash): JsonObject | undefined {
  const json = made.get(leaf)
  if (json) made.delete(leaf)
  return json
}
