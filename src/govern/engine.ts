import { createRequire } from 'node:module'
import { join } from 'node:path'
import { UnavailableError } from '../core/errors.js'
import type { Policy } from './policy-file.js'

/** The part of the Agent Governance Toolkit that decides. */
export interface PolicyEngine {
  loadPolicy(policy: Policy): void
  evaluatePolicy(agent: string, context: { [name: string]: unknown }): EngineDecision
  registerBackend(backend: EngineBackend): void
  evaluatePolicyWithBackends(agent: string, context: { [name: string]: unknown }): Promise<BackendsDecision>
}

/**
 * One of the toolkit's own ways to ask another engine: its `OPABackend`, its `CedarBackend`, or an object of the same
 * shape. The tool's name is `tool` in the context, its arguments are `tool_args`.
 */
export interface EngineBackend {
  readonly name: string
  evaluatePolicy?(agent: string, context: { readonly [name: string]: unknown }): unknown
}

interface BackendsDecision {
  readonly backendResults: readonly {
    readonly backend: string
    readonly decision: string
    readonly reason?: string | undefined
    readonly error?: string | undefined
  }[]
}

export interface EngineDecision {
  readonly allowed: boolean
  readonly action: string
  readonly matchedRule?: string | undefined
  readonly policyName?: string | undefined
  readonly reason?: string | undefined
}

/** An installed engine that has not been loaded yet. */
export interface InstalledEngine {
  readonly name: string
  readonly version: string
  create(): PolicyEngine
}

export const ENGINE_PACKAGE = '@microsoft/agent-governance-sdk'

/**
 * Looks for the engine beside this package, then where the program runs, without loading it: it is an optional peer,
 * and constructing an evaluator must not cost its start-up.
 *
 * @returns undefined when it is not installed
 */
export function findEngine(): InstalledEngine | undefined {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    const require = createRequire(from)
    let version: unknown
    try {
      require.resolve(ENGINE_PACKAGE)
      version = (require(`${ENGINE_PACKAGE}/package.json`) as { version?: unknown }).version
    } catch {
      continue
    }
    return {
      name: ENGINE_PACKAGE,
      version: String(version),
      create() {
        const { PolicyEngine } = require(ENGINE_PACKAGE) as { PolicyEngine?: new () => PolicyEngine }
        if (typeof PolicyEngine !== 'function')
          throw new UnavailableError('rules.engine', `${ENGINE_PACKAGE} ${String(version)} has no PolicyEngine`, {
            expected: 'a 4.x release',
          })
        return new PolicyEngine()
      },
    }
  }
  return undefined
}
