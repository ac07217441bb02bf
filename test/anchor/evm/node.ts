import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** What a node between us and the chain makes of one question; undefined: passed on as it is. */
export type Lie = (
  method: string,
  params: readonly unknown[],
  ask: () => Promise<Record<string, unknown>>,
  response: ServerResponse,
) => Promise<Record<string, unknown> | undefined | 'handled'> | Record<string, unknown> | undefined | 'handled'

/** A node that stands before another one, and may lie, be late, or break off. */
export class LyingNode {
  lie: Lie | undefined
  readonly asked: string[] = []
  readonly #server: Server
  readonly #upstream: string

  private constructor(server: Server, upstream: string) {
    this.#server = server
    this.#upstream = upstream
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  static async start(upstream: string): Promise<LyingNode> {
    const server = createServer()
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    return new LyingNode(server, upstream)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}/v2/SECRET-API-KEY`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(done => this.#server.close(done))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const body = Buffer.concat(parts).toString()
    const { method, params } = JSON.parse(body) as { method: string; params: readonly unknown[] }
    this.asked.push(method)
    const ask = async (): Promise<Record<string, unknown>> =>
      (await (
        await fetch(this.#upstream, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      ).json()) as Record<string, unknown>
    const lied = await this.lie?.(method, params, ask, response)
    if (lied === 'handled') return
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(lied ?? (await ask())))
  }
}
