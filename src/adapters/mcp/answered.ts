import type { CallResult } from '../../recorder/types.js'
import { type Message, member } from './message.js'
import { stateOf } from './question.js'

/** What a server's answer to a call says of it. */
export interface Answered {
  readonly result: CallResult
  /** The call goes on in a task of this id. */
  readonly task?: string
  /** The server wants answers first; the client repeats the call with them, and with this state where there is one. */
  readonly asks?: { readonly requestState: string | undefined }
}

/**
 * The outcome that an answer to `tools/call` stands for. A server that reports an error may have done half of it, or have
 * refused the arguments: from outside nobody can tell.
 *
 * @param flawed  The text of an answer that readers may read in different ways: it is committed as it stands.
 */
export function answeredBy(message: Message, flawed?: string): Answered {
  const error = member(message, 'error')
  if (error !== undefined) return { result: { status: 'failed', executed: 'unknown', error: { value: error } } }
  const value = member(message, 'result')
  return { ...judged(value, { value: flawed ?? value }) }
}

/** The same of a tool's result that came some other way. */
export function judged(value: unknown, output: { readonly value: unknown }): Answered {
  const pending = { status: 'pending', executed: 'unknown', output } as const
  const type = member(value, 'resultType')
  const task = taskIdOf(value)
  if (task !== undefined && (type === undefined || type === 'task')) return { result: pending, task }
  if (type === 'input_required') {
    return { result: pending, asks: { requestState: stateOf(value) } }
  }
  if (type !== undefined && type !== 'complete') return { result: { status: 'unknown', executed: 'unknown', output } }
  if (member(value, 'isError') === true) return { result: { status: 'reported_error', executed: 'unknown', output } }
  return { result: { status: 'succeeded', executed: 'yes', output } }
}

/** The id of the task in a result: of its own era's shape, or of the older one's. */
function taskIdOf(value: unknown): string | undefined {
  const id =
    member(member(value, 'task'), 'taskId') ??
    (member(value, 'resultType') === 'task' ? member(value, 'taskId') : undefined)
  return typeof id === 'string' ? id : undefined
}

/** What a task's state says of its call; undefined while it goes on, or when its result is told elsewhere. */
export function taskEnd(state: unknown): CallResult | undefined {
  const status = member(state, 'status')
  const output = { value: state }
  if (status === 'failed') return { status: 'failed', executed: 'unknown', output }
  if (status === 'cancelled') return { status: 'cancelled', executed: 'unknown', output }
  if (status !== 'completed') return undefined
  const inline = member(state, 'result')
  return inline === undefined ? undefined : judged(inline, { value: inline }).result
}
