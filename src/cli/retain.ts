import type { Command } from 'commander'
import { quote } from '../core/errors.js'
import { parseClass, type RetentionClass } from '../log/retention.js'
import { changeRetention, readRetention } from '../log/retention-file.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption } from './options.js'
import { count, Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { version } from './version.js'
import { commandWorld } from './world.js'

interface RetainOptions {
  readonly remove?: readonly string[]
  readonly json?: true
}

export function addRetain(program: Command, context: Context): void {
  const collect = (typed: string, before: readonly string[] = []) => [...before, typed]
  program
    .command('retain')
    .summary('how long the disclosures of a tool’s calls are kept')
    .description(
      'Sets classes of retention, by tool: deedlog erase --expired erases what is older. Where several apply to a tool, ' +
        'the longest counts; what no class applies to is kept. The classes stay private; a record of the operator bears ' +
        'their hash.',
    )
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .argument('[classes...]', 'tools=days, such as mail.*=30; none: shows the classes')
    .option('--remove <tools>', 'the class of this pattern goes; can be repeated', collect)
    .addOption(jsonOption('the classes'))
    .addHelpText(
      'after',
      examples([
        ['deedlog retain audit "mail.*=30" "bank.*=3650"', 'a month, and ten years'],
        ['deedlog erase audit --expired', 'erases what is older; run it once a day'],
      ]),
    )
    .action((target: string, typed: readonly string[], options: RetainOptions) => run(target, typed, options, context))
}

async function run(
  target: string,
  typed: readonly string[],
  { remove = [], json }: RetainOptions,
  { terminal }: Context,
): Promise<void> {
  const added = typed.map(parseClass)
  if (added.length + remove.length > 0)
    await changeRetention(
      commandWorld,
      target,
      before => ({ ...before, classes: changed(before.classes, added, remove) }),
      { recorder: { name: 'deedlog', version: version() } },
    )
  const { classes } = await readRetention(commandWorld, target)
  if (json === true) {
    await terminal.out(`${safeJson({ classes }, 2)}\n`)
    return
  }
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  page.heading(classes.length === 0 ? 'All disclosures are kept' : 'Classes of retention')
  for (const { tools, days } of classes) page.fact(safe(tools), count(days, 'day'))
  if (classes.length > 0) page.heading('Next').line(`  deedlog erase ${shellPath(target)} --expired`)
  await terminal.out(page.toString())
}

function changed(
  before: readonly RetentionClass[],
  added: readonly RetentionClass[],
  remove: readonly string[],
): readonly RetentionClass[] {
  for (const tools of remove)
    if (!before.some(each => each.tools === tools))
      throw new UsageError('retention.unknown', `there is no class of retention for ${quote(tools)}`, {
        expected: 'one that deedlog retain lists',
      })
  const gone = new Set([...remove, ...added.map(({ tools }) => tools)])
  return [...before.filter(({ tools }) => !gone.has(tools)), ...added]
}
