import type { Approver, PolicyEvaluator } from '../../govern/evaluator.js'
import type { AuditBackend, Signer } from '../../log/backend.js'
import type { Redact, Tier } from '../../recorder/types.js'
import { adkInfo } from './host.js'
import { UNSEEN } from './survey.js'

/**
 * What happens to the calls of an agent inside an `AgentTool`. `govern`: decided on and recorded like all others.
 * `record`: only recorded. `refuse`: such an agent is never run.
 */
export type AgentToolMode = 'govern' | 'record' | 'refuse'

/** What both plugins take. */
export interface RecordingOptions {
  /** Default `govern`. */
  readonly agentTools?: AgentToolMode
  /**
   * What to do in a runner where another plugin comes first, which may answer a call before it is decided on:
   * `declare` that in the records, or `refuse` to run. Default `declare`; `refuse` where the rules are `strict`.
   */
  readonly whenNotFirst?: 'declare' | 'refuse'
  /** Who acts: a DID by custom. Default `did:mesh:adk-agent`. */
  readonly agentDid?: string
  /** See `RecorderOptions`. */
  readonly tier?: Tier | ((tool: string) => Tier)
  readonly redact?: Redact
  readonly valueBytesMax?: number
  readonly keepDisclosures?: boolean
  readonly identity?: Signer
  readonly reviewTimeoutMs?: number
  readonly appendTimeoutMs?: number
  /** Told what went wrong and was kept from ADK. Default: a process warning, once per code. */
  readonly onError?: (error: Error) => void
  /** Where denials are said. Default `console`. */
  readonly logger?: { warn(message: string): void }
}

/** All that either plugin is made of. */
export interface Setup extends RecordingOptions {
  readonly auditBackend: AuditBackend | undefined
  readonly evaluator: PolicyEvaluator | undefined
  readonly approver: Approver | undefined
}

export const DEFAULT_AGENT_DID = 'did:mesh:adk-agent'

/** The options of the recorder behind a plugin. */
export function recorderOptions(setup: Setup, backend: AuditBackend, id: string) {
  const { evaluator, approver, tier, redact, valueBytesMax, keepDisclosures, identity, reviewTimeoutMs } = setup
  const { appendTimeoutMs, onError } = setup
  return {
    backend,
    agent: { id },
    host: adkInfo,
    observer: 'host' as const,
    unseen: UNSEEN,
    ...(evaluator && { evaluator }),
    ...(approver && { approver }),
    ...(tier && { tier }),
    ...(redact && { redact }),
    ...(valueBytesMax !== undefined && { valueBytesMax }),
    ...(keepDisclosures !== undefined && { keepDisclosures }),
    ...(identity && { identity }),
    ...(reviewTimeoutMs !== undefined && { reviewTimeoutMs }),
    ...(appendTimeoutMs !== undefined && { appendTimeoutMs }),
    ...(onError && { onError }),
  }
}

/** One of the listed words. @throws {TypeError} for another value: the first one is the default */
export function oneOf<T extends string>(name: string, values: readonly [T, ...T[]], value: T | undefined): T {
  if (value === undefined) return values[0]
  if (!values.includes(value)) throw new TypeError(`${name} is one of ${values.join(', ')}, not ${String(value)}`)
  return value
}
