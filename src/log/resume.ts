import { sha256, sha256Hex } from '#crypto'
import { fromBase64, toBase64 } from '../core/bytes/base64.js'
import { concatBytes } from '../core/bytes/equal.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError } from '../core/errors.js'
import { type VerifierKey, verifyEd25519 } from '../core/tlog/index.js'
import { Acceptance, type AcceptanceMemory } from './acceptance.js'
import type { SignMessage } from './checkpoint-note.js'
import { Integrator, type TreeHead } from './integrator.js'
import type { Store } from './ports.js'

/*
 * Opening a log without reading all of it. At an orderly end the writer puts down what it knows of the streams and what
 * the journal's files looked like, signed with the log's key and bound to the head. The next start takes it only if all
 * of that still holds; the tree comes from the tiles of its right edge, which must give the signed root. If anything is
 * missing, unsigned, older or touched, everything is read. See docs/design/resume.md.
 */

/** What a start goes on from. */
export interface Resumed {
  readonly acceptance: Acceptance
  readonly integrator: Integrator
}

interface Kept {
  /** SHA-256 of the head's note. */
  readonly head: string
  readonly seal: string
  readonly acceptance: AcceptanceMemory
}

interface Place {
  readonly store: Store
  /** Leaf hash of entry 0. */
  readonly id: string
  readonly head: Uint8Array
  readonly headTree: TreeHead
}

/** Puts down what {@link resume} needs. The head covers all records. Never throws: it is worth no error. */
export async function keepResume(
  { store, id, head, headTree }: Place,
  { acceptance }: Pick<Resumed, 'acceptance'>,
  sign: SignMessage,
): Promise<void> {
  const { shortcut, sequencer } = store
  if (!shortcut || sequencer.size !== headTree.size) return
  try {
    const seal = await shortcut.seal()
    if (seal === undefined) return
    const kept: Kept = { head: sha256Hex(head), seal, acceptance: acceptance.memory() }
    const body = toUtf8(JSON.stringify(kept))
    const signature = await sign(messageOf(id, body))
    await shortcut.keep(concatBytes(toUtf8(`${toBase64(signature)}\n`), body))
  } catch (error) {
    if (!isDeedlogError(error)) throw error
  }
}

/** Goes on where the last orderly end left off; undefined when all records have to be read. Changes nothing then. */
export async function resume({ store, id, head, headTree }: Place, key: VerifierKey): Promise<Resumed | undefined> {
  const { shortcut, objects } = store
  const bytes = shortcut && (await shortcut.read())
  const kept = bytes && parse(bytes, id, key)
  if (!shortcut || kept?.head !== sha256Hex(head)) return undefined
  const integrator = await Integrator.resume(objects, headTree)
  if (!integrator || !(await shortcut.resume(headTree.size, kept.seal))) return undefined
  return { integrator, acceptance: new Acceptance(id, [], kept.acceptance) }
}

function parse(bytes: Uint8Array, id: string, key: VerifierKey): Kept | undefined {
  try {
    const end = bytes.indexOf(NEWLINE)
    const body = bytes.subarray(end + 1)
    const signature = fromBase64(fromUtf8(bytes.subarray(0, end)))
    // Only a writer of this log has made what its key has signed, so the form of what follows is as it was written.
    if (!verifyEd25519(signature, messageOf(id, body), key.publicKey)) return undefined
    return JSON.parse(fromUtf8(body)) as Kept
  } catch {
    return undefined
  }
}

/** No note begins like this, so that neither can pass for the other. */
const messageOf = (id: string, body: Uint8Array): Uint8Array => concatBytes(LABEL, sha256(toUtf8(id)), sha256(body))

// The number changes with the form of what is kept: what another version kept is not signed for this one.
const LABEL = toUtf8('deedlog/v1 resume 1\n')
const NEWLINE = 0x0a
