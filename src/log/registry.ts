import { UnavailableError } from '../core/errors.js'
import { type KeepRules, type Log, LogHandle } from './log.js'
import type { LogWriter } from './writer.js'

/*
 * The open logs of this process, so that two users of one log share its writer: a plugin and a command line in one
 * program, or two copies of this package in one dependency tree. The lock would refuse the second.
 */

export type Registry = Map<string, SharedWriter>

interface SharedWriter {
  /** Of the package whose code made it. Another version's code may expect another writer. */
  readonly version: string
  readonly writer: Promise<LogWriter>
  users: number
  /** Set when the last user left, or the writer has stopped by itself: it is no longer to be joined. */
  closing?: Promise<void>
}

/** The registry of the process: one for all copies of this module. */
export function processRegistry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry }
  holder[REGISTRY] ??= new Map()
  return holder[REGISTRY]
}

const REGISTRY = Symbol.for('deedlog.logs')

/** The version in package.json; a test holds the two together. */
export const VERSION = '0.1.0'

/**
 * Opens the log `name`, or joins those who have it open.
 *
 * @throws {UnavailableError} `log.other-version` when another version of this package has it open
 */
export async function share(
  registry: Registry,
  name: string,
  open: () => Promise<LogWriter>,
  keepRules?: KeepRules,
): Promise<Log> {
  for (;;) {
    const shared = registry.get(name) ?? start(registry, name, open)
    if (shared.version !== VERSION)
      throw new UnavailableError(
        'log.other-version',
        `${name} is open in this process by deedlog ${shared.version}, and this is ${VERSION}`,
        { expected: 'one version of deedlog in a program' },
      )
    if (!shared.closing) {
      shared.users++
      const writer = await shared.writer
      if (!writer.halted) return new LogHandle(writer, () => leave(registry, name, shared), keepRules)
      // It has stopped after an error; opening the log anew reads it from the disk.
      shared.closing ??= leave(registry, name, shared, true)
    }
    await shared.closing.catch(() => {})
  }
}

function start(registry: Registry, name: string, open: () => Promise<LogWriter>): SharedWriter {
  const shared: SharedWriter = { version: VERSION, users: 0, writer: open() }
  registry.set(name, shared)
  shared.writer.catch(() => registry.delete(name))
  return shared
}

/** One user less. The last one closes the writer; until its lock is free the name stays taken. */
function leave(registry: Registry, name: string, shared: SharedWriter, stopped = false): Promise<void> {
  if (--shared.users > 0 && !stopped) return Promise.resolve()
  shared.closing ??= shared.writer
    .then(writer => writer.close())
    .finally(() => {
      if (registry.get(name) === shared) registry.delete(name)
    })
  return shared.closing
}
