import { ed25519PublicKey, sha256 } from '#crypto'
import { toUtf8 } from '../core/bytes/utf8.js'
import { ALGORITHM, formatVerifierKey } from '../core/tlog/index.js'
import { signCheckpoint } from '../log/checkpoint-note.js'

const SEED = new Uint8Array(32).fill(5)

/** The signed note of a checkpoint of so many records. */
export function noteOf(
  size: number,
  origin = 'example.com/anchored',
  root = sha256(toUtf8(`root ${size}`)),
): Uint8Array {
  return signCheckpoint(
    { origin, size, root },
    formatVerifierKey(origin, ALGORITHM.ed25519, ed25519PublicKey(SEED)),
    SEED,
  )
}
