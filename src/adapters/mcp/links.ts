import { isHash } from '../../core/record/formats.js'
import { refsOf } from '../refs.js'
import { member } from './message.js'

/** Where a client that records its calls itself says under which leaf hash: the proxy's record of the call names it. */
export const INTENT_META = 'deedlog/intent'

// W3C Trace Context, version 00.
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/

/** The leaf hash of the same call's intent, where another observer has recorded it. */
export function sameCall(params: unknown): string | undefined {
  const leaf = member(member(params, '_meta'), INTENT_META)
  return isHash(leaf) ? leaf : undefined
}

/** @param continues  our id of the call that this one repeats */
export function refsOfMeta(
  params: unknown,
  continues: string | undefined,
): { readonly [name: string]: string } | undefined {
  const meta = member(params, '_meta')
  const traceparent = member(meta, 'traceparent')
  const [, trace, span] = (typeof traceparent === 'string' && TRACEPARENT.exec(traceparent)) || []
  return refsOf(
    {
      ...(trace !== undefined && { trace_id: trace, span_id: span }),
      toolUseId: member(meta, 'claudecode/toolUseId'),
      continues,
    },
    undefined,
  )
}
