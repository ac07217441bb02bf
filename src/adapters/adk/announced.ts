import { currentTicket } from '../../recorder/current-call.js'
import type { Ticket } from '../../recorder/types.js'
import { isObject, read, readString } from '../read.js'

/** One call that a model asked for. */
export interface Announced {
  readonly name: string
  readonly id: string | undefined
  readonly args: unknown
  readonly turn: Turn
  /** The call that made this one. */
  readonly parent: Ticket | undefined
  /** The tool that ADK has under this name; undefined where it has none, or where nobody knows what it has. */
  readonly tool: unknown
  /** False when it is known that there is no tool of this name. */
  readonly registered: boolean
}

/** Whose turn it is: one agent in one branch of one run. */
export interface Turn {
  readonly invocation: string | undefined
  readonly branch: string | undefined
  readonly agent: string | undefined
  readonly invocationContext: unknown
}

// Bounds what one answer of a model costs us, and what is remembered of runs that never end.
const PARTS_MAX = 1000
const ANNOUNCED_MAX = 10_000
const TURNS_MAX = 10_000

// What ADK puts into an event to ask the user something has the form of a call and is none.
const RESERVED = new Set(['adk_request_confirmation', 'adk_request_credential', 'adk_request_input'])

/** ADK turns its arguments into the final answer and leaves out every other call of the turn, without any callback. */
export const FINAL_ANSWER = 'set_model_response'

/**
 * What models asked for and nobody has come to yet. No callback tells of a call that ADK never comes to: its tool does
 * not exist, an earlier call ended the turn, the consumer went away. What is left here when the turn is over was not run.
 */
export class AnnouncedCalls {
  readonly #waiting = new Set<Announced>()
  readonly #tools = new Map<string, unknown>()

  /** Remembers what tools an agent has in its next turn. */
  offer(turn: Turn, toolsDict: unknown): void {
    const key = keyOf(turn)
    this.#tools.delete(key)
    const oldest = this.#tools.size >= TURNS_MAX ? this.#tools.keys().next() : undefined
    if (oldest && !oldest.done) this.#tools.delete(oldest.value)
    this.#tools.set(key, toolsDict)
  }

  /** The calls in what a model said, of ADK's own kind none. */
  read(turn: Turn, content: unknown): Announced[] {
    const parts = read(content, 'parts')
    const found: Announced[] = []
    const tools = this.#tools.get(keyOf(turn))
    for (const part of Array.isArray(parts) ? parts.slice(0, PARTS_MAX) : []) {
      const call = read(part, 'functionCall')
      if (!isObject(call)) continue
      const name = read(call, 'name')
      if (typeof name !== 'string' || RESERVED.has(name)) continue
      const known = isObject(tools)
      // ADK looks a name up with `in`, and finds `constructor` in every object: it will come to this call, tool or not.
      if (known && name in tools && !Object.hasOwn(tools, name)) continue
      found.push({
        name,
        id: readString(call, 'id'),
        args: read(call, 'args') ?? {},
        turn,
        parent: currentTicket(),
        tool: known && Object.hasOwn(tools, name) ? read(tools, name) : undefined,
        registered: !known || Object.hasOwn(tools, name),
      })
    }
    return found
  }

  /** Waits for ADK to come to this call. @returns calls that are waited for no longer, since there are too many */
  add(call: Announced): Announced[] {
    this.#waiting.add(call)
    if (this.#waiting.size <= ANNOUNCED_MAX) return []
    const [oldest] = this.#waiting
    this.#waiting.delete(oldest!)
    return [oldest!]
  }

  /** ADK has come to a call: the first of those that look like it, since ids repeat. @returns whether it was waited for */
  take(turn: Turn, name: string, id: string | undefined): boolean {
    for (const call of this.#waiting) {
      if (call.name !== name || call.id !== id || call.turn.invocation !== turn.invocation) continue
      if (call.turn.branch !== turn.branch) continue
      this.#waiting.delete(call)
      return true
    }
    return false
  }

  /** Calls of a turn that is over. */
  leftOf(turn: Turn): Announced[] {
    return this.#forget(call => keyOf(call.turn) === keyOf(turn))
  }

  /** Calls of a run that is over; without its id, of all of them. */
  leftOfRun(invocation: string | undefined): Announced[] {
    for (const key of [...this.#tools.keys()])
      if (invocation === undefined || key.startsWith(prefixOf(invocation))) this.#tools.delete(key)
    return this.#forget(call => invocation === undefined || call.turn.invocation === invocation)
  }

  #forget(which: (call: Announced) => boolean): Announced[] {
    const left = [...this.#waiting].filter(which)
    for (const call of left) this.#waiting.delete(call)
    return left
  }
}

/** The turn that a context of ADK belongs to. */
export const turnOf = (invocationContext: unknown): Turn => ({
  invocation: readString(invocationContext, 'invocationId'),
  branch: readString(invocationContext, 'branch'),
  agent: readString(invocationContext, 'agent', 'name'),
  invocationContext,
})

/** The turn that an event tells of. Its run's context is that of the root: author and branch say whose it is. */
export const turnOfEvent = (invocationContext: unknown, event: unknown): Turn => ({
  invocation: readString(event, 'invocationId') ?? readString(invocationContext, 'invocationId'),
  branch: readString(event, 'branch'),
  agent: readString(event, 'author'),
  invocationContext,
})

const prefixOf = (invocation: string): string => `${JSON.stringify(invocation)},`

export const keyOf = ({ invocation, branch, agent }: Turn): string =>
  `${prefixOf(invocation ?? '')}${JSON.stringify([branch ?? null, agent ?? null])}`
