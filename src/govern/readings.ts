import type { EngineDecision, InstalledEngine, PolicyEngine } from './engine.js'
import type { Decision } from './evaluator.js'
import type { Policy, PolicyFile } from './policy-file.js'
import { matchesInPython } from './python-reading.js'

// The Python engine's own words: programs written for its plugin read them.
export const NO_POLICIES: Judged = Object.freeze({ verdict: 'deny', reason: 'No policies loaded (deny by default)' })

/**
 * One set of rules, read twice: as this engine reads them, and as its Python twin does. The safer verdict wins, so that
 * nobody who moves from one to the other lets a call run that was denied before: docs/design/engine-differences.md.
 *
 * Both readings are resolved by the real engine: conflicts, priorities, limits and defaults are its own. For the second
 * one we only work out beforehand which conditions would match, and hand it those answers in the place of conditions.
 */
export class Readings {
  readonly #typescript: PolicyEngine
  readonly #python: PolicyEngine
  readonly #pythonPolicies: readonly Policy[]
  readonly #conditions: readonly string[]

  constructor(installed: InstalledEngine, policies: readonly PolicyFile[]) {
    this.#typescript = installed.create()
    for (const { policy } of policies) this.#typescript.loadPolicy(policy)
    this.#python = installed.create()
    this.#pythonPolicies = policies.flatMap(({ python }) => python ?? [])
    const conditions: string[] = []
    for (const policy of this.#pythonPolicies) {
      const rules = policy.rules.map(rule => {
        conditions.push(rule.condition)
        return { ...rule, condition: `matches.${conditions.length - 1}` }
      })
      this.#python.loadPolicy({ ...policy, rules })
    }
    this.#conditions = conditions
  }

  /** Asks both, always, so that a limit counts alike in each. */
  decide(agent: string, context: { readonly action: string; readonly tool_args: unknown }): Decision {
    const here = decisionOf(this.#typescript.evaluatePolicy(agent, { ...context }))
    const there = this.#inPython(agent, context)
    return SAFETY[there.verdict] > SAFETY[here.verdict] ? there : here
  }

  #inPython(agent: string, context: { readonly [name: string]: unknown }): Judged {
    if (!this.#pythonPolicies.some(policy => isFor(policy, agent))) return NO_POLICIES
    const matches = this.#conditions.map(condition => matchesInPython(condition, context))
    return decisionOf(this.#python.evaluatePolicy(agent, { matches }))
  }
}

const SAFETY = { allow: 0, review: 1, deny: 2 } as const

type Judged = Decision & { readonly verdict: keyof typeof SAFETY }

function decisionOf(decision: EngineDecision): Judged {
  const { policyName, matchedRule, reason } = decision
  return {
    // Only what the engine allows may run: it also answers `warn` and `log`, and both mean no.
    verdict: decision.allowed === true ? 'allow' : decision.action === 'require_approval' ? 'review' : 'deny',
    ...(policyName !== undefined && { policy: policyName }),
    ...(matchedRule !== undefined && { rule: matchedRule }),
    ...(reason !== undefined && { reason }),
  }
}

const isFor = ({ agent, agents = [] }: Policy, id: string): boolean =>
  agent === id || agents.includes(id) || agents.includes('*')
