import type { BaseLlm, LlmRequest, LlmResponse } from '@google/adk'

/** A call that the model makes. */
export interface ScriptedCall {
  readonly name: string
  readonly args?: Readonly<Record<string, unknown>>
  /** Left out, ADK gives it one. */
  readonly id?: string
}

/** What the model says in one turn: a text, calls, both, or what it makes of what it was asked. */
export type ScriptedTurn =
  | string
  | { readonly text?: string; readonly calls?: readonly ScriptedCall[] }
  | ((request: LlmRequest) => ScriptedTurn)

/** A model that plays a script, and remembers what it was asked. */
export type ScriptedModel = BaseLlm & { readonly requests: readonly LlmRequest[] }

// How ADK knows a model, whichever of its copies asks.
const BASE_MODEL = Symbol.for('google.adk.baseModel')

/**
 * A model for tests and demonstrations: it needs no key and no network, and says the given turns one after the other.
 * After the last it says `(end of script)`, so that an agent that asks once more comes to its end.
 *
 * @example
 * new LlmAgent({ name: 'shop', model: scriptedModel([{ calls: [{ name: 'refund', args: { order: '17' } }] }, 'Done.']) })
 */
export function scriptedModel(turns: readonly ScriptedTurn[]): ScriptedModel {
  const requests: LlmRequest[] = []
  let next = 0
  const model = {
    [BASE_MODEL]: true,
    model: 'scripted',
    requests,
    trackingHeaders: {},
    maybeAppendUserContent() {},
    async *generateContentAsync(request: LlmRequest): AsyncGenerator<LlmResponse, void> {
      requests.push(request)
      yield responseTo(request, turns[next++] ?? '(end of script)')
    },
    async connect(): Promise<never> {
      throw new Error('a scripted model has no live connection')
    },
  }
  return model as unknown as ScriptedModel
}

function responseTo(request: LlmRequest, turn: ScriptedTurn): LlmResponse {
  if (typeof turn === 'function') return responseTo(request, turn(request))
  const { text, calls = [] } = typeof turn === 'string' ? { text: turn } : turn
  return {
    content: {
      role: 'model',
      parts: [
        ...(text === undefined ? [] : [{ text }]),
        ...calls.map(({ name, args, id }) => ({
          // A copy: ADK and its tools change arguments in place, and a script may say one turn twice.
          functionCall: { name, args: structuredClone(args ?? {}), ...(id !== undefined && { id }) },
        })),
      ],
    },
  }
}
