import { UnavailableError } from '../core/errors.js'
import { ENGINE_PACKAGE, findEngine, type InstalledEngine, type PolicyEngine } from './engine.js'
import type { Decision, EvaluationRequest, PolicyEvaluator, RulesInForce } from './evaluator.js'
import { type PolicyDir, readPolicyDir } from './policy-dir.js'

export interface AgtEvaluatorOptions {
  /** Folder of `*.yaml` files; a relative path is resolved against the working directory. */
  readonly policyDir: string
  /** Whom to judge, where it is not the agent of the recorder. */
  readonly agentDid?: string
  /** Refuse to start with a file that cannot be read rightly; default false: leave it out, with a warning. */
  readonly strict?: boolean
  /** Let everything pass, unjudged, when the engine is not installed; default false: refuse to start. */
  readonly failOpen?: boolean
  /** Told what was left out. Default: a process warning. */
  readonly warn?: (message: string) => void
}

/**
 * Decides with the rules engine of the Agent Governance Toolkit, an optional peer. Our own loader stands in front of it,
 * since the engine reads past what it does not understand: see docs/design/rules-loader.md.
 *
 * The rules are read now; the engine is loaded at the first decision.
 *
 * @throws {UnavailableError} `rules.engine-missing` when it is not installed, unless `failOpen`
 * @throws {MalformedError} `rules.file`, {UnavailableError} `rules.unreadable`: when `strict`
 */
export function agtEvaluator(
  options: AgtEvaluatorOptions,
  installed: InstalledEngine | undefined = findEngine(),
): RulesEvaluator {
  const { policyDir, agentDid, strict = false, failOpen = false, warn = warnProcess } = options
  if (typeof policyDir !== 'string' || policyDir === '') throw new TypeError('policyDir is the path of a folder')
  if (!installed) {
    if (!failOpen)
      throw new UnavailableError('rules.engine-missing', `the rules engine ${ENGINE_PACKAGE} is not installed`, {
        expected: `npm install ${ENGINE_PACKAGE}, or failOpen: true to let every call pass`,
      })
    warn(`the rules engine ${ENGINE_PACKAGE} is not installed: every call passes, unjudged (failOpen)`)
    return { gaps: ['the rules engine is not installed'], evaluate: () => ({ verdict: 'not_evaluated' }) }
  }
  return new AgtEvaluator(installed, readPolicyDir(policyDir, strict, warn), agentDid)
}

/** An evaluator that answers at once. */
export interface RulesEvaluator extends PolicyEvaluator {
  evaluate(request: EvaluationRequest): Decision
}

class AgtEvaluator implements RulesEvaluator {
  readonly rules?: RulesInForce
  readonly gaps: readonly string[]
  readonly #installed: InstalledEngine
  readonly #dir: PolicyDir
  readonly #agent: string | undefined
  #engine: PolicyEngine | undefined

  constructor(installed: InstalledEngine, dir: PolicyDir, agent: string | undefined) {
    this.#installed = installed
    this.#dir = dir
    this.#agent = agent
    this.gaps = dir.gaps
    const { name, version } = installed
    if (dir.files.length > 0) this.rules = { engine: { name, version }, files: dir.files }
  }

  evaluate({ agent, tool, args }: EvaluationRequest): Decision {
    this.#engine ??= this.#load()
    if (this.#dir.policies.length === 0) return { verdict: 'deny', reason: 'No policies loaded (deny by default)' }
    const decision = this.#engine.evaluatePolicy(this.#agent ?? agent, { action: tool, tool_args: args })
    const { policyName, matchedRule, reason } = decision
    return {
      // Only what the engine allows may run: it also answers `warn` and `log`, and both mean no.
      verdict: decision.allowed === true ? 'allow' : decision.action === 'require_approval' ? 'review' : 'deny',
      ...(policyName !== undefined && { policy: policyName }),
      ...(matchedRule !== undefined && { rule: matchedRule }),
      ...(reason !== undefined && { reason }),
    }
  }

  #load(): PolicyEngine {
    const engine = this.#installed.create()
    for (const policy of this.#dir.policies) engine.loadPolicy(policy)
    return engine
  }
}

const warnProcess = (message: string): void => {
  process.emitWarning(message, { type: 'DeedlogWarning', code: 'rules' })
}
