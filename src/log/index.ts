import { resolve } from 'node:path'
import { UnavailableError } from '../core/errors.js'
import type { AuditBackend } from './backend.js'
import { reading } from './disk-error.js'
import { filesLayout, jsonlLayout, type StoreKind } from './layout.js'
import { LazyLog, type Log, LogHandle, type LogOptions } from './log.js'
import { type MakeOptions, openInMemory, openOnDisk } from './open.js'
import { share } from './registry.js'
import { keepRuleFile } from './rule-files.js'
import { SharedLog } from './shared-log.js'
import { realWorld, type World } from './world.js'

export type { Log, LogOptions } from './log.js'

/** A log in a directory: tiles that any web server can serve, keys and journal in a private folder. Touches nothing yet. */
export const files = (directory: string, options: LogOptions = {}): AuditBackend =>
  new SharedLog(realWorld, directory, options, 'files', openLogIn)

/** A log in one file with a record per line, private things beside it. Touches nothing yet. */
export const jsonl = (path: string, options: LogOptions = {}): AuditBackend =>
  new SharedLog(realWorld, path, options, 'jsonl', openLogIn)

/** A log that is gone with the process, for tests. */
export const memory = (options: LogOptions = {}): AuditBackend =>
  new LazyLog(async () => {
    const writer = await openInMemory(realWorld, options)
    return new LogHandle(writer, () => writer.close())
  })

/**
 * Opens a log for writing, or makes it where there is none: a directory, or a file with one record per line when the
 * path ends in `.jsonl` or names a file. Opening one twice in a process shares it; each use closes its own.
 *
 * @throws {UnavailableError} `log.locked`, `log.missing` (only with `create: false`), `log.not-a-log`,
 *   `log.other-origin`, `log.newer-format`, `log.damaged`, `log.rolled-back`, `log.permission`, `log.read-only`,
 *   `log.no-space`, ...: see `spec/vocabulary.md`
 */
export const openLog = (target: string, options: LogOptions = {}): Promise<Log> => openLogIn(realWorld, target, options)

/** Makes a log and opens it. @throws {UnavailableError} `log.exists`, and what {@link openLog} throws */
export async function createLog(target: string, options: MakeOptions = {}): Promise<Log> {
  if (options.create === false) throw new TypeError('a log cannot be made with create: false')
  return openLogIn(realWorld, target, options, undefined, 'be new')
}

/** @internal As {@link openLog}, in another world. */
export async function openLogIn(
  world: World,
  target: string,
  options: MakeOptions,
  kind?: StoreKind,
  must: 'exist' | 'be new' | undefined = options.create === false ? 'exist' : undefined,
): Promise<Log> {
  if (typeof target !== 'string' || target === '') throw new TypeError('the path of a log is a non-empty string')
  const path = await reading(target, world.disk.realPath(resolve(target)))
  const store = kind ?? (await kindOf(world, path))
  if (must === 'be new' && world.logs.has(path))
    throw new UnavailableError('log.exists', `there is a log at ${path} already; it was not touched`, {
      expected: 'a path where nothing is yet',
    })
  const layout = store === 'files' ? filesLayout(path) : jsonlLayout(path)
  const log = await share(
    world.logs,
    path,
    () => openOnDisk(world, store, path, options, must),
    file => keepRuleFile(world.disk, layout, file),
  )
  if (options.origin !== undefined && options.origin !== log.origin) {
    const { origin } = log
    await log.close()
    throw new UnavailableError('log.other-origin', `${path} is the log ${origin}, not ${options.origin}`, {
      expected: 'the origin the log was made with: it never changes',
    })
  }
  return log
}

async function kindOf(world: World, path: string): Promise<StoreKind> {
  const found = await reading(path, world.disk.stat(path))
  if (found) return found.kind === 'file' ? 'jsonl' : 'files'
  return path.endsWith('.jsonl') ? 'jsonl' : 'files'
}
