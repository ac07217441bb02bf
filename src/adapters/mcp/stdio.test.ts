import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UnavailableError } from '../../core/errors.js'
import { Recorder } from '../../recorder/recorder.js'
import { deferred, ListBackend } from '../../recorder/testkit.js'
import { proxyStdio, type StdioEnd, type StdioOptions } from './stdio.js'
import { call } from './testkit.js'

/**
 * A server that writes down every line it gets, and the names of the tools it runs. It answers by the tool's name; what it
 * does not know, it says again.
 */
const SERVER = `
const { appendFileSync } = require('node:fs')
const [got, ran] = process.argv.slice(2)
const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n')
let rest = ''
process.stdin.setEncoding('latin1').on('data', chunk => {
  rest += chunk
  const lines = rest.split('\\n')
  rest = lines.pop()
  for (const line of lines) take(line)
}).on('end', () => {
  appendFileSync(got, rest, 'latin1')
  for (const then of atEnd) then()
})
const atEnd = []
function take(line) {
  appendFileSync(got, line + '\\n', 'latin1')
  let message
  try { message = JSON.parse(line) } catch { return }
  if (message.method !== 'tools/call') return
  const { id, params } = message
  appendFileSync(ran, params.name + '\\n')
  if (params.name === 'die') process.kill(process.pid, 'SIGKILL')
  else if (params.name === 'afterwards') atEnd.push(() => say(id, {}))
  else if (params.name === 'long') process.stdout.write('x'.repeat(params.arguments.length))
  else if (params.name !== 'silent') say(id, { content: [{ type: 'text', text: params.name }] })
}
`

let folder: string
let count = 0
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-mcp-'))
  writeFileSync(join(folder, 'server.cjs'), SERVER)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A running proxy, with a client's ends of its pipes. */
class Running {
  readonly backend = new ListBackend()
  readonly recorder = new Recorder({ backend: this.backend, agent: { id: 'did:example:mcp' }, onError: () => {} })
  readonly input = new PassThrough()
  readonly output = new PassThrough()
  readonly #got = join(folder, `got-${++count}`)
  readonly #ran = join(folder, `ran-${count}`)
  ended!: Promise<StdioEnd>
  said = ''

  constructor(options: Partial<StdioOptions> = {}) {
    this.output.setEncoding('utf8').on('data', (text: string) => {
      this.said += text
    })
    const { input, output, recorder } = this
    const command = [process.execPath, join(folder, 'server.cjs'), this.#got, this.#ran] as const
    this.ended = proxyStdio({ recorder, command, input, output, ...options })
  }

  send(...messages: (object | string)[]): void {
    for (const message of messages)
      this.input.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`)
  }

  /** Resolves when the client has been sent so many lines. */
  async lines(count: number): Promise<string[]> {
    while (this.said.split('\n').length <= count) await new Promise(resolve => this.output.once('data', resolve))
    return this.said.trimEnd().split('\n')
  }

  /** What the server got, to the byte. */
  get got(): string {
    return existsSync(this.#got) ? readFileSync(this.#got, 'latin1') : ''
  }

  get ran(): string[] {
    return existsSync(this.#ran) ? readFileSync(this.#ran, 'utf8').trimEnd().split('\n') : []
  }

  async finish(): Promise<StdioEnd> {
    this.input.end()
    const end = await this.ended
    await this.recorder.close()
    return end
  }
}

describe('a proxy between two pipes', () => {
  it('passes bytes as they are, in their order', async () => {
    const run = new Running()
    const lines = [
      '{"method":"ping","b":1.0,"a":1e3 ,\t"id":1}\n',
      `${JSON.stringify(call(2)).replace('"id"', '"\\u0069d"')}\r\n`,
      '\n',
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}\n',
      '{"last":"ü\u{1f600}"}',
    ]
    run.send(...lines)
    await run.finish()
    expect(run.got).toBe(Buffer.from(lines.join('')).toString('latin1'))
  })

  it('passes every line that everybody reads in one way, and no other', async () => {
    const good = fc.json({ maxDepth: 2 }).map(text => `{"x":${text}}`)
    const bad = fc.constantFrom('{"a":1,"a":2}', '{', '[7]', '{"id":1e999}', 'null', '{"method":"TOOLS/CALL"}')
    const lines = fc.array(
      fc.oneof(
        good.map(text => ({ text, good: true })),
        bad.map(text => ({ text, good: false })),
      ),
      {
        maxLength: 20,
      },
    )
    await fc.assert(
      fc.asyncProperty(lines, fc.nat(50), async (sent, cut) => {
        const safe = sent.filter(line => !line.good || !hasFlaw(line.text))
        const run = new Running()
        const bytes = Buffer.from(safe.map(({ text }) => `${text}\n`).join(''))
        // Also in the middle of a character.
        run.input.write(bytes.subarray(0, cut))
        run.input.write(bytes.subarray(cut))
        await run.finish()
        const wanted = safe.filter(line => line.good).map(({ text }) => `${text}\n`)
        expect(run.got).toBe(Buffer.from(wanted.join('')).toString('latin1'))
      }),
      { numRuns: 8 },
    )
  }, 60_000)

  it('sends a call on only when its intent is durable, and nothing overtakes it', async () => {
    const run = new Running()
    const written = deferred()
    run.backend.before = () => written.promise
    run.send(call(1, 'touch'), { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    for (let turn = 0; turn < 200; turn++) await new Promise(resolve => setImmediate(resolve))
    expect(run.got).toBe('')
    written.resolve()
    await run.lines(1)
    await run.finish()
    expect(run.got).toMatch(/tools\/call.*\n.*cancelled.*\n$/)
    expect(run.ran).toEqual(['touch'])
  })

  it('runs no tool while calls cannot be recorded, and runs it when they can', async () => {
    const run = new Running()
    run.backend.before = () => {
      throw new UnavailableError('log.no-space', 'the disk is full')
    }
    run.send(call(1, 'touch'))
    const [answer] = await run.lines(1)
    expect(JSON.parse(answer!)).toMatchObject({ id: 1, error: { code: -32_603 } })
    await run.finish().catch(() => {})
    expect(run.ran).toEqual([])

    const twin = new Running()
    twin.send(call(1, 'touch'))
    await twin.lines(1)
    await twin.finish()
    expect(twin.ran).toEqual(['touch'])
  })

  it('takes calls in parallel and answers in the order in which the server did', async () => {
    const run = new Running()
    const names = Array.from({ length: 40 }, (_, i) => `tool-${i}`)
    run.send(...names.map((name, i) => call(i % 2 === 0 ? i : String(i), name)))
    const said = await run.lines(names.length)
    expect(
      said.map(line => (JSON.parse(line) as { result: { content: { text: string }[] } }).result.content[0]!.text),
    ).toEqual(names)
    await run.finish()
    expect(run.backend.log.of('outcome')).toHaveLength(names.length)
  })

  it('records what the server says after its client has hung up', async () => {
    const run = new Running()
    run.send(call(1, 'afterwards'))
    expect(await run.finish()).toEqual({ code: 0 })
    expect(run.backend.log.of('outcome').map(({ record }) => record.status)).toEqual(['succeeded'])
  })

  it('knows nothing of calls whose server died, and says how that was', async () => {
    const run = new Running()
    run.send(call(1, 'silent'), call(2, 'die'))
    expect(await run.ended).toEqual({ signal: 'SIGKILL' })
    expect(run.backend.log.of('outcome').map(({ record }) => record.status)).toEqual(['unknown', 'unknown'])
    await run.recorder.close()
  })

  it('refuses a message that is too long, and goes on', async () => {
    const run = new Running({ messageBytesMax: 300 })
    run.send(call(1, 'touch', { text: 'x'.repeat(400) }), call(2, 'touch'))
    const said = (await run.lines(2)).map(line => JSON.parse(line) as { id: unknown; error?: unknown })
    expect(said.map(({ id }) => id).sort()).toEqual([2, null])
    await run.finish()
    expect(run.ran).toEqual(['touch'])
  })

  it('ends a server whose message is too long to be looked at', async () => {
    const run = new Running({ messageBytesMax: 300 })
    run.send(call(1, 'long', { length: 1000 }))
    const end = await run.ended
    expect(end.error).toMatchObject({ code: 'mcp.message-too-long' })
    expect(run.said).toBe('')
    expect(run.backend.log.of('outcome')[0]?.record.status).toBe('unknown')
    await run.recorder.close()
  })

  it('does not buffer more than it must for a server that does not read', async () => {
    let server: ChildProcess | undefined
    const run = new Running({
      command: [process.execPath, '-e', 'setTimeout(() => {}, 1e6)'],
      onStart: child => {
        server = child
      },
    })
    let written = 0
    const line = `${JSON.stringify({ x: 'x'.repeat(1024 * 1024) })}\n`
    for (let turn = 0; turn < 400; turn++) {
      if (!run.input.writableNeedDrain) {
        run.input.write(line)
        written++
      }
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(written).toBeLessThan(100)
    server!.kill('SIGKILL')
    await run.ended
    await run.recorder.close()
  })

  it('says what kept a server from starting', async () => {
    const run = new Running({ command: [join(folder, 'nothing-here')] })
    expect((await run.ended).error).toMatchObject({ code: 'ENOENT' })
    await run.recorder.close()
  })
})

const hasFlaw = (text: string): boolean => /\d{16}|e-?\d|"([^"]*)":.*"\1":/i.test(text)
