import type { Ticket } from './types.js'

/*
 * OpenTelemetry without depending on it: its API keeps itself under a registered symbol, of whichever copy and version. A
 * trace is sampled and lossy, so records link to it and never draw anything from it, and it links to records.
 */

const API = Symbol.for('opentelemetry.js.api.1')
const SPAN = Symbol.for('OpenTelemetry Context Key SPAN')

// W3C Trace Context: lowercase hex, and all zeroes is none.
const TRACE_ID = /^(?!0{32}$)[0-9a-f]{32}$/
const SPAN_ID = /^(?!0{16}$)[0-9a-f]{16}$/

/** As much of a span as is used. */
export interface Span {
  spanContext?(): { readonly traceId?: unknown; readonly spanId?: unknown } | undefined
  setAttributes?(attributes: { readonly [name: string]: string }): unknown
}

/** The span that is active where this is called; undefined where there is none. Never throws. */
export function activeSpan(): Span | undefined {
  try {
    const api = (globalThis as { [API]?: { context?: { active?(): { getValue?(key: symbol): unknown } } } })[API]
    const span = api?.context?.active?.()?.getValue?.(SPAN)
    return typeof span === 'object' && span !== null ? span : undefined
  } catch {
    return undefined
  }
}

/** The ids of a span as `refs` of a call: `trace_id`, `span_id`. Undefined when it has none. Never throws. */
export function refsOfSpan(
  span: Span | undefined,
): { readonly trace_id: string; readonly span_id: string } | undefined {
  try {
    const { traceId, spanId } = span?.spanContext?.() ?? {}
    if (typeof traceId !== 'string' || typeof spanId !== 'string') return undefined
    return TRACE_ID.test(traceId) && SPAN_ID.test(spanId) ? { span_id: spanId, trace_id: traceId } : undefined
  } catch {
    return undefined
  }
}

/** Puts our id of a call and the leaf hash of its intent onto a span. Never throws. */
export function linkSpan(span: Span | undefined, { call, intent }: Pick<Ticket, 'call' | 'intent'>): void {
  try {
    if (intent) span?.setAttributes?.({ 'deedlog.record.id': call, 'deedlog.leaf.hash': intent })
  } catch {
    // A span that has ended, or that is somebody's own object: the record stands without it.
  }
}
