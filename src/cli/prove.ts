import type { Command } from 'commander'
import { type CallRecord, readRecord, showCall } from '../client/calls.js'
import { openSource } from '../client/open.js'
import { isProofFile } from '../client/proof-file.js'
import { quote } from '../core/errors.js'
import { callId } from './call-id.js'
import { type Context, examples } from './command.js'
import { countedSource } from './counted-source.js'
import { UsageError } from './errors.js'
import { jsonOption, pathOption } from './options.js'
import { Progress } from './terminal/progress.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { writeNew } from './write-new.js'

interface ProveOptions {
  readonly out: string
  readonly record?: string
  readonly outcome?: true
  readonly json?: true
}

export function addProve(program: Command, context: Context): void {
  program
    .command('prove')
    .summary('that one record of a call is in the log, for somebody who has not got it')
    .description(
      'Writes a C2SP tlog-proof of the intent of a call, or of its outcome, and beside it the record that it is of. ' +
        'Both together verify anywhere, under a trust file that came another way.',
    )
    .argument('<target>', 'a log folder, or a JSONL log')
    .argument('<call>', 'the id of the call, or the index of one of its records')
    .addOption(pathOption('-o, --out <file>', 'where to write the proof; ends in .tlog-proof').makeOptionMandatory())
    .addOption(pathOption('--record <file>', 'where to write the record; default: <out> with .json instead'))
    .option('--outcome', 'of the outcome that counts, not of the intent')
    .addOption(jsonOption('what was written'))
    .addHelpText(
      'after',
      examples([
        ['deedlog prove audit 3 -o call.tlog-proof', 'that entry 3, or the intent of its call, is in the log'],
        ['deedlog verify call.tlog-proof --record call.json --trust audit.trust', 'what its receiver does'],
      ]),
    )
    .action((target: string, call: string, options: ProveOptions) => run(target, call, options, context))
}

async function run(target: string, call: string, options: ProveOptions, { terminal }: Context): Promise<void> {
  const { out, outcome, json } = options
  if (!isProofFile(out))
    throw new UsageError('prove.out', `${quote(out)} does not end in .tlog-proof`, {
      expected: 'a name by which verify knows what it is',
    })
  const beside = options.record ?? `${out.slice(0, -'.tlog-proof'.length)}.json`
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  try {
    const [detail, ...others] = await showCall(countedSource(source, progress), callId(call)).finally(() =>
      progress.end(),
    )
    if (detail === undefined || others.length > 0)
      throw new UsageError('prove.ambiguous', `${others.length + 1} calls have the id ${quote(call)}`, {
        expected: 'the index of one of its records',
        next: `deedlog list ${shellPath(target)}`,
      })
    const record = chosen(detail.records, outcome === true)
    if (!record)
      throw new UsageError('prove.no-outcome', `call ${quote(call)} has no outcome`, {
        expected: 'a call that is over; without --outcome its intent is proved',
      })
    if (!record.proof)
      throw new UsageError('prove.unpublished', `no checkpoint covers entry ${record.index} yet`, {
        expected: 'a record under a signed checkpoint; the log signs one within a second while it is open',
      })
    const { bytes } = await readRecord(source, record.index)
    await writeNew(beside, bytes, 'prove.out')
    await writeNew(out, record.proof, 'prove.out')
    const command = `deedlog verify ${shellPath(out)} --record ${shellPath(beside)} --trust <trust file>`
    await terminal.out(
      json === true
        ? `${safeJson({ index: record.index, leaf: record.leaf, proof: out, record: beside })}\n`
        : `Wrote ${safe(out)} and ${safe(beside)}: entry ${record.index}. Whoever has a trust file checks them with\n  ${command}\n`,
    )
  } finally {
    await source.close()
  }
}

/** The intent, or the outcome that counts: the last of them, since a late one follows a provisional one. */
const chosen = (records: readonly CallRecord[], outcome: boolean): CallRecord | undefined =>
  outcome ? records.findLast(({ json }) => json['type'] === 'outcome') : records[0]
