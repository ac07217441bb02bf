import type { EngineBackend, InstalledEngine, PolicyEngine } from './engine.js'
import type { Decision } from './evaluator.js'
import type { Policy } from './policy-file.js'

/**
 * Asks the toolkit's backends (OPA, Cedar) about calls that the rules let pass, or send to review, through the engine
 * and as it calls them. One denial denies, and so does one failure.
 */
export class Backends {
  readonly #engine: () => PolicyEngine

  /** @throws {TypeError} for something that is no backend */
  constructor(installed: InstalledEngine, backends: readonly EngineBackend[], timeoutMs: number) {
    for (const backend of backends)
      if (typeof backend?.evaluatePolicy !== 'function' || typeof backend.name !== 'string')
        // The engine would take one without it for one that allows everything.
        throw new TypeError('a policy backend has a name and evaluatePolicy, as OPABackend and CedarBackend have')
    let engine: PolicyEngine | undefined
    this.#engine = () => {
      if (engine) return engine
      const made = installed.create()
      // The rules have been asked already, and asking them twice would count twice towards their limits.
      made.loadPolicy(OPEN)
      for (const backend of backends) made.registerBackend(guarded(backend, timeoutMs))
      engine = made
      return made
    }
  }

  /** `local` is what the rules say: never less safe afterwards. */
  async decide(local: Decision, agent: string, context: { action: string; tool_args: unknown }): Promise<Decision> {
    // The toolkit's OPA backend writes its own word over `action`, so the tool has a name of its own besides.
    const { backendResults } = await this.#engine().evaluatePolicyWithBackends(agent, {
      ...context,
      tool: context.action,
    })
    const no = backendResults.find(({ decision, error }) => error !== undefined || !PASSES.has(decision))
    if (no) {
      const why = no.error ?? no.reason
      return { verdict: 'deny', policy: no.backend, reason: `Denied by policy backend${why ? `: ${why}` : ''}` }
    }
    const reviewer = backendResults.find(({ decision }) => decision === 'review')
    if (local.verdict === 'review' || !reviewer) return local
    return {
      verdict: 'review',
      policy: reviewer.backend,
      reason: reviewer.reason ?? 'Review required by policy backend',
    }
  }
}

const PASSES: ReadonlySet<unknown> = new Set(['allow', 'review'])
const ANSWERS: ReadonlySet<unknown> = new Set([...PASSES, 'deny'])

/** A backend that answers in time with something the engine understands, or fails: what fails denies. */
const guarded = (backend: EngineBackend, timeoutMs: number): EngineBackend => ({
  name: backend.name,
  async evaluatePolicy(agent, context) {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
    })
    try {
      const answer = await Promise.race([backend.evaluatePolicy!(agent, context), late])
      // The engine takes any other word, such as a misspelt one, for neither a denial nor a review: for an allowance.
      const decision = typeof answer === 'string' ? answer : (answer as { decision?: unknown } | undefined)?.decision
      const allowed = (answer as { allowed?: unknown } | undefined)?.allowed
      if (ANSWERS.has(decision) || (decision === undefined && typeof allowed === 'boolean')) return answer
      throw new Error('an answer that is no verdict')
    } finally {
      clearTimeout(timer)
    }
  },
})

const OPEN: Policy = {
  apiVersion: 'governance.toolkit/v1',
  name: 'backends',
  agents: ['*'],
  scope: 'global',
  rules: [],
  default_action: 'allow',
}
