import type { Denial } from '../denial.js'
import { type Id, isId, isModern, type Message, member } from './message.js'

/*
 * What a client is answered in the place of its server. JSON-RPC's own codes: MCP and its SDKs use those between -32000
 * and -32099 for things of theirs.
 */

const PARSE_ERROR = -32_700
const INVALID_REQUEST = -32_600
const INTERNAL_ERROR = -32_603

const withId = (id: unknown): { readonly jsonrpc: '2.0'; readonly id: Id | null } => ({
  jsonrpc: '2.0',
  id: isId(id) ? id : null,
})

/** The message cannot be read, or not in one way only; it went no further. */
export const refused = (id: unknown, why: string, unparsed = false): Message => ({
  ...withId(id),
  error: { code: unparsed ? PARSE_ERROR : INVALID_REQUEST, message: `deedlog: not forwarded: the message ${why}` },
})

/** The call cannot be recorded, so it went no further. */
export const unrecorded = (request: Message, { error, reason }: Denial): Message => ({
  ...withId(request['id']),
  error: { code: INTERNAL_ERROR, message: `deedlog: ${reason}`, data: { error } },
})

/** A call that was denied: a result, so that the model reads why and can go on. */
export function denied(request: Message, denial: Denial): Message {
  // Who asks for a task is promised the handle of one and no other result.
  if (member(request['params'], 'task') !== undefined)
    return {
      ...withId(request['id']),
      error: { code: INVALID_REQUEST, message: `deedlog: denied: ${denial.reason ?? 'by the rules'}`, data: denial },
    }
  return {
    ...withId(request['id']),
    result: {
      ...(isModern(request) && { resultType: 'complete' }),
      content: [{ type: 'text', text: JSON.stringify(denial) }],
      isError: true,
    },
  }
}

/** A message that went down with another one of its batch. */
export const withTheBatch = (request: Message): Message =>
  refused(request['id'], 'is part of a batch of which something was refused')

/** The JSON of an answer, one line. */
export const textOf = (answer: Message | readonly Message[]): string => JSON.stringify(answer)
