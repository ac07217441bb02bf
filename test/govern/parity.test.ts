import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chdir, cwd } from 'node:process'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AgentGovernanceOptions, AgentGovernancePlugin } from '../../src/adapters/adk/index.js'
import { agtEvaluator } from '../../src/govern/agt.js'
import { memory } from '../../src/log/index.js'
import { folder, govern } from './kit.js'

/*
 * The Python plugin's behaviour, a test for each row of the table in docs/coming-from-python.md, on the real rules
 * engine.
 */

const OPEN = 'name: open\nagents: ["*"]\ndefault_action: allow\n'
const RULES = `name: shop
agents: ["*"]
default_action: allow
rules:
  - {name: no-shell, condition: "action == 'shell'", action: deny, description: No shell.}
  - {name: watched, condition: "action == 'watched'", action: warn}
  - {name: noted, condition: "action == 'noted'", action: log}
  - {name: asked, condition: "action == 'pay'", action: require_approval, description: A person decides.}
`

const made: AgentGovernancePlugin[] = []
afterEach(async () => {
  await Promise.all(made.splice(0).map(plugin => plugin.close()))
})

/** The plugin, what it says, and what a call is answered with in the tool's place. */
function plugin(options: Partial<AgentGovernanceOptions> = {}) {
  const warnings: string[] = []
  const created = new AgentGovernancePlugin({
    policyDir: folder({ 'rules.yaml': RULES }),
    auditBackend: memory(),
    logger: { warn: text => warnings.push(text) },
    onError: () => {},
    ...options,
  } as AgentGovernanceOptions)
  made.push(created)
  const call = (name: string, toolArgs: Record<string, unknown> = {}) =>
    created.beforeToolCallback({ tool: { name, runAsync: async () => 'done' }, toolArgs, toolContext: {} } as never)
  return { created, warnings, call }
}

describe('construction', () => {
  test('the plugin is named agent_governance', () => {
    expect(plugin().created.name).toBe('agent_governance')
  })

  test('policyDir is required', () => {
    expect(() => new AgentGovernancePlugin({ auditBackend: memory() } as never)).toThrow(/policyDir/)
    expect(() => agtEvaluator({ policyDir: '' })).toThrow(TypeError)
  })

  test('a relative policyDir is resolved against the working directory, once', () => {
    const dir = folder({ 'a.yaml': OPEN })
    const before = cwd()
    try {
      chdir(dirname(dir))
      const evaluator = agtEvaluator({ policyDir: dir.slice(dirname(dir).length + 1), warn: () => {} })
      chdir(before)
      expect(evaluator.evaluate({ agent: 'a', tool: 'x', args: {} }).verdict).toBe('allow')
    } finally {
      chdir(before)
    }
  })

  test('agentDid is did:mesh:adk-agent unless it is given, and is whom the rules are asked about', async () => {
    const policyDir = folder({ 'a.yaml': 'name: a\nagents: [did:mesh:adk-agent]\ndefault_action: allow\n' })
    expect(await plugin({ policyDir }).call('read')).toBeUndefined()
    expect(await plugin({ policyDir, agentDid: 'did:mesh:other' }).call('read')).toMatchObject({
      error: 'policy_denied',
    })
  })

  test('without the engine it throws, naming the package; failOpen lets every call pass, unjudged, with a warning', () => {
    const options = { policyDir: folder({ 'a.yaml': RULES }), warn: vi.fn() }
    const missing = null as never
    expect(() => agtEvaluator(options, missing)).toThrow(/@microsoft\/agent-governance-sdk/)
    const open = agtEvaluator({ ...options, failOpen: true }, missing)
    expect(open.evaluate({ agent: 'a', tool: 'shell', args: {} })).toEqual({ verdict: 'not_evaluated' })
    expect(options.warn).toHaveBeenCalledWith(expect.stringContaining('not installed'))
  })
})

describe('files', () => {
  test('strict is off: a bad file is skipped with a warning, the others count', () => {
    const { ask, warnings, evaluator } = govern({ '1.yaml': 'name: [', '2.yaml': RULES })
    expect(ask('read').verdict).toBe('allow')
    expect(warnings).toEqual([expect.stringMatching(/^Failed to load policy 1\.yaml: line 1/)])
    expect(evaluator.gaps).toHaveLength(1)
  })

  test('strict: the same file is an error at construction', () => {
    expect(() => govern({ '1.yaml': 'name: [', '2.yaml': RULES }, { strict: true })).toThrow(
      /^Failed to load policy 1\.yaml: line 1/,
    )
  })

  test('*.yaml sorted by name: on equal priority the rule of the first file wins, and its default is the default', () => {
    const policy = (name: string, action: string) =>
      `name: ${name}\nagents: ["*"]\ndefault_action: ${action}\nrules:\n  - {name: ${name}, condition: "action == 'x'", action: ${action}}\n`
    const { ask, evaluator } = govern({ 'b.yaml': policy('b', 'deny'), 'a.yaml': policy('a', 'allow') })
    expect(evaluator.rules!.files.map(({ name }) => name)).toEqual(['a.yaml', 'b.yaml'])
    expect(ask('x')).toMatchObject({ verdict: 'allow', rule: 'a' })
    expect(ask('y').verdict).toBe('allow')
  })

  test('.yml is ignored with a warning, .json and sub-folders without one', () => {
    const policyDir = folder({ 'a.yml': OPEN, 'b.json': JSON.stringify({ name: 'b', agents: ['*'] }) })
    mkdirSync(join(policyDir, 'sub'))
    writeFileSync(join(policyDir, 'sub', 'c.yaml'), OPEN)
    const { ask, warnings, evaluator } = govern({}, { policyDir })
    expect(ask('x').verdict).toBe('deny')
    expect(warnings).toEqual(['a.yml: only *.yaml is read'])
    expect(evaluator.rules).toBeUndefined()
  })

  test('one document per file, no extends', () => {
    expect(() => govern({ 'a.yaml': `${OPEN}---\n${RULES}` }, { strict: true })).toThrow(/line 4/)
    expect(() => govern({ 'a.yaml': `${OPEN}extends: base.yaml\n` }, { strict: true })).toThrow(/"extends"/)
  })

  test('one policy name in two files: the last counts, with a warning', () => {
    const { ask, warnings } = govern({ '1.yaml': OPEN, '2.yaml': 'name: open\nagents: ["*"]\n' })
    expect(ask('x').verdict).toBe('deny')
    expect(warnings).toEqual(['2.yaml: replaces the policy "open" of an earlier file'])
  })

  test('a missing folder is a warning, also when strict; missing or empty, every call is denied', () => {
    const { ask, warnings } = govern({}, { policyDir: '/nowhere/rules', strict: true })
    const denied = { verdict: 'deny', reason: 'No policies loaded (deny by default)' }
    expect(ask('x')).toEqual(denied)
    expect(warnings).toEqual([expect.stringMatching(/\/nowhere\/rules .*every call is denied/)])
    const empty = govern({})
    expect([empty.ask('x'), empty.warnings]).toEqual([denied, []])
  })
})

describe('a decision', () => {
  test('sees action, the name of the tool, and tool_args, its arguments, and nothing else', async () => {
    const evaluate = vi.fn((_: unknown) => ({ verdict: 'allow' as const }))
    const { call } = plugin({ policyDir: undefined, evaluator: { evaluate } } as never)
    const args = { a: 1 }
    await call('read', args)
    expect(evaluate).toHaveBeenCalledWith({ agent: 'did:mesh:adk-agent', tool: 'read', args })
    const { ask } = govern({
      'a.yaml': `${OPEN}rules:\n  - {name: r, condition: "action == 'read' and tool_args.a == 'x'", action: deny}\n`,
    })
    expect([ask('read', { a: 'x' }).verdict, ask('read', { a: 'y' }).verdict]).toEqual(['deny', 'allow'])
  })

  test('allow is exactly undefined, not null', async () => {
    expect(await plugin().call('read')).toBe(undefined)
  })

  test.each([
    ['deny', 'shell', 'No shell.', 'no-shell'],
    ['warn', 'watched', 'Rule watched matched', 'watched'],
    ['log', 'noted', 'Rule noted matched', 'noted'],
    ['require_approval without an approver', 'pay', 'A person decides.', 'asked'],
  ])('%s blocks, with exactly error, reason and matched_rule', async (_, tool, reason, rule) => {
    const denial = await plugin().call(tool)
    expect(denial).toEqual({ error: 'policy_denied', reason, matched_rule: rule })
    expect(Object.keys(denial!)).toEqual(['error', 'reason', 'matched_rule'])
  })

  test('a denial by default has a matched_rule that is null', async () => {
    const { call } = plugin({ policyDir: folder({ 'a.yaml': 'name: a\nagents: ["*"]\n' }) })
    expect(await call('read')).toStrictEqual({
      error: 'policy_denied',
      reason: 'No matching rules, using default',
      matched_rule: null,
    })
  })

  test('a denial is a warning with tool, reason and rule; what is allowed is not', async () => {
    const { call, warnings } = plugin()
    await call('read')
    await call('shell')
    expect(warnings).toHaveLength(1)
    for (const part of ['shell', 'No shell.', 'no-shell']) expect(warnings[0]).toContain(part)
  })

  test('an engine that throws is a denial, policy_error, and no exception', async () => {
    const evaluator = {
      evaluate() {
        throw new Error('out of order')
      },
    }
    expect(await plugin({ policyDir: undefined, evaluator } as never).call('read')).toEqual({
      error: 'policy_error',
      reason: 'the rules could not be evaluated: out of order',
      matched_rule: null,
    })
  })

  test('allowed and denied calls are both on record, before the answer is given', async () => {
    const appended: string[] = []
    const backend = {
      append: async (entries: readonly { record: Uint8Array }[]) => {
        appended.push(...entries.map(({ record }) => new TextDecoder().decode(record)))
        return []
      },
      flush: async () => {},
      close: async () => {},
    }
    const { call } = plugin({ auditBackend: backend as never })
    const verdicts = () => appended.flatMap(text => JSON.parse(text).decision?.verdict ?? [])
    await call('shell')
    expect(verdicts()).toEqual(['deny'])
    await call('read')
    expect(verdicts()).toEqual(['deny', 'allow'])
    expect(appended.join()).not.toContain('No shell.')
  })

  test('what cannot be recorded is denied, and never thrown', async () => {
    const broken = async () => {
      throw new Error('full')
    }
    const { call, created } = plugin({ auditBackend: { append: broken, flush: broken, close: broken } as never })
    expect(await call('read')).toMatchObject({ error: 'audit_unavailable', matched_rule: null })
    made.splice(made.indexOf(created), 1)
  })
})
