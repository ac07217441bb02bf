import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { UnavailableError } from '../../core/errors.js'
import { assertCoverage } from './assert-coverage.js'
import { always, Rig } from './testkit.js'
import { type RecordingOptions, recordingTransport } from './transport.js'

/** The SDK's own client and server, with us between. */
async function connected(rig: Rig, options: Partial<RecordingOptions> = {}, serverRig?: Rig) {
  const ran: string[] = []
  const metas: unknown[] = []
  const server = new McpServer({ name: 'test', version: '1' })
  server.registerTool('echo', { inputSchema: { text: z.string() } }, async ({ text }, { _meta }) => {
    ran.push(text)
    metas.push(_meta)
    if (text === 'throw') throw new Error('no')
    if (text === 'slow') await new Promise(resolve => setTimeout(resolve, 60_000).unref())
    return { content: [{ type: 'text', text }] }
  })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await server.connect(serverRig ? recordingTransport(far, { recorder: serverRig.recorder, side: 'server' }) : far)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(recordingTransport(near, { recorder: rig.recorder, ...options }))
  await client.listTools()
  const call = (text: unknown, more: object = {}) =>
    client.callTool({ name: 'echo', arguments: { text } }, undefined, more)
  return { client, server, call, ran, metas }
}

describe('a recording transport of the SDK', () => {
  it('records what its client calls', async () => {
    const rig = new Rig({ observer: 'client' })
    const { call, client } = await connected(rig)
    expect(await call('hi')).toMatchObject({ content: [{ text: 'hi' }] })
    await Promise.all([call('a'), call('b'), call('throw'), call(7)])
    await client.close()
    expect(rig.log.calls().sort()).toEqual([
      'echo intent:not_evaluated outcome:reported_error/unknown',
      'echo intent:not_evaluated outcome:reported_error/unknown',
      'echo intent:not_evaluated outcome:succeeded/yes',
      'echo intent:not_evaluated outcome:succeeded/yes',
      'echo intent:not_evaluated outcome:succeeded/yes',
    ])
    expect(rig.log.of('intent')[0]?.record.tool.digest).toMatch(/^[0-9a-f]{64}$/)
  })

  it('runs no tool that cannot be recorded', async () => {
    const rig = new Rig()
    const { call, ran } = await connected(rig)
    await call('before')
    rig.backend.before = () => {
      throw new UnavailableError('log.no-space', 'full')
    }
    await expect(call('during')).rejects.toThrow('cannot be recorded')
    expect(ran).toEqual(['before'])
  })

  it('shows the client a denial, and runs nothing', async () => {
    const { call, ran } = await connected(new Rig({ evaluator: always({ verdict: 'deny', reason: 'no' }) }))
    expect(await call('x')).toMatchObject({ isError: true })
    expect(ran).toEqual([])
  })

  it('takes an aborted call for a cancelled one', async () => {
    const rig = new Rig()
    const { call, ran, client } = await connected(rig)
    const abort = new AbortController()
    const called = call('slow', { signal: abort.signal })
    while (ran.length === 0) await new Promise(resolve => setImmediate(resolve))
    abort.abort('enough')
    await expect(called).rejects.toThrow()
    while (rig.log.of('outcome').length === 0) await new Promise(resolve => setImmediate(resolve))
    await client.close()
    expect(rig.log.calls()).toEqual(['echo intent:not_evaluated outcome:cancelled/unknown'])
  })

  it('links the records of client and server', async () => {
    const [near, far] = [new Rig({ observer: 'client' }), new Rig({ observer: 'server' })]
    const { call } = await connected(near, {}, far)
    await call('hi')
    expect(far.log.of('intent')[0]?.record.same).toBe(near.log.of('intent')[0]?.leaf)
    expect(far.log.calls()).toEqual(['echo intent:not_evaluated outcome:succeeded/yes'])
  })

  it('tells a server nothing where that is not wanted', async () => {
    const { call, metas } = await connected(new Rig(), { link: false })
    await call('hi')
    expect(JSON.stringify(metas)).not.toContain('deedlog')
  })

  it('at a server holds a call back until it is recorded', async () => {
    const far = new Rig()
    const { call, ran } = await connected(new Rig(), {}, far)
    far.backend.before = () => {
      throw new UnavailableError('log.no-space', 'full')
    }
    await expect(call('x')).rejects.toThrow('cannot be recorded')
    expect(ran).toEqual([])
  })

  it('is not put around another one', async () => {
    const { recorder } = new Rig()
    const [near] = InMemoryTransport.createLinkedPair()
    const once = recordingTransport(near, { recorder })
    expect(once).toBeInstanceOf(InMemoryTransport)
    expect(() => recordingTransport(once, { recorder })).toThrow(TypeError)
  })
})

describe('assertCoverage', () => {
  const plain = { command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem', '/srv'] }
  const proxied = { command: 'npx', args: ['-y', 'deedlog@1', 'mcp', 'audit', '--', 'npx', 'server'] }

  it('passes a configuration in which every server is behind a proxy', () => {
    assertCoverage({ mcpServers: { a: proxied, b: { command: 'deedlog', args: ['mcp', 'audit', 'node', 'x.js'] } } })
    assertCoverage({
      servers: { a: { command: 'node', args: ['/x/node_modules/deedlog/dist/cli/main.js', 'mcp', 'a'] } },
    })
  })

  it.each([
    ['a server of its own', plain],
    ['a server by its address', { url: 'https://mcp.example' }],
    ['a command that only mentions us', { command: 'sh', args: ['-c', 'server # deedlog mcp'] }],
    ['a server that is given our name', { command: 'node', args: ['server.js', 'deedlog', 'mcp'] }],
    ['another command of ours', { command: 'deedlog', args: ['exec', 'audit', '--', 'server'] }],
    ['nothing', null],
  ])('fails over %s', (_, server) => {
    expect(() => assertCoverage({ mcpServers: { proxied, open: server } })).toThrow('"open"')
  })

  it('looks at clients and transports', async () => {
    const rig = new Rig()
    const { client } = await connected(rig)
    assertCoverage(client)
    const [near] = InMemoryTransport.createLinkedPair()
    expect(() => assertCoverage(near)).toThrow('transport')
    expect(() => assertCoverage(new Client({ name: 'x', version: '1' }))).toThrow('client')
    expect(() => assertCoverage({})).toThrow(TypeError)
  })
})
