import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { MalformedError } from '../core/errors.js'
import { isText } from '../core/record/formats.js'
import { conditionFault } from './condition.js'

/** A policy as the engine takes it: every member that it would otherwise fill in itself is there. */
export interface Policy {
  readonly apiVersion: string
  readonly name: string
  readonly description?: string
  readonly agent?: string
  readonly agents?: string[]
  readonly scope: string
  readonly rules: PolicyRule[]
  readonly default_action: 'allow' | 'deny'
}

interface PolicyRule {
  readonly name: string
  readonly description?: string
  readonly condition: string
  /** The engine's name for what documents call `action`: it ignores that one and denies. */
  readonly ruleAction: (typeof ACTIONS)[number]
  readonly limit?: string
  readonly approvers?: string[]
  readonly priority: number
  readonly enabled: boolean
}

interface StagedRule {
  readonly stage: string
  readonly rule: PolicyRule
}

const ACTIONS = ['allow', 'deny', 'warn', 'require_approval', 'log'] as const
const API_VERSION = 'governance.toolkit/v1'
const DEPRECATED_VERSION = '1.0'
const SCOPES = ['global', 'tenant', 'agent'] as const
const STAGES = ['pre_input', 'pre_tool', 'post_tool', 'pre_output'] as const
/** The stage at which a recorder asks. */
const THIS_STAGE = 'pre_tool'
const PERIODS = ['second', 'minute', 'hour', 'day'] as const

/** Bounds the work and the memory that a file of rules can cause. */
const POLICY_BYTES_MAX = 1024 * 1024
const RULES_MAX = 10_000

// Members that say nothing about a decision.
const IGNORED = ['created_at', 'updated_at', 'metadata', 'labels']
const POLICY_MEMBERS = [
  'apiVersion',
  'version',
  'name',
  'description',
  'agent',
  'agents',
  'scope',
  'rules',
  'default_action',
]
const RULE_MEMBERS = [
  'name',
  'description',
  'stage',
  'condition',
  'action',
  'limit',
  'approvers',
  'priority',
  'enabled',
]

/** One file of rules, as each of the two engines takes it: docs/design/engine-differences.md. */
export interface PolicyFile {
  /** As the TypeScript engine reads it. */
  readonly policy: Policy
  /** As its Python twin does; undefined where that applies the policy to nobody. Other conditions mean other things. */
  readonly python: Policy | undefined
  /** What its author may not have meant, one sentence each. */
  readonly notes: readonly string[]
  /** What is in the file and not in force as it says, one sentence each. */
  readonly gaps: readonly string[]
}

/**
 * Reads one file of rules. What the engine would read otherwise than its author, or not at all, is refused.
 *
 * @throws {MalformedError} `rules.file` with the line and the reason
 */
export function readPolicy(bytes: Uint8Array): PolicyFile {
  if (bytes.length > POLICY_BYTES_MAX)
    throw new MalformedError('rules.file', `it has ${bytes.length} bytes`, { expected: `at most ${POLICY_BYTES_MAX}` })
  const lines = new LineCounter()
  const text = fromUtf8(bytes)
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    strict: true,
    uniqueKeys: true,
    stringKeys: true,
    lineCounter: lines,
    prettyErrors: false,
  })
  const reader = new Reader(lines)
  // YAML 1.1 ends a line there: to its readers a comment, or a quoted text, may go on as a rule that is not seen here.
  const hidden = /[\u0085\u2028\u2029]/.exec(text)
  if (hidden) reader.refuse(hidden.index, 'holds a line separator, at which some readers begin a new line')
  const [fault] = [...document.errors, ...document.warnings]
  if (fault) reader.refuse(fault.pos[0], fault.message)
  return reader.policy(document.contents)
}

/** Walks the nodes of one document, so that every refusal can say its line. */
class Reader {
  readonly #lines: LineCounter
  readonly #notes: string[] = []
  readonly #gaps: string[] = []

  constructor(lines: LineCounter) {
    this.#lines = lines
  }

  policy(root: Node | null): PolicyFile {
    const map = this.#members(root, 'the document', POLICY_MEMBERS)
    const apiVersion = this.#string(map, 'apiVersion') ?? API_VERSION
    if (apiVersion !== API_VERSION && apiVersion !== DEPRECATED_VERSION)
      this.#wrong(map, 'apiVersion', `is ${JSON.stringify(apiVersion)}, not ${API_VERSION}`)
    if (apiVersion === DEPRECATED_VERSION) this.#notes.push(`apiVersion 1.0 is deprecated: write ${API_VERSION}`)
    // It says nothing, but the Python engine does not load a file in which it is a number.
    this.#string(map, 'version')
    const name = this.#name(map, 'the policy')
    const description = this.#string(map, 'description')
    const scope = this.#string(map, 'scope') ?? 'global'
    if (!isOneOf(SCOPES, scope)) this.#wrong(map, 'scope', `is one of ${SCOPES.join(', ')}`)
    const defaultAction = this.#string(map, 'default_action') ?? 'deny'
    if (defaultAction !== 'allow' && defaultAction !== 'deny') this.#wrong(map, 'default_action', 'is allow or deny')
    const { forNobody, ...agents } = this.#agents(map)
    const rules = this.#rules(map)
    const policy: Policy = {
      apiVersion,
      name,
      ...(description !== undefined && { description }),
      ...agents,
      scope,
      rules: rules.map(({ rule }) => rule),
      default_action: defaultAction as 'allow' | 'deny',
    }
    const atThisStage = rules.filter(({ stage }) => stage === THIS_STAGE).map(({ rule }) => rule)
    return {
      policy,
      python: forNobody ? undefined : { ...policy, rules: atThisStage },
      notes: this.#notes,
      gaps: this.#gaps,
    }
  }

  #agents(map: YAMLMap): Pick<Policy, 'agent' | 'agents'> & { forNobody: boolean } {
    const agent = this.#string(map, 'agent')
    const agents = this.#strings(map, 'agents')
    // The engine compares whole names: any other pattern would match nobody.
    for (const pattern of [agent ?? '', ...(agents ?? []).filter(each => each !== '*')])
      if (pattern.includes('*')) this.#wrong(map, agents ? 'agents' : 'agent', 'knows one pattern only: agents: ["*"]')
    const forNobody = agent === undefined && (agents ?? []).length === 0
    if (forNobody)
      this.#notes.push(
        'names no agents: for the Python engine it is for nobody, so that only what it denies counts: write agents: ["*"]',
      )
    return {
      forNobody,
      ...(agent !== undefined && { agent }),
      ...(forNobody ? { agents: ['*'] } : agents && { agents }),
    }
  }

  #rules(map: YAMLMap): StagedRule[] {
    const node = map.get('rules', true) as Node | undefined
    if (node === undefined) return []
    if (!isSeq(node)) this.#wrong(map, 'rules', 'is a list')
    const { items } = node as { items: Node[] }
    if (items.length > RULES_MAX) this.#wrong(map, 'rules', `has more than ${RULES_MAX} rules`)
    const rules: StagedRule[] = []
    const names = new Set<string>()
    for (const item of items) {
      const staged = this.#rule(item)
      const { rule } = staged
      // The engine looks a matched rule up again by name and would take the limit of the first.
      if (names.has(rule.name)) this.refuse(item.range?.[0], `a second rule is named ${JSON.stringify(rule.name)}`)
      names.add(rule.name)
      rules.push(staged)
    }
    return rules
  }

  #rule(node: Node): StagedRule {
    const map = this.#members(node, 'a rule', RULE_MEMBERS)
    const name = this.#name(map, 'a rule')
    const stage = this.#string(map, 'stage') ?? THIS_STAGE
    if (!isOneOf(STAGES, stage)) this.#wrong(map, 'stage', `is one of ${STAGES.join(', ')}`)
    const condition = this.#string(map, 'condition')
    if (condition === undefined) return this.refuse(node.range?.[0], `rule ${JSON.stringify(name)} has no condition`)
    const action = this.#string(map, 'action') ?? 'deny'
    if (!isOneOf(ACTIONS, action)) this.#wrong(map, 'action', `is one of ${ACTIONS.join(', ')}`)
    const limit = this.#limit(map)
    const description = this.#string(map, 'description')
    const approvers = this.#strings(map, 'approvers')
    const rule: PolicyRule = {
      name,
      ...(description !== undefined && { description }),
      condition,
      ruleAction: action as PolicyRule['ruleAction'],
      ...(limit !== undefined && { limit }),
      ...(approvers && { approvers }),
      priority: this.#integer(map, 'priority') ?? 0,
      enabled: this.#boolean(map, 'enabled') ?? true,
    }
    if (stage !== THIS_STAGE) {
      // The engine knows no stages and judges it before a tool, where its Python twin does not. Its condition is about
      // another moment, so what there is to ask for is not known here.
      this.#gaps.push(
        `rule ${JSON.stringify(name)} is for the stage ${stage}, which is not evaluated: before a tool, only what it denies counts`,
      )
      return { stage, rule }
    }
    const fault = conditionFault(condition)
    if (fault) this.#wrong(map, 'condition', `of rule ${JSON.stringify(name)} ${fault}`)
    return { stage, rule }
  }

  /** `<count>/<period>`, as the engine reads it: it takes anything, and never limits what it does not understand. */
  #limit(map: YAMLMap): string | undefined {
    const limit = this.#string(map, 'limit')
    if (limit === undefined) return undefined
    const [count = '', period = '', ...more] = limit.split('/').map(part => part.trim().toLowerCase())
    if (more.length > 0 || !/^\d{1,9}$/.test(count) || !isOneOf(PERIODS, period))
      this.#wrong(map, 'limit', `is <count>/<period>, such as 100/hour, the period one of ${PERIODS.join(', ')}`)
    if (Number(count) === 0) this.#wrong(map, 'limit', 'of 0 would let the first call through: deny instead')
    return `${Number(count)}/${period}`
  }

  #name(map: YAMLMap, what: string): string {
    const name = this.#string(map, 'name')
    if (name === undefined) return this.refuse(map.range?.[0], `${what} has no name`)
    if (!isText(name)) this.#wrong(map, 'name', 'has 1 to 255 bytes and no control characters')
    return name
  }

  #members(node: Node | null, what: string, known: readonly string[]): YAMLMap {
    if (!isMap(node)) return this.refuse(node?.range?.[0], `${what} is no mapping of names to values`)
    for (const { key } of node.items) {
      const name = isScalar(key) ? String(key.value) : '?'
      if (known.includes(name) || (known === POLICY_MEMBERS && IGNORED.includes(name))) continue
      this.refuse(
        (key as Node).range?.[0],
        `${what} has ${JSON.stringify(name)}${REASONS[name] ?? ', which would be ignored'}`,
      )
    }
    return node
  }

  #string(map: YAMLMap, name: string): string | undefined {
    const node = map.get(name, true) as Node | undefined
    return node === undefined ? undefined : this.#text(node, map, name)
  }

  #text(node: Node, map: YAMLMap, name: string): string {
    if (isAlias(node)) return this.#wrong(map, name, 'is an alias: write out what it says')
    const value: unknown = isScalar(node) ? node.value : undefined
    if (typeof value !== 'string') return this.#wrong(map, name, 'is no string')
    // YAML 1.1, which other readers of this file speak, reads these as booleans.
    if (isScalar(node) && node.type === 'PLAIN' && /^(?:y|yes|n|no|on|off)$/i.test(value))
      this.#wrong(map, name, `says ${value} without quotes, which some readers take for true or false`)
    return value
  }

  #strings(map: YAMLMap, name: string): string[] | undefined {
    const node = map.get(name, true) as Node | undefined
    if (node === undefined) return undefined
    if (!isSeq(node)) return this.#wrong(map, name, 'is a list of strings')
    return node.items.map(item => this.#text(item as Node, map, name))
  }

  #integer(map: YAMLMap, name: string): number | undefined {
    const node = map.get(name, true) as Node | undefined
    if (node === undefined) return undefined
    // 010 is eight to some readers and ten to others.
    if (!isScalar(node) || !Number.isSafeInteger(node.value) || !/^-?(?:0|[1-9]\d*)$/.test(node.source ?? ''))
      return this.#wrong(map, name, 'is a decimal integer')
    return node.value as number
  }

  #boolean(map: YAMLMap, name: string): boolean | undefined {
    const node = map.get(name, true) as Node | undefined
    if (node === undefined) return undefined
    if (!isScalar(node) || typeof node.value !== 'boolean') return this.#wrong(map, name, 'is true or false')
    return node.value
  }

  #wrong(map: YAMLMap, name: string, why: string): never {
    const pair = map.items.find(item => isScalar(item.key) && item.key.value === name)
    return this.refuse((pair?.key as Node | undefined)?.range?.[0], `${name} ${why}`)
  }

  refuse(offset: number | undefined, why: string): never {
    const line = this.#lines.linePos(offset ?? 0).line
    throw new MalformedError('rules.file', `line ${line}: ${why}`)
  }
}

const REASONS: { readonly [name: string]: string } = {
  conditions: ', which would be ignored: write condition',
  effect: ', the engine’s old name: write action',
  extends: ', which would be ignored: put the rules into files of their own',
  ruleAction: ', the engine’s own name: write action',
}

const isOneOf = (list: readonly string[], value: string): boolean => list.includes(value)
