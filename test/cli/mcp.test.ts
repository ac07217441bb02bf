import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, MAIN, removeFolder, temporaryFolder } from './deedlog.js'

/** Runs what it is told and notes that it did; `silent` is never answered. */
const SERVER = `
const { appendFileSync } = require('node:fs')
require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
  const { id, method, params } = JSON.parse(line)
  if (method === 'tools/list') return say(id, { tools: [{ name: 'touch', inputSchema: { type: 'object' } }] })
  if (method !== 'tools/call') return
  appendFileSync(process.argv[2], params.name + '\\n')
  if (params.name === 'exit') process.exit(7)
  if (params.name !== 'silent') say(id, { content: [] })
})
function say(id, result) { process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n') }
`

let cwd: string
beforeAll(() => {
  cwd = temporaryFolder()
  writeFileSync(join(cwd, 'server.cjs'), SERVER)
  expect(run('init', 'audit').status).toBe(0)
})
afterAll(() => removeFolder(cwd))

const run = (...args: string[]) => deedlog(args, { cwd })
const call = (id: number, name = 'touch') => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
})

/** A client with a proxy, as the configuration of a host starts one. */
class Host {
  readonly process: ChildProcess
  readonly #lines: Interface
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>
  stderr = ''

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, [MAIN, 'mcp', ...args], { cwd })
    this.#lines = createInterface({ input: this.process.stdout! })
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = once(this.process, 'close') as never
  }

  async ask(message: object): Promise<{ id: number; result?: unknown; error?: { message: string } }> {
    const answered = once(this.#lines, 'line')
    this.tell(message)
    return JSON.parse(String((await answered)[0])) as never
  }

  tell(message: object): void {
    this.process.stdin!.write(`${JSON.stringify(message)}\n`)
  }

  async hangUp(): Promise<number | null> {
    this.process.stdin!.end()
    return (await this.ended)[0]
  }
}

const server = (ran: string) => [process.execPath, 'server.cjs', ran]
const ran = (name: string): string => (existsSync(join(cwd, name)) ? readFileSync(join(cwd, name), 'utf8') : '')
const statuses = (log: string): string[] => {
  const { calls } = JSON.parse(run('list', log, '--json').stdout) as { calls: { status: string }[] }
  return calls.map(({ status }) => status)
}

describe('deedlog mcp', () => {
  it('records what a client calls, into a log that verifies', async () => {
    const host = new Host('audit', '--name', 'test', '--', ...server('ran-1'))
    await host.ask({ jsonrpc: '2.0', id: 0, method: 'tools/list' })
    expect(await host.ask(call(1))).toEqual({ jsonrpc: '2.0', id: 1, result: { content: [] } })
    expect(await host.hangUp()).toBe(0)
    expect(host.stderr).toBe('')
    expect(ran('ran-1')).toBe('touch\n')
    expect(statuses('audit')).toEqual(['succeeded'])
    expect(run('verify', 'audit', '--trust', 'audit.trust').status).toBe(0)
  })

  it('takes the command of a server without dashes before it, which launchers lose', async () => {
    const host = new Host('--name', 'test', 'audit', ...server('ran-2'), '--name', '-x')
    expect(await host.ask(call(1))).toHaveProperty('result')
    expect(await host.hangUp()).toBe(0)
  })

  it('writes one log from several processes at the same time', async () => {
    expect(run('init', 'shared').status).toBe(0)
    const hosts = [1, 2, 3].map(n => new Host('shared', '--', ...server(`ran-shared-${n}`)))
    await Promise.all(
      hosts.map(async host => {
        for (let id = 1; id <= 5; id++) await host.ask(call(id))
        await host.hangUp()
      }),
    )
    expect(statuses('shared')).toEqual(Array(15).fill('succeeded'))
    expect(run('verify', 'shared', '--trust', 'shared.trust').status).toBe(0)
  })

  it('leaves the intent of a call when it is killed, and closes that call at its next run', async () => {
    expect(run('init', 'killed').status).toBe(0)
    const host = new Host('killed', '--', ...server('ran-3'))
    host.tell(call(1, 'silent'))
    while (ran('ran-3') === '') await new Promise(resolve => setImmediate(resolve))
    host.process.kill('SIGKILL')
    await host.ended
    const next = new Host('killed', '--', ...server('ran-3'))
    await next.ask(call(1))
    await next.hangUp()
    expect(statuses('killed')).toEqual(['unknown', 'succeeded'])
    expect(run('verify', 'killed', '--trust', 'killed.trust').status).toBe(3)
  })

  it('passes a signal on, and records what became of the calls', async () => {
    expect(run('init', 'stopped').status).toBe(0)
    const host = new Host('stopped', '--', ...server('ran-4'))
    host.tell(call(1, 'silent'))
    while (ran('ran-4') === '') await new Promise(resolve => setImmediate(resolve))
    host.process.kill('SIGTERM')
    expect((await host.ended)[0]).toBe(128 + 15)
    expect(statuses('stopped')).toEqual(['unknown'])
  })

  it('ends as the server does', async () => {
    const host = new Host('audit', '--', ...server('ran-5'))
    host.tell(call(1, 'exit'))
    expect((await host.ended)[0]).toBe(7)
  })

  it('starts no server without a log', async () => {
    const host = new Host('nowhere', '--', ...server('ran-6'))
    expect((await host.ended)[0]).toBe(2)
    expect(host.stderr).toContain('[log.missing]')
    expect(existsSync(join(cwd, 'nowhere'))).toBe(false)
  })

  it('starts no server when the log cannot be written', async () => {
    expect(run('init', 'sealed').status).toBe(0)
    rmSync(join(cwd, 'sealed/private/keys'), { recursive: true })
    const host = new Host('sealed', '--', ...server('ran-7'))
    host.process.stdin!.on('error', () => {}).write(`${JSON.stringify(call(1))}\n`)
    expect((await host.ended)[0]).toBe(2)
    expect(ran('ran-7')).toBe('')
  })

  it('starts no server that is given the folder of the log', async () => {
    mkdirSync(join(cwd, 'open'))
    expect(run('init', 'open/audit').status).toBe(0)
    for (const word of ['open', '.', `--root=${cwd}`]) {
      const host = new Host('open/audit', '--', ...server('ran-8'), word)
      expect((await host.ended)[0]).toBe(2)
      expect(host.stderr).toContain('[mcp.log-exposed]')
    }
    const host = new Host('open/audit', '--exposed', '--', ...server('ran-8'), 'open')
    expect(await host.hangUp()).toBe(0)
  })

  it('says what is wrong with its command line', () => {
    for (const [args, code] of [
      [['audit'], 'usage.argument'],
      [['audit', '--http', 'http://127.0.0.1:1', '--', 'x'], 'usage.argument'],
      [['audit', '--http', 'ftp://x'], 'usage.value'],
      [['audit', '--http', 'http://127.0.0.1:1', '--listen', '0.0.0.0:0'], 'mcp.open-listener'],
      [['audit', '--http', 'http://127.0.0.1:1', '--listen', 'nowhere'], 'usage.value'],
    ] as const) {
      const { status, stderr } = run('mcp', ...args)
      expect([status, stderr.includes(`[${code}]`)]).toEqual([2, true])
    }
    const missing = run('mcp', 'audit', '--', './no-such-program')
    expect([missing.status, missing.stderr.includes('[mcp.not-started]')]).toEqual([127, true])
  })

  it('does not start itself for ever', () => {
    const env = { DEEDLOG_MCP_DEPTH: '8' }
    expect(deedlog(['mcp', 'audit', '--', 'x'], { cwd, env }).stderr).toContain('[mcp.nested]')
  })

  it('stands before a server of HTTP until it is told to stop', async () => {
    const upstream = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [] } }))
      })
    })
    await new Promise<void>(resolve => upstream.listen(0, '127.0.0.1', resolve))
    expect(run('init', 'http').status).toBe(0)
    const { port } = upstream.address() as AddressInfo
    const host = new Host('http', '--http', `http://127.0.0.1:${port}/mcp`)
    while (!host.stderr.includes('listening at')) await once(host.process.stderr!, 'data')
    const url = /http:\S+/.exec(host.stderr)![0]
    const answer = await fetch(`${url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call(1)),
    })
    expect(await answer.json()).toHaveProperty('result')
    host.process.kill('SIGTERM')
    expect((await host.ended)[0]).toBe(0)
    upstream.close()
    expect(statuses('http')).toEqual(['succeeded'])
  })
})
