import { describe, expect, test } from 'vitest'
import { askEngine, govern } from './kit.js'

/*
 * docs/design/engine-differences.md, a test for each of its rows: what the TypeScript engine says, what its Python twin
 * says, what we say. The Python column is from runs of the real engine; test/interop/agt-python.test.ts repeats such
 * runs for thousands of rules.
 */

interface Row {
  readonly row: string
  readonly condition: string
  readonly args: unknown
  /** Whether the rule matches, to the TypeScript engine and to the Python one. */
  readonly matches: readonly [here: boolean, there: boolean]
}

const CONDITIONS: readonly Row[] = [
  { row: 'not in', condition: "action not in ['other']", args: {}, matches: [true, false] },
  { row: '== number', condition: 'tool_args.n == 5', args: { n: 5 }, matches: [true, false] },
  { row: '!= number', condition: 'tool_args.n != 5', args: { n: 6 }, matches: [true, false] },
  { row: '== true', condition: 'tool_args.b == true', args: { b: true }, matches: [true, false] },
  { row: '== ""', condition: "tool_args.s == ''", args: { s: '' }, matches: [true, false] },
  { row: '!= ""', condition: "tool_args.s != ''", args: { s: 'x' }, matches: [true, false] },
  { row: '" or " inside quotes', condition: "tool_args.s == 'a or b'", args: { s: 'a or b' }, matches: [true, false] },
  {
    row: '" and " inside quotes',
    condition: "tool_args.s == 'a and b'",
    args: { s: 'a and b' },
    matches: [true, false],
  },
  { row: 'a missing number, <=', condition: 'tool_args.n <= 5', args: {}, matches: [false, true] },
  { row: 'a missing number, >= 0', condition: 'tool_args.n >= 0', args: {}, matches: [false, true] },
  { row: 'a number in a list', condition: "tool_args.n in ['5']", args: { n: 5 }, matches: [true, false] },
  { row: 'true in a list', condition: "tool_args.b in ['true']", args: { b: true }, matches: [true, false] },
  { row: 'an empty list as a condition', condition: 'tool_args.l', args: { l: [] }, matches: [true, false] },
  { row: 'an empty object as a condition', condition: 'tool_args.o', args: { o: {} }, matches: [true, false] },
  { row: 'a path into a list', condition: "tool_args.l.0 == 'x'", args: { l: ['x'] }, matches: [true, false] },
  { row: 'a hexadecimal string', condition: 'tool_args.n > 5', args: { n: '0x10' }, matches: [true, false] },
  { row: 'the empty string as a number', condition: 'tool_args.n >= 0', args: { n: '' }, matches: [true, false] },
  { row: 'a list as a number', condition: 'tool_args.n >= 5', args: { n: [5] }, matches: [true, false] },
  { row: 'underscores in a number', condition: 'tool_args.n >= 5', args: { n: '1_000' }, matches: [false, true] },
  { row: 'inf', condition: 'tool_args.n >= 5', args: { n: 'inf' }, matches: [false, true] },
  { row: 'digits of another script', condition: 'tool_args.n >= 5', args: { n: '٥' }, matches: [false, true] },
  {
    row: 'an integer beyond every float',
    condition: 'tool_args.n < 5',
    args: { n: 10n ** 400n },
    matches: [false, true],
  },
]

const document = (condition: string, action: string, defaultAction: string) =>
  JSON.stringify({
    name: 'p',
    agents: ['*'],
    default_action: defaultAction,
    rules: [{ name: 'r', condition, action }],
  })

const ORDER = ['allow', 'review', 'deny']
const safer = (...verdicts: string[]): string => ORDER[Math.max(...verdicts.map(each => ORDER.indexOf(each)))]!

describe('a condition that the engines read differently', () => {
  test.each(CONDITIONS)('$row: the safer verdict wins, whatever the rule says', ({ condition, args, matches }) => {
    for (const [action, verdict, otherwise] of [
      ['allow', 'allow', 'deny'],
      ['deny', 'deny', 'allow'],
      ['require_approval', 'review', 'allow'],
      ['require_approval', 'review', 'deny'],
    ] as const) {
      const [here, there] = matches.map(matching => (matching ? verdict : otherwise)) as [string, string]
      const { ask, warnings } = govern({ 'p.yaml': document(condition, action, otherwise) }, { strict: true })
      const engine = { ...JSON.parse(document(condition, action, otherwise)), scope: 'global' }
      engine.rules[0].ruleAction = action
      expect(askEngine(engine, 'x', args)).toBe(here)
      expect(here).not.toBe(there)
      expect(ask('x', args).verdict).toBe(safer(here, there))
      expect(warnings).toEqual([])
    }
  })

  test('the reason and the rule are those of the engine that was safer', () => {
    const { ask } = govern({ 'p.yaml': document('tool_args.n <= 5', 'deny', 'allow') })
    expect(ask('x', { n: 6 })).toEqual({ verdict: 'allow', reason: 'No matching rules, using default' })
    expect(ask('x')).toEqual({ verdict: 'deny', policy: 'p', rule: 'r', reason: 'Rule r matched' })
  })
})

describe('a policy that the engines apply to different agents', () => {
  const open = 'name: p\ndefault_action: allow\n'

  test.each([
    ['no agents', open],
    ['agents: []', `${open}agents: []\n`],
  ])('%s: everyone here and nobody there, so that it allows nobody anything, with a warning', (_, text) => {
    const { ask, warnings } = govern({ 'p.yaml': text }, { strict: true })
    expect(askEngine({ name: 'p', rules: [], default_action: 'allow' }, 'x')).toBe('allow')
    expect(ask('x')).toEqual({ verdict: 'deny', reason: 'No policies loaded (deny by default)' })
    expect(warnings).toEqual([expect.stringContaining('write agents: ["*"]')])
  })

  test('no agents, beside a policy for all: what it denies is denied', () => {
    const { ask } = govern({
      '1.yaml': `${open}agents: ["*"]\n`,
      '2.yaml': 'name: q\nrules:\n  - {name: r, condition: "action == \'x\'", action: deny}\n',
    })
    expect(ask('x')).toMatchObject({ verdict: 'deny', rule: 'r' })
    expect(ask('y').verdict).toBe('allow')
  })

  test('no agents, before a policy for all: the default that denies counts', () => {
    const { ask } = govern({ '1.yaml': 'name: a\n', '2.yaml': `${open}agents: ["*"]\n` })
    expect(ask('x').verdict).toBe('deny')
  })
})

describe('a rule for another stage', () => {
  const staged = (action: string, otherwise: string) =>
    `name: p\nagents: ["*"]\ndefault_action: ${otherwise}\nrules:\n  - {name: r, stage: post_tool, condition: "action == 'x'", action: ${action}}\n`

  test('is judged here before the tool and not there: what it denies is denied, what it allows is not allowed by it', () => {
    expect(govern({ 'p.yaml': staged('deny', 'allow') }).ask('x').verdict).toBe('deny')
    expect(govern({ 'p.yaml': staged('require_approval', 'allow') }).ask('x').verdict).toBe('review')
    expect(govern({ 'p.yaml': staged('allow', 'deny') }).ask('x').verdict).toBe('deny')
  })

  test('is a gap in coverage: nothing evaluates it where it belongs', () => {
    const { evaluator, warnings } = govern({ 'p.yaml': staged('deny', 'allow') }, { strict: true })
    expect(evaluator.gaps).toEqual([expect.stringMatching(/^p\.yaml: rule "r" is for the stage post_tool/)])
    expect(warnings).toEqual(evaluator.gaps)
  })

  test('with an approval outranks nothing that denies before the tool', () => {
    const { ask } = govern({
      'p.yaml': `${staged('require_approval', 'allow').trimEnd().slice(0, -1)}, priority: 9}\n  - {name: d, condition: action, action: deny}\n`,
    })
    expect(ask('x')).toMatchObject({ verdict: 'deny', rule: 'd' })
  })
})

describe('limits', () => {
  const limited = (limit: string) =>
    `name: p\nagents: ["*"]\nrules:\n  - {name: r, condition: action, action: allow, limit: ${limit}}\n`

  test('are counted per rule, for all agents together: what one uses up, another does not have', () => {
    const { ask } = govern({ 'p.yaml': limited('2/hour') })
    expect([ask('x', {}, 'did:a'), ask('x', {}, 'did:b'), ask('x', {}, 'did:c')]).toMatchObject([
      { verdict: 'allow' },
      { verdict: 'allow' },
      { verdict: 'deny', rule: 'r', reason: 'Rate limited: 2/hour' },
    ])
  })

  test('count what both engines count, each by itself: a call that one of them refuses uses up the other one', () => {
    const { ask } = govern({
      'p.yaml':
        'name: p\nagents: ["*"]\nrules:\n  - {name: r, condition: "tool_args.n <= 5", action: allow, limit: 1/hour}\n',
    })
    // Matches there only: denied, and counted there.
    expect(ask('x', {}).verdict).toBe('deny')
    expect(ask('x', { n: 1 })).toMatchObject({ verdict: 'deny', reason: 'Rate limited: 1/hour' })
  })

  test.each([
    ['an unlimited rule of the name in an earlier file', 'a', 'b'],
    ['in a later one', 'b', 'a'],
  ])('of one name in two policies are refused: %s', (_, plain, withLimit) => {
    const { evaluator } = govern({
      [`${plain}.yaml`]: 'name: plain\nagents: ["*"]\nrules:\n  - {name: r, condition: action, action: allow}\n',
      [`${withLimit}.yaml`]: limited('1/day'),
    })
    expect(evaluator.gaps).toEqual([expect.stringContaining('b.yaml: the limited rule "r" is in another policy too')])
  })

  test('of a policy that a later file replaces do not count any more', () => {
    const { evaluator, warnings } = govern({
      '1.yaml': limited('1/day'),
      '2.yaml': 'name: p\nagents: ["*"]\ndefault_action: allow\n',
      '3.yaml': 'name: q\nagents: ["*"]\nrules:\n  - {name: r, condition: action, action: allow}\n',
    })
    expect(evaluator.gaps).toEqual([])
    expect(warnings).toEqual([expect.stringContaining('2.yaml: replaces the policy "p"')])
  })
})

describe('what one of the engines misreads is refused, with file, line and reason', () => {
  const rule = (text: string) => `name: p\nagents: ["*"]\nrules:\n  - name: r\n${text}`

  test.each([
    ['enabled: no', rule('    condition: action\n    enabled: no\n'), /line 6: enabled is true or false/],
    ['a malformed limit', rule('    condition: action\n    limit: often\n'), /line 6: limit is <count>\/<period>/],
    ['a limit of 0', rule('    condition: action\n    limit: 0/hour\n'), /line 6: limit of 0/],
    ['no condition', rule('    action: allow\n'), /line 4: rule "r" has no condition/],
    ['an unknown apiVersion', 'apiVersion: x/v9\nname: p\n', /line 1: apiVersion/],
    ['an unknown action', rule('    condition: action\n    action: permit\n'), /line 6: action is one of/],
    ['a scalar', 'hello', /line 1: the document is no mapping/],
    ['a list', '- a\n', /line 1: the document is no mapping/],
    ['an empty document', '', /line 1: the document is no mapping/],
    ['an unparsable condition', rule('    condition: "not action"\n'), /line 5: condition of rule "r" cannot be read/],
    [
      'text after a condition',
      rule('    condition: "tool_args.n > 5 y"\n'),
      /line 5: condition of rule "r" cannot be read/,
    ],
    ['a path that every object has', rule('    condition: tool_args.constructor\n'), /line 5: .*constructor is no arg/],
    ['extends', 'name: p\nextends: [base.yaml]\n', /line 2: the document has "extends"/],
    ['an unknown member', 'name: p\npolicy: x\n', /line 2: the document has "policy", which would be ignored/],
  ])('%s', (_, text, reason) => {
    expect(() => govern({ 'p.yaml': text }, { strict: true })).toThrow(
      expect.objectContaining({
        code: 'rules.file',
        message: expect.stringMatching(/^Failed to load policy p\.yaml: /),
      }),
    )
    const { evaluator, warnings, ask } = govern({ 'p.yaml': text })
    expect(evaluator.gaps).toEqual([expect.stringMatching(reason)])
    expect(warnings[0]).toMatch(reason)
    expect(ask('x').verdict).toBe('deny')
  })
})
