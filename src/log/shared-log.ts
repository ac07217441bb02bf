import { resolve } from 'node:path'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, UnavailableError } from '../core/errors.js'
import { type LogRef, recordLeaf } from '../core/record/index.js'
import type { AppendEntry, AuditBackend, DeadStream, Level, Receipt, Signer } from './backend.js'
import { streamsAlive } from './dead-streams.js'
import type { DiskLock } from './disk.js'
import { reading } from './disk-error.js'
import type { Erased } from './erase.js'
import { HolderGone, JoinedLog } from './join/joined.js'
import { showPresence } from './join/presence.js'
import { filesLayout, jsonlLayout, type Layout, type StoreKind } from './layout.js'
import type { Log, LogEntry, LogOptions } from './log.js'
import { VERSION } from './registry.js'
import { closedError } from './stopped.js'
import type { World } from './world.js'

/** How a log is opened for writing, see `openLogIn`. */
type OpenLog = (world: World, target: string, options: LogOptions, kind: StoreKind) => Promise<Log>

/**
 * A log that several processes of one user write, each through this. The first opens it; the others join that one, and
 * when it is gone one of them opens the log and the rest join it. What had no answer is handed over again: the same
 * bytes, which keep their index if they were saved. Constructing one touches nothing.
 */
export class SharedLog implements AuditBackend {
  readonly keepsDisclosures = true
  readonly #world: World
  readonly #target: string
  readonly #options: LogOptions
  readonly #kind: StoreKind
  readonly #openLog: OpenLog
  #current: Promise<Log | JoinedLog> | undefined
  #presence: Promise<DiskLock> | undefined
  #closing: Promise<void> | undefined

  constructor(world: World, target: string, options: LogOptions, kind: StoreKind, openLog: OpenLog) {
    this.#world = world
    this.#target = target
    this.#options = options
    this.#kind = kind
    this.#openLog = openLog
  }

  append(entries: readonly AppendEntry[], options?: { readonly level?: Level }): Promise<readonly Receipt[]> {
    return this.#with(log => {
      if (log instanceof JoinedLog) this.#rememberStarts(entries)
      return log.append(entries, options)
    })
  }

  logs(): Promise<readonly LogRef[]> {
    return this.#with(log => log.logs!())
  }

  head(): Promise<Uint8Array | undefined> {
    return this.#with(log => log.head!())
  }

  identity(agent: string): Promise<Signer> {
    return this.#with(async log => {
      const signer = await log.identity!(agent)
      if (!(log instanceof JoinedLog)) return signer
      const { publicKey } = signer
      return { publicKey, sign: message => this.#with(async now => (await now.identity!(agent)).sign(message)) }
    })
  }

  /** Tells whoever holds the log that key files were replaced. */
  keysChanged(): Promise<void> {
    return this.#with(log => log.keysChanged())
  }

  /** Only the holder knows, and it looks by itself: none where another process is. */
  async *deadStreams(agent: string, identity: Uint8Array): AsyncGenerator<DeadStream> {
    const log = await this.#open()
    if (!(log instanceof JoinedLog)) yield* log.deadStreams!(agent, identity)
  }

  keepRules(file: Uint8Array): Promise<void> {
    return this.#with(async log => log.keepRules?.(file))
  }

  async *entries(range?: { readonly from?: number; readonly to?: number }): AsyncGenerator<LogEntry> {
    const log = await this.#open()
    if (log instanceof JoinedLog)
      throw new UnavailableError(
        'log.joined',
        `${this.#target} is written by another process, which is not read from`,
        {
          expected: 'a reader of the log’s directory or file',
        },
      )
    yield* log.entries(range)
  }

  /** See `Log.erase`. A holder that dies over it leaves the plan to the next one, which finishes it when it opens. */
  erase(plan: Uint8Array): Promise<Erased> {
    return this.#with(log => log.erase(plan))
  }

  async flush(level?: Level): Promise<void> {
    // What was never opened has nothing to flush.
    if (this.#closing) throw closedError()
    if (this.#current) await this.#with(log => log.flush(level))
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      const log = await this.#current?.catch(() => undefined)
      try {
        if (log instanceof JoinedLog) await log.flush('sequenced').catch(() => {})
        await log?.close()
      } finally {
        await (await this.#presence?.catch(() => undefined))?.release()
      }
    })()
    return this.#closing
  }

  /** Does `work` with whoever holds the log, and again with the next one when that one is gone. */
  async #with<T>(work: (log: Log | JoinedLog) => Promise<T>): Promise<T> {
    const began = this.#world.clock.monotonic()
    for (;;) {
      const opening = this.#open()
      try {
        return await work(await opening)
      } catch (error) {
        if (!(error instanceof HolderGone)) throw error
        if (this.#current === opening) this.#current = undefined
        if (this.#world.clock.monotonic() - began > HOLDERS_MS)
          throw new UnavailableError(
            'log.locked',
            `${this.#target} is being closed by another process, and does not end`,
            {
              cause: error,
              retryable: true,
            },
          )
        await this.#sleep()
      }
    }
  }

  #open(): Promise<Log | JoinedLog> {
    if (this.#closing) return Promise.reject(closedError())
    if (!this.#current) {
      const opening = this.#openOrJoin()
      this.#current = opening
      // The next use tries again: the lock may be free, the disk may have room.
      opening.catch(() => {
        if (this.#current === opening) this.#current = undefined
      })
    }
    return this.#current
  }

  async #openOrJoin(): Promise<Log | JoinedLog> {
    const { sockets, clock } = this.#world
    const began = clock.monotonic()
    for (;;) {
      try {
        const log = await this.#openLog(this.#world, this.#target, this.#options, this.#kind)
        await this.#show()
        return log
      } catch (error) {
        if (!sockets || !isDeedlogError(error) || error.code !== 'log.locked') throw error
        const joined = await this.#join().catch(goneAsUndefined)
        if (joined) return joined
        // The holder may be about to listen, or to let go.
        if (clock.monotonic() - began > JOIN_MS) throw error
      }
      await this.#sleep()
    }
  }

  async #join(): Promise<JoinedLog | undefined> {
    const joined = await JoinedLog.at(this.#world.sockets!, (await this.#layout()).socket)
    if (!joined) return undefined
    const refuse = async (code: string, message: string, expected: string): Promise<never> => {
      await joined.close()
      throw new UnavailableError(code, message, { expected })
    }
    if (joined.version !== VERSION)
      await refuse(
        'log.other-version',
        `${this.#target} is written by a process with deedlog ${joined.version}, and this is ${VERSION}`,
        'one version of deedlog for all who write a log',
      )
    const { origin } = this.#options
    if (origin !== undefined && origin !== joined.origin)
      await refuse(
        'log.other-origin',
        `${this.#target} is the log ${joined.origin}, not ${origin}`,
        'the origin the log was made with: it never changes',
      )
    await this.#show()
    return joined
  }

  async #show(): Promise<void> {
    this.#presence ??= this.#layout().then(layout => showPresence(this.#world, layout))
    try {
      await this.#presence
    } catch (error) {
      this.#presence = undefined
      throw error
    }
  }

  async #layout(): Promise<Layout> {
    const path = await reading(this.#target, this.#world.disk.realPath(resolve(this.#target)))
    return (this.#kind === 'files' ? filesLayout : jsonlLayout)(path)
  }

  /** A stream that began here lives here, also once this process holds the log itself. */
  #rememberStarts(entries: readonly AppendEntry[]): void {
    for (const { record } of entries)
      if (fromUtf8(record).includes('"type":"stream.start"')) streamsAlive(this.#world.logs).add(recordLeaf(record))
  }

  #sleep(): Promise<void> {
    return new Promise(resolve => this.#world.clock.timer(PAUSE_MS, resolve).keepAlive())
  }
}

function goneAsUndefined(error: unknown): undefined {
  if (error instanceof HolderGone) return undefined
  throw error
}

// How long a holder may take to listen once it has the lock, or to let go once it has stopped listening.
const JOIN_MS = 1000
// How long one call may go from holder to holder.
const HOLDERS_MS = 30_000
const PAUSE_MS = 10
