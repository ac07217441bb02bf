import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { conditionFault } from './condition.js'
import { findEngine } from './engine.js'

/** What the real engine makes of `condition`: whether an allow rule with it matches. */
function engineMatches(condition: string, context: { action: string; tool_args: unknown }): boolean {
  const engine = findEngine()!.create()
  engine.loadPolicy({
    apiVersion: 'governance.toolkit/v1',
    name: 'p',
    agents: ['*'],
    scope: 'global',
    default_action: 'deny',
    rules: [{ name: 'r', condition, ruleAction: 'allow', priority: 0, enabled: true }],
  })
  return engine.evaluatePolicy('did:example:a', { ...context }).allowed
}

describe('a condition that is accepted', () => {
  test.each([
    "action == 'pay'",
    'action == "pay"',
    "action != 'pay'",
    "action in ['pay', 'refund']",
    "action not in ['pay']",
    "tool_args.to == 'a or b' or tool_args.amount >= 5.5",
    'tool_args.urgent',
    'tool_args.urgent == true and tool_args.deep.er < 3',
    'tool_args.n in [1, 2.5]',
    "  action=='pay'  ",
  ])('%s', condition => {
    expect(conditionFault(condition)).toBeUndefined()
  })

  // A condition as a tree, with its own meaning: what the engine says of its text has to be that meaning.
  const args = { to: 'acme', note: 'a or b and c', amount: 5, zero: 0, yes: true, no: false, deep: { er: 'x' } }
  const path = fc.constantFrom('tool_args.to', 'tool_args.note', 'tool_args.deep.er', 'tool_args.missing')
  const number = fc.constantFrom('tool_args.amount', 'tool_args.zero')
  const text = fc.constantFrom('acme', 'a or b and c', 'x', '', 'and', ' or ')
  const at = (where: string): unknown =>
    where
      .split('.')
      .slice(1)
      .reduce<unknown>((found, name) => (found as Record<string, unknown> | undefined)?.[name], args)
  const quoted = fc.constantFrom("'", '"')
  const comparison = fc.oneof(
    fc.tuple(path, text, quoted).map(([p, t, q]) => [`${p} == ${q}${t}${q}`, at(p) === t] as const),
    fc.tuple(path, text, quoted).map(([p, t, q]) => [`${p}!=${q}${t}${q}`, at(p) !== t] as const),
    fc.tuple(number, fc.nat(9)).map(([p, n]) => [`${p} >= ${n}`, (at(p) as number) >= n] as const),
    fc.tuple(number, fc.nat(9)).map(([p, n]) => [`${p} < ${n}`, (at(p) as number) < n] as const),
    fc.tuple(number, fc.nat(9)).map(([p, n]) => [`${p} == ${n}`, at(p) === n] as const),
    fc.constantFrom('tool_args.yes', 'tool_args.no').map(p => [p, Boolean(at(p))] as const),
    fc
      .tuple(path, fc.uniqueArray(fc.constantFrom('acme', 'x', 'y or z'), { minLength: 1 }))
      .map(
        ([p, list]) =>
          [`${p} in [${list.map(t => `'${t}'`).join(', ')}]`, (list as string[]).includes(String(at(p)))] as const,
      ),
  )
  const both = fc
    .array(comparison, { minLength: 1, maxLength: 3 })
    .map(all => [all.map(([t]) => t).join(' and '), all.every(([, m]) => m)] as const)
  const either = fc
    .array(both, { minLength: 1, maxLength: 3 })
    .map(all => [all.map(([t]) => t).join(' or '), all.some(([, m]) => m)] as const)

  test('means to the engine what it says', () => {
    fc.assert(
      fc.property(either, ([condition, meaning]) => {
        expect(conditionFault(condition)).toBeUndefined()
        expect(engineMatches(condition, { action: 'pay', tool_args: args })).toBe(meaning)
      }),
      { numRuns: 500 },
    )
  })
})

describe('a condition that the engine would misread is refused', () => {
  test.each([
    ["not action == 'pay'", 'brackets and not are unknown'],
    ["(action == 'pay')", 'brackets'],
    ["action == 'pay' OR action == 'x'", 'only lower case joins'],
    ["action == 'pay' && true", 'no &&'],
    ['tool_args.n > -1', 'no negative numbers'],
    ['tool_args.n > 1e3', 'no exponents'],
    ["tool_args.x matches 'a.*'", 'no regular expressions'],
    ["action contains 'pay'", 'no contains'],
    ["action == 'it's'", 'a quote in a string'],
    ["action == 'pay", 'an open quote'],
    [`action == 'pay"`, 'quotes of two kinds'],
    ["action == 'pay' ]", 'text after the string'],
    ['true', 'a word that is a path to the engine'],
    ['', 'nothing'],
    ["action.type == 'drop'", 'a part of a name'],
    ["user.role == 'admin'", 'what is not in the context'],
    ['tool_args.constructor', 'what every object has'],
    ['tool_args.a.__proto__', 'what every object has'],
    ['action == 5', 'a name and a number'],
    ['action > 5', 'a name and a number'],
    ['action in []', 'an empty list'],
    ["action in ['a,b']", 'a comma in a string'],
    ["action in ['a]', 'b']", 'a bracket in a string'],
    ['action in [pay]', 'no quotes'],
    ["action in ['']", 'the empty string, which the engine leaves out'],
    ['tool_args.n in [5.0]', 'a number that no number is written as'],
    ['tool_args.b != true', 'an inequality the engine does not know'],
    [`tool_args.x == '${'a'.repeat(2000)}'`, 'more than anybody writes'],
  ])('%s (%s)', condition => {
    expect(conditionFault(condition)).toEqual(expect.any(String))
  })

  test('and nothing that is refused is refused by throwing, in time in the order of its length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 3000 }), text => {
        expect([undefined, 'string']).toContain(conditionFault(text) === undefined ? undefined : 'string')
      }),
    )
  })
})
