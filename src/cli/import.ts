import type { Command } from 'commander'
import { importLog } from '../log/import-log.js'
import { realWorld } from '../log/world.js'
import { type Context, examples } from './command.js'
import { jsonOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { besideTarget } from './trust-argument.js'

export function addImport(program: Command, context: Context): void {
  program
    .command('import')
    .summary('move a JSONL log into a directory of tiles')
    .description(
      'Moves a log from a file of lines into a directory of tiles: the same records in the same order, the same root, ' +
        'the same name and keys, so that trust files and cosignatures go on counting. The old files stay, can be ' +
        'verified, and are never written again. When it was interrupted, the same command finishes it.',
    )
    .argument('<file.jsonl>', 'the log, with its .private folder; nobody is writing it')
    .argument('<dir>', 'where it goes: an empty folder, or a path where nothing is yet')
    .addOption(jsonOption('what was moved'))
    .addHelpText('after', examples([['deedlog import audit.jsonl audit', 'the log goes on in the folder audit']]))
    .action((source: string, target: string, options: { readonly json?: true }) =>
      run(source, target, options, context),
    )
}

async function run(source: string, target: string, { json }: { readonly json?: true }, { terminal }: Context) {
  const made = await importLog(realWorld, source, target)
  const trust = besideTarget(target)
  if (json === true) await terminal.out(`${safeJson({ ...made, trust }, 2)}\n`)
  else
    await terminal.out(
      new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
        .heading(`Moved ${safe(source)} to ${safe(target)}`)
        .value('origin', safe(made.origin))
        .value('log id', made.logId)
        .value('records', String(made.size))
        .value('root', made.root)
        .fact('the old log', 'stays as it is, can be verified, and is never written again')
        .fact(
          'its secrets',
          `keys and committed values are in ${safe(source)}.private too, where erasing does not reach them: remove it when the new log is verified`,
        )
        .heading('Next')
        .line(`  deedlog verify ${shellPath(target)} --trust ${shellPath(trust)}`)
        .toString(),
    )
}
