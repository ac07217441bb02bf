import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { isDeedlogError } from '../core/errors.js'
import { ADD_CHECKPOINT_BYTES_MAX } from '../core/tlog/index.js'
import type { Answer, Witness } from './witness.js'

/** Where a witness listens, and how. */
export interface WitnessListen {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** PEM of certificate chain and key. Without them plain HTTP: for loopback, or behind a server that speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string }
  /** Told of each request that was not answered with 200, in one line without anything that the sender chose. */
  readonly log?: (line: string) => void
}

export interface RunningWitness {
  /** The submission and the monitoring prefix: they are the same. */
  readonly url: string
  /** Answers what has begun, and takes nothing more. The witness itself stays open. */
  stop(): Promise<void>
}

/**
 * Serves a witness over HTTP: `POST /add-checkpoint` and `GET /<hash of origin>/checkpoint`.
 *
 * @throws the error of Node's `net`, such as `EADDRINUSE`
 * @see C2SP tlog-witness, "HTTP Interface"
 */
export async function serveWitness(witness: Witness, listen: WitnessListen): Promise<RunningWitness> {
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    answer(witness, request)
      .catch((error: unknown): Reply => {
        const code = isDeedlogError(error) ? error.code : 'internal'
        listen.log?.(`503 ${code}`)
        return { status: 503, body: 'the witness cannot answer now\n' }
      })
      .then(reply => {
        if (reply.status !== 200 && reply.status !== 503)
          listen.log?.(`${reply.status} ${request.method === 'POST' ? 'add' : 'get'}`)
        send(response, reply)
      })
      .catch(() => response.destroy())
  }
  const server: Server = listen.tls ? createTlsServer({ ...listen.tls }, handle) : createServer(handle)
  server.headersTimeout = REQUEST_MS
  server.requestTimeout = REQUEST_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.maxConnections = CONNECTIONS_MAX
  server.maxHeadersCount = HEADERS_MAX
  // A handshake or a request line that is none: nothing to answer.
  server.on('clientError', (_, socket) => (socket as Socket).destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(listen.port, listen.host, () => resolve())
  })
  const { port } = server.address() as AddressInfo
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return {
    url: `${listen.tls ? 'https' : 'http'}://${host}:${port}`,
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

type Reply = Omit<Answer, 'status' | 'body'> & {
  readonly status: number
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

async function answer(witness: Witness, request: IncomingMessage): Promise<Reply> {
  const path = (request.url ?? '').split('?', 1)[0]!
  if (path === '/add-checkpoint') {
    if (request.method !== 'POST') return notAllowed('POST')
    const body = await readBody(request)
    return body
      ? witness.addCheckpoint(body)
      : { status: 413, body: `at most ${ADD_CHECKPOINT_BYTES_MAX} bytes\n`, headers: { connection: 'close' } }
  }
  const originHash = /^\/([0-9a-f]{64})\/checkpoint$/.exec(path)?.[1]
  if (originHash === undefined) return { status: 404, body: 'there is nothing here\n' }
  if (request.method !== 'GET' && request.method !== 'HEAD') return notAllowed('GET')
  const newest = await witness.newest(originHash)
  return newest
    ? { status: 200, body: newest, headers: { 'cache-control': 'no-cache' } }
    : { status: 404, body: 'this witness has cosigned nothing of this log\n' }
}

const notAllowed = (allow: string): Reply => ({ status: 405, body: `only ${allow}\n`, headers: { allow } })

/** The whole body; undefined as soon as it is longer than any request of ours. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > ADD_CHECKPOINT_BYTES_MAX) return undefined
  const parts: Uint8Array[] = []
  let length = 0
  // Not destroyed when we stop reading: whoever sends too much is told so.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    length += (part as Uint8Array).length
    if (length > ADD_CHECKPOINT_BYTES_MAX) return undefined
    parts.push(part as Uint8Array)
  }
  return new Uint8Array(Buffer.concat(parts))
}

function send(
  response: ServerResponse,
  { status, body, contentType = 'text/plain; charset=utf-8', headers }: Reply,
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': bytes.length,
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(bytes)
}

const REQUEST_MS = 10_000
const KEEP_ALIVE_MS = 60_000
const CONNECTIONS_MAX = 1000
const HEADERS_MAX = 64
