import { isDeedlogError } from '../core/errors.js'
import type { PolicyWitness, TlogPolicy } from '../core/tlog/index.js'
import type { HeldCheckpoint } from '../core/verify/index.js'
import { askMonitoring } from './witness-client.js'
import { isWitnessUrl } from './witnessing.js'

/** What the witnesses of a trust file say to an auditor, without the log. */
export interface WitnessesAsked {
  /** What each has cosigned last: to be held against the log like a checkpoint that the auditor has from before. */
  readonly fromWitnesses: readonly HeldCheckpoint[]
  /** Those that said nothing that could be held against it, and why. */
  readonly unasked: readonly { readonly name: string; readonly why: string }[]
}

/**
 * Asks the witnesses of a policy what they have cosigned last of a log. To be done before the log's own checkpoint is
 * read: a log that is being written has shown a checkpoint before any witness has cosigned it, so what a witness knows by
 * now is in every later reading.
 *
 * Never rejects: a witness that cannot be asked is named.
 *
 * @param timeoutMs  For each witness. Default 10,000.
 */
export async function askWitnesses(policy: TlogPolicy, origin: string, timeoutMs = 10_000): Promise<WitnessesAsked> {
  const fromWitnesses: HeldCheckpoint[] = []
  const unasked: { name: string; why: string }[] = []
  const waiting = [...policy.witnesses]
  const askNext = async (): Promise<void> => {
    for (let witness = waiting.shift(); witness; witness = waiting.shift()) {
      const answer = await ask(witness, policy, origin, timeoutMs)
      if (typeof answer === 'string') unasked.push({ name: witness.name, why: answer })
      else fromWitnesses.push({ name: witness.name, note: answer })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE_MAX }, askNext))
  return { fromWitnesses, unasked }
}

/** The note, or why there is none. */
async function ask(
  { name, key, url }: PolicyWitness,
  { logs }: TlogPolicy,
  origin: string,
  timeoutMs: number,
): Promise<Uint8Array | string> {
  if (!isWitnessUrl(url)) return 'its line in the trust file has no address of http: or https:'
  const logKeys = logs.map(log => log.key).filter(logKey => logKey.name === origin)
  if (logKeys.length === 0) return 'the trust file has no key of this log'
  try {
    const address = { name, key, url: url.replace(/\/+$/, '') }
    const answer = await askMonitoring(address, logKeys, AbortSignal.timeout(timeoutMs))
    return answer?.note ?? 'it says that it has cosigned nothing of this log'
  } catch (error) {
    // What it answered is no evidence: anybody may stand at its address.
    if (isDeedlogError(error)) return error.message
    throw error
  }
}

const AT_ONCE_MAX = 16
