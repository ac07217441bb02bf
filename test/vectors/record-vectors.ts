import { bytesVectors } from './record-bytes.js'
import { callVectors } from './record-calls.js'
import { commitmentVectors } from './record-commitments.js'
import { schemaVectors } from './record-schemas.js'
import { streamVectors } from './record-streams.js'

/** One file of vectors: one claim, and the cases that hold it. */
export interface VectorFile {
  /** The claim, or the attack, in one sentence. */
  readonly about: string
  /** Where spec/record.md says so. */
  readonly section: string
  readonly kind:
    | 'json'
    | 'format'
    | 'capture'
    | 'commitment'
    | 'disclosure'
    | 'record'
    | 'signature'
    | 'stream'
    | 'call'
  readonly cases: readonly VectorCase[]
}

export interface VectorCase {
  readonly name: string
  readonly [member: string]: unknown
}

/** All files under spec/vectors/, by path without `.json`. */
export const vectors = (): ReadonlyMap<string, VectorFile> =>
  new Map([...bytesVectors(), ...commitmentVectors(), ...schemaVectors(), ...streamVectors(), ...callVectors()])
