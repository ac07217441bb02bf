import { UnavailableError } from '../core/errors.js'
import { Backends } from './backends.js'
import { ENGINE_PACKAGE, type EngineBackend, findEngine, type InstalledEngine } from './engine.js'
import type { Decision, EvaluationRequest, PolicyEvaluator, RulesInForce } from './evaluator.js'
import { type PolicyDir, readPolicyDir } from './policy-dir.js'
import { NO_POLICIES, Readings } from './readings.js'

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

export interface AgtBackendOptions {
  /**
   * Asked, all of them, about calls that the rules let pass or send to review: the toolkit's own `OPABackend` and
   * `CedarBackend`, or objects of that shape. One that denies, fails or takes too long denies.
   */
  readonly backends: readonly EngineBackend[]
  /** How long a backend may take; default 10,000. */
  readonly backendTimeoutMs?: number
}

/** An evaluator that answers at once. */
export interface RulesEvaluator extends PolicyEvaluator {
  evaluate(request: EvaluationRequest): Decision
}

const BACKEND_TIMEOUT_MS = 10_000

/**
 * Decides with the rules engine of the Agent Governance Toolkit, an optional peer. Our own loader stands in front of it,
 * since the engine reads past what it does not understand: see docs/design/rules-loader.md. Where its Python twin would
 * decide otherwise, the safer verdict wins: docs/design/engine-differences.md.
 *
 * The rules are read now; the engine is loaded at the first decision.
 *
 * @throws {UnavailableError} `rules.engine-missing` when it is not installed, unless `failOpen`
 * @throws {MalformedError} `rules.file`, {UnavailableError} `rules.unreadable`: when `strict`
 * @throws {TypeError} for a backend that is none
 */
export function agtEvaluator(options: AgtEvaluatorOptions & AgtBackendOptions): PolicyEvaluator
export function agtEvaluator(options: AgtEvaluatorOptions, installed?: InstalledEngine): RulesEvaluator
export function agtEvaluator(
  options: AgtEvaluatorOptions & Partial<AgtBackendOptions>,
  installed: InstalledEngine | undefined = findEngine(),
): PolicyEvaluator {
  const { policyDir, agentDid, strict = false, failOpen = false, warn = warnProcess } = options
  const { backends = [], backendTimeoutMs = BACKEND_TIMEOUT_MS } = options
  if (typeof policyDir !== 'string' || policyDir === '') throw new TypeError('policyDir is the path of a folder')
  if (!installed) {
    if (!failOpen)
      throw new UnavailableError('rules.engine-missing', `the rules engine ${ENGINE_PACKAGE} is not installed`, {
        expected: `npm install ${ENGINE_PACKAGE}, or failOpen: true to let every call pass`,
      })
    warn(`the rules engine ${ENGINE_PACKAGE} is not installed: every call passes, unjudged (failOpen)`)
    return { gaps: ['the rules engine is not installed'], evaluate: () => ({ verdict: 'not_evaluated' }) }
  }
  const rules = new AgtEvaluator(installed, readPolicyDir(policyDir, strict, warn), agentDid)
  if (backends.length === 0) return rules
  return withBackends(rules, installed, new Backends(installed, backends, backendTimeoutMs), backends)
}

class AgtEvaluator implements RulesEvaluator {
  readonly rules?: RulesInForce
  readonly gaps: readonly string[]
  readonly #installed: InstalledEngine
  readonly #dir: PolicyDir
  readonly #agent: string | undefined
  #readings: Readings | undefined

  constructor(installed: InstalledEngine, dir: PolicyDir, agent: string | undefined) {
    this.#installed = installed
    this.#dir = dir
    this.#agent = agent
    this.gaps = dir.gaps
    const { name, version } = installed
    if (dir.files.length > 0) this.rules = { engine: { name, version }, files: dir.files }
  }

  evaluate({ agent, tool, args }: EvaluationRequest): Decision {
    if (this.#dir.policies.length === 0) return NO_POLICIES
    this.#readings ??= new Readings(this.#installed, this.#dir.policies)
    return this.#readings.decide(this.whom(agent), { action: tool, tool_args: args })
  }

  whom(agent: string): string {
    return this.#agent ?? agent
  }
}

function withBackends(
  rules: AgtEvaluator,
  { name, version }: InstalledEngine,
  asked: Backends,
  backends: readonly EngineBackend[],
): PolicyEvaluator {
  // What a backend goes by is no file of ours. That it was asked is in the record all the same.
  const engine = { name: [name, ...backends.map(backend => backend.name)].join(' + '), version }
  return {
    ...(rules.rules && { rules: { ...rules.rules, engine } }),
    gaps: rules.gaps,
    async evaluate(request) {
      const local = rules.evaluate(request)
      if (local.verdict === 'deny') return local
      const { agent, tool, args } = request
      return asked.decide(local, rules.whom(agent), { action: tool, tool_args: args })
    },
  }
}

const warnProcess = (message: string): void => {
  process.emitWarning(message, { type: 'DeedlogWarning', code: 'rules' })
}
