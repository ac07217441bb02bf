import type { Command } from 'commander'
import { openSource } from '../client/open.js'
import { sampleCalls } from '../client/sample.js'
import { type Context, examples } from './command.js'
import { jsonOption, numberOption, textOption } from './options.js'
import { callTable } from './render/calls.js'
import { count } from './render/page.js'
import { Progress } from './terminal/progress.js'
import { safe, safeJson } from './terminal/safe.js'

interface SampleOptions {
  readonly n: number
  readonly seed: string
  readonly json?: true
}

export function addSample(program: Command, context: Context): void {
  program
    .command('sample')
    .summary('calls to look at by hand, drawn so that anybody draws the same')
    .description(
      'Draws calls at random from all of a log. The same checkpoint, seed and number give the same calls everywhere. ' +
        'Choose the seed after you have the checkpoint, by dice or by another party: whoever knows it before can ' +
        'arrange what is drawn.',
    )
    .argument('<target>', 'a log folder, or a JSONL log')
    .addOption(numberOption('--n <number>', 'how many', 1, 100_000).default(60))
    .addOption(textOption('--seed <text>', 'any text').makeOptionMandatory())
    .addOption(jsonOption('the sample'))
    .addHelpText(
      'after',
      examples([
        ['deedlog sample audit --n 60 --seed "audit 2026-11, dice 4 1 6 6 2"', 'sixty calls, in the order of the log'],
        ['deedlog sample audit --seed x --json | jq -r .calls[].call', 'their ids'],
      ]),
    )
    .action((target: string, options: SampleOptions) => run(target, options, context))
}

async function run(target: string, { n, seed, json }: SampleOptions, { terminal }: Context): Promise<void> {
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  try {
    const onProgress = (done: number, total?: number) => progress.update(done, total)
    const sample = await sampleCalls(source, { n, seed }, { onProgress }).finally(() => progress.end())
    if (json === true) {
      await terminal.out(`${safeJson({ n, seed, ...sample }, 2)}\n`)
      return
    }
    const table = callTable(terminal.columns)
    if (sample.calls.length > 0) await terminal.out(`${table.head(terminal.paint)}\n`)
    for (const row of sample.calls) await terminal.out(`${table.row(row, terminal.paint)}\n`)
    terminal.err(
      `${sample.calls.length} of ${count(sample.population, 'call')}, seed ${safe(JSON.stringify(seed))}, checkpoint of size ${sample.size} and root ${sample.root}.\n`,
    )
  } finally {
    await source.close()
  }
}
