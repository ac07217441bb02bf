import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '#crypto'
import { toUtf8 } from '../core/bytes/utf8.js'
import { agtEvaluator } from './agt.js'
import { readPolicy } from './policy-file.js'

const HEAD = `apiVersion: governance.toolkit/v1
name: shop
agents: ["*"]
`
// The sample of the Python plugin's documentation, plus the approval and the agents that it lacks.
const SAMPLE = `${HEAD}rules:
  - name: block-dangerous-tools
    condition: "action in ['shell_exec', 'file_delete']"
    action: deny
    description: Dangerous.
  - name: rate-limit-api-calls
    condition: "action == 'api_call'"
    action: allow
    limit: 2/hour
  - name: approve-payments
    condition: "action == 'process_payment' and tool_args.amount >= 100"
    action: require_approval
    approvers: [finance]
    priority: 10
default_action: allow
`

function folder(files: { readonly [name: string]: string | Uint8Array }): string {
  const dir = mkdtempSync(join(tmpdir(), 'deedlog-rules-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

function evaluator(files: { readonly [name: string]: string | Uint8Array }, options: { strict?: boolean } = {}) {
  const warnings: string[] = []
  const made = agtEvaluator({ policyDir: folder(files), warn: message => warnings.push(message), ...options })
  const ask = (tool: string, args: unknown = {}, agent = 'did:example:a') => made.evaluate({ agent, tool, args })
  return { ...made, rules: made.rules, gaps: made.gaps, ask, warnings }
}

const refusal = (text: string | Uint8Array): string => {
  try {
    readPolicy(typeof text === 'string' ? toUtf8(text) : text)
  } catch (error) {
    expect(error).toMatchObject({ name: 'MalformedError' })
    return (error as Error).message
  }
  return ''
}

describe('the sample rules, judged by the real engine', () => {
  test('mean what they say: allow, deny, a limit, an approval', () => {
    const { ask, rules, gaps, warnings } = evaluator({ 'default.yaml': SAMPLE })
    expect(ask('read')).toMatchObject({ verdict: 'allow' })
    expect(ask('read')).not.toHaveProperty('rule')
    expect(ask('shell_exec')).toEqual({
      verdict: 'deny',
      policy: 'shop',
      rule: 'block-dangerous-tools',
      reason: 'Dangerous.',
    })
    expect([ask('api_call'), ask('api_call'), ask('api_call')]).toMatchObject([
      { verdict: 'allow' },
      { verdict: 'allow' },
      { verdict: 'deny', rule: 'rate-limit-api-calls', reason: 'Rate limited: 2/hour' },
    ])
    expect(ask('process_payment', { amount: 99 })).toMatchObject({ verdict: 'allow' })
    expect(ask('process_payment', { amount: 100 })).toMatchObject({ verdict: 'review', rule: 'approve-payments' })
    expect(rules).toEqual({
      engine: { name: '@microsoft/agent-governance-sdk', version: '4.0.0' },
      files: [{ digest: sha256Hex(toUtf8(SAMPLE)), name: 'default.yaml', bytes: toUtf8(SAMPLE) }],
    })
    expect([gaps, warnings]).toEqual([[], []])
  })

  test('warn and log block, a disabled rule does not count, the higher priority wins', () => {
    const rule = (name: string, action: string, more = '') =>
      `  - {name: ${name}, condition: "action == '${name}'", action: ${action}${more}}\n`
    const { ask } = evaluator({
      'a.yaml': `${HEAD}default_action: allow\nrules:\n${rule('w', 'warn')}${rule('l', 'log')}${rule('disabled', 'deny', ', enabled: false')}
  - {name: low, condition: "action == 'both'", action: allow, priority: 1}
  - {name: high, condition: "action == 'both'", action: deny, priority: 2}
  - {name: bare, condition: "action == 'bare'"}
`,
    })
    expect(ask('w')).toMatchObject({ verdict: 'deny', rule: 'w' })
    expect(ask('l')).toMatchObject({ verdict: 'deny', rule: 'l' })
    expect(ask('disabled')).toMatchObject({ verdict: 'allow' })
    expect(ask('both')).toMatchObject({ verdict: 'deny', rule: 'high' })
    expect(ask('bare')).toMatchObject({ verdict: 'deny', rule: 'bare' })
  })

  test('are for the agents they name', () => {
    const { ask } = evaluator({ 'a.yaml': `name: a\nagents: [did:example:a]\ndefault_action: allow\n` })
    expect(ask('x').verdict).toBe('allow')
    expect(ask('x', {}, 'did:example:b').verdict).toBe('deny')
    const none = evaluator({ 'a.yaml': `name: a\ndefault_action: allow\n` })
    expect(none.ask('x')).toEqual({ verdict: 'deny', reason: 'No policies loaded (deny by default)' })
    expect(none.warnings[0]).toContain('names no agents')
    const warnings: string[] = []
    const policyDir = folder({ 'a.yaml': `name: a\nagent: did:example:fixed\ndefault_action: allow\n` })
    const fixed = agtEvaluator({ policyDir, agentDid: 'did:example:fixed', warn: message => warnings.push(message) })
    expect(fixed.evaluate({ agent: 'did:example:other', tool: 'x', args: {} })).toMatchObject({ verdict: 'allow' })
  })
})

describe('a folder of rules', () => {
  test('is read by name, not recursively, only *.yaml; of two policies with one name the last counts', () => {
    const policy = (name: string, action: string) => `name: ${name}\nagents: ["*"]\ndefault_action: ${action}\n`
    const dir = folder({ '2.yaml': policy('p', 'deny'), '1.yaml': policy('p', 'allow'), '3.yml': policy('q', 'allow') })
    mkdirSync(join(dir, 'sub'))
    writeFileSync(join(dir, 'sub', '4.yaml'), policy('r', 'allow'))
    const warnings: string[] = []
    const made = agtEvaluator({ policyDir: dir, warn: message => warnings.push(message) })
    expect(made.rules!.files.map(file => file.name)).toEqual(['1.yaml', '2.yaml'])
    expect(made.evaluate({ agent: 'a', tool: 'x', args: {} })).toMatchObject({ verdict: 'deny' })
    expect(warnings.join('\n')).toMatch(/3\.yml: only \*\.yaml[\s\S]*2\.yaml: replaces the policy "p"/)
  })

  test('that is missing or empty denies everything, with a warning for the missing one', () => {
    const warnings: string[] = []
    const missing = agtEvaluator({ policyDir: '/nowhere/at/all', strict: true, warn: text => warnings.push(text) })
    expect(missing.evaluate({ agent: 'a', tool: 'x', args: {} })).toEqual({
      verdict: 'deny',
      reason: 'No policies loaded (deny by default)',
    })
    expect(missing.rules).toBeUndefined()
    expect(warnings[0]).toContain('every call is denied')
    expect(evaluator({}).ask('x').verdict).toBe('deny')
  })

  test('with a bad file: left out with a warning and a gap, or an error with file, line and reason when strict', () => {
    const files = { 'bad.yaml': `${HEAD}rules:\n  - name: r\n    condition: "not action"\n`, 'good.yaml': SAMPLE }
    const { ask, rules, gaps, warnings } = evaluator(files)
    expect(rules!.files.map(file => file.name)).toEqual(['good.yaml'])
    expect(ask('read').verdict).toBe('allow')
    expect(warnings[0]).toMatch(/^Failed to load policy bad\.yaml: line 6: condition of rule "r" cannot be read/)
    expect(gaps).toEqual([expect.stringMatching(/^bad\.yaml: line 6/)])
    expect(() => evaluator(files, { strict: true })).toThrow(
      expect.objectContaining({
        code: 'rules.file',
        message: expect.stringMatching(/^Failed to load policy bad\.yaml: line 6/),
      }),
    )
  })

  test('with a file that cannot be read is not taken for one without it', () => {
    const dir = folder({ 'a.yaml': SAMPLE })
    mkdirSync(join(dir, 'b.yaml'))
    expect(() => agtEvaluator({ policyDir: dir, strict: true, warn: () => {} })).toThrow(
      expect.objectContaining({ code: 'rules.unreadable' }),
    )
    chmodSync(join(dir, 'a.yaml'), 0o644)
    expect(agtEvaluator({ policyDir: dir, warn: () => {} }).gaps).toHaveLength(1)
  })

  test('in which two policies share the name of a limited rule: the engine would count them as one', () => {
    const limited = (name: string) =>
      `name: ${name}\nagents: ["*"]\nrules:\n  - {name: r, condition: action, action: allow, limit: 1/day}\n`
    const { gaps } = evaluator({ 'a.yaml': limited('a'), 'b.yaml': limited('b') })
    expect(gaps).toEqual([expect.stringContaining('"r" is in another policy too')])
  })
})

describe('a file of rules is refused', () => {
  const rule = (text: string) => `${HEAD}rules:\n  - name: r\n    condition: "action == 'x'"\n    ${text}\n`

  test.each([
    ['', 'no mapping'],
    ['just text', 'no mapping'],
    ['[1, 2]', 'no mapping'],
    [`${HEAD}---\nname: two`, 'line 4'],
    [`${HEAD}name: again`, 'line 4: Map keys must be unique'],
    ['name: [', 'line 1'],
    ['name: !!python/object:os.system x', 'line 1'],
    ['agents: ["*"]', 'has no name'],
    ['name: 5', 'name is no string'],
    ['name: yes', 'without quotes'],
    ['name: ""', '1 to 255 bytes'],
    [`name: "${'x'.repeat(300)}"`, '1 to 255 bytes'],
    ['apiVersion: governance.toolkit/v2\nname: a', 'apiVersion is'],
    ['name: a\nagents: "*"', 'list of strings'],
    ['name: a\nagent: "*"', 'one pattern only'],
    ['name: a\nagents: ["did:mesh:*"]', 'one pattern only'],
    ['name: a\nscope: planet', 'scope is one of'],
    ['name: a\ndefault_action: maybe', 'default_action is allow or deny'],
    ['name: a\nextends: [base.yaml]', 'would be ignored'],
    ['name: a\nrule: []', 'has "rule", which would be ignored'],
    ['name: a\nrules: {}', 'rules is a list'],
    ['name: a\nrules: [x]', 'a rule is no mapping'],
    ['name: a\nrules:\n  - condition: action', 'a rule has no name'],
    ['name: a\nrules:\n  - name: r', 'has no condition'],
    [rule('action: permit'), 'line 7: action is one of'],
    [rule('effect: allow'), 'write action'],
    [rule('ruleAction: allow'), 'write action'],
    [rule('conditon: x'), 'has "conditon"'],
    [rule('surfaces: [cli]'), 'would be ignored'],
    [rule('enabled: no'), 'enabled is true or false'],
    [rule('enabled: "true"'), 'enabled is true or false'],
    [rule('priority: 010'), 'decimal integer'],
    [rule('priority: 1.5'), 'decimal integer'],
    [rule('priority: high'), 'decimal integer'],
    [rule('approvers: finance'), 'list of strings'],
    [rule('limit: 100'), 'limit is no string'],
    [rule('limit: "100"'), '<count>/<period>'],
    [rule('limit: 1.5/hour'), '<count>/<period>'],
    [rule('limit: 10/week'), '<count>/<period>'],
    [rule('limit: -1/hour'), '<count>/<period>'],
    [rule('limit: 0/hour'), 'would let the first call through'],
    [rule('stage: later'), 'stage is one of'],
    ['version: 1.0\nname: a', 'version is no string'],
    ['name: a\n# harmless\u2028default_action: allow', 'line 2: holds a line separator'],
    ['name: "a\u0085b"', 'line separator'],
    ['name: &n a\ndescription: *n', 'is an alias'],
    [`${rule('action: deny')}  - {name: r, condition: action}`, 'second rule is named'],
  ])('%j: %s', (text, reason) => {
    expect(refusal(text)).toContain(reason)
  })

  test('for its size, for bytes that are no UTF-8, and whatever else it may be, always with an error of ours', () => {
    expect(refusal(new Uint8Array(2 * 1024 * 1024))).toContain('bytes')
    expect(refusal(Uint8Array.of(0x6e, 0xff))).toContain('UTF-8')
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.uint8Array().map(String)), text => {
        refusal(text)
      }),
    )
  })

  test('but not for what harms nothing: a limit written loosely, another stage, metadata', () => {
    const { policy, python, notes, gaps } = readPolicy(
      toUtf8(`${HEAD}version: "1.0"
metadata: {owner: x}
rules:
  - {name: a, condition: "action == 'x'", limit: " 10 / Hour "}
  - {name: b, condition: action}
  - {name: c, condition: "outbound.text", stage: pre_output}
`),
    )
    expect(policy.rules.map(each => [each.name, each.limit])).toEqual([
      ['a', '10/hour'],
      ['b', undefined],
      ['c', undefined],
    ])
    expect(python!.rules.map(each => each.name)).toEqual(['a', 'b'])
    expect([notes, gaps]).toEqual([[], [expect.stringContaining('pre_output')]])
  })
})

describe('an engine that is not installed', () => {
  const options = { policyDir: folder({ 'a.yaml': SAMPLE }), warn: () => {} }

  test('is an error at construction that names the package', () => {
    expect(() => agtEvaluator(options, missing())).toThrow(
      expect.objectContaining({
        code: 'rules.engine-missing',
        message: expect.stringContaining('@microsoft/agent-governance-sdk'),
      }),
    )
  })

  test('lets everything pass, unjudged and declared, when told to fail open', () => {
    const warnings: string[] = []
    const made = agtEvaluator({ ...options, failOpen: true, warn: text => warnings.push(text) }, missing())
    expect(made.evaluate({ agent: 'a', tool: 'shell_exec', args: {} })).toEqual({ verdict: 'not_evaluated' })
    expect(made.gaps).toEqual(['the rules engine is not installed'])
    expect(warnings[0]).toContain('failOpen')
  })

  // `null` and not `undefined`, which would make the default parameter look for the real one.
  function missing(): never {
    return null as never
  }
})
