import { quote } from '../errors.js'
import type {
  Executed,
  Hash,
  Id,
  Int,
  Intent,
  Key,
  Outcome,
  OutcomeStatus,
  Review,
  Settlement,
  Time,
  Verdict,
} from '../record/index.js'
import { approvalMessage, decodeKey, decodeSig, isFinal } from '../record/index.js'
import { verifyEd25519 } from '../tlog/index.js'
import type { FindingCode, Findings } from './findings.js'
import { recordKey } from './identity.js'
import type { NotShown } from './not-shown.js'
import { isOver, isSameRecorder, type StreamState } from './stream-state.js'
import type { Trust } from './trust.js'

/**
 * What readers show of a call: its latest outcome's status, what it was settled as, or, without an outcome,
 * `denied`, `declined`, `undecided` (a review is awaited), `pending`, `missing` (its stream is over), or `not_shown` (a
 * bundle does not show it).
 */
export type CallStatus =
  | OutcomeStatus
  | Settlement['result']
  | 'denied'
  | 'declined'
  | 'undecided'
  | 'missing'
  | 'not_shown'

/** One call as the log tells it. */
export interface CallSummary {
  /** Of the intent. */
  readonly index: number
  /** Leaf hash of the intent. */
  readonly intent: Hash
  readonly call: Id
  readonly stream: Hash
  readonly agent: string
  readonly tool: string
  readonly server?: string
  readonly session?: { readonly id: Id; readonly n: Int }
  readonly verdict: Verdict
  readonly policy?: string
  readonly rule?: string
  /** By the recorder's clock: no evidence. */
  readonly time: Time
  readonly status: CallStatus
  /** Absent while nobody has said. */
  readonly executed?: Executed
  /** Codes of the exceptions this call caused, as in the report. */
  readonly exceptions: readonly FindingCode[]
  /** Indexes of its attributed records, ascending: intent, review, outcomes, settlement. */
  readonly records: readonly number[]
}

/** A call that is not settled yet: the only per-call state there is. Some 400 bytes, released with the final outcome. */
interface OpenCall {
  readonly record: Pick<Intent, 'call' | 'session' | 'tool' | 'time'>
  readonly intent: Hash
  readonly index: number
  readonly seq: Int
  readonly stream: StreamState
  readonly args: Hash
  readonly verdict: Verdict
  readonly policy?: string
  readonly rule?: string
  review?: { readonly index: number; readonly approved: boolean; readonly args?: Hash }
  outcome?: { readonly index: number; readonly status: OutcomeStatus; readonly executed: Executed }
  outcomes: number
  settled?: Settlement['result']
  /** Counted in `stream.pending`. */
  awaited: boolean
  /** Whether what is wrong with it is reported. */
  readonly listed: boolean
  readonly exceptions: Set<FindingCode>
  readonly records: number[]
}

export interface ConductTotals {
  readonly calls: number
  readonly byVerdict: Readonly<Record<string, number>>
  readonly byStatus: Readonly<Record<string, number>>
  readonly byTool: Readonly<Record<string, number>>
  readonly outcomes: { final: number; provisional: number; missing: number; closed: number; notShown?: number }
}

// Tool names come from strangers; what is beyond these is counted under the empty name, which no tool can have.
const TOOLS_MAX = 1000

/**
 * Calls, folded from attributed records in the order of the log: spec/record.md §4. Memory grows with the calls that
 * are open, not with those that were. A record about a call that is not open is either about one that is closed,
 * which is an exception, or about none; to tell them apart its intent is named in `suspects`, and in the next pass
 * the calls so named are kept (`watched`). Honest logs have none.
 */
export class Calls {
  readonly #open = new Map<Hash, OpenCall>()
  /** Calls that were denied or declined and may never get an outcome, by their stream while that is not over. */
  readonly #refused = new Map<StreamState, OpenCall[]>()
  readonly #findings: Findings
  readonly #watched: ReadonlySet<Hash>
  readonly #notUnderstood: ReadonlySet<Hash>
  readonly #odd: { has(stream: Hash): boolean }
  /** Index of the newest record that is not understood, by the recorder's identity and agent id. */
  readonly #unread = new Map<string, number>()
  readonly #approvers: ReadonlyMap<string, ReadonlySet<string>>
  readonly #wantsApprovers: boolean
  readonly #onCall: ((call: CallSummary) => void) | undefined
  readonly #notShown: NotShown
  readonly #lists: (intent: Intent) => boolean
  /** Intents of calls that a bundle shows and that were not asked for. */
  readonly #passedOver = new Set<Hash>()
  readonly suspects = new Set<Hash>()
  /** Approvals whose signature was checked. */
  approvalsChecked = 0
  /** Calls that were asked for, where only some are; and what was found about the others, which is not reported. */
  listed = 0
  readonly unlisted = { exceptions: 0 }
  #calls = 0
  readonly #byVerdict = new Map<string, number>()
  readonly #byStatus = new Map<string, number>()
  readonly #byTool = new Map<string, number>()
  readonly #outcomes = { final: 0, provisional: 0, missing: 0, closed: 0, notShown: 0 }

  constructor(options: {
    findings: Findings
    watched: ReadonlySet<Hash>
    /** Leaf hashes of records that are not understood: any of them may be an intent. */
    notUnderstood: ReadonlySet<Hash>
    /** Streams that are no plain chain. */
    odd: { has(stream: Hash): boolean }
    trust: Trust | undefined
    notShown: NotShown
    /** Whether what is wrong with a call is reported. */
    lists?: ((intent: Intent) => boolean) | undefined
    onCall?: ((call: CallSummary) => void) | undefined
  }) {
    this.#findings = options.findings
    this.#watched = options.watched
    this.#notUnderstood = options.notUnderstood
    this.#odd = options.odd
    this.#onCall = options.onCall
    this.#notShown = options.notShown
    this.#lists = options.lists ?? (() => true)
    const approvers = new Map<string, Set<string>>()
    for (const key of options.trust?.approvers ?? [])
      approvers.set(key.name, (approvers.get(key.name) ?? new Set()).add(recordKey(key)))
    this.#approvers = approvers
    this.#wantsApprovers = approvers.size > 0
  }

  intent(index: number, leaf: Hash, record: Intent, stream: StreamState): void {
    const { decision } = record
    const call: OpenCall = {
      record: {
        call: record.call,
        tool: record.tool,
        time: record.time,
        ...(record.session === undefined ? {} : { session: record.session }),
      },
      intent: leaf,
      index,
      seq: record.seq,
      stream,
      args: record.args.root,
      verdict: decision.verdict,
      ...(decision.policy === undefined ? {} : { policy: decision.policy }),
      ...(decision.rule === undefined ? {} : { rule: decision.rule }),
      outcomes: 0,
      awaited: decision.verdict !== 'deny',
      listed: this.#lists(record),
      exceptions: new Set(),
      records: [index],
    }
    this.#open.set(leaf, call)
    stream.calls++
    if (call.awaited) stream.pending++
    else this.#refuse(call)
    this.#calls++
    if (call.listed) this.listed++
    count(this.#byVerdict, decision.verdict)
    const { name } = record.tool
    count(this.#byTool, this.#byTool.has(name) || this.#byTool.size < TOOLS_MAX ? name : '')
    if (record.unmediated) this.#except('call.unmediated', call, 'was seen, and could not have been held back')
    if (record.belated) this.#except('call.belated', call, 'was written down after the fact')
    if (record.tier === 'degraded') this.#except('call.degraded', call, 'was let through without being held back')
    if (record.tier === 'lossy') this.#except('call.lossy', call, 'was let through though records could be lost')
  }

  /** An intent of a call that is not judged: what else is about it says nothing either. */
  passOver(leaf: Hash): void {
    this.#passedOver.add(leaf)
  }

  review(index: number, record: Review, stream: StreamState): void {
    const call = this.#find('review', index, record, stream)
    if (!call) return
    const signer = this.#approvalOf(index, record, call)
    if (call.verdict !== 'review') {
      this.#misplaced(index, call, 'is reviewed, which its decision did not ask for')
      return
    }
    if (call.review) {
      this.#misplaced(index, call, 'is reviewed a second time; the first review counts')
      return
    }
    if (!sameStreamOrRecorder(call, stream)) {
      this.#misplaced(index, call, 'is reviewed by another recorder')
      return
    }
    remember(call, index)
    const approved = record.verdict === 'approved'
    call.review = { index, approved, ...(record.args === undefined ? {} : { args: record.args.root }) }
    if (this.#wantsApprovers) this.#checkApprover(index, record, call, signer)
    if (!approved) {
      this.#noLongerAwaited(call)
      this.#refuse(call)
    }
    // An outcome that came first cannot have been approved by what came after it; it was judged when it came.
  }

  /** The key whose good signature a review bears, whether it counts or not; undefined without one. */
  #approvalOf(index: number, { approval, approver, verdict, ...record }: Review, call: OpenCall): Key | undefined {
    if (!approval) return undefined
    this.approvalsChecked++
    const args = verdict === 'approved' ? (record.args?.root ?? call.args) : call.args
    const message = approvalMessage({ args, intent: record.intent, verdict })
    if (verifyEd25519(decodeSig(approval.sig), message, decodeKey(approval.key))) return approval.key
    this.#except('review.signature', call, `bears a bad signature of approver ${quote(approver.id)}`, index)
    return undefined
  }

  #checkApprover(index: number, { approver }: Review, call: OpenCall, signer: Key | undefined): void {
    if (signer !== undefined && this.#approvers.get(approver.id)?.has(signer)) return
    this.#tell(
      'review.unpinned',
      call,
      `is reviewed in the name of ${quote(approver.id)} without a signature of a key that the trust file gives to that approver`,
      index,
    )
  }

  outcome(index: number, record: Outcome, stream: StreamState): void {
    const call = this.#find('outcome', index, record, stream)
    if (!call) return
    const elsewhere = stream !== call.stream
    if (elsewhere) {
      const recovered = call.stream.recovered !== undefined && call.stream.recovered < index
      const same = isSameRecorder(call.stream, stream)
      const counts = same && (record.late || (record.status === 'unknown' && recovered))
      if (!counts) {
        if (same && record.status === 'unknown' && this.#notShown.between(call.stream.first, index) > 0) {
          this.#lacks(call, 'that its stream was recovered, without which an outcome in another one does not count')
          return
        }
        this.#notCounted(index, call, 'has an outcome in another stream, where none of it counts')
        return
      }
    }
    remember(call, index)
    call.outcomes++
    const first = call.outcome
    if (!first) {
      if (record.late && !elsewhere && this.#notShown.between(call.index, index) === 0)
        this.#misfit(index, call, 'has a first outcome that says it is late')
    } else {
      const allowed = call.outcomes === 2 && !isFinal(first.status) && record.late && record.status !== 'pending'
      if (!allowed)
        this.#except(
          'call.second-outcome',
          call,
          `has outcome ${call.outcomes}, ${record.status}, after ${first.status}`,
          index,
        )
    }
    this.#judgeExecution(index, record, call)
    // Of two outcomes that may both stand, the second counts; of two that may not, the first.
    if (!first || !call.exceptions.has('call.second-outcome'))
      call.outcome = { index, status: record.status, executed: record.executed }
    if (isFinal(record.status)) {
      this.#overrule(index, call, call.outcome!)
      if (!elsewhere) this.#noLongerAwaited(call)
      // One that may not stand after a provisional one leaves the call as open as it was.
      if (isFinal(call.outcome!.status)) this.#close(call)
    }
  }

  /** A final outcome is the recorder's own word, and stands before what somebody found out later about its absence. */
  #overrule(index: number, call: OpenCall, { status, executed }: NonNullable<OpenCall['outcome']>): void {
    const { settled } = call
    if (settled === undefined || !isFinal(status)) return
    delete call.settled
    const told = executed === 'no' ? 'not_executed' : status === 'succeeded' ? 'succeeded' : 'failed'
    if (settled !== told)
      this.#except('settlement.disputed', call, `was settled as ${settled}, and then had the outcome ${status}`, index)
  }

  #judgeExecution(index: number, record: Outcome, call: OpenCall): void {
    if (record.executed === 'no') return
    const ran = record.executed === 'yes' ? 'ran' : 'may have run'
    if (call.verdict === 'deny') this.#except('call.executed-though-denied', call, `was denied, and ${ran}`, index)
    else this.#judgeApproval(index, call, ran)
    if (!record.args) return
    const force = call.review?.approved ? 'approved' : 'decided on'
    this.#except('call.other-arguments', call, `${ran} with other arguments than those ${force}`, index)
  }

  #judgeApproval(index: number, call: OpenCall, ran: string): void {
    if (call.verdict !== 'review' || call.review?.approved) return
    // The first review counts: one that is not shown may stand before the one that is.
    if (this.#notShown.between(call.index, call.review?.index ?? index) > 0)
      this.#lacks(call, `whether it was approved: it needed that, and ${ran}`, index)
    else if (call.review) this.#except('call.declined-yet-executed', call, `was declined, and ${ran}`, index)
    else this.#except('call.executed-without-approval', call, `needed an approval, had none, and ${ran}`, index)
  }

  settlement(index: number, record: Settlement): void {
    const call = this.#open.get(record.intent)
    if (!call) {
      this.#unknownIntent('settlement', index, record.intent)
      return
    }
    const { outcome } = call
    // What a bundle does not show may be the end of the stream, without which a settlement does not count.
    const isDoubtful = !outcome && !isOver(call.stream) && this.#notShown.between(call.index, index) > 0
    if (outcome ? isFinal(outcome.status) : !isOver(call.stream) && !isDoubtful) {
      this.#except(
        'settlement.disputed',
        call,
        `is settled as ${record.result}, and ${outcome ? `has the final outcome ${outcome.status}` : 'its recorder is still running'}`,
        index,
      )
      return
    }
    remember(call, index)
    call.settled = record.result
    if (record.result === 'not_executed') return
    if (isDoubtful && (call.verdict === 'deny' || (call.verdict === 'review' && !call.review?.approved))) {
      this.#lacks(call, 'whether its stream was over when it was settled', index)
      return
    }
    const executed = 'is settled as executed'
    if (call.verdict === 'deny') this.#except('call.executed-though-denied', call, `was denied, and ${executed}`, index)
    else this.#judgeApproval(index, call, executed)
  }

  /** A record of the stream that is not understood: what is missing of calls below it may be there. */
  unread(index: number, stream: StreamState): void {
    this.#unread.set(recorderOf(stream), index)
  }

  /**
   * Nothing more will come of the stream: its calls that need no outcome are done with. Those of an odd stream are
   * kept: a survey, which has not seen its end, cannot have put down those that are named afterwards.
   */
  streamOver(stream: StreamState): void {
    if (this.#odd.has(stream.id)) return
    for (const call of this.#refused.get(stream) ?? [])
      if (this.#open.has(call.intent) && isOverRefused(call)) this.#close(call)
    this.#refused.delete(stream)
  }

  /** Closes the books. */
  finish(): ConductTotals {
    for (const call of this.#open.values()) this.#settleUp(call)
    this.#open.clear()
    return {
      calls: this.#calls,
      byVerdict: Object.fromEntries(this.#byVerdict),
      byStatus: Object.fromEntries(this.#byStatus),
      byTool: Object.fromEntries(this.#byTool),
      outcomes: outcomes(this.#outcomes, this.#notShown),
    }
  }

  #find(
    what: 'review' | 'outcome',
    index: number,
    record: { readonly intent: Hash; readonly call: Id; readonly seq: Int },
    stream: StreamState,
  ): OpenCall | undefined {
    const call = this.#open.get(record.intent)
    if (!call) {
      this.#unknownIntent(what, index, record.intent)
      return undefined
    }
    if (call.record.call !== record.call)
      this.#notCounted(index, call, `is named by a ${what} that gives its id as ${quote(record.call)}`)
    else if (call.stream === stream && record.seq <= call.seq)
      this.#notCounted(index, call, `has a ${what} that stands before it in its stream`)
    else return call
    return undefined
  }

  #unknownIntent(what: string, index: number, intent: Hash): void {
    if (this.#notUnderstood.has(intent) || this.#passedOver.has(intent)) return
    // In a bundle too: it may be of a call that is closed.
    this.suspects.add(intent)
    if (this.#notShown.below(index) > 0) return
    this.#findings.add(
      'outcome.without-intent',
      `the ${what} at index ${index} is about intent ${intent}, which is not in the log before it`,
      { indexes: [index] },
    )
  }

  #refuse(call: OpenCall): void {
    const refused = this.#refused.get(call.stream)
    if (refused) refused.push(call)
    else this.#refused.set(call.stream, [call])
  }

  #noLongerAwaited(call: OpenCall): void {
    if (call.awaited) call.stream.pending--
    call.awaited = false
  }

  #close(call: OpenCall): void {
    if (this.#watched.has(call.intent)) return
    this.#open.delete(call.intent)
    this.#settleUp(call)
  }

  #settleUp(call: OpenCall): void {
    const { outcome } = call
    const isHidden = this.#notShown.above(call.index) > 0
    const status =
      isHidden && !outcome && !isOverRefused(call) && call.settled === undefined ? 'not_shown' : statusOf(call)
    if (outcome && isFinal(outcome.status)) this.#outcomes.final++
    else if (call.settled !== undefined) this.#outcomes.final++
    else if (isHidden && !isOverRefused(call)) {
      if (outcome) this.#outcomes.provisional++
      else this.#outcomes.notShown++
      this.#lacks(call, outcome ? `whether ${outcome.status} is the last word on it` : 'how it ended')
    } else if (outcome) {
      this.#outcomes.provisional++
      if (!isOverRefused(call)) this.#leftProvisional(call, outcome.status)
    } else if (isOverRefused(call)) {
      this.#outcomes.closed++
    } else {
      this.#outcomes.missing++
      this.#leftOpen(call)
    }
    count(this.#byStatus, status)
    this.#onCall?.(summaryOf(call, status))
  }

  #leftProvisional(call: OpenCall, status: OutcomeStatus): void {
    if (status === 'unknown') this.#except('call.unknown', call, 'has the outcome unknown, and nobody has settled it')
    else if (status === 'pending' && isOver(call.stream))
      this.#except('call.pending-at-end', call, 'was pending when its stream was over')
    else this.#tell('outcome.provisional', call, `is ${status}, which is provisional`)
  }

  #leftOpen(call: OpenCall): void {
    const { ended } = call.stream
    if (!isOver(call.stream))
      this.#tell(
        'outcome.awaited',
        call,
        `has no ${call.verdict === 'review' && !call.review ? 'review' : 'outcome'} yet`,
      )
    else if (ended?.countsPending && call.index < ended.index)
      this.#except('call.pending-at-end', call, 'had no outcome when its stream ended, which the stream says')
    else if (ended?.isBlurred) this.#lacks(call, 'whether its stream counted it as pending when it ended')
    else if ((this.#unread.get(recorderOf(call.stream)) ?? -1) < call.index)
      this.#except('outcome.missing', call, 'never got an outcome, and its stream is over')
  }

  #misplaced(index: number, call: OpenCall, what: string): void {
    this.#except('review.misplaced', call, what, index)
  }

  #misfit(index: number, call: OpenCall, what: string): void {
    this.#except('outcome.misfit', call, what, index)
  }

  #notCounted(index: number, call: OpenCall, what: string): void {
    this.#except('outcome.not-counted', call, what, index)
  }

  #except(code: FindingCode, call: OpenCall, what: string, at?: number): void {
    call.exceptions.add(code)
    if (!call.listed) this.unlisted.exceptions++
    this.#tell(code, call, what, at)
  }

  /** What a bundle would have to show. */
  #lacks(call: OpenCall, what: string, at?: number): void {
    this.#tell('call.not-shown-whole', call, `is not shown whole: not known is ${what}`, at)
  }

  #tell(code: FindingCode, call: OpenCall, what: string, at?: number): void {
    if (call.listed) this.#findings.add(code, `${describe(call)} ${what}`, this.#where(call, at))
  }

  #where(call: OpenCall, at?: number) {
    return {
      indexes: at === undefined || at === call.index ? [call.index] : [call.index, at],
      stream: call.stream.id,
      call: call.record.call,
    }
  }
}

const outcomes = ({ notShown, ...counts }: Required<ConductTotals['outcomes']>, { total }: NotShown) =>
  total > 0 ? { ...counts, notShown } : counts

const describe = (call: OpenCall): string => `the call of ${quote(call.record.tool.name)} at index ${call.index}`

const recorderOf = ({ start }: StreamState): string => `${start?.identity} ${start?.agent}`

const sameStreamOrRecorder = (call: OpenCall, stream: StreamState): boolean =>
  call.stream === stream || isSameRecorder(call.stream, stream)

/** Denied or declined, and nobody says that it ran all the same: over, with or without an outcome. */
function isOverRefused(call: OpenCall): boolean {
  const refused = call.verdict === 'deny' || call.review?.approved === false
  return refused && (call.outcome === undefined || call.outcome.executed === 'no') && call.settled === undefined
}

function statusOf(call: OpenCall): CallStatus {
  const { outcome } = call
  if (call.settled !== undefined && !(outcome && isFinal(outcome.status))) return call.settled
  if (!outcome || outcome.executed === 'no') {
    if (call.verdict === 'deny') return 'denied'
    if (call.review?.approved === false) return 'declined'
  }
  if (outcome) return outcome.status
  if (isOver(call.stream)) return 'missing'
  return call.verdict === 'review' && !call.review ? 'undecided' : 'pending'
}

function summaryOf(call: OpenCall, status: CallStatus): CallSummary {
  const { record, outcome } = call
  const executed: Executed | undefined =
    call.settled === undefined ? outcome?.executed : call.settled === 'not_executed' ? 'no' : 'yes'
  return {
    index: call.index,
    intent: call.intent,
    call: record.call,
    stream: call.stream.id,
    agent: call.stream.start?.agent ?? '',
    tool: record.tool.name,
    ...(record.tool.server === undefined ? {} : { server: record.tool.server }),
    ...(record.session === undefined ? {} : { session: record.session }),
    verdict: call.verdict,
    ...(call.policy === undefined ? {} : { policy: call.policy }),
    ...(call.rule === undefined ? {} : { rule: call.rule }),
    time: record.time,
    status,
    ...(executed === undefined ? {} : { executed }),
    exceptions: [...call.exceptions],
    records: [...call.records].sort((a, b) => a - b),
  }
}

// An honest call has four records or so; a hostile log can name one intent in each of its records.
const RECORDS_MAX = 64

function remember(call: OpenCall, index: number): void {
  if (call.records.length < RECORDS_MAX) call.records.push(index)
}

function count(into: Map<string, number>, name: string): void {
  into.set(name, (into.get(name) ?? 0) + 1)
}
