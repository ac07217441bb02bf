import { currentTicket } from '../../recorder/current-call.js'
import type { CallRequest } from '../../recorder/types.js'

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
  const parent = currentTicket()
  const refs = {
    ...(isLike(toolCallId, RANDOM_ID) && { call: toolCallId }),
    ...(isLike(agent, AGENT_NAME) && { agent }),
  }
  return {
    tool,
    args,
    ...(session !== undefined && { session }),
    ...(principal !== undefined && { principal }),
    ...(Object.keys(refs).length > 0 && { refs }),
    ...(parent && { parent }),
    ...(attempt !== undefined && { attempt }),
  }
}

// The ids of a model or a client may be sentences; what is written out has to look like chance.
const RANDOM_ID = /^[A-Za-z0-9_-]{1,64}$/
const AGENT_NAME = /^[\p{L}_][\p{L}\p{N}_.-]{0,63}$/u

const isLike = (value: unknown, form: RegExp): value is string => typeof value === 'string' && form.test(value)
