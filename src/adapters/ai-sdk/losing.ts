import type { Recorder } from '../../recorder/recorder.js'

/**
 * Does what records something that cannot be held back any more. Where that fails, there is nothing left to refuse:
 * the log says that a call is missing. Never rejects.
 */
export async function losing(recorder: Recorder, record: () => Promise<void>): Promise<void> {
  try {
    await record()
  } catch (error) {
    await recorder.loss('ai-sdk.unrecorded-call', error, 1)
  }
}
