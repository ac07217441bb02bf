import { type McpOptions, Upstream } from './connection.js'
import { Exchange } from './exchange.js'
import { INTENT_META } from './links.js'
import { type Message, member, TOOLS_CALL } from './message.js'
import type { Passed } from './passage.js'
import { readText } from './reading.js'

/** The part of a transport of the MCP SDK, of either major version, that we use. */
export interface McpTransport {
  start(): Promise<void>
  // biome-ignore lint/suspicious/noExplicitAny: each SDK has types of its own for messages and their extras
  send(message: any, ...rest: any[]): Promise<void>
  close(): Promise<void>
  onclose?: (() => void) | undefined
  onerror?: ((error: Error) => void) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onmessage?: ((message: any, ...rest: any[]) => void) | undefined
}

export interface RecordingOptions extends McpOptions {
  /** Whose transport it is: a client's (default), or a server's, where calls come in. */
  readonly side?: 'client' | 'server'
  /**
   * Whether a client's calls tell the server, in `_meta`, under which leaf hash they are recorded, so that a proxy further
   * on, or the server, can say that its record is of the same call. Default true.
   */
  readonly link?: boolean
}

const recording = new WeakSet<object>()

/** Whether calls through this transport are recorded by {@link recordingTransport}. */
export const isRecordingTransport = (transport: unknown): boolean =>
  typeof transport === 'object' && transport !== null && recording.has(transport)

/**
 * A transport of the MCP SDK whose tool calls are recorded: hand it to `connect` in the place of the given one. A call is
 * sent, or at a server delivered, once its intent is durable; one that is denied or cannot be recorded is answered here.
 *
 * @throws {TypeError} a transport that is recorded already: its calls would be recorded twice
 */
export function recordingTransport<T extends McpTransport>(transport: T, options: RecordingOptions): T {
  if (isRecordingTransport(transport)) throw new TypeError('this transport is recorded already')
  const recorded = new Recording(transport, options)
  const own: { readonly [name: string]: unknown } = {
    start: () => recorded.start(),
    send: (message: unknown, ...rest: unknown[]) => recorded.send(message, rest),
  }
  // Everything else is the transport's own: session ids, protocol versions, logins, whatever the next version adds.
  const wrapper = new Proxy(transport, {
    get(target, name) {
      if (typeof name === 'string') {
        if (Object.hasOwn(own, name)) return own[name]
        if (isListener(name)) return recorded.listeners[name]
      }
      const found: unknown = Reflect.get(target, name, target)
      return typeof found === 'function' ? found.bind(target) : found
    },
    set(target, name, value) {
      if (isListener(name)) {
        recorded.listeners[name] = value
        return true
      }
      return Reflect.set(target, name, value, target)
    },
  })
  recording.add(wrapper)
  return wrapper
}

type Listener = 'onclose' | 'onerror' | 'onmessage'

const isListener = (name: string | symbol): name is Listener =>
  name === 'onclose' || name === 'onerror' || name === 'onmessage'

class Recording {
  readonly #transport: McpTransport
  readonly #exchange: Exchange
  readonly #isClient: boolean
  readonly #link: boolean
  readonly listeners: Pick<McpTransport, Listener> = {}
  #out: Promise<unknown> = Promise.resolve()
  #in: Promise<unknown> = Promise.resolve()

  constructor(transport: McpTransport, options: RecordingOptions) {
    this.#transport = transport
    this.#exchange = new Exchange(new Upstream(options), 'new')
    this.#isClient = options.side !== 'server'
    this.#link = this.#isClient && options.link !== false
  }

  start(): Promise<void> {
    const transport = this.#transport
    transport.onmessage = (message: unknown, ...rest: unknown[]) => {
      if (this.#isClient) this.#fromServer(message, () => this.#deliver(message, rest))
      else
        void this.#fromClient(
          message,
          () => this.#deliver(message, rest),
          answer => transport.send(answer),
        )
    }
    transport.onerror = error => this.listeners.onerror?.(error)
    transport.onclose = () => {
      // What came before is told first.
      void this.#in
        .then(() => this.#exchange.close('the transport was closed'))
        .finally(() => this.listeners.onclose?.())
    }
    return transport.start()
  }

  send(message: unknown, rest: readonly unknown[]): Promise<void> {
    const transport = this.#transport
    if (!this.#isClient) return this.#fromServer(message, () => transport.send(message, ...rest))
    return this.#fromClient(
      message,
      passed => transport.send(this.#linked(message, passed), ...rest),
      answer => this.#deliver(answer, []),
    )
  }

  /** Takes a message that may be a call, in the order of such messages, and lets it go on or answers it. */
  async #fromClient(
    message: unknown,
    goOn: (passed: Passed) => Promise<void> | void,
    answer: (answer: unknown) => Promise<void> | void,
  ): Promise<void> {
    // The text, now: what the host does to its object later is not what was recorded.
    const begun = this.#exchange.fromClient(readText(JSON.stringify(message)))
    const turn = this.#out.then(() => begun)
    this.#out = turn
    const passage = await turn
    const passed = passage.pass === 'later' ? await passage.passage : passage
    if (passed.pass === true) {
      passed.sent()
      await goOn(passed)
    } else if (passed.answer) await answer(passed.answer)
  }

  async #fromServer(message: unknown, goOn: () => Promise<void> | void): Promise<void> {
    const begun = this.#exchange.fromServer(readText(JSON.stringify(message)))
    const turn = this.#in.then(() => begun)
    this.#in = turn
    if (await turn) await goOn()
  }

  #deliver(message: unknown, rest: readonly unknown[]): void {
    this.listeners.onmessage?.(message, ...rest)
  }

  #linked(message: unknown, passed: Passed): unknown {
    const intent = passed.pass ? passed.intent : undefined
    if (!this.#link || intent === undefined || member(message, 'method') !== TOOLS_CALL) return message
    const { params, ...others } = message as Message
    const meta = member(params, '_meta')
    return {
      ...others,
      params: { ...(params as Message), _meta: { ...(meta as Message | undefined), [INTENT_META]: intent } },
    }
  }
}
