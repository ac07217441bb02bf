import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * Where hooks find the process that records for them. Loaded by every hook, so it loads nothing but Node's own: what goes
 * wrong here is an Error with a sentence, and the hook says it and blocks the call.
 */

/** `<dir>/private/hooks`, or `<file>.private/hooks` for a log in one file: spec/layout.md. Made if need be. */
export function hooksFolder(log: string): string {
  const path = resolve(log)
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found) throw new Error(`there is no log at ${JSON.stringify(path)}`)
  const folder = join(found.isFile() ? `${path}.private` : join(path, 'private'), 'hooks')
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') throw new Error(`${JSON.stringify(folder)} cannot be made (${code})`)
  }
  refuseOthers(folder)
  return folder
}

/** Whoever could put a socket there could let calls pass that nobody recorded. */
export function refuseOthers(folder: string): void {
  const { uid, mode } = lstatSync(folder)
  if (!lstatSync(folder).isDirectory() || uid !== process.getuid?.() || mode % 0o100 !== 0)
    throw new Error(`${JSON.stringify(folder)} is to be a folder that its owner alone may enter, mode 0700`)
}

/** The arguments of a hook with absolute paths: where a tool has changed to is not where the log lies. */
export function absolute(args: readonly string[]): readonly [log: string, ...options: string[]] {
  const [log, ...options] = args
  if (log === undefined || log.startsWith('-')) throw new Error('the first argument is to be the log')
  return [resolve(log), ...options.map((word, i) => (options[i - 1] === '--rules' ? resolve(word) : word))]
}

/**
 * The name of the socket for these arguments: a process that was started for other rules, or by another version, never
 * answers. Rules that were edited are other rules.
 *
 * @param args  as {@link absolute} gives them
 */
export function socketName(args: readonly string[]): string {
  const rules = args.indexOf('--rules')
  const folder = rules < 0 ? undefined : args[rules + 1]
  const { mtimeMs, ino } = statSync(fileURLToPath(import.meta.url))
  const state = [args, mtimeMs, ino, folder !== undefined && stateOf(folder)]
  return `${createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 32)}.sock`
}

export const SOCKET_NAME = /^[0-9a-f]{32}\.sock$/

function stateOf(folder: string): unknown {
  return readdirSync(folder)
    .sort()
    .slice(0, RULES_MAX)
    .map(name => {
      const { mtimeMs, size, ino } = statSync(join(folder, name))
      return [name, mtimeMs, size, ino]
    })
}

/** The path to hand to the kernel for the socket at `path`, which may be a link; undefined when nothing is there. */
export function connectablePath(path: string): string | undefined {
  try {
    if (!lstatSync(path).isSymbolicLink()) return path
    const real = realpathSync(path)
    refuseOthers(dirname(real))
    return real
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

// More files than this in a folder of rules are refused by the engine anyway.
const RULES_MAX = 4096
