import { formatTime, isText, isWord } from '../core/record/formats.js'
import type { Intent } from '../core/record/types.js'
import { type Call, callOf } from './call.js'
import { currentTicket } from './current-call.js'
import { definitionDigest } from './definitions.js'
import type { Pending } from './stream.js'
import { asText } from './text.js'
import type { CallRequest, Tier } from './types.js'
import type { Values } from './values.js'

const REFS_MAX = 8

/** The intent of a call, all values in it taken now. Its stream, `call.ledger`, is known when it is made. */
export function intentDraft(call: Call, request: CallRequest, tier: Tier, about: IntentCircumstances): Pending {
  const { values, now } = about
  const kept = values.commitments()
  const { tool, decision } = { tool: request.tool, decision: call.decision }
  const named = tool.registered !== false && isText(tool.name)
  const args = kept.add('args', call.argsInForce.json)
  const policy = asText(decision.policy)
  const rule = asText(decision.rule)
  const refs = goodRefs(request.refs)
  const { attempt } = request
  const parent = callOf(request.parent ?? currentTicket())
  call.argsRoot = args.root
  const body = {
    type: 'intent' as const,
    time: formatTime(now),
    call: call.call,
    tool: {
      name: named ? tool.name : '?',
      ...(isWord(tool.kind) && { kind: tool.kind }),
      ...(isText(tool.server) && { server: tool.server }),
      ...(tool.definition !== undefined && { digest: definitionDigest(tool.definition) }),
    },
    ...(!named && { toolName: kept.add('toolName', values.captured(tool.name)) }),
    args,
    ...(request.principal !== undefined && {
      principal: kept.add('principal', values.snapshot(request.principal, { tool: tool.name, part: 'principal' }).json),
    }),
    ...(refs && { refs }),
    ...(attempt !== undefined && Number.isSafeInteger(attempt) && attempt >= 2 && { attempt }),
    ...(tier !== 'strict' && { tier }),
    ...(request.unmediated === true && { unmediated: true as const }),
  }
  const decided: Omit<Intent['decision'], 'rules'> = {
    verdict: decision.verdict,
    ...(policy && { policy }),
    ...(rule && { rule }),
    ...(typeof decision.reason === 'string' && {
      reason: kept.add('decision.reason', values.captured(decision.reason)),
    }),
  }
  const { session: name } = request
  return {
    make: () => {
      const ledger = call.ledger!
      const session = name === undefined ? undefined : ledger.session(name)
      return {
        ...body,
        decision: ledger.rules ? { ...decided, rules: ledger.rules } : decided,
        ...(session && { session: { id: session.id, n: session.calls } }),
        ...(parent?.intent && { parent: parent.intent }),
        ...((call.letGo || request.belated === true) && { belated: true as const }),
      }
    },
    disclosures: kept.disclosures(),
    keep: tier === 'degraded',
    sealed: leaf => {
      const first = call.intent === undefined
      call.intent = leaf
      if (!first) return
      const ledger = call.ledger!
      ledger.calls++
      if (name !== undefined) ledger.session(name).calls++
      if (call.state !== 'closed') ledger.unfinished.add(call)
    },
  }
}

export interface IntentCircumstances {
  readonly values: Values
  /** Milliseconds since 1970, UTC. */
  readonly now: number
}

function goodRefs(refs: CallRequest['refs']): Intent['refs'] {
  if (!refs) return undefined
  const good = Object.entries(refs).filter(([name, value]) => isWord(name) && isText(value))
  return good.length > 0 ? Object.fromEntries(good.slice(0, REFS_MAX)) : undefined
}
