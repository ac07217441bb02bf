import type { Command } from 'commander'
import { type CallDetail, showCall } from '../client/calls.js'
import { openSource } from '../client/open.js'
import { callId } from './call-id.js'
import { type Context, examples } from './command.js'
import { countedSource } from './counted-source.js'
import { jsonOption } from './options.js'
import { callJson, renderCall } from './render/call.js'
import { Progress } from './terminal/progress.js'
import { safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface ShowOptions {
  readonly json?: true
}

export function addShow(program: Command, context: Context): void {
  program
    .command('show')
    .summary('one call: its records, what is disclosed, whether it is under the checkpoint')
    .description(
      'Shows all that the log holds of one call: who made it, what was decided, what became of it, and each record with ' +
        "its commitments. Where this machine keeps the log's vault, what the commitments commit to is shown too, after it " +
        'was held against them.',
    )
    .argument('<target>', 'a log folder, a JSONL log, an address, or a bundle')
    .argument('<call>', 'the id of the call, or the index of one of its records')
    .addOption(jsonOption('the call'))
    .addHelpText(
      'after',
      examples([
        ['deedlog show audit 3', 'the call whose intent, review or outcome is entry 3'],
        ['deedlog show audit 01KATB8Q5M4Z0YQ1G7X8D3C9FE --json', 'a call by its id, for a program'],
      ]),
    )
    .action((target: string, call: string, options: ShowOptions) => run(target, call, options, context))
}

async function run(target: string, call: string, { json }: ShowOptions, { terminal }: Context): Promise<void> {
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  let details: readonly CallDetail[]
  try {
    details = await showCall(countedSource(source, progress), callId(call))
  } finally {
    progress.end()
    await source.close()
  }
  if (json === true) await terminal.out(`${safeJson({ calls: details.map(callJson) }, 2)}\n`)
  else {
    const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS, target }
    await terminal.out(details.map(detail => renderCall(detail, look)).join('\n'))
  }
}
