/**
 * How long the next checkpoint must wait, in milliseconds; 0 when it is due. At most one per `everyMs`; the first
 * about 100 ms after the last append, so that a burst gets one and not many; at once for somebody who waits.
 */
export function checkpointDelay(state: {
  readonly now: number
  readonly everyMs: number
  /** When the last checkpoint was signed; undefined when none was since the log was opened. */
  readonly lastCheckpoint: number | undefined
  readonly lastAppend: number
  /** When the oldest record that no checkpoint covers was appended. */
  readonly oldestUncovered: number
  readonly somebodyWaits: boolean
}): number {
  const allowed = state.lastCheckpoint === undefined ? state.now : state.lastCheckpoint + state.everyMs
  const quiet = Math.min(state.lastAppend + QUIET_MS, state.oldestUncovered + state.everyMs)
  return Math.max(0, allowed - state.now, state.somebodyWaits ? 0 : quiet - state.now)
}

/** How long appends must pause before an idle log signs. */
const QUIET_MS = 100
