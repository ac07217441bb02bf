import { realpath } from 'node:fs/promises'
import type { Command } from 'commander'
import { TRUST_BYTES_MAX } from '../client/claimed-keys.js'
import { readForeignFile } from '../client/read-file.js'
import { fromUtf8 } from '../core/bytes/utf8.js'
import { quote } from '../core/errors.js'
import { parseTrust } from '../core/verify/index.js'
import { pruneLog } from '../log/prune.js'
import { realWorld } from '../log/world.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption, numberOption, pathOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface PruneOptions {
  readonly below?: number
  readonly permitted?: true
  readonly trust: string
  readonly json?: true
}

export function addPrune(program: Command, context: Context): void {
  program
    .command('prune')
    .summary('take the oldest entries away, as far as the log has promised')
    .description(
      'Removes entries and their disclosures when the time is over for which the log promised to keep them, counted from ' +
        "a witness's signature. The operator's records stay, and first and last record of every agent's stream: auditors " +
        'count by them that nothing else is missing. What was removed cannot be brought back.',
    )
    .argument('<dir>', 'a log folder with its private part; nobody is writing it')
    .addOption(
      numberOption('--below <m>', 'remove the entries below this multiple of 256', 256, Number.MAX_SAFE_INTEGER),
    )
    .option('--permitted', 'remove as many as are permitted')
    .addOption(
      pathOption('--trust <file>', 'whose signatures say how long entries have been here').makeOptionMandatory(),
    )
    .addOption(jsonOption('what was removed'))
    .addHelpText(
      'after',
      examples([['deedlog prune audit --permitted --trust auditor.trust', 'remove what need not be kept any more']]),
    )
    .action((target: string, options: PruneOptions) => run(target, options, context))
}

async function run(target: string, options: PruneOptions, { terminal }: Context): Promise<void> {
  const { below, permitted, trust, json } = options
  if ((below === undefined) === (permitted === undefined))
    throw new UsageError('usage.option', 'how much to remove is not said, or said twice', {
      expected: 'either --below <m> or --permitted',
    })
  if (below !== undefined && below % 256 !== 0)
    throw new UsageError('usage.value', `--below ${quote(below)} is no multiple of 256`, {
      expected: `a multiple of 256, such as ${below - (below % 256)}`,
    })
  const bytes = await readForeignFile(await realpath(trust).catch(() => trust), TRUST_BYTES_MAX)
  if (!bytes)
    throw new UsageError('trust.none', `there is no trust file at ${quote(trust)}`, {
      expected: 'a trust file with the witnesses of this log',
    })
  const { policy } = parseTrust(fromUtf8(bytes))
  const done = await pruneLog(realWorld, target, { policy, ...(below === undefined ? {} : { below }) })
  if (json === true) await terminal.out(`${safeJson(done, 2)}\n`)
  else
    await terminal.out(
      new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
        .heading(`Pruned ${safe(target)} below ${done.below}`)
        .fact('seen', `by ${done.seen}, as witnesses say`)
        .fact('promised', `until ${done.promisedUntil}`)
        .fact('kept', `${done.kept} of the entries below ${done.below}, and hashes in the place of the others`)
        .heading('Next')
        .line(`  deedlog verify ${shellPath(target)} --trust ${shellPath(trust)}`)
        .toString(),
    )
}
