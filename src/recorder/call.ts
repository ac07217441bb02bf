import { isHash, isId } from '../core/record/formats.js'
import type { Decision } from '../govern/evaluator.js'
import type { Ledger } from './ledger.js'
import type { Span } from './trace.js'
import type { Ticket } from './types.js'
import type { Snapshot } from './values.js'

/** One call between its intent and its end, as the recorder remembers it. Hosts hold it as a `Ticket`. */
export class Call implements Ticket {
  readonly call: string
  argsRoot = ''
  readonly decision: Decision
  readonly tool: string
  /** The host's own name of its session. */
  readonly session: string | undefined
  /** The stream of the intent; undefined when none could be opened. */
  ledger: Ledger | undefined
  intent: string | undefined
  /** The span of the host's own tracing that was active when it came. */
  readonly span: Span | undefined
  /** Its intent is an earlier run's, in a stream that nobody writes any more. */
  readonly resumed: boolean
  /** What the tool may be given: the intent's arguments, or the approving review's. */
  argsInForce: Snapshot | undefined
  /**
   * `open`: no outcome yet. `provisional`: one that a later outcome may follow. `final`: with its last outcome.
   * `closed`: denied or declined, so that no outcome is expected.
   */
  state: 'open' | 'provisional' | 'final' | 'closed' = 'open'
  /** The tool was let go although its intent had not been written: should it be written after all, it is `belated`. */
  letGo = false

  /** Nothing but its intent stands between it and its tool: it needs no review, or has an approving one. */
  mayRun: boolean

  constructor(
    init: Pick<Call, 'call' | 'decision' | 'tool' | 'session' | 'argsInForce' | 'span'> & { readonly resumed?: string },
  ) {
    this.call = init.call
    this.decision = init.decision
    this.tool = init.tool
    this.session = init.session
    this.argsInForce = init.argsInForce
    this.span = init.span
    this.resumed = init.resumed !== undefined
    this.intent = init.resumed
    if (this.resumed) this.state = 'provisional'
    this.mayRun = init.decision.verdict === 'allow' || init.decision.verdict === 'not_evaluated'
    if (init.decision.verdict === 'deny') this.state = 'closed'
    calls.add(this)
  }
}

/** The calls of all recorders of this module: a call may be made by one that another recorder has recorded. */
const calls = new WeakSet<object>()

/** The call behind a ticket; undefined for anything else, which may be anything. */
export const callOf = (ticket: Ticket | undefined): Call | undefined =>
  calls.has(ticket as object) ? (ticket as Call) : undefined

/**
 * A call whose intent stands in an earlier stream: its outcome is expected to be a late one.
 * @throws {TypeError} unless `call` is an id and `intent` a leaf hash
 */
export function resumedCall({ call, intent, tool }: Pick<Call, 'call' | 'tool'> & { readonly intent: string }): Call {
  if (!isId(call) || !isHash(intent)) throw new TypeError('a call is resumed by its id and the leaf hash of its intent')
  const nothing = { session: undefined, argsInForce: undefined, span: undefined }
  return new Call({ call, tool, decision: { verdict: 'not_evaluated' }, ...nothing, resumed: intent })
}
