import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { HookAnswer, HookCalls } from '../../adapters/claude-code/calls.js'
import { PAYLOAD_BYTES_MAX, parseHookEvent } from '../../adapters/claude-code/events.js'
import { listeningPath, removeSocket } from '../../govern/review/folder.js'
import { connectablePath, refuseOthers } from './place.js'

export interface HookServer {
  /** Resolves once no hook has come for the idle time, or `close` was called, and every hook under way has its answer. */
  readonly ended: Promise<void>
  close(): void
}

/**
 * Answers hooks at a socket: one event each, as the host wrote it, then the end of their side; one line of JSON back.
 *
 * @param path    where the socket is to be, in a private folder
 * @param idleMs  how long it waits for another hook
 * @returns undefined where a living process listens already
 */
export async function serveHooks(path: string, calls: HookCalls, idleMs: number): Promise<HookServer | undefined> {
  const hooks = new Hooks(calls, idleMs)
  return (await hooks.listen(path)) ? hooks : undefined
}

/** The folder of the calls that are under way, made if need be. */
export function callsFolder(hooks: string): string {
  const folder = join(hooks, 'calls')
  mkdirSync(folder, { mode: 0o700, recursive: true })
  refuseOthers(folder)
  return folder
}

class Hooks implements HookServer {
  readonly ended: Promise<void>
  readonly #calls: HookCalls
  readonly #idleMs: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #resolveEnded: () => void = () => {}
  #path = ''
  #inode = -1
  #idle: NodeJS.Timeout | undefined
  #closing = false

  constructor(calls: HookCalls, idleMs: number) {
    this.#calls = calls
    this.#idleMs = idleMs
    this.#server = createServer({ allowHalfOpen: true }, socket => this.#attend(socket))
    this.#server.maxConnections = HOOKS_MAX
    this.ended = new Promise(resolve => {
      this.#resolveEnded = resolve
    })
  }

  async listen(path: string): Promise<boolean> {
    if (await answers(path)) return false
    const { at, linked } = listeningPath(`${path}.${process.pid}`)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ path: at, exclusive: true }, resolve)
    })
    chmodSync(at, 0o600)
    // It gets its name only now that it listens. Of two that start at once one finds the name taken, and by a living one.
    if (!(await this.#take(path, at, linked))) {
      this.#server.close()
      removeSocket(at)
      return false
    }
    this.#path = path
    this.#inode = lstatSync(path).ino
    this.#rest()
    return true
  }

  close(): void {
    if (this.#closing) return
    this.#closing = true
    clearTimeout(this.#idle)
    // The name goes first: who comes from here on starts another. Who had connected before is still answered.
    this.#giveUpName()
    setTimeout(() => {
      this.#server.close(() => this.#resolveEnded())
    }, LAST_CONNECTIONS_MS)
  }

  async #take(path: string, at: string, linked: boolean): Promise<boolean> {
    try {
      if (linked) symlinkSync(at, path)
      else {
        linkSync(at, path)
        removeSocket(at)
      }
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (await answers(path)) return false
    // A dead process's. Should two get here at once, the later name stands, and the calls of the other are found in files.
    if (!linked) renameSync(at, path)
    else {
      removeSocket(path)
      symlinkSync(at, path)
    }
    return true
  }

  /** Another process may have taken the name meanwhile: then it is not ours to remove. */
  #giveUpName(): void {
    if (lstatSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode) removeSocket(this.#path)
  }

  #rest(): void {
    clearTimeout(this.#idle)
    if (!this.#closing && this.#sockets.size === 0) this.#idle = setTimeout(() => this.close(), this.#idleMs)
  }

  #attend(socket: Socket): void {
    clearTimeout(this.#idle)
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#rest()
    })
    socket.on('error', () => socket.destroy())
    socket.setTimeout(INPUT_MS, () => socket.destroy())
    const chunks: Buffer[] = []
    let length = 0
    socket.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > PAYLOAD_BYTES_MAX) socket.destroy()
      else chunks.push(chunk)
    })
    socket.once('end', () => {
      // From here on it is we who are waited for, or an approver.
      socket.setTimeout(0)
      void this.#answer(Buffer.concat(chunks)).then(line => socket.end(line))
    })
  }

  async #answer(payload: Uint8Array): Promise<string> {
    try {
      return JSON.stringify({ ok: true, out: printed(await this.#calls.take(parseHookEvent(payload))) })
    } catch (error) {
      const { code, message } = error as { code?: unknown; message?: unknown }
      return JSON.stringify({ ok: false, error: `${String(message).slice(0, 1000)} [${String(code)}]` })
    }
  }
}

/** What the hook is to print. Nothing where the call may go on: `allow` would skip the host's own questions. */
const printed = ({ deny }: HookAnswer): string =>
  deny === undefined
    ? ''
    : `${JSON.stringify({
        hookSpecificOutput: {
          hookEventName: 'PreToolUse',
          permissionDecision: 'deny',
          permissionDecisionReason: deny,
        },
      })}\n`

/** Whether a living process listens at `path`. */
async function answers(path: string): Promise<boolean> {
  const place = connectablePath(path)
  if (place === undefined) return false
  return new Promise(resolve => {
    const socket = connect(place)
    const done = (living: boolean) => {
      socket.destroy()
      resolve(living)
    }
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  })
}

// A turn of a model asks for tens of calls at once.
const HOOKS_MAX = 512
// A hook hands over what it has read already.
const INPUT_MS = 10_000
// Those that had connected and are not yet accepted.
const LAST_CONNECTIONS_MS = 100
