import { mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { quote, UnavailableError } from '../../core/errors.js'
import type { Context } from '../command.js'
import { UsageError } from '../errors.js'
import { guard } from '../terminal/safe.js'
import { shellPath, shellWord } from '../terminal/shell-word.js'
import { changedLines, hooksDisabled, withHooks } from './settings.js'

export interface InstallOptions {
  readonly user?: true
  readonly remove?: true
  readonly agent: string
  readonly rules?: string
  readonly idle: number
}

/** Puts the hooks into a settings file of Claude Code, or takes them out, and shows what that changed. */
export async function install(dir: string | undefined, options: InstallOptions, context: Context): Promise<void> {
  const { terminal } = context
  const command = options.remove === true ? undefined : commandOf(dir, options)
  const place = join(options.user === true ? homedir() : process.cwd(), '.claude/settings.json')
  const found = statSync(place, { throwIfNoEntry: false })
  if (found && found.size > SETTINGS_BYTES_MAX)
    throw new UsageError('hook.settings', `${quote(place)} has ${found.size} bytes`, {
      expected: `settings of at most ${SETTINGS_BYTES_MAX} bytes; the file was not touched`,
    })
  const before = found && readFileSync(place, 'utf8')
  const after = withHooks(before, command, place)
  const changed = before === undefined && command === undefined ? [] : changedLines(before ?? '', after)
  if (changed.length > 0) write(place, after, found?.mode)
  await terminal.out(
    changed.length === 0
      ? `${guard(place)} is as it was\n`
      : `${guard(place)}\n${changed.map(line => `${guard(line)}\n`).join('')}`,
  )
  if (command !== undefined && hooksDisabled(after))
    terminal.err('deedlog: the settings say disableAllHooks, so no call is recorded\n')
}

function commandOf(dir: string | undefined, { agent, rules, idle }: InstallOptions): string {
  if (dir === undefined)
    throw new UsageError('usage.argument', 'there is no log to record in', {
      expected: 'deedlog hook install <dir>, or deedlog hook install --remove',
    })
  const log = resolve(dir)
  if (!statSync(log, { throwIfNoEntry: false }))
    throw new UnavailableError('log.missing', `there is no log at ${quote(log)}`)
  if (rules !== undefined && !statSync(rules, { throwIfNoEntry: false })?.isDirectory())
    throw new UsageError('hook.rules', `there are no rules at ${quote(rules)}`, { expected: 'a folder of rules' })
  const main = fileURLToPath(new URL('main.js', import.meta.url))
  const words = [shellPath(process.execPath), shellPath(main), shellPath(log), '--agent', shellWord(agent)]
  if (rules !== undefined) words.push('--rules', shellPath(resolve(rules)))
  // A shell reads it: also where Node or this file is gone, the call is held back.
  return `${[...words, '--idle', String(idle)].join(' ')} || exit 2`
}

/** In one step, and through a link: people keep their settings elsewhere. */
function write(place: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(place), { recursive: true })
  const path = statSync(place, { throwIfNoEntry: false }) ? realpathSync(place) : place
  const fresh = `${path}.deedlog-${process.pid}`
  writeFileSync(fresh, text, { mode: mode % 0o1000, flag: 'wx' })
  renameSync(fresh, path)
}

const SETTINGS_BYTES_MAX = 4 * 1024 * 1024
