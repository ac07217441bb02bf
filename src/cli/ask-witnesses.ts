import { isInside } from '../client/inside.js'
import { openSource } from '../client/open.js'
import { readTrust } from '../client/verify.js'
import { isDeedlogError } from '../core/errors.js'
import { parseCheckpoint, parseNote } from '../core/tlog/index.js'
import { askWitnesses, type WitnessesAsked } from '../publish/ask-witnesses.js'

/** Asks the witnesses of an auditor's trust file about the log at `target`. One that the log brought along asks nobody. */
export async function askWitnessesAbout(target: string, trustFile: string): Promise<WitnessesAsked> {
  const { policy } = await readTrust(trustFile)
  if (await isInside(target, trustFile)) return NOBODY
  const origin = await originOf(target)
  if (origin !== undefined) return askWitnesses(policy, origin)
  const why = 'the log has no checkpoint that says which log it is'
  return { fromWitnesses: [], unasked: policy.witnesses.map(({ name }) => ({ name, why })) }
}

const NOBODY: WitnessesAsked = { fromWitnesses: [], unasked: [] }

async function originOf(target: string): Promise<string | undefined> {
  const source = await openSource(target)
  try {
    const note = await source.checkpoint()
    return note && parseCheckpoint(parseNote(note).text).origin
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  } finally {
    await source.close()
  }
}
