import { DeedlogError } from '../../core/errors.js'
import type { Decision } from '../../govern/evaluator.js'
import { type Denial, denialOf, UNRECORDED } from '../denial.js'

/** Why a tool was not run, as the model reads it: the same three members on every host. */
export type Refusal = Denial

/**
 * A tool that was not run throws this. The SDK makes a `tool-error` of it and goes on; the model is shown the message,
 * which is the refusal as JSON.
 *
 * It is thrown and not returned: a returned object would pass for an output of this tool, and whatever takes the tool's
 * outputs (`toModelOutput`, typed results, a page that draws them) would be handed something else.
 */
export class ToolRefusedError extends DeedlogError {
  override readonly name = 'ToolRefusedError'
  readonly refusal: Refusal

  constructor(refusal: Refusal, options: { readonly cause?: unknown } = {}) {
    super(refusal.error === 'audit_unavailable' ? 'call.unrecorded' : 'call.denied', JSON.stringify(refusal), options)
    this.refusal = refusal
  }

  /** Versions 5 and 6 show the model an error's message, version 7 what this returns. */
  override toString(): string {
    return this.message
  }
}

export const denied = (decision: Decision, reason?: string): ToolRefusedError =>
  new ToolRefusedError(reason === undefined ? denialOf(decision) : denialOf(decision, reason))

/** The call cannot be recorded, so it must not happen. Why, is for the operator (`cause`) and not for the model. */
export const unrecorded = (cause: unknown): ToolRefusedError => new ToolRefusedError(UNRECORDED, { cause })
