import type { Command } from 'commander'
import { type CallFilters, type CallRow, listCalls } from '../client/calls.js'
import { type NotAnchored, notAnchored } from '../client/not-anchored.js'
import { openSource } from '../client/open.js'
import type { WitnessStanding } from '../log/witness-standing.js'
import { type Context, examples } from './command.js'
import { tellIfOpen } from './open-address.js'
import { choiceOption, jsonOption, timeOption } from './options.js'
import { callTable } from './render/calls.js'
import { count } from './render/page.js'
import { Progress } from './terminal/progress.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import type { Terminal } from './terminal/terminal.js'

interface ListOptions extends CallFilters {
  readonly json?: true
}

const VERDICTS = ['allow', 'deny', 'review', 'not_evaluated'] as const
const STATUSES = [
  ...['succeeded', 'failed', 'reported_error', 'not_executed', 'short_circuited', 'pending', 'cancelled', 'timed_out'],
  ...['unknown', 'denied', 'declined', 'undecided', 'missing', 'not_shown'],
]

export function addList(program: Command, context: Context): void {
  program
    .command('list')
    .summary('every call with its decision and outcome')
    .description(
      'Lists the calls of a log, in the order of the log, once its records have been found to be those its checkpoint ' +
        'was signed over. Whose checkpoint that is, is the question of deedlog verify.',
    )
    .argument('<target>', 'a log folder, a JSONL log, an address, or a bundle')
    .option('--tool <name>', 'calls of this tool')
    .option('--agent <id>', 'calls by this agent')
    .option('--session <id>', 'calls of this session, by the id the log gave it')
    .addOption(choiceOption('--status <status>', `what became of the call: ${STATUSES.join(', ')}`, STATUSES))
    .addOption(choiceOption('--verdict <verdict>', `what was decided: ${VERDICTS.join(', ')}`, VERDICTS))
    .addOption(timeOption('--since <time>', "from this instant on, by the recorder's clock", 'first'))
    .addOption(timeOption('--until <time>', 'up to this instant; a day counts whole', 'last'))
    .addOption(jsonOption('the calls'))
    .addHelpText(
      'after',
      examples([
        ['deedlog list audit', 'all calls'],
        ['deedlog list audit --tool refund --verdict deny', 'the refunds that were denied'],
        ['deedlog list audit --since 2026-11-24 --json | jq -r .calls[].call', 'the ids of the calls since a day'],
      ]),
    )
    .action((target: string, options: ListOptions) => run(target, options, context))
}

async function run(target: string, { json, ...filters }: ListOptions, { terminal }: Context): Promise<void> {
  tellIfOpen(target, terminal)
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  try {
    const onProgress = (done: number, total?: number) => progress.update(done, total)
    const rows = await listCalls(source, filters, { onProgress }).finally(() => progress.end())
    const awaiting = await source.awaiting?.()
    const undated = await notAnchored(source)
    const unseen = (await source.notWitnessed?.()) ?? []
    if (json === true) {
      await writeJson(rows, { awaiting, undated, unseen }, terminal)
      return
    }
    await writeTable(rows, terminal)
    // In a pipe too: it says what is not in the list.
    if (awaiting !== undefined && awaiting > 0)
      terminal.err(`Not listed: ${count(awaiting, 'record')} that no checkpoint covers yet.\n`)
    for (const { kind, name, size, detail = '' } of undated)
      terminal.err(`Not dated: size ${size} by ${safe(`${kind} ${name}`)}, as the log says. ${safe(detail)}\n`)
    for (const { name, asked, error } of unseen)
      terminal.err(
        `Not witnessed: size ${asked.size} by ${safe(name)} at ${safe(asked.time)}, as the log says. ${safe(error!.message)}\n`,
      )
    if (terminal.errColumns !== undefined) terminal.err(hint(rows, target, Object.keys(filters).length > 0))
  } finally {
    await source.close()
  }
}

/** A row a line, each written when the one before has been taken: no list is too long for memory. */
async function writeTable(rows: readonly CallRow[], { columns, out, paint }: Terminal): Promise<void> {
  if (rows.length === 0) return
  const table = callTable(columns)
  await out(`${table.head(paint)}\n`)
  for (const row of rows) await out(`${table.row(row, paint)}\n`)
}

/**
 * `{"calls":[...]}` with a call a line; how many records no checkpoint covers yet, where that is known; and what the
 * keeper says that outsiders did not date or cosign, where there is any.
 */
async function writeJson(
  rows: readonly CallRow[],
  { awaiting, undated, unseen }: NotListed,
  { out }: Terminal,
): Promise<void> {
  await out('{"calls":[')
  for (const [i, row] of rows.entries()) await out(`${i === 0 ? '' : ','}\n${safeJson(row)}`)
  const more = {
    ...(awaiting === undefined ? {} : { awaitingCheckpoint: awaiting }),
    ...(undated.length === 0 ? {} : { notAnchored: undated }),
    ...(unseen.length === 0
      ? {}
      : { notWitnessed: unseen.map(({ name, asked, error }) => ({ name, ...asked, ...error })) }),
  }
  const rest = safeJson(more).slice(1)
  await out(`\n]${rest === '}' ? '' : ','}${rest}\n`)
}

interface NotListed {
  readonly awaiting: number | undefined
  readonly undated: readonly NotAnchored[]
  readonly unseen: readonly WitnessStanding[]
}

function hint(rows: readonly CallRow[], target: string, filtered: boolean): string {
  const first = rows[0]
  if (first === undefined) return filtered ? 'No call matches these filters.\n' : 'The log has no call yet.\n'
  const show = `deedlog show ${shellPath(target)} ${first.index}`
  return `${count(rows.length, 'call')}. One of them, by its index or call id: ${show}\n`
}
