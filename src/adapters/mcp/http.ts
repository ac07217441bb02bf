import { createServer, type IncomingMessage, request as requestHttp, type Server, type ServerResponse } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { refused, textOf } from './answer.js'
import { type McpOptions, Upstream } from './connection.js'
import { Events } from './events.js'
import type { Exchange } from './exchange.js'
import { forwardedHeaders, returnedHeaders } from './headers.js'
import { type HostRule, isLoopback, whyNotHeard } from './host-rule.js'
import { MESSAGE_BYTES_MAX } from './lines.js'
import { type Message, member } from './message.js'
import type { Passed } from './passage.js'
import { type Reading, readBody, readText } from './reading.js'
import { Sessions } from './sessions.js'
import { write } from './writing.js'

export interface HttpOptions extends McpOptions {
  /** The server: its origin, and the path for clients that ask for `/`. */
  readonly upstream: string | URL
  /** Where to listen; default 127.0.0.1, at a port that is free. */
  readonly listen?: { readonly host?: string; readonly port?: number }
  /** Names, besides localhost, under which clients know the listener. Needed to listen to other machines. */
  readonly hosts?: readonly string[]
  /** Origins of pages, besides those of this machine, that may send requests. */
  readonly origins?: readonly string[]
  /** Longest message, in bytes; default 16 MiB. */
  readonly messageBytesMax?: number
}

export interface HttpProxy {
  /** Where it listens: `http://127.0.0.1:8123`. */
  readonly url: string
  /** Ends all connections; what is open then is unknown. Idempotent. The recorder is its owner's to close. */
  close(): Promise<void>
}

/**
 * Listens for MCP clients, streamable HTTP or HTTP with SSE, and hands what they send to `upstream` and its answers back,
 * bodies unchanged. A `tools/call` goes on once its intent is durable, and its answer once it is recorded.
 *
 * @throws {TypeError} an upstream that is no http or https URL; a listener for other machines without a name for it
 * @throws what keeps a socket from listening: `EADDRINUSE`, `EACCES`
 */
export async function proxyHttp(options: HttpOptions): Promise<HttpProxy> {
  const upstream = new URL(options.upstream)
  if (upstream.protocol !== 'http:' && upstream.protocol !== 'https:')
    throw new TypeError('the upstream of a proxy is an http or https URL')
  const { host = '127.0.0.1', port = 0 } = options.listen ?? {}
  if (!isLoopback(host) && (options.hosts ?? []).length === 0)
    throw new TypeError(`a listener at ${host} needs the names that clients may call it by`)
  const proxy = new Forwarder(options, upstream)
  const server = createServer((request, response) => void proxy.serve(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  const { address, port: bound, family } = server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
  let closing: Promise<void> | undefined
  return {
    url,
    close() {
      closing ??= stop(server).then(() => proxy.close())
      return closing
    },
  }
}

const stop = (server: Server): Promise<void> =>
  new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

const JSON_RPC_METHODS = new Set(['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD'])
// Nothing was sent to a server that cannot be reached.
const UNREACHED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** One request on its way. */
interface Journey {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly exchange: Exchange
  readonly session: string | undefined
  readonly reading: Reading
  readonly body: Uint8Array
}

class Forwarder {
  readonly #upstream: Upstream
  readonly #target: URL
  readonly #rule: HostRule
  readonly #sessions: Sessions
  readonly #bytesMax: number
  readonly #running = new Set<Promise<void>>()

  constructor(options: HttpOptions, target: URL) {
    this.#upstream = new Upstream(options)
    this.#sessions = new Sessions(this.#upstream)
    this.#target = target
    this.#rule = { hosts: options.hosts ?? [], origins: options.origins ?? [] }
    this.#bytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => {})
    const running = this.#serve(request, response).catch(error => {
      this.#upstream.warn(`a request ended early: ${error instanceof Error ? error.message : 'unknown'}`)
      response.destroy()
    })
    this.#running.add(running)
    await running
    this.#running.delete(running)
  }

  async close(): Promise<void> {
    await Promise.all(this.#running)
    await this.#sessions.close('the proxy was closed')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const why = whyNotHeard(request.headers, this.#rule) ?? whyNotForwarded(request)
    if (why) return say(response, why.startsWith('its') ? 403 : 400, refused(undefined, why))
    const body = await bodyOf(request, this.#bytesMax)
    if (!body) return say(response, 413, refused(undefined, `is longer than ${this.#bytesMax} bytes`))
    const session = sessionOf(request)
    const exchange = this.#sessions.of(session)
    const reading = request.method === 'POST' ? readBody(body) : ({ kind: 'blank' } as const)
    const journey = { request, response, exchange, session, reading, body }
    if (reading.kind === 'unreadable' && isForm(request, body)) return this.#forward(journey)
    const passage = await exchange.fromClient(reading)
    const passed = passage.pass === 'later' ? await passage.passage : passage
    if (passed.pass === false) return say(response, isRefusal(passed) ? 400 : 200, passed.answer)
    // The client has gone while its call waited: nobody would take the answer.
    if (response.destroyed) return passed.withdraw?.()
    passed.sent()
    await this.#forward(journey)
    if (session !== undefined && request.method === 'DELETE' && response.statusCode < 300)
      await this.#sessions.end(session, 'the client ended the session')
  }

  #forward(journey: Journey): Promise<void> {
    const { request, response, body } = journey
    const target = this.#target
    const path = request.url === '/' ? `${target.pathname}${target.search}` : request.url
    const send = target.protocol === 'https:' ? requestHttps : requestHttp
    return new Promise(resolve => {
      const out = send({
        protocol: target.protocol,
        hostname: target.hostname.replace(/^\[|\]$/g, ''),
        port: target.port,
        method: request.method,
        path,
        headers: forwardedHeaders(request.rawHeaders, target.host, body.length),
      })
      let gone = false
      response.once('close', () => {
        gone = !response.writableFinished
        if (gone) out.destroy()
      })
      out.once('response', answer => {
        this.#answer(journey, answer)
          .catch(() => response.destroy())
          .then(() => this.#over(journey, { gone, status: answer.statusCode ?? 0 }))
          .then(resolve)
      })
      out.once('error', async (error: NodeJS.ErrnoException) => {
        if (response.headersSent) return
        await this.#over(journey, { gone, status: 502, error })
        if (!gone) say(response, 502, refused(undefined, 'found no server'))
        resolve()
      })
      out.end(body)
    })
  }

  /** The request has ended. Within a session an answer may still come on another stream; elsewhere there is none. */
  async #over(
    { exchange, session, reading }: Journey,
    {
      gone,
      status,
      error,
    }: { readonly gone: boolean; readonly status: number; readonly error?: NodeJS.ErrnoException },
  ): Promise<void> {
    const why = { error: { value: error?.message ?? (gone ? 'the client closed the stream' : `HTTP ${status}`) } }
    if (error && UNREACHED.has(error.code ?? ''))
      await exchange.giveUp(reading, { status: 'not_executed', executed: 'no', ...why })
    else if (gone && session === undefined) await exchange.close('the client closed the stream', 'cancelled')
    else if (gone) return
    else if (error) await exchange.giveUp(reading, { status: 'unknown', executed: 'unknown', ...why })
    else if (status >= 400) await exchange.giveUp(reading, { status: 'failed', executed: 'unknown', ...why })
    else if (session === undefined) await exchange.close('the server ended without an answer')
  }

  async #answer(journey: Journey, answer: IncomingMessage): Promise<void> {
    const { response } = journey
    if ((answer.headers['content-encoding'] ?? 'identity') !== 'identity') {
      answer.destroy()
      return say(response, 502, refused(undefined, 'was answered in an encoding that was not asked for'))
    }
    // Clients repeat a call where they are sent, past the proxy if that is elsewhere.
    if (journey.request.method === 'POST' && isElsewhere(answer.headers.location)) {
      answer.destroy()
      return say(response, 502, refused(undefined, 'was sent to another address'))
    }
    const type = (answer.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
    if (type === 'text/event-stream') return this.#events(journey, answer)
    if (type !== 'application/json') return this.#plain(journey, answer)
    const body = await bodyOf(answer, this.#bytesMax)
    if (!body) {
      this.#upstream.warn(`the server's answer is longer than ${this.#bytesMax} bytes`)
      response.destroy()
      return
    }
    const passes = await journey.exchange.fromServer(readBody(body))
    if (!passes) return say(response, 502, refused(undefined, 'was answered before it was sent'))
    response.writeHead(answer.statusCode ?? 502, returnedHeaders(answer.rawHeaders))
    response.end(body)
    await finished(response)
  }

  async #plain({ response }: Journey, answer: IncomingMessage): Promise<void> {
    response.writeHead(answer.statusCode ?? 502, returnedHeaders(answer.rawHeaders))
    for await (const chunk of answer) await write(response, chunk as Uint8Array)
    response.end()
    await finished(response)
  }

  async #events(journey: Journey, answer: IncomingMessage): Promise<void> {
    const { response } = journey
    response.writeHead(answer.statusCode ?? 502, returnedHeaders(answer.rawHeaders))
    response.flushHeaders()
    const events = new Events(this.#bytesMax)
    let { exchange } = journey
    let old: string | undefined
    for await (const chunk of answer) {
      for (const { bytes, type, data } of events.add(chunk as Uint8Array)) {
        if (type === 'endpoint' && data !== undefined && journey.session === undefined) {
          // HTTP with SSE, as it was before 2025: this stream answers what is posted to the address it names.
          if (isElsewhere(data)) throw new Error('the server names an address past the proxy')
          old = sessionIn(data)
          if (old !== undefined) exchange = this.#sessions.of(old)
        } else if (data !== undefined && !(await exchange.fromServer(readText(data)))) continue
        await write(response, bytes)
      }
      if (events.isTooLong) {
        this.#upstream.warn(`an event of the server is longer than ${this.#bytesMax} bytes`)
        response.destroy()
        break
      }
    }
    await write(response, events.end())
    response.end()
    await finished(response)
    if (old !== undefined) await this.#sessions.end(old, 'the stream of the session ended')
  }
}

/** Why a request must not be passed on: what it says to us and to its server could be two things. */
function whyNotForwarded(request: IncomingMessage): string | undefined {
  const { method, url, headers } = request
  if (!JSON_RPC_METHODS.has(method ?? '')) return 'has a method that MCP does not use'
  if (!url?.startsWith('/')) return 'names another server'
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return 'is encoded'
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers['content-type'] ?? '')?.[1]
  return charset === undefined || charset.toLowerCase() === 'utf-8' ? undefined : 'is not in UTF-8'
}

/** Whether an address, as an answer gives it, is none of the proxy's own. */
const isElsewhere = (address: string | undefined): boolean =>
  address !== undefined && /^\s*([a-z][a-z0-9+.-]*:|[\\/]{2})/i.test(address)

/** What logins post. No reader of JSON takes it for a message. */
const isForm = (request: IncomingMessage, body: Uint8Array): boolean =>
  (request.headers['content-type'] ?? '').toLowerCase().startsWith('application/x-www-form-urlencoded') &&
  !/^\s*[[{]/.test(Buffer.from(body.subarray(0, 1024)).toString('latin1'))

const isRefusal = ({ answer }: Extract<Passed, { pass: false }>): boolean => {
  const code = member(member(Array.isArray(answer) ? answer[0] : answer, 'error'), 'code')
  return code === -32_600 || code === -32_700
}

function sessionOf({ headers, url }: IncomingMessage): string | undefined {
  const named = headers['mcp-session-id']
  return typeof named === 'string' && named !== '' ? named : sessionIn(url ?? '')
}

/** The session in an address of HTTP with SSE. */
function sessionIn(address: string): string | undefined {
  const query = new URLSearchParams(address.split('?')[1] ?? '')
  return query.get('sessionId') ?? query.get('session_id') ?? undefined
}

async function bodyOf(message: IncomingMessage, bytesMax: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of message) {
    length += (chunk as Uint8Array).length
    if (length > bytesMax) return undefined
    parts.push(chunk as Uint8Array)
  }
  return Buffer.concat(parts)
}

function say(response: ServerResponse, status: number, answer?: Message | readonly Message[]): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(answer ? status : 202, answer ? { 'content-type': 'application/json' } : {})
  response.end(answer && textOf(answer))
}

const finished = (response: ServerResponse): Promise<void> =>
  new Promise(resolve => {
    if (response.writableFinished || response.destroyed) resolve()
    else response.once('close', resolve)
  })
