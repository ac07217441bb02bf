import type { Hash, StreamStart } from '../record/index.js'
import type { Attribution } from './attribution.js'

/**
 * What one pass over the entries leaves for the next. A first pass takes every stream for a plain chain, which in an
 * honest log it is; what does not fit is put down here and looked at again.
 */
export interface Knowledge {
  /** Streams that are no plain chain, as they were found to be. */
  readonly odd: ReadonlyMap<Hash, Attribution>
  /** Starts that stand behind records of their own stream, the first copy of each. */
  readonly lateStarts: ReadonlyMap<Hash, { readonly index: number; readonly record: StreamStart }>
  readonly strays: ReadonlySet<number>
  readonly copies: ReadonlySet<number>
  /** Intents whose calls are to be kept although they are closed. */
  readonly watched: ReadonlySet<Hash>
  /** `<stream> <call>` of ids that may have been used twice. */
  readonly watchedIds: ReadonlySet<string>
  /** Sizes whose roots will be asked for. */
  readonly sizes: ReadonlySet<number>
  /** Entries to be described. */
  readonly described: ReadonlySet<number>
}

export const NOTHING_KNOWN: Knowledge = {
  odd: new Map(),
  lateStarts: new Map(),
  strays: new Set(),
  copies: new Set(),
  watched: new Set(),
  watchedIds: new Set(),
  sizes: new Set(),
  described: new Set(),
}
