import { quote } from '../../core/errors.js'
import { UsageError } from '../errors.js'

/** The events of Claude Code that are recorded, and how long a hook may take, in seconds: the first waits for approvers. */
const EVENTS = [
  ['PreToolUse', 360],
  ['PostToolUse', 60],
  ['PostToolUseFailure', 60],
  ['PermissionDenied', 60],
  ['PostToolBatch', 60],
  ['SessionEnd', 60],
] as const

/**
 * Settings of Claude Code with our hooks in them, or without. Everything else stays as it is and where it is, save blanks.
 *
 * @param text     the settings as they are; undefined where there is no file
 * @param command  for the shell, for every event; undefined: the hooks are removed
 * @param path     of the file, for what is said about it
 * @throws {UsageError} `hook.settings` for what is not read as settings: it is not to be written over
 */
export function withHooks(text: string | undefined, command: string | undefined, path: string): string {
  const settings = read(text, path)
  const held = settings.get('hooks')
  const hooks = held === undefined ? new Map<string, unknown>() : entries(held, 'hooks', path)
  for (const [event, matchers] of hooks) {
    if (!Array.isArray(matchers)) continue
    const others = matchers.flatMap(withoutOurs)
    if (others.length > 0 || matchers.length === 0) hooks.set(event, others)
    else hooks.delete(event)
  }
  if (command !== undefined)
    for (const [event, timeout] of EVENTS) {
      const others = hooks.get(event) ?? []
      if (!Array.isArray(others)) throw unread(path, `its hooks of ${event} are no list`)
      const ours = { type: 'command', command, timeout, onFailure: 'block' }
      hooks.set(event, [...others, { matcher: '*', hooks: [ours] }])
    }
  if (hooks.size > 0 || (held !== undefined && entries(held, 'hooks', path).size === 0))
    settings.set('hooks', Object.fromEntries(hooks))
  else settings.delete('hooks')
  const indent = /^\{\r?\n([ \t]+)/.exec(text ?? '')?.[1] ?? '  '
  return `${JSON.stringify(Object.fromEntries(settings), null, indent)}\n`
}

/** Whether the settings say that no hook runs at all. */
export const hooksDisabled = (text: string): boolean =>
  (JSON.parse(text) as { disableAllHooks?: unknown }).disableAllHooks === true

/** What differs: the lines from the first difference to the last, with `-` and `+` before them. */
export function changedLines(before: string, after: string): readonly string[] {
  const [old, fresh] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < Math.min(old.length, fresh.length) && old[start] === fresh[start]) start++
  let end = 0
  while (end < Math.min(old.length, fresh.length) - start && old.at(-1 - end) === fresh.at(-1 - end)) end++
  return [
    ...old.slice(start, old.length - end).map(line => `- ${line}`),
    ...fresh.slice(start, fresh.length - end).map(line => `+ ${line}`),
  ]
}

// Maps: names in the file are anything, `__proto__` included, and `Object.fromEntries` makes own properties of them.
function read(text: string | undefined, path: string): Map<string, unknown> {
  if (text === undefined || text.trim() === '') return new Map()
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw unread(path, 'it is no JSON', cause)
  }
  return entries(value, 'the file', path)
}

function entries(value: unknown, what: string, path: string): Map<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unread(path, `${what} is no object`)
  return new Map(Object.entries(value))
}

/** A matcher without our hooks; none where there were only ours. */
function withoutOurs(matcher: unknown): readonly unknown[] {
  const hooks = (matcher as { hooks?: unknown } | null)?.hooks
  if (!Array.isArray(hooks) || !hooks.some(isOurs)) return [matcher]
  const others = hooks.filter(hook => !isOurs(hook))
  return others.length === 0 ? [] : [{ ...(matcher as object), hooks: others }]
}

function isOurs(hook: unknown): boolean {
  const command = (hook as { command?: unknown } | null)?.command
  return typeof command === 'string' && OURS.test(command)
}

const OURS = /\/cli\/hook\/main\.js['"]? |(?:^|[/ ])deedlog hook claude-code /

const unread = (path: string, why: string, cause?: unknown): UsageError =>
  new UsageError('hook.settings', `${quote(path)} cannot be read as settings of Claude Code: ${why}`, {
    cause,
    expected: 'a file of JSON without comments; it was not touched',
  })
