import { ed25519Sign } from '#crypto'
import { toHex } from '../core/bytes/hex.js'
import { toUtf8 } from '../core/bytes/utf8.js'
import { formatCheckpoint, parseNote, signNote, type VerifierKey, verifyCheckpoint } from '../core/tlog/index.js'
import type { TreeHead } from './integrator.js'

/**
 * Signs a message with the key of the log: an Ed25519 signature, 64 bytes, the same for the same message always. A
 * promise when the key is kept elsewhere.
 */
export type SignMessage = (message: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** What a checkpoint says, and under which name. */
type NamedTree = TreeHead & { readonly origin: string }

/** The signed note of a checkpoint: the same bytes for the same tree, always. */
export const signCheckpoint = (checkpoint: NamedTree, key: VerifierKey, seed: Uint8Array): Uint8Array =>
  signNote(formatCheckpoint(checkpoint), key, message => ed25519Sign(message, seed))

/**
 * As {@link signCheckpoint}, for a signer that may take its time.
 * @throws {RangeError} when the signature is not by `key`: what does not verify is never a checkpoint
 */
export async function signCheckpointWith(
  checkpoint: NamedTree,
  key: VerifierKey,
  sign: SignMessage,
): Promise<Uint8Array> {
  const text = formatCheckpoint(checkpoint)
  const signature = await sign(toUtf8(text))
  return signNote(text, key, () => signature)
}

/** The size and root of a note that carries our good signature; undefined for any other note. */
export function ownCheckpoint(note: Uint8Array, key: VerifierKey): TreeHead | undefined {
  try {
    const { size, root } = verifyCheckpoint(parseNote(note), [key])
    return { size, root }
  } catch {
    return undefined
  }
}

/** Whether we signed `note`, and it is for this tree. */
export function signedByUs(
  note: Uint8Array,
  key: VerifierKey,
  after: { readonly size: number; readonly root: string },
): boolean {
  const tree = ownCheckpoint(note, key)
  return tree !== undefined && tree.size === after.size && toHex(tree.root) === after.root
}
