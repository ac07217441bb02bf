import { equalBytes } from '../core/bytes/equal.js'
import { DeedlogError, isDeedlogError } from '../core/errors.js'
import {
  type AddCheckpoint,
  type Checkpoint,
  EMPTY_ROOT,
  parseCheckpoint,
  parseNote,
  type SignedNote,
  type VerifierKey,
  verifyConsistency,
  verifyNote,
} from '../core/tlog/index.js'

/*
 * Whether a witness may cosign: C2SP tlog-witness, "add-checkpoint", in the order of its paragraphs. Pure: what the
 * witness knows comes in, what it should do goes out.
 */

/** What a witness knows of one log. */
export interface KnownLog {
  /** Keys (0x01) whose checkpoints count, all of the log's origin. */
  readonly keys: readonly VerifierKey[]
  /** What it cosigned last; undefined when nothing yet. */
  readonly last: Pick<Checkpoint, 'size' | 'root'> | undefined
}

export type Judgement =
  | { readonly status: 200; readonly checkpoint: Checkpoint; readonly signedBy: readonly VerifierKey[] }
  | {
      readonly status: 400 | 403 | 404 | 409 | 422
      /** A sentence without anything of the request in it. */
      readonly why: string
      /** With 409: the size of what was cosigned last. */
      readonly size?: number
      /** The log's own signature is on a tree that another tree of it contradicts: proof of a fork. */
      readonly fork?: true
    }

/** A note that a request carries, with its checkpoint. */
export interface Submitted {
  readonly note: SignedNote
  readonly checkpoint: Checkpoint
}

/** @throws {MalformedError} when the note is none or holds no checkpoint: status 400 */
export function readSubmitted({ note: bytes }: AddCheckpoint): Submitted {
  const note = parseNote(bytes)
  return { note, checkpoint: parseCheckpoint(note.text) }
}

/**
 * @param log  What is known of the log of `submitted.checkpoint.origin`; undefined when this is no log of ours.
 */
export function judge(request: AddCheckpoint, submitted: Submitted, log: KnownLog | undefined): Judgement {
  if (!log) return { status: 404, why: 'this witness does not know the log' }
  const { note, checkpoint } = submitted
  const signedBy = signersOf(note, log.keys)
  if (!signedBy) return { status: 403, why: 'the checkpoint bears no good signature of a known key of the log' }
  if (request.old > checkpoint.size) return { status: 400, why: 'the old size is above the size of the checkpoint' }
  const { size, root } = log.last ?? NOTHING
  if (request.old !== size) {
    // The size says where to go on from; the root of that size may still tell of a fork.
    const isFork = log.last !== undefined && checkpoint.size === size && !equalBytes(checkpoint.root, root)
    return {
      status: 409,
      why: 'the old size is not the one that was cosigned last',
      size,
      ...(isFork ? { fork: true as const } : {}),
    }
  }
  // RFC 6962 §2.1: the root of the empty tree is the hash of the empty string.
  if (checkpoint.size === 0 && !equalBytes(checkpoint.root, EMPTY_ROOT))
    return { status: 422, why: 'the root is not that of the empty tree' }
  if (size === 0 && request.proof.length > 0)
    return { status: 422, why: 'nothing was cosigned yet, so there is nothing to prove' }
  try {
    verifyConsistency(size, checkpoint.size, root, checkpoint.root, request.proof)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    const isFork = checkpoint.size === size
    return {
      status: 422,
      why: isFork ? 'another root of this size was cosigned' : 'the proof does not lead from the one cosigned last',
      ...(isFork ? { fork: true as const } : {}),
    }
  }
  return { status: 200, checkpoint, signedBy }
}

function signersOf(note: SignedNote, keys: readonly VerifierKey[]): readonly VerifierKey[] | undefined {
  try {
    return verifyNote(note, keys)
  } catch (error) {
    if (error instanceof DeedlogError) return undefined
    throw error
  }
}

const NOTHING = { size: 0, root: EMPTY_ROOT }
