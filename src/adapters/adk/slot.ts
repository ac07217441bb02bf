import type { CallResult, Ticket } from '../../recorder/types.js'
import type { Snapshot } from '../../recorder/values.js'
import type { Denial } from '../denial.js'
import type { Gate } from './gate.js'
import type { HostTool, ToolRun } from './shapes.js'

/** One call as it passes from the callbacks to its execution and back. */
export interface Slot {
  readonly owner: Owner
  readonly tool: unknown
  /** What its `runAsync` was entered with. */
  args: unknown
  readonly ticket: Ticket | undefined
  readonly attempt: number
  readonly denial: Denial | undefined
  /** A model asked for it in an event that we saw. */
  readonly announced: boolean
  /** Somebody may change what the model is shown of it, and we stand behind them. */
  readonly watched: boolean
  /** It runs inside an `AgentTool`, or is one. */
  readonly insideAgent: boolean
  /** Its `runAsync` has been entered. */
  entered: boolean
  running: boolean
  /** The body of a function tool has been entered: before it ADK checks arguments and asks for confirmation. */
  bodyEntered: boolean
  /** What the body threw, before ADK made another error of it. */
  bodyThrew: { readonly value: unknown } | undefined
  /** The tool is done, and its outcome waits to learn what the model is shown. */
  held: Held | undefined
  /** Its outcome has been recorded, or is not wanted. */
  done: boolean
}

/** An outcome that is complete but for what the model is shown. */
export interface Held {
  readonly outcome: CallResult
  /** What the model would be shown if nobody interfered, as it was when the tool ended. */
  readonly untouched: Snapshot
  readonly thrown: { readonly value: unknown } | undefined
  /** What other plugins made of the call before the agent's own callbacks: nothing, where an error stands. */
  recovered: unknown
}

/** Whose calls they are: what the plugin that admits and records them has for the tools. */
export interface Owner {
  /** The plugin itself, as ADK knows it. */
  readonly plugin: object
  readonly gate: Gate
  /** Admits a call that no callback announced. */
  admit(tool: HostTool, run: ToolRun): Promise<Slot>
  /** Told of a call that waits for somebody, and will come back under its old id. */
  waits(slot: Slot, run: ToolRun, kind: 'confirmation' | 'long-running'): void
}

/** Where a plugin of ours has its owner; other copies of this module find it too. */
export const PLUGIN = Symbol.for('deedlog.adk.plugin')

/** A call that has not run yet. */
export function newSlot(known: Pick<Slot, 'owner' | 'tool'> & Partial<Slot>): Slot {
  const slot: Slot = {
    args: undefined,
    ticket: undefined,
    attempt: 1,
    denial: undefined,
    announced: false,
    watched: false,
    insideAgent: false,
    entered: false,
    running: false,
    bodyEntered: false,
    bodyThrew: undefined,
    held: undefined,
    done: false,
    ...known,
  }
  all.add(slot)
  return slot
}

export const isSlot = (its: object): its is Slot => all.has(its)

const all = new WeakSet<object>()

// By context object: ADK makes one per call, and its ids repeat.
const slots = new WeakMap<object, Slot>()

export const slotOf = (context: object): Slot | undefined => slots.get(context)

export function setSlot(context: object, slot: Slot): void {
  slots.set(context, slot)
}
