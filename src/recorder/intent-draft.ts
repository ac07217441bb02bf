import { formatTime, isHash, isText, isWord } from '../core/record/formats.js'
import type { Intent } from '../core/record/types.js'
import { type Call, callOf } from './call.js'
import { currentTicket } from './current-call.js'
import { definitionDigest } from './definitions.js'
import type { ChainedMember, Pending } from './stream.js'
import { asText } from './text.js'
import { refsOfSpan } from './trace.js'
import type { CallRequest, Tier } from './types.js'
import type { Commitments, Values } from './values.js'

const REFS_MAX = 8

/**
 * The intent of a call, all values in it taken now. Its stream, `call.ledger`, is known when it is made. Members are
 * added in ascending order, as the record will be written.
 */
export function intentDraft(call: Call, request: CallRequest, tier: Tier, about: IntentCircumstances): Pending {
  const { values } = about
  const kept = values.commitments()
  const { tool, session, attempt } = request
  const named = tool.registered !== false && isText(tool.name)
  const args = kept.add('args', call.argsInForce!.json)
  const decided = decisionOf(call, kept, values)
  const principal =
    request.principal === undefined
      ? undefined
      : kept.add('principal', values.snapshot(request.principal, { tool: tool.name, part: 'principal' }).json)
  const toolName = named ? undefined : kept.add('toolName', values.captured(tool.name))
  const known = knownTool(tool, named)
  const refs = goodRefs({ ...request.refs, ...refsOfSpan(call.span) })
  const parent = callOf(request.parent ?? currentTicket())
  const time = formatTime(about.now)
  call.argsRoot = args.root
  return {
    make: () => {
      const ledger = call.ledger!
      const body: Mutable<Omit<Intent, ChainedMember>> = { args } as never
      if (attempt !== undefined && Number.isSafeInteger(attempt) && attempt >= 2) body.attempt = attempt
      if (call.letGo || request.belated === true) body.belated = true
      body.call = call.call
      body.decision = decided(ledger.rules)
      if (parent?.intent) body.parent = parent.intent
      if (principal) body.principal = principal
      if (refs) body.refs = refs
      if (isHash(request.same)) body.same = request.same
      if (session !== undefined) {
        const { id, calls: n } = ledger.session(session)
        body.session = { id, n }
      }
      if (tier !== 'strict') body.tier = tier
      return Object.assign(body, { time, tool: known }, toolName && { toolName }, intentType(request))
    },
    disclosures: kept.disclosures(),
    keep: tier === 'degraded',
    sealed: leaf => {
      const first = call.intent === undefined
      call.intent = leaf
      if (!first) return
      const ledger = call.ledger!
      ledger.calls++
      if (session !== undefined) ledger.session(session).calls++
      if (call.state !== 'closed') ledger.unfinished.add(call)
    },
  }
}

type Mutable<T> = { -readonly [name in keyof T]: T[name] }

const intentType = ({ unmediated }: CallRequest) =>
  unmediated === true ? ({ type: 'intent', unmediated: true } as const) : ({ type: 'intent' } as const)

function knownTool(tool: CallRequest['tool'], named: boolean): Intent['tool'] {
  const known: Mutable<Intent['tool']> = {} as never
  if (tool.definition !== undefined) known.digest = definitionDigest(tool.definition)
  else if (isHash(tool.digest)) known.digest = tool.digest
  if (isWord(tool.kind)) known.kind = tool.kind
  known.name = named ? tool.name : '?'
  if (isText(tool.server)) known.server = tool.server
  return known
}

/** The decision, to be completed with the rules of the stream that it is written to. */
function decisionOf({ decision }: Call, kept: Commitments, values: Values): (rules?: string) => Intent['decision'] {
  const [policy, rule] = [asText(decision.policy), asText(decision.rule)]
  const reason =
    typeof decision.reason === 'string' ? kept.add('decision.reason', values.captured(decision.reason)) : undefined
  return rules => {
    const decided: Mutable<Intent['decision']> = {} as never
    if (policy) decided.policy = policy
    if (reason) decided.reason = reason
    if (rule) decided.rule = rule
    if (rules) decided.rules = rules
    decided.verdict = decision.verdict
    return decided
  }
}

export interface IntentCircumstances {
  readonly values: Values
  /** Milliseconds since 1970, UTC. */
  readonly now: number
}

function goodRefs(refs: NonNullable<CallRequest['refs']>): Intent['refs'] {
  const good = Object.entries(refs).filter(([name, value]) => isWord(name) && isText(value))
  const some = good.slice(0, REFS_MAX).sort(([a], [b]) => (a < b ? -1 : 1))
  return some.length > 0 ? Object.fromEntries(some) : undefined
}
