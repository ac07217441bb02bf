import { chmodSync, renameSync, symlinkSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { isDeedlogError, quote, UnavailableError } from '../../core/errors.js'
import { approvalMessage, canonicalize, capture, decodeKey, decodeSig } from '../../core/record/index.js'
import { verifyEd25519 } from '../../core/tlog/ed25519.js'
import type { ApprovalAnswer, ApprovalRequest, Approver } from '../evaluator.js'
import { listeningPath, newSocketName, openReviewFolder, removeSocket, reviewFolder } from './folder.js'
import {
  type Answer,
  ARGS_SHOWN,
  beginning,
  byteLength,
  formatMessage,
  NEWLINE,
  PENDING_MAX,
  type PendingCall,
  parseRequest,
  REQUEST_BYTES_MAX,
  type Reply,
  TOOL_SHOWN,
} from './messages.js'

export interface CliApproverOptions {
  /** Told that a call waits, and what to type. Default: a line on standard error. */
  readonly notify?: (message: string) => void
}

/** An approver that a person answers from another terminal. */
export interface CliApprover extends Approver {
  /** Refuses what waits, and takes the socket away. Ending the process does so too. */
  close(): Promise<void>
}

/**
 * Waits for `deedlog review <target> --approve <call>`, given by somebody who may enter the log's private folder. How
 * long, is the recorder's `reviewTimeoutMs`; what is not answered by then is denied.
 *
 * Constructing one touches nothing: the socket is there from the first call that waits.
 *
 * @param target  The log that the calls are recorded in: its folder, or its JSONL file.
 */
export const cliApprover = (target: string, options: CliApproverOptions = {}): CliApprover => {
  if (typeof target !== 'string' || target === '') throw new TypeError('cliApprover takes the path of the log')
  return new SocketApprover(target, options.notify ?? (message => process.stderr.write(`${message}\n`)))
}

// A command line asks and goes; whoever stays longer is not one.
const CONNECTION_MS = 5000
const CONNECTIONS_MAX = 16
const MESSAGE_SHOWN = 500

interface Waiting {
  readonly shown: Omit<PendingCall, 'waitingMs'>
  readonly since: number
  resolve(answer: ApprovalAnswer): void
  reject(error: Error): void
}

class SocketApprover implements CliApprover {
  readonly #target: string
  readonly #notify: (message: string) => void
  readonly #waiting = new Map<string, Waiting>()
  #listening: Promise<Server> | undefined
  #path = ''
  #closed = false
  readonly #connections = new Set<Socket>()
  readonly #leave = () => removeSocket(this.#path)

  constructor(target: string, notify: (message: string) => void) {
    this.#target = target
    this.#notify = notify
  }

  async ask(request: ApprovalRequest): Promise<ApprovalAnswer> {
    const { call, agent, tool, root, intent, signal } = request
    // Taken before anything is waited for, so that what is shown is what was asked about.
    const args = canonicalize(capture(request.args))
    const shown = {
      call,
      agent,
      tool: beginning(tool, TOOL_SHOWN),
      args: beginning(args, ARGS_SHOWN),
      argsBytes: byteLength(args),
      root,
      intent,
    }
    if (this.#waiting.size >= PENDING_MAX)
      throw new UnavailableError('review.full', `${PENDING_MAX} calls wait for an approver already`, {
        retryable: true,
      })
    const answer = new Promise<ApprovalAnswer>((resolve, reject) => {
      this.#waiting.set(call, { shown, since: performance.now(), resolve, reject })
    })
    // It is waited for below; until then it may be refused, for want of time.
    answer.catch(() => {})
    const late = () => this.#refuse(call, 'the time for an answer is over')
    signal?.addEventListener('abort', late)
    try {
      if (signal?.aborted) late()
      const server = await this.#listen()
      server.ref()
      this.#notify(
        `deedlog: a call of ${quote(tool)} waits for an approver: deedlog review ${this.#target} --approve ${call} --as <you>`,
      )
      return await answer
    } finally {
      signal?.removeEventListener('abort', late)
      this.#waiting.delete(call)
      // A process in which nothing waits may end.
      if (this.#waiting.size === 0) void this.#listening?.then(server => server.unref()).catch(() => {})
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const call of [...this.#waiting.keys()]) this.#refuse(call, 'the approver has been closed')
    const server = await this.#listening?.catch(() => undefined)
    process.removeListener('exit', this.#leave)
    for (const socket of this.#connections) socket.destroy()
    if (server) await new Promise<void>(resolve => server.close(() => resolve()))
    if (server) removeSocket(this.#path)
  }

  #refuse(call: string, why: string): void {
    this.#waiting.get(call)?.reject(new UnavailableError('review.unanswered', why))
  }

  #listen(): Promise<Server> {
    if (this.#closed) return Promise.reject(new UnavailableError('review.unanswered', 'the approver has been closed'))
    this.#listening ??= this.#open().catch(error => {
      // The next call tries again.
      this.#listening = undefined
      throw error
    })
    return this.#listening
  }

  async #open(): Promise<Server> {
    // Not before: the log's own folder is made with the first record, and an intent is one.
    const folder = reviewFolder(this.#target)
    openReviewFolder(folder)
    const path = join(folder, newSocketName())
    const { at, linked } = listeningPath(path)
    const server = createServer(socket => this.#serve(socket))
    server.maxConnections = CONNECTIONS_MAX
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // Exclusive: in a worker of a cluster it would otherwise be the primary process that listens.
      server.listen({ path: at, exclusive: true }, resolve)
    })
    chmodSync(at, 0o600)
    // It gets its name only now: whoever finds one at which nobody listens takes it for a dead process's, and removes it.
    if (linked) symlinkSync(at, path)
    else renameSync(at, path)
    this.#path = path
    process.once('exit', this.#leave)
    return server
  }

  #serve(socket: Socket): void {
    socket.setTimeout(CONNECTION_MS, () => socket.destroy())
    socket.on('error', () => socket.destroy())
    this.#connections.add(socket)
    socket.once('close', () => this.#connections.delete(socket))
    const chunks: Uint8Array[] = []
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      const line = Buffer.concat(chunks)
      const end = line.indexOf(NEWLINE)
      if (end < 0 && length <= REQUEST_BYTES_MAX) return
      socket.removeAllListeners('data')
      socket.end(formatMessage(this.#reply(line.subarray(0, end < 0 ? length : end))))
    })
  }

  #reply(line: Uint8Array): Reply {
    try {
      const request = parseRequest(line)
      if (request.do === 'list') return { v: 1, pid: process.pid, pending: this.#pending() }
      this.#answer(request)
      return { v: 1, done: true }
    } catch (error) {
      if (!isDeedlogError(error))
        return { v: 1, error: { code: 'review.refused', message: 'the process failed to answer' } }
      return { v: 1, error: { code: error.code, message: beginning(error.message, MESSAGE_SHOWN) } }
    }
  }

  #pending(): PendingCall[] {
    const now = performance.now()
    return [...this.#waiting.values()].map(({ shown, since }) => ({ ...shown, waitingMs: Math.round(now - since) }))
  }

  /** Nothing is known of the caller but that it may enter the folder: an answer has to name what it answers. */
  #answer({ call, intent, root, verdict, by, approval }: Answer): void {
    const waiting = this.#waiting.get(call)
    if (!waiting) throw new UnavailableError('review.unknown', `the call ${call} does not wait for an answer here`)
    if (root !== waiting.shown.root || intent !== waiting.shown.intent)
      throw new UnavailableError('review.refused', 'the answer is to other arguments than those of the call that waits')
    if (approval) {
      const message = approvalMessage({ args: root, intent, verdict })
      if (!verifyEd25519(decodeSig(approval.sig), message, decodeKey(approval.key)))
        throw new UnavailableError('review.refused', 'the approver’s signature is not good for this call')
    }
    this.#waiting.delete(call)
    waiting.resolve({ approved: verdict === 'approved', by, channel: 'cli', ...(approval && { approval }) })
  }
}
