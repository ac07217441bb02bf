import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type ActionPreimage, actionRef } from '../../../src/core/anchor/index.js'

export interface StoredTrail {
  readonly trail_id: string
  readonly agent_id: string
  readonly action_ref: string
  readonly timestamp: number
  tx_hash: string | null
  anchor_status: string | null
  [name: string]: unknown
}

/** What goes wrong, once for each time it is set. */
export type Fault =
  | '500-after-writing'
  | '500-before-writing'
  | '409'
  | '422'
  | '429'
  | '400'
  | '200-with-error'
  | 'garbage'
  | 'endless'
  | 'other-hash'
  | 'other-agent'
  | 'old-time'
  | 'bad-id'
  | 'echo-key'

/**
 * A service of Mycelium Trails as it was seen to behave: it takes duplicates and answers with the first, keeps no account, checks
 * that the preimage gives the reference, and may fail after it has written.
 */
export class TrailsStub {
  readonly trails: StoredTrail[] = []
  readonly requests: string[] = []
  /** Applied to the next request whose path has it; then gone unless `stays`. */
  fault: { readonly at: string; readonly is: Fault; readonly stays?: true } | undefined
  anchor: 'pending' | 'disabled' = 'pending'
  now = () => Math.floor(Date.now() / 1000)
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  static async start(): Promise<TrailsStub> {
    const server = createServer()
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    return new TrailsStub(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    const url = new URL(request.url ?? '/', this.url)
    const path = `${request.method} ${url.pathname}`
    this.requests.push(path)
    const send = (status: number, json: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(json))
    }
    const fault = this.fault && path.includes(this.fault.at) ? this.fault : undefined
    if (fault && !fault.stays) this.fault = undefined
    if (fault && this.#fail(fault.is, body, send, response)) return
    if (path === 'POST /nexus/trail') this.#commit(body, send, fault?.is)
    else if (path === 'GET /trails/verify') {
      const [agent, ref] = [url.searchParams.get('agent_id'), url.searchParams.get('action_ref')]
      const found = this.trails.find(trail => trail.agent_id === agent && trail.action_ref === ref)
      send(found ? 200 : 404, found ? { verified: true, trail: this.#shown(found, fault?.is) } : { verified: false })
    } else {
      const found = this.trails.find(trail => url.pathname === `/trails/${trail.trail_id}`)
      send(
        found ? 200 : 404,
        found ? { ...this.#shown(found, fault?.is), source: 'mycelium' } : { detail: 'not found' },
      )
    }
  }

  /** Whether that was the answer. */
  #fail(fault: Fault, body: string, send: (status: number, json: unknown) => void, response: ServerResponse): boolean {
    const status = /^(400|409|422|429)$/.exec(fault)?.[0]
    if (status) send(Number(status), { detail: 'no' })
    else if (fault === '500-before-writing') send(500, { detail: 'error' })
    else if (fault === '200-with-error') send(200, { error: 'no' })
    else if (fault === 'echo-key') send(400, { detail: `you sent ${body}` })
    else if (fault === 'garbage') response.end('<html>')
    else if (fault === 'endless') {
      const push = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20))) {}
      }
      response.on('drain', push)
      push()
    } else return false
    return true
  }

  #commit(body: string, send: (status: number, json: unknown) => void, fault: Fault | undefined): void {
    const { action_ref, service, preimage, payment_hash } = JSON.parse(body) as {
      action_ref: string
      service: string
      preimage: ActionPreimage
      payment_hash: string
    }
    let expected: string
    try {
      expected = actionRef(preimage)
    } catch {
      send(422, { detail: 'OUT_OF_PROFILE_DOMAIN' })
      return
    }
    if (action_ref !== expected) {
      send(422, { detail: 'action_ref mismatch' })
      return
    }
    const trail: StoredTrail = {
      trail_id: `00000000-0000-4000-8000-${String(this.trails.length).padStart(12, '0')}`,
      agent_id: preimage.agent_id,
      service,
      operation: preimage.action_type,
      action_ref,
      timestamp: this.now(),
      delegation_ref: payment_hash,
      tx_hash: null,
      anchor_status: null,
    }
    this.trails.push(trail)
    if (fault === '500-after-writing') {
      send(500, { detail: 'error' })
      return
    }
    const { timestamp, tx_hash, anchor_status, delegation_ref, ...answer } = this.#shown(trail, fault)
    send(201, { ...answer, payment_hash, trail_status: 'committed', anchor: this.anchor })
  }

  #shown(trail: StoredTrail, fault: Fault | undefined): StoredTrail {
    if (fault === 'other-hash') return { ...trail, action_ref: 'f'.repeat(64) }
    if (fault === 'other-agent') return { ...trail, agent_id: 'somebody else' }
    if (fault === 'old-time') return { ...trail, timestamp: 1_500_000_000 }
    if (fault === 'bad-id') return { ...trail, trail_id: '../../admin' }
    return trail
  }
}
