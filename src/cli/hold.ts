import { type Command, Option } from 'commander'
import { quote } from '../core/errors.js'
import { formatTime, isId } from '../core/record/index.js'
import type { Hold, Retention } from '../log/retention.js'
import { changeRetention, readRetention } from '../log/retention-file.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption, wordOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { version } from './version.js'
import { commandWorld } from './world.js'

interface HoldOptions {
  readonly tool?: string
  readonly call?: string
  readonly session?: string
  readonly reason?: string
  readonly json?: true
}

export function addHold(program: Command, context: Context): void {
  program
    .command('hold')
    .summary('keep disclosures from being erased, for as long as somebody needs them')
    .description(
      'Puts calls under legal hold, or ends one. What is held is not erased, whoever asks. Who and what is held stays ' +
        'private; a record of the operator bears the hash of the list, so that it can be shown later what it was when.',
    )
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .argument('[action]', 'add, remove or list; default: list')
    .addOption(new Option('--tool <pattern>', 'all calls of these tools; * stands for any characters'))
    .option('--call <id>', 'one call, by its id')
    .option('--session <id>', 'all calls of a session')
    .addOption(wordOption('--reason <word>', 'why, in a word, such as case-4711; it stays private'))
    .addOption(jsonOption('the holds'))
    .addHelpText(
      'after',
      examples([
        ['deedlog hold audit add --tool "bank.*" --reason case-4711', 'all calls of these tools, made or to be made'],
        ['deedlog hold audit remove --tool "bank.*"', 'the hold ends'],
        ['deedlog hold audit', 'what is held'],
      ]),
    )
    .action((target: string, action: string | undefined, options: HoldOptions) => run(target, action, options, context))
}

async function run(
  target: string,
  action: string | undefined,
  options: HoldOptions,
  { terminal }: Context,
): Promise<void> {
  const changed = action === 'add' || action === 'remove'
  if (!changed && action !== undefined && action !== 'list')
    throw new UsageError('usage.value', `${quote(action)} is nothing that can be done with holds`, {
      expected: 'add, remove or list',
    })
  if (changed) {
    const { what, value } = whatOf(options)
    const change = action === 'add' ? adding(what, value, options.reason) : removing(what, value)
    await changeRetention(commandWorld, target, change, { recorder: { name: 'deedlog', version: version() } })
  }
  const { holds } = await readRetention(commandWorld, target)
  if (options.json === true) {
    await terminal.out(`${safeJson({ holds }, 2)}\n`)
    return
  }
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  page.heading(holds.length === 0 ? 'Nothing is under legal hold' : 'Under legal hold')
  for (const { what, value, reason, since } of holds) page.fact(what, `${safe(value)}, ${safe(reason)}, since ${since}`)
  if (changed) page.heading('Next').line(`  deedlog hold ${shellPath(target)}`)
  await terminal.out(page.toString())
}

const adding =
  (what: Hold['what'], value: string, reason: string | undefined) =>
  (before: Retention): Retention => {
    if (reason === undefined)
      throw new UsageError('usage.option', '--reason is missing: somebody will ask why this was kept', {
        expected: 'a word, such as case-4711',
      })
    if (before.holds.some(hold => hold.what === what && hold.value === value && hold.reason === reason)) return before
    return { ...before, holds: [...before.holds, { what, value, reason, since: formatTime(Date.now()) }] }
  }

const removing =
  (what: Hold['what'], value: string) =>
  (before: Retention): Retention => {
    const holds = before.holds.filter(hold => hold.what !== what || hold.value !== value)
    if (holds.length < before.holds.length) return { ...before, holds }
    throw new UsageError('hold.unknown', `there is no hold on the ${what} ${quote(value)}`, {
      expected: 'one that deedlog hold lists',
    })
  }

function whatOf({ tool, call, session }: HoldOptions): { readonly what: Hold['what']; readonly value: string } {
  const given = Object.entries({ tool, call, session }).filter(([, value]) => value !== undefined)
  if (given.length !== 1)
    throw new UsageError('usage.option', 'exactly one of --tool, --call and --session is needed', {
      expected: 'what is to be held',
    })
  const [what, value] = given[0] as [Hold['what'], string]
  if (value === '' || (what !== 'tool' && !isId(value)))
    throw new UsageError('usage.value', `--${what} ${quote(value)} is no ${what === 'tool' ? 'pattern' : 'id'}`, {
      expected: what === 'tool' ? 'the name of a tool, * for any characters' : 'an id of 26 characters',
    })
  return { what, value }
}
