import { isDeedlogError } from '../core/errors.js'
import { parseCheckpoint, parseNote, verifyConsistency } from '../core/tlog/index.js'
import type { WitnessedPlace } from '../log/witnessing.js'
import { askMonitoring, type WitnessAddress } from './witness-client.js'

/** The newest checkpoint of the log that is out. */
type Newest = () => { readonly note: Uint8Array; readonly size: number }

/**
 * Whether a witness can prove that this log has signed another history, or more of this one: with a checkpoint that
 * bears the log's own good signature. Its word alone stops nobody: one witness out of many, or whoever sits between,
 * could otherwise halt a log by a status code.
 */
export async function isProven(
  witness: WitnessAddress,
  { keys, prove, world }: Pick<WitnessedPlace, 'keys' | 'prove' | 'world'>,
  newest: Newest,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const seen = await askMonitoring(witness, keys, signal)
    if (!seen) return false
    const { size, root } = seen.checkpoint
    // Somebody else may have handed it a checkpoint that left us this very moment.
    if (size > newest().size) await new Promise<void>(resolve => world.clock.timer(SETTLE_MS, resolve).keepAlive())
    if (size > newest().size) return true
    const ours = parseCheckpoint(parseNote(newest().note).text)
    const proof = await prove(size, ours.size)
    try {
      verifyConsistency(size, ours.size, root, ours.root, proof)
      return false
    } catch (error) {
      if (isDeedlogError(error) && error.code === 'consistency') return true
      throw error
    }
  } catch {
    // It shows nothing, or nothing that our key has signed.
    return false
  }
}

const SETTLE_MS = 1000
