import type { Decision } from '../../govern/evaluator.js'
import { Recorder } from '../../recorder/recorder.js'
import { ListBackend, type LogView } from '../../recorder/testkit.js'
import type { RecorderOptions } from '../../recorder/types.js'
import { type McpOptions, Upstream } from './connection.js'
import { Exchange } from './exchange.js'
import type { Message } from './message.js'
import type { Passed } from './passage.js'
import { readMessage } from './reading.js'

/** A connection without a network, and the records that come of it. */
export class Rig {
  readonly backend = new ListBackend()
  readonly recorder: Recorder
  readonly upstream: Upstream
  readonly exchange: Exchange
  readonly warnings: string[] = []
  readonly errors: Error[] = []

  constructor(options: Partial<RecorderOptions> = {}, mcp: Partial<McpOptions> = {}) {
    this.recorder = new Recorder({
      backend: this.backend,
      agent: { id: 'did:example:mcp' },
      observer: 'proxy',
      onError: error => this.errors.push(error),
      ...options,
    })
    this.upstream = new Upstream({ recorder: this.recorder, onWarning: text => this.warnings.push(text), ...mcp })
    this.exchange = new Exchange(this.upstream, 'new')
  }

  get log(): LogView {
    return this.backend.log
  }

  /** Hands over what the client wrote, as if it were sent on at once: `passed`, or what the client is answered. */
  async client(line: string | object): Promise<'passed' | Message | readonly Message[] | undefined> {
    const passage = await this.exchange.fromClient(readMessage(bytesOf(line)))
    return settle(passage.pass === 'later' ? await passage.passage : passage)
  }

  server(line: string | object): Promise<boolean> {
    return this.exchange.fromServer(readMessage(bytesOf(line)))
  }

  /** The server offers tools of these names, with this description. */
  async offer(names: readonly string[], description = 'A tool.'): Promise<void> {
    const id = `list-${++this.#lists}`
    await this.client({ jsonrpc: '2.0', id, method: 'tools/list' })
    const tools = names.map(name => ({ name, description, inputSchema: { type: 'object' } }))
    await this.server({ jsonrpc: '2.0', id, result: { tools } })
  }

  #lists = 0
}

const settle = (passed: Passed) => {
  if (passed.pass === false) return passed.answer
  passed.sent()
  return 'passed' as const
}

export const bytesOf = (line: string | object): Uint8Array =>
  Buffer.from(typeof line === 'string' ? line : JSON.stringify(line))

export const call = (id: unknown, name: unknown = 'echo', args: unknown = { message: 'hi' }, more: object = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args, ...more },
})

export const result = (id: unknown, value: object = { content: [{ type: 'text', text: 'hi' }] }) => ({
  jsonrpc: '2.0',
  id,
  result: value,
})

/** An evaluator that says the same of every call. */
export const always = (decision: Decision) => ({ evaluate: () => decision })
