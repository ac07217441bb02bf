import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isHash, isId } from '../../core/record/formats.js'

/** What finds a call's intent again after the process that wrote it is gone. Holds nothing of its values. */
export interface KeptTicket {
  readonly call: string
  /** Leaf hash of the intent, lowercase hex. */
  readonly intent: string
  readonly tool: string
}

/**
 * The calls that are under way, one small file each in a private folder: another process may have to say how one ended.
 * A name is a hash of the host's ids, since those are anything and a file's name is not.
 */
export class KeptTickets {
  readonly #folder: string

  /** @param folder  exists, and is its owner's alone */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws when the file cannot be written: the call must not run then, since its end would find no beginning */
  put(key: string, { call, intent, tool }: KeptTicket): void {
    const path = this.#path(key)
    // Not synced: a machine that loses power loses the tool with it. Renamed, so that nobody reads half of one.
    writeFileSync(`${path}.${process.pid}`, JSON.stringify({ call, intent, tool: tool.slice(0, TOOL_KEPT) }), {
      mode: 0o600,
    })
    renameSync(`${path}.${process.pid}`, path)
  }

  /** Undefined where there is none, or what is there is not one. */
  get(key: string): KeptTicket | undefined {
    try {
      const path = this.#path(key)
      if (statSync(path).size > FILE_BYTES_MAX) return undefined
      const { call, intent, tool } = JSON.parse(readFileSync(path, 'utf8')) as { [name in keyof KeptTicket]: unknown }
      if (!isId(call) || !isHash(intent)) return undefined
      return { call, intent, tool: typeof tool === 'string' ? tool : '?' }
    } catch {
      // Missing, or damaged: the call is then one whose beginning nobody knows, and is recorded as such.
      return undefined
    }
  }

  drop(key: string): void {
    rmSync(this.#path(key), { force: true })
  }

  /** Removes what nobody has asked for in a week. */
  sweep(now: number): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name)
      const found = statSync(path, { throwIfNoEntry: false })
      if (found && now - found.mtimeMs > KEPT_MS) rmSync(path, { force: true })
    }
  }

  #path(key: string): string {
    return join(this.#folder, createHash('sha256').update(key).digest('hex'))
  }
}

const TOOL_KEPT = 200
const FILE_BYTES_MAX = 4096
const KEPT_MS = 7 * 86_400_000
