import { ed25519Sign } from '#crypto'
import { toHex } from '../core/bytes/hex.js'
import { toUtf8 } from '../core/bytes/utf8.js'
import {
  formatCheckpoint,
  formatNote,
  type NoteSignature,
  parseNote,
  signNote,
  type VerifierKey,
  verifyCheckpoint,
} from '../core/tlog/index.js'
import type { TreeHead } from './integrator.js'

/**
 * Signs a message with the key of the log: an Ed25519 signature, 64 bytes, the same for the same message always. A
 * promise when the key is kept elsewhere.
 */
export type SignMessage = (message: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** A key that signs the checkpoints of a log. While a key takes another's place, both sign. */
export interface LogSigner {
  /** Named as the origin. */
  readonly key: VerifierKey
  readonly sign: SignMessage
}

/** What a checkpoint says, and under which name. */
type NamedTree = TreeHead & { readonly origin: string }

/** The signed note of a checkpoint: the same bytes for the same tree, always. */
export const signCheckpoint = (checkpoint: NamedTree, key: VerifierKey, seed: Uint8Array): Uint8Array =>
  signNote(formatCheckpoint(checkpoint), key, message => ed25519Sign(message, seed))

/**
 * As {@link signCheckpoint}, by every key of the log, each of which may take its time.
 * @throws {RangeError} when a signature is not by its key: what does not verify is never a checkpoint
 */
export async function signCheckpointWith(checkpoint: NamedTree, signers: readonly LogSigner[]): Promise<Uint8Array> {
  const text = formatCheckpoint(checkpoint)
  const signatures: NoteSignature[] = []
  for (const { key, sign } of signers) {
    const signature = await sign(toUtf8(text))
    signatures.push(...parseNote(signNote(text, key, () => signature)).signatures)
  }
  return formatNote(text, signatures)
}

/** The size and root of a note that carries a good signature of ours; undefined for any other note. */
export function ownCheckpoint(note: Uint8Array, keys: readonly VerifierKey[]): TreeHead | undefined {
  try {
    const { size, root } = verifyCheckpoint(parseNote(note), keys)
    return { size, root }
  } catch {
    return undefined
  }
}

/** Whether we signed `note`, and it is for this tree. */
export function signedByUs(
  note: Uint8Array,
  keys: readonly VerifierKey[],
  after: { readonly size: number; readonly root: string },
): boolean {
  const tree = ownCheckpoint(note, keys)
  return tree !== undefined && tree.size === after.size && toHex(tree.root) === after.root
}
