import { currentOf, inCall } from '../../recorder/current-call.js'
import type { CallResult } from '../../recorder/types.js'
import type { Arrival } from '../ai-sdk/admission.js'
import type { Witness } from '../ai-sdk/execution.js'
import { Entrance } from '../entrance.js'

// What the SDK (0.20) tells a model in the place of whatever a tool threw, arguments that do not fit among it.
const ITS_ERROR = 'An error occurred while running the tool. Please try again.'

/** All that can be seen of a tool whose function does not come to us: what the model is shown. */
export const SHOWN: Witness = {
  returned: (shown): CallResult | undefined =>
    shown === ITS_ERROR ? { status: 'failed', executed: 'unknown', output: { value: shown } } : undefined,
}

/** Lets the SDK invoke a tool whose function comes to us. Resolves with what the model is shown. */
export async function passed(arrival: Arrival, invoke: () => Promise<unknown>): Promise<unknown> {
  const entrance = new Entrance(arrival, 'openai-agents.unrecorded-call')
  let shown: unknown
  try {
    shown = await inCall(undefined, invoke, entrance)
  } catch (error) {
    if (entrance.refused) return entrance.refused.message
    if (!entrance.wasEntered) await entrance.neverEntered({ error: { value: error } })
    throw error
  }
  // The SDK has made its own sentence of our refusal; the model is to read the reason.
  if (entrance.refused) return entrance.refused.message
  if (!entrance.wasEntered) await entrance.neverEntered({ visible: { value: shown } })
  return shown
}

const isEntrance = (its: object): its is Entrance => its instanceof Entrance

const tellers = new WeakSet<object>()

/** Whether the function of this tool comes to us. */
export const tells = (tool: object): boolean => tellers.has(tool)

type Execute = (...given: unknown[]) => unknown

/**
 * The SDK's `tool`, for tools that are decided on and recorded with the arguments their functions get and with what those
 * return or throw. Without this a record holds what the model wrote and was shown, in which an error is a fixed sentence
 * and refused arguments look the same. Changes nothing for tools of agents that are not recorded.
 *
 * @example const tool = witnessed(sdkTool)
 */
export function witnessed<T extends (options: never) => object>(tool: T): T {
  const made = (options: never): object => {
    const { execute } = options as { readonly execute: Execute }
    const asking: Execute = function (this: unknown, ...given) {
      const body = () => execute.apply(this, given)
      const entrance = currentOf(isEntrance)
      return entrance ? entrance.enter(given[0], body) : body()
    }
    // The SDK calls a tool as its function where the options have no name for it.
    Object.defineProperty(asking, 'name', { value: execute.name, configurable: true })
    const result = tool({ ...(options as object), execute: asking } as never)
    tellers.add(result)
    return result
  }
  return made as T
}
