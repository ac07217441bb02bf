import { agtEvaluator } from '../../govern/agt.js'
import type { Approver, PolicyEvaluator } from '../../govern/evaluator.js'
import type { AuditBackend } from '../../log/backend.js'
import type { RecordingOptions } from './options.js'
import { RecordingPlugin } from './plugin.js'

/** Either a folder of rules for the Agent Governance Toolkit, or an evaluator of one's own. */
export type GovernanceRules =
  | {
      /** Folder of `*.yaml` rule files. Missing or empty, it denies every call. */
      readonly policyDir: string
      /** Let calls pass, unjudged but recorded, when the rules engine is not installed. Default false. */
      readonly failOpen?: boolean
      /** Refuse to start with a rule file that cannot be read rightly. Default false: it is left out, with a warning. */
      readonly strict?: boolean
      readonly evaluator?: undefined
    }
  | {
      readonly evaluator: PolicyEvaluator
      readonly policyDir?: undefined
      readonly failOpen?: undefined
      readonly strict?: undefined
    }

export type AgentGovernanceOptions = RecordingOptions &
  GovernanceRules & {
    /** Takes the records. Without it the rules are enforced and nothing is recorded, which is said once, loudly. */
    readonly auditBackend?: AuditBackend
    /** Asked about calls whose rule says `require_approval`. Without it they are denied. */
    readonly approver?: Approver
  }

/**
 * Enforces rules on the tool calls of an ADK runner, and records every call: what was decided before it, what became
 * of it after. Put it first among the plugins.
 *
 * @throws {UnavailableError} `rules.engine-missing` without `@microsoft/agent-governance-sdk`, unless `failOpen`
 * @throws {MalformedError} `rules.file`: when `strict`
 * @throws {TypeError} for options that make no sense
 */
export class AgentGovernancePlugin extends RecordingPlugin {
  constructor(options: AgentGovernanceOptions) {
    const { auditBackend, approver, agentDid } = options
    const evaluator = options.evaluator ?? rulesOf(options, agentDid)
    const whenNotFirst = options.whenNotFirst ?? (options.strict ? 'refuse' : 'declare')
    super('agent_governance', { ...options, auditBackend, evaluator, approver, whenNotFirst })
    if (!auditBackend)
      process.emitWarning(
        'AgentGovernancePlugin has no auditBackend: the rules are enforced, and nothing is recorded. Give it one, such as files("./audit").',
        { type: 'DeedlogWarning', code: 'adk.not_recorded' },
      )
  }
}

function rulesOf(options: AgentGovernanceOptions, agentDid: string | undefined): PolicyEvaluator {
  const { policyDir, strict, failOpen } = options
  if (typeof policyDir !== 'string') throw new TypeError('AgentGovernancePlugin takes a policyDir, or an evaluator')
  return agtEvaluator({
    policyDir,
    ...(agentDid !== undefined && { agentDid }),
    ...(strict !== undefined && { strict }),
    ...(failOpen !== undefined && { failOpen }),
  })
}
