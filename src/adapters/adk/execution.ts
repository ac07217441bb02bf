import { currentOf, inCall } from '../../recorder/current-call.js'
import { UNRECORDED } from '../denial.js'
import { read } from '../read.js'
import { returned, thrown } from './result.js'
import { agentOf, type HostAgent, type HostTool, isFunctionTool, type ToolRun } from './shapes.js'
import { hold } from './shown.js'
import { isSlot, type Owner, PLUGIN, type Slot, slotOf } from './slot.js'

/*
 * The room where tools are run. Every callback of ADK can be skipped by somebody else's plugin; `runAsync` cannot, so
 * it is replaced on each tool by one that knows whether the call was admitted, admits it if it was not, and sees what
 * the tool really got, gave back or threw.
 */

const wrappers = new WeakSet<object>()

/** The call of ADK's in whose course this code runs. */
export const currentSlot = (): Slot | undefined => currentOf(isSlot)

/** Puts us between ADK and the tool. @returns whether calls of this tool pass through us from now on */
export function wrapTool(tool: HostTool): boolean {
  const inner = agentOf(tool)
  if (inner) wrapAgent(inner)
  if (isFunctionTool(tool)) wrapBody(tool)
  return replace(tool, 'runAsync', original => {
    return function runAsync(this: unknown, run: ToolRun): Promise<unknown> {
      return runRecorded(tool, () => (original as HostTool['runAsync']).call(this ?? tool, run), run)
    }
  })
}

async function runRecorded(tool: HostTool, original: () => Promise<unknown>, run: ToolRun): Promise<unknown> {
  const context: unknown = run?.toolContext
  const known = typeof context === 'object' && context !== null ? slotOf(context) : undefined
  // A wrapper around our wrapper: still the one call that was admitted. A tool that runs another one, or itself with
  // other arguments, and hands its own context on, makes a call of its own.
  if (known?.running && currentSlot() === known && known.tool === tool && known.args === run.args) return original()
  // Nothing runs on the admission of another: whoever has the context can run any tool with it.
  const admitted = known && !known.entered && !known.denial && known.tool === tool
  const slot = admitted ? known : await admitUnannounced(tool, run, known)
  if (!slot) return original()
  if (slot.denial) return slot.denial
  // The records have ended between the decision and now.
  if (slot.done) return UNRECORDED
  slot.entered = true
  slot.args = run.args
  const { recorder } = slot.owner.gate
  const { ticket } = slot
  if (!recorder || !ticket) return inCall(ticket, original, slot)
  // Now, since the tool may change its arguments while it runs.
  const args = recorder.snapshot(ticket, 'args', run.args)
  const startedAt = new Date()
  const started = performance.now()
  const when = () => ({ startedAt, durationUs: Math.round((performance.now() - started) * 1000) })
  slot.running = true
  try {
    const result = await inCall(ticket, original, slot)
    const { waits, ...outcome } = returned(result, { tool, slot, run })
    const what = { ...outcome, args, ...when() }
    // A call that waits is shown to no model before it comes back.
    if (!slot.watched || waits || outcome.visible) await recorder.outcome(ticket, what)
    else hold(slot, what, { result })
    if (waits) slot.owner.waits(slot, run, waits)
    return result
  } catch (error) {
    const what = { ...thrown(error, { tool, slot, run }), args, ...when() }
    if (slot.watched) hold(slot, what, { thrown: { value: error } })
    else await recorder.outcome(ticket, what)
    throw error
  } finally {
    slot.running = false
    slot.done = true
  }
}

/**
 * A call that no callback of ours has seen: from an agent inside a tool, past an earlier plugin that answered `null`, or
 * again with an old context. It is admitted here like any other. Undefined: none of our plugins is concerned.
 */
async function admitUnannounced(tool: HostTool, run: ToolRun, known: Slot | undefined): Promise<Slot | undefined> {
  const owner = known?.owner ?? currentSlot()?.owner ?? ownerOf(read(run, 'toolContext', 'invocationContext'))
  if (!owner) return undefined
  return owner.admit(tool, run)
}

/** The owner of our plugin among those of a run. */
function ownerOf(invocationContext: unknown): Owner | undefined {
  for (const plugin of pluginsOf(invocationContext)) {
    const owner = read(plugin, PLUGIN)
    if (owner) return owner as Owner
  }
  return undefined
}

export function pluginsOf(invocationContext: unknown): unknown[] {
  const plugins = read(invocationContext, 'pluginManager', 'plugins')
  return plugins instanceof Set ? [...plugins] : []
}

/** Sees whether the body of a function tool is entered, and what it throws before ADK puts a sentence around it. */
function wrapBody(tool: HostTool): void {
  replace(tool, 'execute', original => {
    return async function execute(this: unknown, ...given: unknown[]): Promise<unknown> {
      const slot = currentSlot()
      if (!slot?.running) return original.apply(this, given)
      slot.bodyEntered = true
      try {
        return await original.apply(this, given)
      } catch (error) {
        slot.bodyThrew = { value: error }
        throw error
      }
    }
  })
}

/**
 * An `AgentTool` runs its agent in a new runner without any plugins. When that happens in the course of a call of ours,
 * our plugin joins the new runner, so that tools made during the run are decided on and recorded like all others.
 */
function wrapAgent(agent: HostAgent): void {
  replace(agent, 'runAsync', original => {
    return function runAsync(this: unknown, invocationContext: unknown): unknown {
      const owner = currentSlot()?.owner
      if (owner && !ownerOf(invocationContext)) {
        const manager = read(invocationContext, 'pluginManager') as { registerPlugin?: (plugin: unknown) => void }
        manager?.registerPlugin?.(owner.plugin)
      }
      return original.call(this, invocationContext)
    }
  })
}

type Method = (this: unknown, ...given: unknown[]) => unknown

/** Replaces a method by an own property, once. @returns false where the object does not allow it */
function replace(owner: object, name: string, make: (original: Method) => (...given: never[]) => unknown): boolean {
  const original = read(owner, name)
  if (typeof original !== 'function') return false
  if (wrappers.has(original)) return true
  const wrapper = make(original as Method)
  wrappers.add(wrapper)
  try {
    Object.defineProperty(owner, name, { value: wrapper, writable: true, configurable: true, enumerable: false })
    return true
  } catch {
    return false // frozen: ADK's callbacks are all that we see of it
  }
}
