import type { CallRequest } from '../../recorder/types.js'
import { refsOf } from '../refs.js'

/** What a program knows of its calls and the SDK does not. */
export interface RecordingContext {
  /** The program's own id of the conversation; it stays in the vault. */
  readonly session?: string
  /** On whose behalf. Committed, never written out. */
  readonly principal?: unknown
  /** Which of several agents of one recorder; the program's own name for it, never a person's. */
  readonly agent?: string
}

/** The parts of a request that are the same whichever way a call was seen. */
export function requestOf(
  call: {
    readonly tool: CallRequest['tool']
    readonly args: unknown
    readonly toolCallId: unknown
    readonly attempt?: number
  },
  { session, principal, agent }: RecordingContext,
): CallRequest {
  const { tool, args, toolCallId, attempt } = call
  const refs = refsOf({ call: toolCallId }, agent)
  return {
    tool,
    args,
    ...(session !== undefined && { session }),
    ...(principal !== undefined && { principal }),
    ...(refs && { refs }),
    ...(attempt !== undefined && { attempt }),
  }
}
