import type { Command } from 'commander'
import { type Contents, type Counted, requireContents } from '../client/contents.js'
import { openSource } from '../client/open.js'
import { type Context, examples, exitCodes } from './command.js'
import { jsonOption } from './options.js'
import { count, Page } from './render/page.js'
import { Progress } from './terminal/progress.js'
import { safe, safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

export function addContents(program: Command, context: Context): void {
  program
    .command('contents')
    .summary('is every committed value still held, or recorded as erased?')
    .description(
      'Counts the commitments of a log: whose disclosures are held here and prove what was committed to, which were ' +
        'erased and a record says so, and which are missing. Needs the private folder of the log; changes nothing.',
    )
    .argument('<target>', 'a log folder, or a JSONL log, with its private folder')
    .addOption(jsonOption('the counts'))
    .addHelpText(
      'after',
      examples([['deedlog contents audit', 'what the vault of this log holds, by tool and by part of the record']]) +
        exitCodes(
          '0 every commitment is accounted for; 3 some are missing, or an erasing is not finished; 2 could not check.',
        ),
    )
    .action((target: string, options: { readonly json?: true }) => run(target, options, context))
}

async function run(target: string, { json }: { readonly json?: true }, context: Context): Promise<void> {
  const { terminal } = context
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  const contents = await requireContents(source, target, { onProgress: done => progress.update(done) }).finally(
    async () => {
      progress.end()
      await source.close()
    },
  )
  context.exitCode = contents.total.missing > 0 || contents.unfinished ? 3 : 0
  const { byTool, byMember, ...rest } = contents
  await terminal.out(
    json === true
      ? `${safeJson({ format: 'deedlog/contents/v1', ...rest, byTool: rows(byTool), byMember: rows(byMember) }, 2)}\n`
      : render(contents, new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })),
  )
}

/** Lists, not objects: a tool may be called anything. */
const rows = (counts: ReadonlyMap<string, Counted>) => [...counts].map(([name, counted]) => ({ name, ...counted }))

function render(
  { commitments, total, byTool, byMember, missing, erasedCalls, unfinished }: Contents,
  page: Page,
): string {
  page
    .heading('Contents of the vault')
    .fact('commitments', count(commitments, 'commitment'))
    .fact('held', `${total.full + total.part}${total.part > 0 ? `, of which ${total.part} with fields erased` : ''}`)
    .fact('erased', `${total.erased}; erasure records name ${count(erasedCalls, 'call')}`)
    .fact('missing', String(total.missing))
  if (unfinished)
    page.fact('unfinished', 'an erasing was interrupted; whoever next opens the log for writing finishes it')
  page.heading('By part of the record')
  for (const [name, counted] of [...byMember].sort(byName)) page.fact(name, line(counted))
  page.heading('By tool')
  for (const [name, counted] of [...byTool].sort(byName))
    page.fact(name === '' ? '(no tool)' : safe(name), line(counted))
  if (missing.length > 0) {
    page.heading('Missing')
    for (const { index, member, why } of missing) page.item('  - ', `entry ${index}, ${member}: ${safe(why)}`)
    if (total.missing > missing.length) page.line(`  and ${total.missing - missing.length} more`)
  }
  return page.toString()
}

const byName = ([a]: readonly [string, Counted], [b]: readonly [string, Counted]): number => (a < b ? -1 : 1)

const line = ({ full, part, erased, missing }: Counted): string =>
  [
    `${full + part} held`,
    ...(erased > 0 ? [`${erased} erased`] : []),
    ...(missing > 0 ? [`${missing} missing`] : []),
  ].join(', ')
