import { member } from './message.js'

/*
 * A server of the newer era that wants to know something first says so as the result of a call; the client repeats the call,
 * under another id, with the answers. What says that it is the same call: the state that it was handed, or without one, the
 * tool and its arguments.
 */

// Longer ones are not linked.
const NAMED_MAX = 64 * 1024

export function stateOf(value: unknown): string | undefined {
  const state = member(value, 'requestState')
  return typeof state === 'string' ? state : undefined
}

/** Whether a call comes with answers to an earlier one's questions. */
export const repeats = (params: unknown): boolean =>
  member(params, 'inputResponses') !== undefined || stateOf(params) !== undefined

/** What a question and the call that answers it have in common; undefined where that cannot be said. */
export function questionOf(params: unknown, state: string | undefined): string | undefined {
  if (state !== undefined) return `state ${state}`
  try {
    const named = JSON.stringify([member(params, 'name'), member(params, 'arguments')])
    return named.length > NAMED_MAX ? undefined : `call ${named}`
  } catch {
    return undefined // nested deeper than can be written
  }
}
