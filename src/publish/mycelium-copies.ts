import { type CallFacts, callAction } from '../core/anchor/mycelium/index.js'
import { isDeedlogError } from '../core/errors.js'
import { parseRecord } from '../core/record/index.js'
import type { AppendEntry, AuditBackend } from '../log/backend.js'
import { addressOf } from './mycelium.js'
import { TrailService } from './mycelium-client.js'

export interface TrailCopiesOptions {
  /** Address of a service of Mycelium Trails, `http:` or `https:`. It may hold a secret, and is never shown whole. */
  readonly url: string
  /** Who pays beyond what is free. */
  readonly apiKey?: string
  /** Most copies that wait; more are dropped, and counted. Default 10,000. */
  readonly waitingMax?: number
  /** How long one may take, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number
  /** How long `close` waits for copies, in milliseconds. Default 5,000. */
  readonly closeMs?: number
}

/** What became of the copies. */
export interface CopyCounts {
  readonly made: number
  /** The service refused, or could not be asked. */
  readonly failed: number
  /** Not asked for: too many waited, or the log was closed. */
  readonly dropped: number
  /** Calls whose names trails do not take, and outcomes of calls that this backend has not seen. */
  readonly notExpressible: number
  readonly waiting: number
  /** Code of the newest failure. */
  readonly lastFailure?: string
}

/**
 * A backend that gives each outcome to a service of trails besides, once the log has it: one trail per outcome. A copy for people who
 * look there, never a condition: a call waits for no copy, and one that fails is counted, and not tried again. The log has the record.
 *
 * @throws {TypeError} for an address that is none
 */
export function withTrails(
  backend: AuditBackend,
  options: TrailCopiesOptions,
): AuditBackend & { copies(): CopyCounts } {
  const copies = new Copies(addressOf(options.url), options)
  const { logs, head, identity, deadStreams, keepRules, keepsDisclosures } = backend
  return {
    copies: () => copies.counts(),
    append: async (entries, how) => {
      const receipts = await backend.append(entries, how)
      copies.add(entries)
      return receipts
    },
    flush: level => backend.flush(level),
    close: async () => {
      await backend.close()
      await copies.close()
    },
    ...(logs ? { logs: () => logs.call(backend) } : {}),
    ...(head ? { head: () => head.call(backend) } : {}),
    ...(identity ? { identity: agent => identity.call(backend, agent) } : {}),
    ...(deadStreams ? { deadStreams: (agent, key) => deadStreams.call(backend, agent, key) } : {}),
    ...(keepRules ? { keepRules: file => keepRules.call(backend, file) } : {}),
    ...(keepsDisclosures === undefined ? {} : { keepsDisclosures }),
  }
}

const WAITING_MAX = 10_000
const TIMEOUT_MS = 30_000
const CLOSE_MS = 5_000
// Calls that are open, and streams, whose names are remembered. What is older is not copied.
const OPEN_MAX = 65_536

class Copies {
  readonly #base: URL
  readonly #options: TrailCopiesOptions
  readonly #closing = new AbortController()
  /** By leaf hash of the stream's start. */
  readonly #agents = new Map<string, string>()
  /** By leaf hash of the intent. */
  readonly #open = new Map<string, CallFacts>()
  readonly #waiting: { readonly facts: CallFacts; readonly outcome: string }[] = []
  #sending: Promise<void> = Promise.resolve()
  #isSending = false
  #made = 0
  #failed = 0
  #dropped = 0
  #notExpressible = 0
  #lastFailure: string | undefined

  constructor(base: URL, options: TrailCopiesOptions) {
    this.#base = base
    this.#options = options
  }

  counts(): CopyCounts {
    return {
      made: this.#made,
      failed: this.#failed,
      dropped: this.#dropped,
      notExpressible: this.#notExpressible,
      waiting: this.#waiting.length,
      ...(this.#lastFailure === undefined ? {} : { lastFailure: this.#lastFailure }),
    }
  }

  /** Neither throws nor waits. */
  add(entries: readonly AppendEntry[]): void {
    for (const { record } of entries) {
      try {
        this.#see(record)
      } catch (error) {
        // The log took it; what cannot be read here is a log's to judge.
        if (!isDeedlogError(error)) throw error
      }
    }
    if (!this.#isSending) this.#sending = this.#send()
  }

  #see(bytes: Uint8Array): void {
    const parsed = parseRecord(bytes)
    if (!parsed.understood) return
    const { record, leaf } = parsed
    if (record.type === 'stream.start') remember(this.#agents, leaf, record.agent.id)
    if (record.type === 'intent') {
      const agent = this.#agents.get(record.stream)
      const { verdict, policy, rule } = record.decision
      if (agent === undefined) return
      remember(this.#open, leaf, {
        agent,
        tool: record.tool.name,
        intent: leaf,
        time: record.time,
        verdict,
        ...(policy === undefined ? {} : { policy }),
        ...(rule === undefined ? {} : { rule }),
      })
    }
    if (record.type === 'outcome') {
      const facts = this.#open.get(record.intent)
      if (!facts) this.#notExpressible++
      else if (this.#waiting.length >= (this.#options.waitingMax ?? WAITING_MAX) || this.#closing.signal.aborted)
        this.#dropped++
      else this.#waiting.push({ facts, outcome: leaf })
    }
  }

  /** One after the other: a service counts requests. */
  async #send(): Promise<void> {
    const { apiKey, timeoutMs = TIMEOUT_MS } = this.#options
    this.#isSending = true
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (this.#closing.signal.aborted) {
        this.#dropped++
        continue
      }
      const action = callAction(next.facts)
      if (typeof action === 'string') {
        this.#notExpressible++
        continue
      }
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)])
      try {
        const paying = apiKey === undefined ? {} : { apiKey }
        await new TrailService(this.#base, signal).commit(action.preimage, { paymentHash: next.outcome, ...paying })
        this.#made++
      } catch (error) {
        this.#failed++
        this.#lastFailure = isDeedlogError(error) ? error.code : 'internal'
      }
    }
    this.#isSending = false
  }

  async close(): Promise<void> {
    const { closeMs = CLOSE_MS } = this.#options
    const timer = setTimeout(() => this.#closing.abort(), closeMs)
    await this.#sending
    clearTimeout(timer)
    this.#closing.abort()
  }
}

/** The oldest is forgotten when there are too many. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value)
  if (map.size > OPEN_MAX) map.delete(map.keys().next().value!)
}
