import { quote, VerificationError } from '../errors.js'
import { type Checkpoint, parseCheckpoint } from './checkpoint.js'
import { verifyCosignature } from './cosignature.js'
import { type NoteSignature, type SignedNote, verifyNote } from './note.js'
import { ALGORITHM, type VerifierKey } from './vkey.js'

/**
 * The checkpoint in a note, if a key of its log has signed it.
 *
 * @param logKeys  Keys of logs, Ed25519 (0x01) or ML-DSA-44 (0x06); only those named as the checkpoint's origin count.
 *   One good signature is enough, and a bad one of a key among them refuses the note.
 * @throws {MalformedError} `checkpoint.*` when the text is no checkpoint.
 * @throws {VerificationError} `checkpoint.origin` when no key belongs to this origin; `note.unsigned` when none of
 *   them has signed; `note.signature` when one of them has signed wrongly.
 * @see C2SP tlog-policy, "Defining a log": the key name "MUST correspond to the log's origin line"
 */
export function verifyCheckpoint(note: SignedNote, logKeys: readonly VerifierKey[]): Checkpoint {
  const checkpoint = parseCheckpoint(note.text)
  const ofOrigin = logKeys.filter(key => key.name === checkpoint.origin)
  if (ofOrigin.length === 0)
    throw new VerificationError('checkpoint.origin', `no trusted key belongs to origin ${quote(checkpoint.origin)}`, {
      expected: logKeys.map(key => quote(key.name)).join(' or ') || 'at least one trusted log key',
    })
  verifyLogSignatures(note, ofOrigin)
  return checkpoint
}

/**
 * Who of `keys` signed the note as a log, with Ed25519 (0x01) or ML-DSA-44 (0x06). Every signature of a known key is
 * checked: one bad line refuses the whole note.
 *
 * @returns The keys with a good signature, each once; at least one.
 * @throws {VerificationError} `note.signature`, `cosignature` for a bad signature of a known key; `note.unsigned` when
 *   no line is by a known key.
 * @throws {MalformedError} `cosignature.length`, `cosignature.time`, `checkpoint.*`
 */
export function verifyLogSignatures(note: SignedNote, keys: readonly VerifierKey[]): VerifierKey[] {
  // An ML-DSA-44 signature of a log is its cosignature under its own name: C2SP tlog-checkpoint, "Signatures".
  const postQuantum = new Set<VerifierKey>()
  for (const signature of note.signatures)
    for (const key of keys)
      if (key.algorithm === ALGORITHM.mldsa44 && isBy(signature, key)) {
        verifyCosignature(note, signature, key)
        postQuantum.add(key)
      }
  const ed25519 = keys.filter(({ algorithm }) => algorithm === ALGORITHM.ed25519)
  const isAlsoClassic = note.signatures.some(signature => ed25519.some(key => isBy(signature, key)))
  return postQuantum.size > 0 && !isAlsoClassic ? [...postQuantum] : [...verifyNote(note, ed25519), ...postQuantum]
}

const isBy = ({ name, keyId }: NoteSignature, key: VerifierKey): boolean => name === key.name && keyId === key.keyId
