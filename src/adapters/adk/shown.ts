import type { CallResult } from '../../recorder/types.js'
import { isObject, read } from '../read.js'
import { type Held, type Slot, slotOf } from './slot.js'

/*
 * What the model is shown of a call. Between a tool and the model stand the callbacks of other plugins and of the agent,
 * and none of them tells us what it made of the result: ADK lets a callback see only what came before it. So we stand
 * at both places where ADK gathers their answers, and the outcome is written there, a moment after the tool ended.
 */

const managers = new WeakSet<object>()
const agents = new WeakSet<object>()

/** Keeps an outcome until it is known what the model is shown. The values in it are taken now. */
export function hold(
  slot: Slot,
  outcome: CallResult,
  ended: { readonly result?: unknown; readonly thrown?: { readonly value: unknown } },
): void {
  const { recorder } = slot.owner.gate
  const { ticket } = slot
  if (!recorder || !ticket) return
  const { output } = outcome
  slot.held = {
    outcome: {
      ...outcome,
      ...(output && 'value' in output && { output: recorder.snapshot(ticket, 'output', output.value) }),
    },
    untouched: recorder.snapshot(ticket, 'visible', shownError(ended.thrown) ?? asResponse(ended.result)),
    thrown: ended.thrown,
    recovered: undefined,
  }
}

/** Writes the outcome that a slot holds, and what the model is shown where that is another thing than what the tool gave. */
export async function settle(slot: Slot, shown?: { readonly value: unknown }): Promise<void> {
  const { held, ticket } = slot
  const { recorder } = slot.owner.gate
  if (!held || !ticket || !recorder) return
  slot.held = undefined
  const visible = shown && recorder.snapshot(ticket, 'visible', shown.value)
  await recorder.outcome(ticket, {
    ...held.outcome,
    ...(visible && !visible.equals(held.untouched) && { visible }),
  })
}

/** Stands behind the `afterTool` callbacks of all plugins. @returns whether it does */
export function watchManager(manager: unknown): boolean {
  if (!isObject(manager)) return false
  if (managers.has(manager)) return true
  const original = read(manager, 'runAfterToolCallback')
  if (typeof original !== 'function') return false
  const runAfterToolCallback = async (call: { toolContext?: unknown; result?: unknown }): Promise<unknown> => {
    let altered: unknown
    try {
      altered = await original.call(manager, call)
    } catch (error) {
      // ADK ends the turn: the model is shown nothing of this call.
      await settleHeld(call?.toolContext, undefined)
      throw error
    }
    const slot = heldSlot(call?.toolContext)
    if (!slot) return altered
    if (altered == null && agentFollows(slot, call.toolContext)) slot.held.recovered = call.result
    else await settle(slot, { value: inTheEnd(slot.held, altered ?? call.result, call.result) })
    return altered
  }
  if (!define(manager, 'runAfterToolCallback', { value: runAfterToolCallback, writable: true })) return false
  managers.add(manager)
  return true
}

/** Stands behind the `afterTool` callbacks of an agent, where it has any. */
export function watchAgent(agent: unknown): void {
  if (!isObject(agent) || agents.has(agent) || !('canonicalAfterToolCallbacks' in agent)) return
  const get = getterOf(agent, 'canonicalAfterToolCallbacks')
  if (!get) return
  const watched = {
    get(this: unknown): unknown {
      const list: unknown = get.call(this)
      if (!Array.isArray(list) || list.length === 0) return list
      return [...list.map(callback => watchedCallback(callback)), lastCallback]
    },
  }
  if (define(agent, 'canonicalAfterToolCallbacks', watched)) agents.add(agent)
}

type AgentCallback = (call: { context?: unknown; response?: unknown }) => unknown

function watchedCallback(callback: AgentCallback): AgentCallback {
  return async call => {
    let answer: unknown
    try {
      answer = await callback(call)
    } catch (error) {
      await settleHeld(call?.context, undefined)
      throw error
    }
    // The first that answers with something ends the chain.
    if (answer) await settleHeld(call?.context, answer)
    return answer
  }
}

/** Comes last, and sees what the others left. */
const lastCallback: AgentCallback = async call => {
  await settleHeld(call?.context, call?.response ?? null)
  return undefined
}

async function settleHeld(context: unknown, answer: unknown): Promise<void> {
  const slot = heldSlot(context)
  if (!slot) return
  await settle(slot, answer === undefined ? undefined : { value: inTheEnd(slot.held, answer, slot.held.recovered) })
}

function heldSlot(context: unknown): (Slot & { held: Held }) | undefined {
  const slot = isObject(context) ? slotOf(context) : undefined
  return slot?.held ? (slot as Slot & { held: Held }) : undefined
}

/** Whether the agent's own callbacks come next. A tool that a workflow runs has none, whichever agent it is in. */
function agentFollows(slot: Slot, context: unknown): boolean {
  const agent = read(context, 'invocationContext', 'agent')
  if (!isObject(agent) || !agents.has(agent)) return false
  if (!slot.announced && read(context, 'toolConfirmation') === undefined) return false
  const list = read(agent, 'canonicalAfterToolCallbacks')
  return Array.isArray(list) && list.length > 0
}

/** What ADK makes of it in the end. An error that no plugin has recovered from stays, whatever callbacks answer. */
function inTheEnd({ thrown }: Held, answer: unknown, recovered: unknown): unknown {
  return (recovered == null ? shownError(thrown) : undefined) ?? asResponse(answer)
}

/** What ADK shows the model of an error that nobody has touched. */
function shownError(thrown: { readonly value: unknown } | undefined): unknown {
  if (!thrown) return undefined
  const { value } = thrown
  const shown = value instanceof Error ? value.message : value
  // An error without a message leaves no trace in what the model is shown.
  return shown ? { error: shown } : undefined
}

const asResponse = (value: unknown): unknown =>
  typeof value !== 'object' || value === null
    ? { result: value ?? undefined }
    : Array.isArray(value)
      ? { results: value }
      : value

function getterOf(object: object, name: string): ((this: unknown) => unknown) | undefined {
  for (let owner: object | null = object, up = 0; owner && up < 16; owner = Object.getPrototypeOf(owner), up++) {
    const found = Object.getOwnPropertyDescriptor(owner, name)
    if (found) return found.get
  }
  return undefined
}

function define(object: object, name: string, what: PropertyDescriptor): boolean {
  try {
    Object.defineProperty(object, name, { ...what, configurable: true, enumerable: false })
    return true
  } catch {
    return false // frozen: the outcome is written when the tool ends, without what others make of it
  }
}
