import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CedarBackend, OPABackend } from '@microsoft/agent-governance-sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { agtEvaluator } from '../../src/govern/agt.js'
import type { EngineBackend } from '../../src/govern/engine.js'
import { folder } from './kit.js'

const RULES = `name: shop
agents: ["*"]
default_action: allow
rules:
  - {name: never, condition: "action == 'no'", action: deny}
  - {name: ask, condition: "action == 'ask'", action: require_approval}
  - {name: once, condition: "action == 'once'", action: allow, limit: 1/hour}
`

/** An OPA and a Cedar on the loopback: they answer what the tool's name says, and keep what they were asked. */
let server: Server
let url = ''
const asked: { path: string; body: { [name: string]: unknown } }[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      const body = JSON.parse(text)
      asked.push({ path: request.url!, body })
      const tool = (body.input ?? body.entities).tool as string
      if (tool === 'hang') return
      response.statusCode = tool === 'fails' ? 500 : 200
      const word = tool === 'refuse' ? 'deny' : tool === 'look' ? 'review' : 'allow'
      const answer = tool === 'odd' ? { result: 'perhaps' } : { result: { decision: word }, decision: word }
      response.end(tool === 'garbage' ? '<html>' : JSON.stringify(answer))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const opa = () => new OPABackend({ endpoint: url, policyPath: 'agents/allow' })
// It refuses addresses of the loopback, so that only its transport is replaced here.
const cedar = () =>
  new CedarBackend({
    endpoint: 'http://cedar.example/decide',
    fetchImpl: (_, init) => fetch(`${url}/cedar`, init),
  })

function govern(backends: readonly EngineBackend[], backendTimeoutMs = 5000) {
  const policyDir = folder({ 'a.yaml': RULES })
  const made = agtEvaluator({ policyDir, strict: true, backends, backendTimeoutMs })
  return {
    rules: made.rules,
    ask: async (tool: string, args: unknown = {}) => made.evaluate({ agent: 'did:example:a', tool, args }),
  }
}

describe('the toolkit’s own backends', () => {
  test.each([
    ['opa', opa, '/v1/data/agents/allow'],
    ['cedar', cedar, '/cedar'],
  ] as const)(
    '%s decides on what the rules let pass, and is told tool, arguments and agent',
    async (name, make, path) => {
      const { ask } = govern([make()])
      asked.length = 0
      expect(await ask('read', { a: 1 })).toMatchObject({ verdict: 'allow' })
      expect(asked).toHaveLength(1)
      expect(asked[0]!.path).toBe(path)
      const { input, entities } = asked[0]!.body as { input?: object; entities?: object }
      expect(input ?? entities).toMatchObject({ tool: 'read', tool_args: { a: 1 } })
      expect(JSON.stringify(asked[0]!.body)).toContain('did:example:a')
      expect(await ask('refuse')).toEqual({ verdict: 'deny', policy: name, reason: 'Denied by policy backend' })
      expect(await ask('look')).toMatchObject({ verdict: 'review', policy: name })
    },
  )

  test('are not asked about what the rules deny; about what the rules send to review they may say no', async () => {
    const { ask } = govern([opa()])
    asked.length = 0
    expect(await ask('no')).toMatchObject({ verdict: 'deny', rule: 'never' })
    expect(asked).toEqual([])
    expect(await ask('ask')).toMatchObject({ verdict: 'review', rule: 'ask' })
    expect(asked).toHaveLength(1)
  })

  test.each(['fails', 'garbage', 'odd', 'hang'])('that %s deny', async tool => {
    const { ask } = govern([opa()], 300)
    expect(await ask(tool)).toEqual({
      verdict: 'deny',
      policy: 'opa',
      reason: expect.stringMatching(/^Denied by policy backend: /),
    })
  })

  test('that nobody answers for deny, and so does one of several', async () => {
    const gone = new OPABackend({ endpoint: 'http://127.0.0.1:9' })
    expect(await govern([gone]).ask('read')).toMatchObject({ verdict: 'deny', policy: 'opa' })
    expect(await govern([cedar(), gone]).ask('read')).toMatchObject({ verdict: 'deny', policy: 'opa' })
    expect(await govern([cedar(), opa()]).ask('read')).toMatchObject({ verdict: 'allow' })
  })

  test('leave limits as they are: a call is counted once', async () => {
    const { ask } = govern([opa()])
    expect(await ask('once')).toMatchObject({ verdict: 'allow', rule: 'once' })
    expect(await ask('once')).toMatchObject({ verdict: 'deny', rule: 'once', reason: 'Rate limited: 1/hour' })
  })

  test('are named in the rules record', () => {
    expect(govern([opa(), cedar()]).rules!.engine.name).toBe('@microsoft/agent-governance-sdk + opa + cedar')
  })
})

describe('a backend of one’s own', () => {
  const backend = (answer: unknown): EngineBackend => ({ name: 'mine', evaluatePolicy: async () => answer })

  test.each([
    ['allow', 'allow'],
    ['review', 'review'],
    [{ allowed: true }, 'allow'],
    [{ allowed: false, reason: 'no' }, 'deny'],
    [{ backend: 'mine', decision: 'deny', reason: 'no' }, 'deny'],
  ])('that answers %j: %s', async (answer, verdict) => {
    expect((await govern([backend(answer)]).ask('read')).verdict).toBe(verdict)
  })

  test.each(['alow', '', undefined, null, 5, {}, { decision: 'yes' }, { allowed: 'true' }, []])(
    'that answers %j, which is no verdict, denies',
    async answer => {
      expect((await govern([backend(answer)]).ask('read')).verdict).toBe('deny')
    },
  )

  test('that cannot decide on calls is refused at once', () => {
    expect(() => govern([{ name: 'mine' }])).toThrow(TypeError)
    expect(() => govern([undefined as never])).toThrow(TypeError)
  })
})
