import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { UnavailableError } from '../../core/errors.js'
import { refused, textOf } from './answer.js'
import { type McpOptions, Upstream } from './connection.js'
import { Exchange } from './exchange.js'
import { Lane } from './lane.js'
import { type Line, Lines, MESSAGE_BYTES_MAX } from './lines.js'
import type { Message } from './message.js'
import type { Passage, Passed } from './passage.js'
import { readMessage } from './reading.js'
import { write } from './writing.js'

export interface StdioOptions extends McpOptions {
  /** The server: a program and its arguments; no shell reads them. */
  readonly command: readonly [file: string, ...args: string[]]
  /** Of the server; default: those of this process. */
  readonly env?: NodeJS.ProcessEnv
  readonly cwd?: string
  /** From and to the client; default: standard input and output of this process. */
  readonly input?: Readable
  readonly output?: Writable
  /** Longest message, in bytes; default 16 MiB. */
  readonly messageBytesMax?: number
  /** Given the server's process once it has been started, for passing signals on. */
  readonly onStart?: (server: ChildProcess) => void
}

/** How the server ended; `error` when it could not be started, or was ended since what it wrote could not be recorded. */
export interface StdioEnd {
  readonly code?: number
  readonly signal?: NodeJS.Signals
  readonly error?: Error
}

/**
 * Runs an MCP server and stands between it and its client: every byte passes unchanged and in order, but a `tools/call`
 * only once its intent is durable. Resolves when the server has ended and everything it said is recorded and delivered.
 */
export function proxyStdio(options: StdioOptions): Promise<StdioEnd> {
  return new Promise(resolve => {
    const { command, env = process.env, cwd } = options
    const [file, ...args] = command
    let server: ChildProcess
    try {
      server = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env, ...(cwd !== undefined && { cwd }) })
    } catch (error) {
      resolve({ error: error as Error })
      return
    }
    server.once('error', error => {
      if (server.pid === undefined) resolve({ error })
    })
    if (server.pid === undefined) return
    options.onStart?.(server)
    resolve(new StdioProxy(options, server).run())
  })
}

class StdioProxy {
  readonly #upstream: Upstream
  readonly #exchange: Exchange
  readonly #server: ChildProcess
  readonly #input: Readable
  readonly #output: Writable
  readonly #messageBytesMax: number
  readonly #toServer = new Lane()
  readonly #toClient = new Lane()
  #serverGone = false
  #failure: Error | undefined

  constructor(options: StdioOptions, server: ChildProcess) {
    this.#upstream = new Upstream(options)
    this.#exchange = new Exchange(this.#upstream, 'new')
    this.#server = server
    this.#input = options.input ?? process.stdin
    this.#output = options.output ?? process.stdout
    this.#messageBytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX
  }

  async run(): Promise<StdioEnd> {
    const server = this.#server
    const ended = new Promise<StdioEnd>(resolve =>
      server.once('close', (code, signal) => resolve(signal === null ? { code: code ?? 0 } : { signal })),
    )
    // Either pipe may break at any time: the end of the process, or of the client's stream, tells of it.
    for (const pipe of [server.stdin!, this.#output]) pipe.on('error', () => {})
    const fromServer = this.#readServer()
    const fromClient = this.#readClient()
    const end = await ended
    await fromServer
    this.#serverGone = true
    this.#input.destroy()
    await fromClient
    await this.#exchange.close('the server ended')
    // What the client sent last is answered or given up by now.
    await Promise.all([this.#toServer.drained(), this.#toClient.drained()])
    return this.#failure ? { ...end, error: this.#failure } : end
  }

  async #readClient(): Promise<void> {
    const lines = new Lines(this.#messageBytesMax)
    try {
      for await (const chunk of this.#input) {
        for (const line of lines.add(chunk as Uint8Array)) this.#fromClient(line)
        await this.#toServer.room()
      }
    } catch {
      // The client's end broke, or the server has gone: either way nothing more comes.
    }
    for (const line of lines.end()) this.#fromClient(line)
    await this.#toServer.drained()
    // The server may go on and answer what it has: it ends by itself.
    this.#server.stdin!.end()
  }

  #fromClient(line: Line): void {
    if ('tooLong' in line) {
      const answer = refused(undefined, `is longer than ${this.#messageBytesMax} bytes`)
      this.#toServer.add(0, Promise.resolve<Passage>({ pass: false, answer }), passage => this.#pass(passage))
      return
    }
    const { bytes } = line
    this.#toServer.add(bytes.length, this.#exchange.fromClient(readMessage(bytes)), passage =>
      this.#pass(passage, bytes),
    )
  }

  async #pass(passage: Passage, bytes: Uint8Array = NOTHING): Promise<void> {
    if (passage.pass === 'later') {
      // Not awaited: what comes behind a call that a person is asked about goes on.
      void passage.passage.then(passed =>
        this.#toServer.add(bytes.length, Promise.resolve(passed), late => this.#passed(late, bytes)),
      )
      return
    }
    await this.#passed(passage, bytes)
  }

  async #passed(passage: Passed, bytes: Uint8Array): Promise<void> {
    if (passage.pass === false) {
      if (passage.answer) this.#say(passage.answer)
    } else if (this.#serverGone || this.#server.stdin!.writableEnded) await passage.withdraw?.()
    else {
      passage.sent()
      await write(this.#server.stdin!, bytes)
    }
  }

  #say(answer: Message | readonly Message[]): void {
    const bytes = Buffer.from(`${textOf(answer)}\n`)
    this.#toClient.add(bytes.length, Promise.resolve(), () => write(this.#output, bytes))
  }

  async #readServer(): Promise<void> {
    const lines = new Lines(this.#messageBytesMax)
    try {
      for await (const chunk of this.#server.stdout!) {
        for (const line of lines.add(chunk as Uint8Array)) this.#fromServer(line)
        // It may never end.
        if (lines.isTooLong) this.#fromServer({ tooLong: true })
        if (this.#failure) break
        await this.#toClient.room()
      }
    } catch {
      // Its pipe broke: it is gone.
    }
    if (!this.#failure) for (const line of lines.end()) this.#fromServer(line)
    await this.#toClient.drained()
  }

  #fromServer(line: Line): void {
    if ('tooLong' in line) {
      // Which call it answers is not known: going on would show the client results that are in no record.
      this.#failure = new UnavailableError(
        'mcp.message-too-long',
        `the server wrote a message of more than ${this.#messageBytesMax} bytes`,
        { expected: 'a server that answers in smaller pieces, or a higher bound' },
      )
      this.#server.kill()
      return
    }
    const { bytes } = line
    this.#toClient.add(bytes.length, this.#exchange.fromServer(readMessage(bytes)), async passes => {
      if (passes) await write(this.#output, bytes)
    })
  }
}

const NOTHING = new Uint8Array()
