import { sha256 } from '#crypto'
import type { AnchorMode } from '../core/anchor/index.js'
import { toUtf8 } from '../core/bytes/utf8.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'

/*
 * The port of everything outside that dates a checkpoint: time-stamp authorities, chains, trails. An anchor says that a
 * root existed by its time, and nothing of forks (spec/record.md §7). What drives it, queues, retries, status files and
 * the schedule, is `anchor-runner.ts`; an anchor itself keeps nothing.
 */

/** A checkpoint that is to be anchored. */
export interface AnchoredCheckpoint {
  readonly origin: string
  /** Entries in the tree, from 1. */
  readonly size: number
  /** 32 bytes. */
  readonly root: Uint8Array
  /** The note's text: origin, size, root, three lines with their newlines. */
  readonly text: string
  /** SHA-256 of `text`, 32 bytes: what is anchored. */
  readonly digest: Uint8Array
  /** The signed note. */
  readonly note: Uint8Array
}

/** What an anchor is given for one attempt. */
export interface Attempt {
  /** Fires when the attempt has taken too long or the log is being closed: stop, and reject. */
  readonly signal: AbortSignal
  /** Milliseconds since 1970. */
  readonly nowMs: number
  /** `length` unguessable bytes. */
  random(length: number): Uint8Array
}

/** How far an anchor got. */
export type Progress =
  | {
      readonly state: 'anchored'
      /** What an auditor will verify: at most 65,536 bytes, public. What it is, the kind says. */
      readonly evidence: Uint8Array
    }
  | {
      readonly state: 'pending'
      /** Whatever `poll` needs to go on, also after a restart: private, at most 65,536 bytes. */
      readonly resume: Uint8Array
      /** What can be shown already. */
      readonly evidence?: Uint8Array
      /** What is being waited for: one sentence, public. */
      readonly detail?: string
      /** When to ask again, in milliseconds from now. Default: as after a failure. */
      readonly afterMs?: number
    }
  | {
      readonly state: 'skipped'
      /** Why there is nothing to be done for this checkpoint: one sentence, public. */
      readonly detail: string
    }

/** One place outside that dates checkpoints. Two anchors of one log differ in kind or name. */
export interface Anchor {
  /** What its evidence is: `rfc3161`, `evm`, ... Lowercase letters, digits, hyphens; 1 to 64. */
  readonly kind: string
  /** Which of that kind: the operator's word for it, of the same characters. */
  readonly name: string
  readonly mode: AnchorMode
  /** An attempt is cut after so many milliseconds. Default 30,000. */
  readonly timeoutMs?: number
  /**
   * Asks for an anchor of `checkpoint`. It may have been asked before, and the answer lost: asking again must be
   * harmless, if not free.
   *
   * @throws {UnavailableError} it may work later; with `retryable: false` it will not, and is not tried again
   * @throws {VerificationError} the answer is false: tried again, and reported
   */
  submit(checkpoint: AnchoredCheckpoint, attempt: Attempt): Promise<Progress>
  /** Goes on with what was pending. Must be there if `submit` ever answers `pending`. */
  poll?(checkpoint: AnchoredCheckpoint, resume: Uint8Array, attempt: Attempt): Promise<Progress>
  /** Lets go of what it holds. */
  close?(): Promise<void>
}

/**
 * The checkpoint in a signed note, as anchors want it. Its signatures are not verified here: the log has just made them.
 * @throws {MalformedError} `note.*`, `checkpoint.*`
 */
export function checkpointToAnchor(note: Uint8Array): AnchoredCheckpoint {
  const { text } = parseNote(note)
  const { origin, size, root } = parseCheckpoint(text)
  return { origin, size, root, text, digest: sha256(toUtf8(text)), note }
}
