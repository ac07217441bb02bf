import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { UnavailableError } from '../../core/errors.js'
import { Events } from './events.js'
import { type HttpOptions, type HttpProxy, proxyHttp } from './http.js'
import { bytesOf, call, Rig, result } from './testkit.js'

interface Got {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

type Answer = (got: Got, response: ServerResponse) => void

const closers: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const json = (response: ServerResponse, value: object, headers: Record<string, string> = {}): void => {
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}

/** Answers every call with its own arguments. */
const echo: Answer = ({ body }, response) => json(response, result((JSON.parse(body) as { id: unknown }).id))

class World {
  readonly rig = new Rig()
  readonly got: Got[] = []
  proxy!: HttpProxy

  static async of(answer: Answer = echo, options: Partial<HttpOptions> = {}): Promise<World> {
    const world = new World()
    const server = createServer((incoming, response) => {
      const parts: Buffer[] = []
      incoming
        .on('data', (part: Buffer) => parts.push(part))
        .on('end', () => {
          const { method = '', url = '', headers } = incoming
          const got = { method, url, headers, body: Buffer.concat(parts).toString() }
          world.got.push(got)
          answer(got, response)
        })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => {
      server.closeAllConnections()
      server.close()
    })
    const upstream = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
    const { recorder } = world.rig
    world.proxy = await proxyHttp({ recorder, onWarning: text => world.rig.warnings.push(text), upstream, ...options })
    closers.push(() => world.proxy.close())
    return world
  }

  post(message: object | string, headers: Record<string, string> = {}, path = '/mcp'): Promise<Reply> {
    const body = typeof message === 'string' ? message : JSON.stringify(message)
    return send(`${this.proxy.url}${path}`, 'POST', { 'content-type': 'application/json', ...headers }, body)
  }
}

interface Reply {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

const send = (url: string, method: string, headers: Record<string, string>, body = ''): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const out = request(url, { method, headers }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }))
      answer.on('error', reject)
    })
    out.on('error', reject)
    out.end(body)
  })

describe('a proxy before a server of HTTP', () => {
  it('hands bodies and headers on as they are, and records the call', async () => {
    const world = await World.of((_, response) => json(response, result(1), { 'x-its': 'own', 'mcp-session-id': 's' }))
    const text = ` ${JSON.stringify(call(1))}\n`
    const reply = await world.post(text, { authorization: 'Bearer sesame', 'mcp-name': 'echo', 'X-Odd': 'a' })
    expect(reply).toMatchObject({ status: 200, body: JSON.stringify(result(1)) })
    expect(reply.headers).toMatchObject({ 'x-its': 'own', 'mcp-session-id': 's' })
    const [{ body, headers, url } = {} as Got] = world.got
    expect({ body, url }).toEqual({ body: text, url: '/mcp' })
    expect(headers).toMatchObject({ authorization: 'Bearer sesame', 'mcp-name': 'echo', 'x-odd': 'a' })
    expect(world.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:succeeded/yes'])
    const kept = world.rig.backend.entries.map(({ record, disclosures }) =>
      Buffer.concat([record, disclosures ?? record]),
    )
    expect(Buffer.concat(kept).toString()).not.toContain('sesame')
  })

  it('sends nothing on that cannot be recorded', async () => {
    const world = await World.of()
    world.rig.backend.before = () => {
      throw new UnavailableError('log.no-space', 'full')
    }
    const reply = await world.post(call(1))
    expect(JSON.parse(reply.body)).toMatchObject({ id: 1, error: { code: -32_603 } })
    expect(world.got).toEqual([])
    expect((await world.post({ jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(200)
    expect(world.got).toHaveLength(1)
  })

  it('reads answers out of a stream, wherever it is cut, and passes them event by event', async () => {
    const stream = `: hello\r\n\r\nevent: message\ndata: {"jsonrpc":"2.0",\ndata: "id":1,"result":{"content":[]}}\n\n`
    const world = await World.of((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const character of stream) response.write(character)
      response.end('data: unfinished')
    })
    expect((await world.post(call(1))).body).toBe(`${stream}data: unfinished`)
    expect(world.rig.log.of('outcome')[0]?.values['output']).toEqual({ content: [] })
  })

  it('keeps ids of clients apart that have no sessions', async () => {
    const waiting: (() => void)[] = []
    const world = await World.of((got, response) => {
      waiting.push(() => echo(got, response))
      if (waiting.length === 2) for (const answer of waiting.reverse()) answer()
    })
    const replies = await Promise.all([world.post(call(1)), world.post(call(1))])
    expect(replies.map(({ status }) => status)).toEqual([200, 200])
    expect(world.rig.log.calls()).toEqual(Array(2).fill('? intent:not_evaluated outcome:succeeded/yes'))
  })

  it('takes the answer of a session from another of its streams', async () => {
    const world = await World.of(({ method }, response) => {
      if (method === 'POST') response.writeHead(202).end()
      else {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.end(`data: ${JSON.stringify(result(1))}\n\n`)
      }
    })
    const session = { 'mcp-session-id': 's-1' }
    await world.post(call(1), session)
    expect(world.rig.log.of('outcome')).toEqual([])
    await send(`${world.proxy.url}/mcp`, 'GET', session)
    expect(world.rig.log.of('outcome')[0]?.record.status).toBe('succeeded')
  })

  it('knows the older transport, where a stream answers what is posted elsewhere', async () => {
    let stream: ServerResponse | undefined
    const world = await World.of(({ method, body }, response) => {
      if (method === 'GET') {
        stream = response
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('event: endpoint\ndata: /messages?sessionId=abc\n\n')
      } else {
        response.writeHead(202).end()
        stream!.write(`data: ${JSON.stringify(result((JSON.parse(body) as { id: unknown }).id))}\n\n`)
        stream!.end()
      }
    })
    const open = send(`${world.proxy.url}/sse`, 'GET', {})
    while (!stream) await new Promise(resolve => setImmediate(resolve))
    await world.post(call(1), {}, '/messages?sessionId=abc')
    expect((await open).body).toContain('"result"')
    expect(world.rig.log.of('outcome')[0]?.record.status).toBe('succeeded')
  })

  it('takes a client that hangs up for a cancelled call', async () => {
    let arrived = () => {}
    const asked = new Promise<void>(resolve => {
      arrived = resolve
    })
    const world = await World.of(() => arrived())
    const out = request(`${world.proxy.url}/mcp`, { method: 'POST', headers: { 'content-type': 'application/json' } })
    out.on('error', () => {})
    out.end(JSON.stringify(call(1)))
    await asked
    out.destroy()
    while (world.rig.log.of('outcome').length === 0) await new Promise(resolve => setImmediate(resolve))
    expect(world.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:cancelled/unknown'])
  })

  it('says so when the server refuses, dies or is not there', async () => {
    const refusing = await World.of((_, response) => response.writeHead(503).end('busy'))
    expect(await refusing.post(call(1))).toMatchObject({ status: 503, body: 'busy' })
    expect(refusing.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:failed/unknown'])

    const dying = await World.of((_, response) => void response.destroy())
    expect((await dying.post(call(1))).status).toBe(502)
    expect(dying.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:unknown/unknown'])

    const missing = await World.of(echo, { upstream: 'http://127.0.0.1:1/mcp' })
    expect((await missing.post(call(1))).status).toBe(502)
    expect(missing.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:not_executed/no'])
  })

  it.each([
    ['a host by another name', { host: 'evil.example' }, 403],
    ['a page from elsewhere', { origin: 'https://evil.example' }, 403],
    ['a page without an origin', { origin: 'null' }, 403],
    ['a page that claims to be at home', { origin: 'http://localhost@evil.example' }, 403],
    ['an encoded body', { 'content-encoding': 'gzip' }, 400],
    ['another character set', { 'content-type': 'application/json; charset=utf-16le' }, 400],
  ])('does not hear %s', async (_, headers, status) => {
    const world = await World.of()
    expect((await world.post(call(1), headers as never)).status).toBe(status)
    expect(world.got).toEqual([])
    expect(world.rig.backend.entries).toEqual([])
  })

  it('hears pages of this machine, and hosts and origins that it was told of', async () => {
    const world = await World.of(echo, { hosts: ['mcp.example'], origins: ['https://app.example'] })
    for (const headers of [
      { host: 'localhost:1' },
      { host: 'MCP.example', origin: 'https://app.example' },
      { origin: 'http://localhost:6274' },
    ])
      expect((await world.post(call(1), headers)).status).toBe(200)
  })

  it('listens to other machines only under a name', async () => {
    const { recorder } = new Rig()
    await expect(proxyHttp({ recorder, upstream: 'http://127.0.0.1:1', listen: { host: '0.0.0.0' } })).rejects.toThrow(
      TypeError,
    )
  })

  it('refuses what is ambiguous, too long or no message, and lets forms of logins pass', async () => {
    const world = await World.of((_, response) => json(response, { ok: true }), { messageBytesMax: 1000 })
    expect((await world.post('{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call"}')).status).toBe(400)
    expect((await world.post('nonsense')).status).toBe(400)
    await world.post(call(1, 'x', 'y'.repeat(2000))).catch(() => {})
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await world.post('{"method":"tools/call"', form)).status).toBe(400)
    expect(world.got).toEqual([])
    expect((await world.post('grant_type=authorization_code&code=a%20b', form, '/token')).status).toBe(200)
    expect(world.got).toHaveLength(1)
  })

  it('lets no server send a client past the proxy', async () => {
    for (const location of ['http://127.0.0.1:1/mcp', '//127.0.0.1:1/mcp', ' https:evil.example']) {
      const world = await World.of((_, response) => response.writeHead(307, { location: location.trim() }).end())
      expect((await world.post(call(1))).status).toBe(502)
      expect(world.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:unknown/unknown'])
    }
    const world = await World.of((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.end('event: endpoint\ndata: http://127.0.0.1:1/messages?sessionId=a\n\n')
    })
    await expect(send(`${world.proxy.url}/sse`, 'GET', {})).rejects.toThrow()
  })

  it('does not pass an answer on that is in no record', async () => {
    const world = await World.of((_, response) => json(response, result(1, { text: 'x'.repeat(2000) })), {
      messageBytesMax: 1000,
    })
    await expect(world.post(call(1))).rejects.toThrow()
    expect(world.rig.log.calls()).toEqual(['? intent:not_evaluated outcome:unknown/unknown'])
  })
})

describe('a stream of events', () => {
  it('is cut where lines end in any of three ways, and no byte of it is lost', () => {
    const text = 'data: a\rdata: b\r\revent: x\r\ndata:c\r\n\r\n:\n\ndata\n\nid: 1\n\n'
    for (let size = 1; size < text.length; size++) {
      const events = new Events(1000)
      const all = []
      for (let at = 0; at < text.length; at += size) all.push(...events.add(bytesOf(text.slice(at, at + size))))
      expect(all.map(({ type, data }) => [type, data])).toEqual([
        ['message', 'a\nb'],
        ['x', 'c'],
        ['message', undefined],
        ['message', ''],
        ['message', undefined],
      ])
      expect(Buffer.concat([...all.map(({ bytes }) => bytes), events.end()]).toString()).toBe(text)
    }
  })
})
