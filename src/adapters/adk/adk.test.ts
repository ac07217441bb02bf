import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AgentTool,
  BasePlugin,
  BaseTool,
  BaseToolset,
  FunctionTool,
  LlmAgent,
  LongRunningFunctionTool,
} from '@google/adk'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { verify } from '../../client/verify.js'
import type { Approver, PolicyEvaluator } from '../../govern/evaluator.js'
import { files, jsonl } from '../../log/index.js'
import { scriptedModel } from '../../testing/index.js'
import { type AgentGovernanceOptions, AgentGovernancePlugin, AuditTrailPlugin } from './index.js'
import { ListBackend, run } from './testkit.js'

const RULES = `apiVersion: governance.toolkit/v1
name: shop
agents: ["*"]
default_action: allow
rules:
  - name: no-shell
    condition: "action == 'shell'"
    action: deny
    description: Shells are not for agents.
  - name: ask-first
    condition: "action == 'refund' and tool_args.amount > 100"
    action: require_approval
    approvers: [boss]
    description: Large refunds need a person.
`

const folder = () => mkdtempSync(join(tmpdir(), 'deedlog-adk-'))

function rules(text = RULES): string {
  const dir = folder()
  writeFileSync(join(dir, 'shop.yaml'), text)
  return dir
}

function govern(options: Partial<AgentGovernanceOptions> = {}) {
  const backend = new ListBackend()
  const errors: Error[] = []
  const warnings: string[] = []
  const plugin = new AgentGovernancePlugin({
    ...(options.evaluator ? {} : { policyDir: rules() }),
    auditBackend: backend,
    logger: { warn: (message: string) => warnings.push(message) },
    onError: (error: Error) => errors.push(error),
    ...options,
  } as AgentGovernanceOptions)
  return { plugin, backend, errors, warnings }
}

function trail(backend = new ListBackend()) {
  const errors: Error[] = []
  return {
    backend,
    errors,
    plugin: new AuditTrailPlugin({ auditBackend: backend, onError: error => errors.push(error) }),
  }
}

const parameters = z.object({ amount: z.number().optional(), file: z.string().optional() })

/** A function tool, and how often its body ran. */
function tool(
  name: string,
  execute: (args: { amount?: number | undefined; file?: string | undefined }) => unknown = () => ({ ok: name }),
) {
  const made = new FunctionTool({
    name,
    description: `Does ${name}.`,
    parameters,
    execute: async args => {
      counted.ran++
      return execute(args)
    },
  })
  const counted = Object.assign(made, { ran: 0 })
  return counted
}

/** A tool that is no function tool: whatever it returns or throws comes as it is. */
class RawTool extends BaseTool {
  readonly #run: (args: Record<string, unknown>) => unknown
  constructor(name: string, execute: (args: Record<string, unknown>) => unknown) {
    super({ name, description: name })
    this.#run = execute
  }
  override _getDeclaration() {
    return { name: this.name, description: this.description }
  }
  override async runAsync({ args }: { args: Record<string, unknown> }) {
    return this.#run(args)
  }
}

class Other extends BasePlugin {
  constructor(callbacks: object) {
    super('other')
    Object.assign(this, callbacks)
  }
}

const calls = (name: string, ...args: object[]) => ({ calls: args.map(given => ({ name, args: { ...given } })) })

describe('AgentGovernancePlugin', () => {
  test('is met by shape: a plugin of ADK with the name of its Python twin', () => {
    const { plugin } = govern()
    const held: BasePlugin = plugin
    expect(held.name).toBe('agent_governance')
    expect(trail().plugin.name).toBe('audit_trail')
  })

  test('lets what the rules allow run, records it, and keeps ADK from running the rest', async () => {
    const { plugin, backend, warnings, errors } = govern()
    const [shell, refund] = [tool('shell'), tool('refund')]
    const { first } = await run({
      plugins: [plugin],
      tools: [shell, refund],
      turns: [calls('shell', {}), calls('refund', { amount: 5 }), calls('refund', { amount: 500 }), 'done'],
    })
    await plugin.close()
    expect(first.responses.map(each => each.response)).toEqual([
      { error: 'policy_denied', reason: 'Shells are not for agents.', matched_rule: 'no-shell' },
      { ok: 'refund' },
      { error: 'policy_denied', reason: 'Large refunds need a person.', matched_rule: 'ask-first' },
    ])
    expect([shell.ran, refund.ran]).toEqual([0, 1])
    expect(first.texts).toEqual(['done'])
    expect(backend.log.calls()).toEqual([
      'shell intent:deny',
      'refund intent:allow outcome:succeeded/yes',
      'refund intent:review outcome:not_executed/no',
    ])
    const [denied, allowed] = backend.log.of('intent')
    expect(denied!.record.decision).toMatchObject({ policy: 'shop', rule: 'no-shell' })
    expect(denied!.record.decision.rules).toBe(backend.log.of('rules')[0]!.leaf)
    expect(allowed!.values).toMatchObject({ args: { amount: 5 }, principal: { user: 'ann', app: 'shop' } })
    expect(backend.log.of('outcome')[0]!.values).toEqual({ output: { ok: 'refund' } })
    expect(backend.log.of('stream.start')[0]!.record).toMatchObject({
      agent: { id: 'did:mesh:adk-agent' },
      host: { framework: '@google/adk', version: '2.0.0' },
    })
    expect(warnings).toHaveLength(2)
    expect(errors).toEqual([])
  })

  test('denies with null, not with nothing, where no rule matched', async () => {
    const { plugin } = govern({ policyDir: folder() })
    const { first } = await run({ plugins: [plugin], tools: [tool('x')], turns: [calls('x', {}), 'done'] })
    expect(first.responses[0]!.response).toEqual({
      error: 'policy_denied',
      reason: 'No policies loaded (deny by default)',
      matched_rule: null,
    })
  })

  test('denies when the rules cannot be evaluated, and records that', async () => {
    const evaluator: PolicyEvaluator = {
      evaluate: () => {
        throw new Error('broken')
      },
    }
    const { plugin, backend } = govern({ evaluator })
    const x = tool('x')
    const { first } = await run({ plugins: [plugin], tools: [x], turns: [calls('x', {}), 'done'] })
    expect(first.responses[0]!.response).toMatchObject({ error: 'policy_error', matched_rule: null })
    expect(x.ran).toBe(0)
    expect(backend.log.calls()).toEqual(['x intent:deny'])
  })

  test('asks an approver, and does what that one says', async () => {
    const asked: unknown[] = []
    const approver: Approver = {
      ask: async request => {
        asked.push(request.args)
        return { approved: (request.args as { amount: number }).amount < 1000, by: 'boss', channel: 'test' }
      },
    }
    const { plugin, backend } = govern({ approver })
    const refund = tool('refund')
    const { first } = await run({
      plugins: [plugin],
      tools: [refund],
      turns: [calls('refund', { amount: 500 }, { amount: 5000 }), 'done'],
    })
    await plugin.close()
    expect(first.responses.map(each => each.response)).toEqual([
      { ok: 'refund' },
      { error: 'policy_denied', reason: 'An approver declined the call.', matched_rule: 'ask-first' },
    ])
    expect(refund.ran).toBe(1)
    expect(backend.log.calls()).toEqual([
      'refund intent:review review:approved outcome:succeeded/yes',
      'refund intent:review review:rejected',
    ])
    expect(asked).toEqual([{ amount: 500 }, { amount: 5000 }])
  })

  test('without a backend enforces the rules, says loudly that nothing is recorded, and takes no approver', async () => {
    const { plugin } = govern({ auditBackend: undefined as never })
    const [shell, refund] = [tool('shell'), tool('refund')]
    const turns = [calls('shell', {}), calls('refund', { amount: 5 }), calls('refund', { amount: 500 }), 'done']
    await run({ plugins: [plugin], tools: [shell, refund], turns })
    expect([shell.ran, refund.ran]).toEqual([0, 1])
    await plugin.close()
    const approver: Approver = { ask: async () => ({ approved: true, by: 'b', channel: 'c' }) }
    expect(() => govern({ auditBackend: undefined as never, approver })).toThrow(TypeError)
    expect(() => new AgentGovernancePlugin({} as never)).toThrow(/policyDir/)
    expect(() => new AuditTrailPlugin({} as never)).toThrow(/auditBackend/)
  })

  test('and AuditTrailPlugin in one runner are refused, whichever comes first', async () => {
    for (const plugins of [
      [govern().plugin, trail().plugin],
      [trail().plugin, govern().plugin],
    ]) {
      const x = tool('x')
      await expect(run({ plugins, tools: [x], turns: [calls('x', {}), 'done'] })).rejects.toThrow(/recorded twice/)
      expect(x.ran).toBe(0)
    }
  })
})

describe('what becomes of a tool', () => {
  test.each<[string, unknown, string]>([
    ['a value', { a: 1 }, 'succeeded/yes'],
    ['nothing', undefined, 'succeeded/yes'],
    ['an error of MCP', { isError: true, content: [] }, 'reported_error/yes'],
    ['an error of its own', { error: 'no such order' }, 'reported_error/yes'],
    ['no error', { error: null, isError: false }, 'succeeded/yes'],
  ])('that returns %s', async (_, value, outcome) => {
    const { plugin, backend } = trail()
    await run({ plugins: [plugin], tools: [new RawTool('raw', () => value)], turns: [calls('raw', {}), 'done'] })
    expect(backend.log.calls()).toEqual([`raw intent:not_evaluated outcome:${outcome}`])
  })

  test.each<[string, unknown, object]>([
    ['an error', new RangeError('boom'), { name: 'RangeError', message: 'boom' }],
    ['an error without message', new Error(''), { name: 'Error', message: '' }],
    ['a string', 'boom', { message: 'boom' }],
    ['nothing', undefined, { message: { $undefined: true } }],
    ['null', null, { message: null }],
  ])('that throws %s, as a function or of itself', async (_, value, expected) => {
    const throws = () => {
      throw value
    }
    for (const thrower of [new RawTool('t', throws), tool('t', throws)]) {
      const { plugin, backend } = trail()
      await run({ plugins: [plugin], tools: [thrower], turns: [calls('t', {}), 'done'] })
      expect(backend.log.calls()).toEqual(['t intent:not_evaluated outcome:failed/yes'])
      const [outcome] = backend.log.of('outcome')
      expect({
        ...(outcome!.record.error!.name && { name: outcome!.record.error!.name }),
        message: outcome!.values['error.message'],
      }).toEqual(expected)
    }
  })

  test('whose arguments ADK refuses: its body was never entered', async () => {
    const { plugin, backend } = trail()
    const x = tool('x')
    await run({ plugins: [plugin], tools: [x], turns: [calls('x', { amount: 'many' }), 'done'] })
    expect(x.ran).toBe(0)
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:not_executed/no'])
  })

  test('that changes its arguments while it runs: what counts is what it was given', async () => {
    const { plugin, backend } = trail()
    const raw = new RawTool('raw', args => {
      args['amount'] = 2
      return {}
    })
    await run({ plugins: [plugin], tools: [raw], turns: [calls('raw', { amount: 1 }), 'done'] })
    expect(backend.log.of('outcome')[0]!.record.args).toBeUndefined()
  })

  test('that runs for long: pending, and over when the client sends its result', async () => {
    const { plugin, backend } = trail()
    const long = new LongRunningFunctionTool({
      name: 'long',
      description: 'x',
      parameters,
      execute: async () => ({ status: 'started' }),
    })
    const { go, first } = await run({ plugins: [plugin], tools: [long], turns: [calls('long', {}), 'wait', 'done'] })
    const { id } = first.responses[0]!
    await go([{ functionResponse: { id, name: 'long', response: { result: 42 } } }])
    await plugin.close()
    expect(backend.log.calls()).toEqual(['long intent:not_evaluated outcome:pending/yes outcome:succeeded/yes late'])
    expect(backend.log.of('outcome').map(row => row.values['output'])).toEqual([{ status: 'started' }, { result: 42 }])
  })

  test.each([
    [true, 'review:approved outcome:succeeded/yes', 1],
    [false, 'review:rejected', 0],
  ])('that wants a confirmation, answered with %s', async (confirmed, outcome, ran) => {
    const { plugin, backend } = trail()
    let bodies = 0
    const gated = new FunctionTool({
      name: 'gated',
      description: 'x',
      parameters,
      requireConfirmation: true,
      execute: async () => ({ ran: ++bodies }),
    })
    const { go, first } = await run({ plugins: [plugin], tools: [gated], turns: [calls('gated', {}), 'done', 'done'] })
    expect(backend.log.calls()).toEqual(['gated intent:not_evaluated outcome:pending/no'])
    const asked = first.events
      .flatMap(
        event =>
          (event as { content?: { parts?: { functionCall?: { name?: string; id?: string } }[] } }).content?.parts ?? [],
      )
      .find(part => part.functionCall?.name === 'adk_request_confirmation')!.functionCall!
    await go([{ functionResponse: { id: asked.id, name: asked.name, response: { confirmed } } }])
    await plugin.close()
    expect(bodies).toBe(ran)
    expect(backend.log.calls()).toEqual([
      'gated intent:not_evaluated outcome:pending/no outcome:not_executed/no late',
      `gated intent:review ${outcome}`,
    ])
    expect(backend.log.of('intent').map(row => row.record.attempt)).toEqual([undefined, 2])
    expect(backend.log.of('stream.end')[0]!.record.pending).toBe(0)
  })

  test('that is frozen: only ADK’s callbacks are seen, and coverage says so', async () => {
    const { plugin, backend } = trail()
    const frozen = Object.freeze(new RawTool('frozen', () => ({ a: 1 })))
    const failing = Object.freeze(
      new RawTool('failing', () => {
        throw new Error('x')
      }),
    )
    const { first } = await run({
      plugins: [plugin],
      tools: [frozen, failing],
      turns: [calls('frozen', {}), calls('failing', {}), 'done'],
    })
    await plugin.close()
    expect(first.texts).toEqual(['done'])
    expect(backend.log.calls()).toEqual([
      'frozen intent:not_evaluated outcome:unknown/unknown',
      'failing intent:not_evaluated outcome:failed/unknown',
    ])
    expect(backend.log.of('coverage')[0]!.record.tools).toMatchObject([{ wrapped: 'no' }, { wrapped: 'no' }])
  })
})

describe('beside other plugins', () => {
  test('a later one that answers in the tool’s place: short-circuited, not executed', async () => {
    const { plugin, backend } = trail()
    const x = tool('x')
    const other = new Other({ beforeToolCallback: async () => ({ cached: true }) })
    await run({ plugins: [plugin, other], tools: [x], turns: [calls('x', {}), 'done'] })
    expect(x.ran).toBe(0)
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:short_circuited/no'])
    expect(backend.log.of('outcome')[0]!.values).toEqual({ visible: { cached: true } })
  })

  test('a later one that changes the arguments: both are recorded', async () => {
    const { plugin, backend } = trail()
    const other = new Other({
      beforeToolCallback: async ({ toolArgs }: { toolArgs: Record<string, unknown> }) => {
        toolArgs['amount'] = 999
      },
    })
    await run({ plugins: [plugin, other], tools: [tool('x')], turns: [calls('x', { amount: 1 }), 'done'] })
    expect(backend.log.of('intent')[0]!.values['args']).toEqual({ amount: 1 })
    expect(backend.log.of('outcome')[0]!.values['args']).toEqual({ amount: 999 })
  })

  test('a later one that throws before the tool: not executed', async () => {
    const { plugin, backend } = trail()
    const x = tool('x')
    const other = new Other({
      beforeToolCallback: async () => {
        throw new Error('other')
      },
    })
    await run({ plugins: [plugin, other], tools: [x], turns: [calls('x', {}), 'done'] })
    await plugin.close()
    expect(x.ran).toBe(0)
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:not_executed/no'])
  })

  test('an earlier one that answers: nobody decided, which is recorded after the fact', async () => {
    const { plugin, backend } = govern()
    const other = new Other({ beforeToolCallback: async () => ({ cached: true }) })
    await run({ plugins: [other, plugin], tools: [tool('x')], turns: [calls('x', {}), 'done'] })
    expect(backend.log.calls()).toEqual(['x intent:not_evaluated outcome:unknown/unknown'])
    expect(backend.log.of('intent')[0]!.record).toMatchObject({ unmediated: true, belated: true })
  })

  test('an earlier one that answers null does not get a denied tool run', async () => {
    const { plugin, backend } = govern()
    const [shell, refund] = [tool('shell'), tool('refund')]
    const other = new Other({ beforeToolCallback: async () => null })
    const { first } = await run({
      plugins: [other, plugin],
      tools: [shell, refund],
      turns: [calls('shell', {}), calls('refund', { amount: 1 }), 'done'],
    })
    expect([shell.ran, refund.ran]).toEqual([0, 1])
    expect(first.responses[0]!.response).toMatchObject({ error: 'policy_denied' })
    expect(backend.log.calls()).toEqual(['shell intent:deny', 'refund intent:allow outcome:succeeded/yes'])
  })

  test('one that runs the tool again gets a second call, decided on and recorded like the first', async () => {
    const { plugin, backend } = trail()
    const x = tool('x')
    const other = new Other({
      afterToolCallback: async (call: { tool: BaseTool; toolArgs: object; toolContext: never }) =>
        call.tool.runAsync({ args: { amount: 2 }, toolContext: call.toolContext }),
    })
    await run({ plugins: [plugin, other], tools: [x], turns: [calls('x', { amount: 1 }), 'done'] })
    expect(x.ran).toBe(2)
    expect(backend.log.calls()).toHaveLength(2)
    expect(backend.log.of('intent').map(row => row.values['args'])).toEqual([{ amount: 1 }, { amount: 2 }])
  })
})

describe('an agent inside a tool', () => {
  function nested() {
    const [shell, refund] = [tool('shell'), tool('refund')]
    const inner = new LlmAgent({
      name: 'inner',
      description: 'x',
      model: scriptedModel([calls('shell', {}), calls('refund', { amount: 1 }), 'inner done']),
      tools: [shell, refund],
    })
    return { shell, refund, agentTool: new AgentTool({ agent: inner }) }
  }

  test('is decided on and recorded like the one outside, and names the call that made it', async () => {
    const { plugin, backend } = govern()
    const { shell, refund, agentTool } = nested()
    const turns = [calls('inner', { request: 'go' }), 'done']
    const { first } = await run({ plugins: [plugin], tools: [agentTool], turns })
    await plugin.close()
    expect(first.responses[0]!.response).toEqual({ result: 'inner done' })
    expect([shell.ran, refund.ran]).toEqual([0, 1])
    expect(backend.log.calls().sort()).toEqual([
      'inner intent:allow outcome:succeeded/yes',
      'refund intent:allow outcome:succeeded/yes',
      'shell intent:deny',
    ])
    const [outer, ...inner] = backend.log.of('intent')
    expect(inner.map(row => row.record.parent)).toEqual([outer!.leaf, outer!.leaf])
    expect(backend.log.of('coverage')[0]!.record.tools!.map(each => each.name)).toEqual(['inner', 'shell', 'refund'])
  })

  test('that gets its tools anew each turn, so that none could be wrapped before', async () => {
    const { plugin, backend } = govern()
    let ran = 0
    class Fresh extends BaseToolset {
      constructor() {
        super([])
      }
      override async getTools() {
        return ['shell', 'refund'].map(name => new RawTool(name, () => ({ ran: ++ran })))
      }
      override async close() {}
    }
    const inner = new LlmAgent({
      name: 'inner',
      description: 'x',
      model: scriptedModel([calls('shell', {}), calls('refund', {}), 'inner done']),
      tools: [new Fresh()],
    })
    const turns = [calls('inner', { request: 'go' }), 'done']
    await run({ plugins: [plugin], tools: [new AgentTool({ agent: inner })], turns })
    expect(ran).toBe(1)
    expect(backend.log.calls().sort()).toEqual([
      'inner intent:allow outcome:succeeded/yes',
      'refund intent:allow outcome:succeeded/yes',
      'shell intent:deny',
    ])
  })

  test('is nobody’s business in a runner without a plugin of ours', async () => {
    const { plugin, backend } = govern()
    const { shell, refund, agentTool } = nested()
    await run({ plugins: [plugin], tools: [agentTool], turns: ['done'] })
    await run({ plugins: [], tools: [agentTool], turns: [calls('inner', { request: 'go' }), 'done'] })
    expect([shell.ran, refund.ran]).toEqual([1, 1])
    expect(backend.log.of('intent')).toHaveLength(0)
  })
})

describe('when nothing can be recorded', () => {
  const unavailable = {
    error: 'audit_unavailable',
    reason: 'The call cannot be recorded, so the tool was not run.',
    matched_rule: null,
  }

  /** Runs a tool that writes a file, under a backend whose appends do this. */
  async function attempt(before: ListBackend['before'], more: object = {}) {
    const file = join(folder(), 'proof-that-it-ran')
    const backend = new ListBackend()
    backend.before = before
    const errors: Error[] = []
    const plugin = new AuditTrailPlugin({
      auditBackend: backend,
      onError: error => errors.push(error),
      ...more,
    })
    const write = tool('write', () => writeFileSync(file, 'x'))
    const { first } = await run({
      plugins: [plugin],
      tools: [write],
      turns: [calls('write', {}), calls('write', {}), 'done'],
    })
    return { plugin, ran: existsSync(file), first, backend, errors }
  }

  test('because the backend rejects, the tool does not run, and the run goes on', async () => {
    const { ran, first, errors, plugin } = await attempt(() => Promise.reject(new Error('disk full')))
    expect(ran).toBe(false)
    expect(first.responses.map(each => each.response)).toEqual([unavailable, unavailable])
    expect(first.texts).toEqual(['done'])
    expect(JSON.stringify(first)).not.toContain('disk full')
    expect(errors.map(error => error.message)).toContain('disk full')
    await expect(plugin.close()).rejects.toThrow('disk full')
  })

  test('because the backend hangs, the tool does not run either', async () => {
    const { ran, first } = await attempt(() => new Promise(() => {}), { appendTimeoutMs: 50 })
    expect(ran).toBe(false)
    expect(first.responses[0]!.response).toEqual(unavailable)
    expect(first.texts).toEqual(['done'])
  })

  test('and when it can be, the tool runs', async () => {
    const { ran, first, backend } = await attempt(() => {})
    expect(ran).toBe(true)
    expect(first.texts).toEqual(['done'])
    expect(backend.log.calls()).toHaveLength(2)
  })

  test('only of the outcome, the model gets the result, and the next call is refused', async () => {
    const { first, ran } = await attempt((_, number) => (number < 3 ? undefined : Promise.reject(new Error('full'))))
    expect(ran).toBe(true)
    expect(first.responses.map(each => each.response)).toEqual([{ result: undefined }, unavailable])
  })

  test('a relaxed tier lets it run', async () => {
    const { ran } = await attempt(() => Promise.reject(new Error('full')), { tier: 'degraded' })
    expect(ran).toBe(true)
  })

  test('the intent is durable before the body is entered', async () => {
    const { plugin, backend } = trail()
    const seen: number[] = []
    const x = tool('x', () => seen.push(backend.log.of('intent').length))
    await run({ plugins: [plugin], tools: [x], turns: [calls('x', {}, {}), 'done'] })
    expect(seen).toEqual([1, 2])
  })

  test('after close, no tool runs', async () => {
    const { plugin } = trail()
    await plugin.close()
    const x = tool('x')
    const { first } = await run({ plugins: [plugin], tools: [x], turns: [calls('x', {}), 'done'] })
    expect(x.ran).toBe(0)
    expect(first.responses[0]!.response).toEqual(unavailable)
  })
})

describe('strangers', () => {
  const ring: unknown[] = []
  ring.push(ring)
  const hostile: [string, () => unknown][] = [
    ['a symbol', () => Symbol('x')],
    ['a ring', () => ring],
    ['10 MB', () => 'x'.repeat(10_000_000)],
    [
      'a proxy',
      () =>
        new Proxy(
          {},
          {
            get: () => undefined,
            ownKeys: () => {
              throw new Error('trap')
            },
          },
        ),
    ],
    [
      'a getter',
      () => ({
        get error() {
          throw new Error('getter')
        },
      }),
    ],
    ['a big integer', () => ({ n: 10n ** 100n })],
  ]

  test.each(hostile)('a result that is %s is recorded, and does not keep the run from going on', async (_, make) => {
    const { plugin, backend, errors } = trail()
    await run({ plugins: [plugin], tools: [new RawTool('raw', make)], turns: [calls('raw', {}), 'done'] }).catch(
      () => {},
    )
    expect(backend.log.of('outcome')).toHaveLength(1)
    expect(errors).toEqual([])
  })

  test.each(['', 'two\nlines', '__proto__', 'x'.repeat(100_000), '\ud800'])('a tool named %j', async name => {
    const { plugin, backend } = govern()
    const denied = await plugin.beforeToolCallback({
      tool: new RawTool(name, () => 1) as never,
      toolArgs: {},
      toolContext: {} as never,
    })
    expect(denied).toBeUndefined()
    expect(backend.log.of('intent')).toHaveLength(1)
  })

  test('callbacks with things that are none return a denial and never throw', async () => {
    const { plugin } = govern()
    const nothing = {} as never
    expect(await plugin.beforeToolCallback({ tool: nothing, toolArgs: nothing, toolContext: nothing })).toBeUndefined()
    for (const bad of [null, undefined, 5, 'x'] as never[]) {
      const denial = await plugin.beforeToolCallback({ tool: bad, toolArgs: bad, toolContext: bad })
      expect(denial).toMatchObject({ error: 'audit_unavailable' })
      expect(
        await plugin.afterToolCallback({ tool: bad, toolArgs: bad, toolContext: bad, result: bad }),
      ).toBeUndefined()
      expect(await plugin.beforeRunCallback({ invocationContext: bad })).toBeUndefined()
      expect(await plugin.onUserMessageCallback({ invocationContext: bad, userMessage: bad })).toBeUndefined()
      expect(await plugin.onToolErrorCallback({ toolContext: bad, error: bad } as never)).toBeUndefined()
      expect(await plugin.afterRunCallback({ invocationContext: bad })).toBeUndefined()
    }
  })
})

describe('on a real log', () => {
  test.each(['files', 'jsonl'])('%s: 200 calls in 20 sessions at once verify without an exception', async kind => {
    const target = join(folder(), kind === 'files' ? 'audit' : 'audit.jsonl')
    const errors: Error[] = []
    const plugin = new AuditTrailPlugin({
      auditBackend: kind === 'files' ? files(target) : jsonl(target),
      onError: error => errors.push(error),
    })
    await Promise.all(
      Array.from({ length: 20 }, (_, s) =>
        run({
          plugins: [plugin],
          tools: [tool('x')],
          turns: [calls('x', ...Array.from({ length: 10 }, (_, i) => ({ amount: s * 10 + i }))), 'done'],
        }),
      ),
    )
    await plugin.close()
    const report = await verify(target, { self: true })
    expect(errors).toEqual([])
    expect(report.exitCode).toBe(0)
    expect(report.conduct).toMatchObject({ calls: 200, byStatus: { succeeded: 200 } })
    expect(report.completeness.sessions).toMatchObject({ total: 20, ended: 20 })
  })
})
