import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agtEvaluator } from '../../src/govern/agt.js'
import { conditionFault } from '../../src/govern/condition.js'
import { findEngine } from '../../src/govern/engine.js'
import { matchesInPython } from '../../src/govern/python-reading.js'

/*
 * Our verdicts beside those of the real Python engine, installed from PyPI into a folder of its own: the package that
 * the Python plugin names, and its successor. Without Python 3.11 or without PyPI this is skipped, loudly; in CI it fails.
 */
const PACKAGES = [
  { name: 'agentmesh-platform', version: '>=3.7,<4', countsLimits: false },
  { name: 'agent-governance-toolkit-core', version: '>=5,<6', countsLimits: true },
] as const

const SEED = 20261124
const INSTALL_MS = 300_000
const probe = fileURLToPath(new URL('agt-python/probe.py', import.meta.url))
const samples = fileURLToPath(new URL('../../examples/rules/', import.meta.url))

let folder = ''
let missing: string | undefined

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-agt-python-'))
  missing = install(folder)
  if (!missing) return
  if (process.env['CI'] === 'true') throw new Error(`the Python engines could not be installed: ${missing}`)
  console.warn(`\n*** SKIPPED: our verdicts were NOT compared with the Python engines: ${missing}\n`)
}, INSTALL_MS)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.each(PACKAGES)('the Python engine of $name', ({ name, countsLimits }) => {
  /** One answer for each question; undefined when there is nobody to ask. */
  const ask = async <A>(questions: readonly unknown[]): Promise<A[] | undefined> =>
    missing ? undefined : answers<A>(join(folder, name), questions)

  test('finds the same conditions to match as our reading of it, for any arguments', async ({ skip }) => {
    const questions = fc
      .sample(fc.record({ condition, context: call }), { numRuns: 4000, seed: SEED })
      .filter(question => conditionFault(question.condition) === undefined)
    const theirs = await ask<boolean>(questions)
    if (!theirs) return skip(missing)
    expect(questions.length).toBeGreaterThan(2000)
    expect(theirs.filter(Boolean).length).toBeGreaterThan(300)
    const wrong = questions.filter((each, i) => matchesInPython(each.condition, each.context) !== theirs[i])
    expect(wrong.slice(0, 3)).toEqual([])
  })

  test('and the TypeScript engine: of their two verdicts ours is the safer one, for any rules and arguments', async ({
    skip,
  }) => {
    const questions = fc
      .sample(fc.record({ policies, agent: fc.constantFrom(...AGENTS), calls: fc.array(call, { minLength: 8 }) }), {
        numRuns: 400,
        seed: SEED,
      })
      .map(each => ({ ...each, texts: each.policies.map(policy => JSON.stringify(policy)) }))
    const theirs = await ask<Theirs>(questions.map(({ texts, agent, calls }) => ({ policies: texts, agent, calls })))
    if (!theirs) return skip(missing)
    const counted = { same: 0, saferHere: 0, saferThere: 0 }
    for (const [i, { policies: documents, texts, agent, calls }] of questions.entries()) {
      const ours = evaluator(texts)
      const engine = findEngine()!.create()
      for (const { rules, ...document } of documents)
        engine.loadPolicy({
          ...document,
          rules: rules.map(({ action, ...rule }) => ({ ...rule, ruleAction: action })),
        } as never)
      expect(theirs[i]!.failed).toEqual([])
      for (const [j, { action, tool_args }] of calls.entries()) {
        const here = verdictOf(engine.evaluatePolicy(agent, { action, tool_args }))
        const there = verdictOf(theirs[i]!.decisions[j]!)
        const safer = ORDER.indexOf(there) > ORDER.indexOf(here) ? there : here
        counted[here === there ? 'same' : safer === here ? 'saferHere' : 'saferThere']++
        const mine = ours.evaluate({ agent, tool: action, args: tool_args }).verdict
        if (mine !== safer) expect({ texts, agent, action, tool_args, here, there, mine }).toEqual(safer)
      }
    }
    // The generator reaches the cases it is there for.
    expect(counted.same).toBeGreaterThan(100)
    expect(counted.saferHere).toBeGreaterThan(20)
    expect(counted.saferThere).toBeGreaterThan(20)
  })

  test('decides on the sample rules as we do', async ({ skip }) => {
    const texts = readdirSync(samples)
      .filter(file => file.endsWith('.yaml'))
      .sort()
      .map(file => readFileSync(join(samples, file), 'utf8'))
    const once = PROBES.filter(([action]) => action !== 'web_search')
    const calls = (countsLimits ? PROBES : once).map(([action, tool_args]) => ({ action, tool_args }))
    const theirs = await ask<Theirs>([{ policies: texts, agent: 'did:mesh:adk-agent', calls }])
    if (!theirs) return skip(missing)
    expect(theirs[0]!.failed).toEqual([])
    const ours = agtEvaluator({ policyDir: samples, strict: true, warn: fail })
    const rows = calls.map(({ action, tool_args }) => {
      const {
        verdict,
        rule = null,
        reason,
      } = ours.evaluate({ agent: 'did:mesh:adk-agent', tool: action, args: tool_args })
      return { verdict, rule, reason }
    })
    expect(rows).toEqual(
      theirs[0]!.decisions.map(decision => ({
        verdict: verdictOf(decision),
        rule: decision.rule,
        reason: decision.reason,
      })),
    )
  })
})

test('the sample rules mean what they say', () => {
  const ours = agtEvaluator({ policyDir: samples, strict: true, warn: fail })
  for (const [tool, args, verdict, rule] of PROBES)
    expect([tool, args, ours.evaluate({ agent: 'did:example:any', tool, args })]).toEqual([
      tool,
      args,
      expect.objectContaining({ verdict, ...(rule !== undefined && { rule }) }),
    ])
})

const PROBES: readonly (readonly [tool: string, args: Record<string, unknown>, verdict: string, rule?: string])[] = [
  ['read_file', { path: 'a' }, 'allow'],
  ['shell_exec', {}, 'deny', 'no-shell'],
  ['eval', { code: '1' }, 'deny', 'no-shell'],
  ['file_delete', { path: 'a' }, 'deny', 'no-deleting'],
  ['send_mail', { domain: 'example.com' }, 'allow'],
  ['send_mail', { domain: 'partner.example' }, 'allow'],
  ['send_mail', { domain: 'elsewhere.example' }, 'deny', 'mail-inside'],
  ['send_mail', {}, 'deny', 'mail-inside'],
  ['pay', { amount: 5, account: { verified: true } }, 'allow', 'verified-account'],
  ['pay', { amount: 5, account: { verified: false } }, 'deny', 'no-other-payments'],
  ['pay', {}, 'deny', 'no-other-payments'],
  ['pay', { amount: '5' }, 'deny', 'no-other-payments'],
  ['pay', { amount: 100, account: { verified: true } }, 'review', 'needs-a-person'],
  ['pay', { amount: '100', account: {} }, 'review', 'needs-a-person'],
  ['pay', { amount: 10_000 }, 'deny', 'too-large'],
  ['web_search', {}, 'allow', 'few-searches'],
  ['web_search', {}, 'allow', 'few-searches'],
  ['web_search', {}, 'allow', 'few-searches'],
  ['web_search', {}, 'deny', 'few-searches'],
]

interface Theirs {
  readonly failed: readonly number[]
  readonly decisions: readonly { allowed: boolean; action: string; rule: string | null; reason: string }[]
}

const ORDER = ['allow', 'review', 'deny'] as const

const verdictOf = ({ allowed, action }: { allowed: boolean; action: string }): (typeof ORDER)[number] =>
  allowed ? 'allow' : action === 'require_approval' ? 'review' : 'deny'

function fail(message: string): never {
  throw new Error(message)
}

function evaluator(texts: readonly string[]) {
  const policyDir = mkdtempSync(join(tmpdir(), 'deedlog-rules-'))
  for (const [i, text] of texts.entries()) writeFileSync(join(policyDir, `${i}.yaml`), text)
  const made = agtEvaluator({ policyDir, strict: true, warn: () => {} })
  rmSync(policyDir, { recursive: true })
  return made
}

// ---- what is asked ----

const path = fc.constantFrom(
  'action',
  'tool_args.a',
  'tool_args.b',
  'tool_args.deep.c',
  'tool_args.list.0',
  'tool_args.list.0.c',
  'tool_args.none',
)
const argument = path.filter(name => name !== 'action')
const text = fc.constantFrom('x', 'pay', 'a or b', 'a and b', '5', 'x and tool_args.a', '', '0', 'tool_args.b or y')
const quoted = text.map(value => `'${value}'`)
const item = fc.constantFrom("'x'", "'pay'", '5', "'5'", '0', '2.5', '"a or b"')
const number = fc.constantFrom('0', '5', '2.5', '1000')
const comparison = fc.oneof(
  fc.tuple(path, fc.constantFrom('==', '!=', ' == ', ' !='), quoted).map(([p, o, t]) => `${p}${o}${t}`),
  fc.tuple(argument, fc.constantFrom('==', '!='), number).map(([p, o, n]) => `${p} ${o} ${n}`),
  fc.tuple(argument, fc.constantFrom('true', 'false')).map(([p, v]) => `${p} == ${v}`),
  fc.tuple(argument, fc.constantFrom('>=', '<=', '>', '<'), number).map(([p, o, n]) => `${p} ${o} ${n}`),
  fc
    .tuple(path, fc.constantFrom(' in ', ' not in '), fc.uniqueArray(item, { minLength: 1, maxLength: 3 }))
    .map(([p, o, list]) => `${p}${o}[${list.join(', ')}]`),
  path,
)
const condition = fc
  .array(fc.array(comparison, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 })
  .map(either => either.map(both => both.join(' and ')).join(' or '))

const value = fc.constantFrom<unknown>(
  ...[
    'x',
    'pay',
    'a or b',
    '',
    '0',
    '5',
    ' 5 ',
    '5.0',
    '1_000',
    '0x10',
    '1e3',
    '٥',
    '１０',
    'inf',
    '-Infinity',
    'nan',
    '\x1c5',
    '\x855',
    '\u00a05\n',
    '\ufeff5',
    '5\u3000',
    '5.',
    '.5',
    '_5',
  ],
  ...[0, 5, 2.5, -1, 1000, 1e300, true, false, null, [], {}, [5], ['x'], { c: 'x' }],
)
const call = fc.record({
  action: fc.constantFrom('pay', 'x', 'a or b', 'read'),
  tool_args: fc.record(
    { a: value, b: value, deep: fc.oneof(value, fc.record({ c: value })), list: fc.oneof(value, fc.array(value)) },
    { requiredKeys: [] },
  ),
})

const AGENTS = ['did:mesh:one', 'did:mesh:two'] as const
const rule = fc.record(
  {
    condition: condition.filter(each => conditionFault(each) === undefined),
    action: fc.constantFrom('allow', 'allow', 'deny', 'warn', 'require_approval', 'log'),
    priority: fc.constantFrom(0, 1, 2),
    enabled: fc.constantFrom(true, true, true, false),
    stage: fc.constantFrom('pre_tool', 'pre_tool', 'pre_tool', 'post_tool'),
  },
  { requiredKeys: ['condition', 'action'] },
)
const policies = fc
  .array(
    fc.record(
      {
        default_action: fc.constantFrom('allow', 'deny'),
        rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
        agents: fc.constantFrom(['*'], ['*'], [AGENTS[0]], []),
      },
      { requiredKeys: ['default_action', 'rules'] },
    ),
    { minLength: 1, maxLength: 3 },
  )
  .map(list =>
    list.map(({ rules, ...policy }, i) => ({
      name: `p${i}`,
      ...policy,
      rules: rules.map((each, j) => ({ name: `r${i}-${j}`, ...each })),
    })),
  )

// ---- the other side ----

/**
 * Makes one environment in `folder` with what the first package needs, and each package in a sub-folder of its name.
 * @returns why it could not be made
 */
function install(folder: string): string | undefined {
  const venv = runQuietly('python3', ['-m', 'venv', folder])
  if (venv) return `no Python 3 with venv (${venv})`
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  const [{ name, version }] = PACKAGES
  const failed = runQuietly(join(folder, 'bin', 'python'), [...pip, `${name}${version}`])
  if (failed) return `pip could not install ${name}: ${failed}`
  for (const each of PACKAGES) {
    const alone = [...pip, '--no-deps', '--target', join(folder, each.name), `${each.name}${each.version}`]
    const why = runQuietly(join(folder, 'bin', 'python'), alone)
    if (why) return `pip could not install ${each.name}: ${why}`
  }
  return undefined
}

/** @returns what went wrong */
function runQuietly(command: string, args: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_MS })
  return error || status !== 0 ? (error?.message ?? stderr).slice(-500) : undefined
}

/** @param packages  The folder whose packages come before those of the environment. */
async function answers<A>(packages: string, questions: readonly unknown[]): Promise<A[]> {
  const child = spawn(join(packages, '..', 'bin', 'python'), [probe], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONPATH: packages },
  })
  const lines: A[] = []
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  child.stdin.end(questions.map(question => `${JSON.stringify(question)}\n`).join(''))
  for await (const line of createInterface({ input: child.stdout })) lines.push(JSON.parse(line) as A)
  expect(await ended).toBe(0)
  expect(lines).toHaveLength(questions.length)
  return lines
}
