import type { Upstream } from './connection.js'
import { Exchange } from './exchange.js'

// Sessions that nobody ends are forgotten one day, the oldest first.
const SESSIONS_MAX = 1024

/** The sessions of an HTTP server that has some. */
export class Sessions {
  readonly #upstream: Upstream
  readonly #byName = new Map<string, Exchange>()

  constructor(upstream: Upstream) {
    this.#upstream = upstream
  }

  /** @param name  the server's own name of it; undefined where a request belongs to none, and is a conversation of its own */
  of(name: string | undefined): Exchange {
    if (name === undefined) return new Exchange(this.#upstream, undefined)
    let exchange = this.#byName.get(name)
    if (!exchange) {
      const [oldest] = this.#byName.keys()
      if (this.#byName.size >= SESSIONS_MAX && oldest !== undefined) void this.end(oldest, 'the session was forgotten')
      exchange = new Exchange(this.#upstream, name)
      this.#byName.set(name, exchange)
    }
    return exchange
  }

  async end(name: string, reason: string): Promise<void> {
    const exchange = this.#byName.get(name)
    this.#byName.delete(name)
    await exchange?.close(reason)
    if (exchange) await this.#upstream.options.recorder.sessionEnd(name)
  }

  async close(reason: string): Promise<void> {
    await Promise.all([...this.#byName.keys()].map(name => this.end(name, reason)))
  }
}
