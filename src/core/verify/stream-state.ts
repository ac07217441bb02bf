import type { Hash, Int, Key, StreamStart, Time } from '../record/index.js'
import type { IdentityState } from './report.js'
import type { Sessions } from './sessions.js'

/** What is remembered of one stream while its records go by: a few hundred bytes, and its open sessions. */
export interface StreamState {
  readonly id: Hash
  /** Index of its `stream.start`. */
  readonly first: number
  /** Absent when the start is of a kind that is not understood: then nothing in the stream can be attributed. */
  readonly start?: StartFacts
  /** It does not name this log: its records count for nothing here. */
  foreign: boolean
  /** Says that it is the operator’s, and is not: its records count for nothing. */
  pretender: boolean
  identity: IdentityState
  /** Newest attributed record: the one with the highest seq. */
  last: { readonly seq: Int; readonly leaf: Hash; readonly index: number }
  /** Highest index of an attributed record: of another one than `last` in a stream that is out of order. */
  highest: number
  records: number
  notUnderstood: number
  calls: number
  /** Calls of it that are not over and have no final outcome in it. */
  pending: number
  ended?: {
    readonly index: number /** Whether it counts as pending as many calls as are. */
    readonly countsPending: boolean
    /** Whether that cannot be known: not all of its calls are shown and judged. */
    readonly isBlurred: boolean
  }
  /** Index of the recovery that declared it dead. */
  recovered?: number
  readonly sessions: Sessions
  /** Leaf hashes of its `rules` records. */
  readonly rules: Set<Hash>
}

interface StartFacts {
  readonly agent: string
  readonly role: StreamStart['role']
  readonly identity: Key
  readonly key: Key
  /** By the recorder's clock. */
  readonly time: Time
}

/** Whether nothing more is to be expected of the stream. */
export const isOver = (stream: StreamState): boolean => stream.ended !== undefined || stream.recovered !== undefined

/** Whether two streams are of one agent under one identity: only then may one speak about calls of the other. */
export const isSameRecorder = (a: StreamState, b: StreamState): boolean =>
  a.start !== undefined &&
  b.start !== undefined &&
  a.start.identity === b.start.identity &&
  a.start.agent === b.start.agent
