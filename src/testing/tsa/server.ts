import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Answer, type AuthorityOptions, TestAuthority } from './authority.js'
import { CODE_SIGNING, TIME_STAMPING } from './certificates.js'

/** What a test authority does wrong. Those of the second row are about HTTP, and about no token. */
export type TsaFault =
  | ('wrong-nonce' | 'wrong-imprint' | 'old-time' | 'rejected' | 'trailing-bytes' | 'wrong-purpose' | 'expired')
  | ('status-500' | 'status-404' | 'slow' | 'cut' | 'garbage' | 'other-type' | 'endless' | 'redirect')

export interface TsaServerOptions extends AuthorityOptions {
  /** Milliseconds since 1970. Default: the clock of this machine. */
  readonly now?: () => number
  /** Where to listen on the loopback address. Default: any port that is free. */
  readonly port?: number
}

const YEAR_MS = 31_557_600_000
const REQUEST_BYTES_MAX = 4096

/**
 * A time-stamp authority on this machine, for tests and for trying things out. Its root is made when it is started and
 * is worth nothing to anybody else: a log that is dated by it is dated by whoever runs it.
 */
export class TsaServer {
  /** Where to post. */
  readonly url: string
  readonly authority: TestAuthority
  /** What to do wrong from now on; undefined: nothing. */
  fault: TsaFault | undefined
  /** Requests so far. */
  requests = 0
  readonly #server: Server
  readonly #now: () => number
  readonly #expired: TestAuthority
  readonly #impostor: TestAuthority

  private constructor(server: Server, options: TsaServerOptions) {
    this.#server = server
    this.#now = options.now ?? Date.now
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsr`
    this.authority = new TestAuthority(options)
    const { root } = this.authority
    this.#expired = new TestAuthority({ ...options, rootOf: root, signer: { to: Date.UTC(2021, 0) } })
    const purposes = { critical: true, oids: [TIME_STAMPING, CODE_SIGNING] }
    this.#impostor = new TestAuthority({ ...options, rootOf: root, signer: { purposes } })
  }

  /** Starts one on the loopback address. */
  static async start(options: TsaServerOptions = {}): Promise<TsaServer> {
    let tsa: TsaServer | undefined
    const server = createServer((request, response) => {
      void tsa!.#serve(request, response)
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
    })
    tsa = new TsaServer(server, { kind: 'p256', ...options })
    return tsa
  }

  /** The certificate that an auditor pins, in DER. */
  get root(): Uint8Array {
    return this.authority.root.der
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++
    const body = await readBody(request)
    const { fault } = this
    const isRequest = request.method === 'POST' && request.headers['content-type'] === 'application/timestamp-query'
    if (!body || !isRequest) return void response.writeHead(400).end()
    if (fault === 'slow') return // never; whoever asked hangs up
    if (fault === 'status-500' || fault === 'status-404')
      return void response.writeHead(Number(fault.slice(7))).end('no')
    if (fault === 'redirect') return void response.writeHead(302, { location: this.url }).end()
    const type = fault === 'other-type' ? 'text/html' : 'application/timestamp-reply'
    const answer = this.#answer(body)
    if (fault === 'endless') return void this.#flood(response)
    response.writeHead(200, { 'content-type': type, 'content-length': answer.length })
    if (fault === 'cut') {
      response.write(answer.subarray(0, answer.length / 2))
      return void setImmediate(() => request.socket.destroy())
    }
    response.end(answer)
  }

  #flood(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/timestamp-reply' })
    const more = (): void => {
      if (!response.destroyed) response.write(new Uint8Array(65_536), more)
    }
    more()
  }

  #answer(request: Uint8Array): Uint8Array {
    const { fault } = this
    const timeMs = this.#now()
    if (fault === 'garbage') return new Uint8Array(300).fill(0x30)
    if (fault === 'wrong-purpose') return this.#impostor.answer(request, { timeMs })
    if (fault === 'expired') return this.#expired.answer(request, { timeMs })
    const answers: { readonly [fault in TsaFault]?: Answer } = {
      'wrong-nonce': { nonce: new Uint8Array(12).fill(0x41) },
      'wrong-imprint': { digest: new Uint8Array(32).fill(0x41) },
      'old-time': { timeMs: timeMs - YEAR_MS },
      rejected: { status: 2, failure: 14 },
      'trailing-bytes': { trailing: new Uint8Array(3) },
    }
    return this.authority.answer(request, { timeMs, ...(fault === undefined ? {} : answers[fault]) })
  }
}

async function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of request as AsyncIterable<Uint8Array>) {
    length += part.length
    if (length > REQUEST_BYTES_MAX) return undefined
    parts.push(part)
  }
  return new Uint8Array(Buffer.concat(parts))
}
