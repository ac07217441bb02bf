import type { Command } from 'commander'
import { type CallDetail, showCall } from '../client/calls.js'
import { openSource } from '../client/open.js'
import type { LogSource } from '../client/source.js'
import { quote } from '../core/errors.js'
import { isFinal, type OutcomeStatus, parseRecord } from '../core/record/index.js'
import { appendAsOperator } from '../log/operator.js'
import { callId } from './call-id.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { choiceOption, jsonOption, wordOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { version } from './version.js'
import { commandWorld } from './world.js'

interface SettleOptions {
  readonly result: string
  readonly basis: string
  readonly json?: true
}

const RESULTS = ['succeeded', 'failed', 'not_executed']

export function addSettle(program: Command, context: Context): void {
  program
    .command('settle')
    .summary('record what was found out later about a call')
    .description(
      'Appends a settlement, signed by the operator of the log, for a call whose outcome is missing or provisional: ' +
        'pending, cancelled, timed out or unknown. It changes nothing that was recorded before.',
    )
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .argument('<call>', 'the id of the call, or the index of one of its records')
    .addOption(
      choiceOption('--result <result>', `what became of it: ${RESULTS.join(', ')}`, RESULTS).makeOptionMandatory(),
    )
    .addOption(
      wordOption('--basis <word>', 'how that is known, in a word, such as bank-statement').makeOptionMandatory(),
    )
    .addOption(jsonOption('what was recorded'))
    .addHelpText(
      'after',
      examples([
        ['deedlog settle audit 17 --result failed --basis bank-statement', 'the call of entry 17 did not work'],
      ]),
    )
    .action((target: string, call: string, options: SettleOptions) => run(target, call, options, context))
}

async function run(target: string, typed: string, { result, basis, json }: SettleOptions, { terminal }: Context) {
  const { row, records } = await find(target, callId(typed))
  const intent = records.find(({ json }) => json['type'] === 'intent')!
  const outcomes = records.filter(({ json }) => json['type'] === 'outcome')
  const isDisputed = outcomes.some(({ json }) => isFinal(json['status'] as OutcomeStatus))
  const body = { type: 'settlement', intent: intent.leaf, result, basis }
  const [receipt] = await appendAsOperator(commandWorld, target, [body], { name: 'deedlog', version: version() })
  const { index, leafHash } = receipt!
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  if (json === true)
    await terminal.out(
      `${safeJson({ call: row.call, intent: intent.leaf, result, basis, index, leafHash, disputed: isDisputed }, 2)}\n`,
    )
  else
    await terminal.out(
      new Page(look)
        .heading(`Settled the call ${safe(row.call)}`)
        .fact('result', safe(result))
        .fact('basis', safe(basis))
        .fact('recorded', `entry ${index}, signed by the operator`)
        .fact(
          'counts',
          isDisputed ? 'as a dispute: the call has a final outcome' : 'from here on, if the call has no final outcome',
        )
        .heading('Next')
        .line(`  deedlog show ${shellPath(target)} ${safe(row.call)}`)
        .toString(),
    )
}

/** The one call that is meant. */
async function find(target: string, call: string): Promise<CallDetail> {
  const source = await openSource(target)
  try {
    const details = await showCall(source, call)
    const [detail] = details
    if (detail && details.length === 1) {
      const hasOutcome = detail.records.some(({ json }) => json['type'] === 'outcome')
      if (!hasOutcome && !(await isOver(source, detail.row.stream)))
        throw new UsageError('settle.running', `the recorder of the call ${quote(call)} may still be at it`, {
          expected: 'a call with an outcome, or one whose stream has ended or been recovered; its next run recovers it',
        })
      return detail
    }
    throw new UsageError('call.ambiguous', `${details.length} calls of different streams are called ${quote(call)}`, {
      expected: 'the index of a record of the call, as deedlog list shows it',
    })
  } finally {
    await source.close()
  }
}

/** Whether a stream has ended or been recovered: until then a missing outcome may still come. */
async function isOver(source: LogSource, stream: string): Promise<boolean> {
  for await (const { record } of source.entries()) {
    const json = jsonOf(record)
    if (json['type'] === 'stream.end' && json['stream'] === stream) return true
    if (json['type'] === 'recovery' && json['of'] === stream) return true
  }
  return false
}

/** The members of a record; none where a stranger's bytes are no record. */
function jsonOf(record: Uint8Array): { readonly [name: string]: unknown } {
  try {
    return parseRecord(record).json
  } catch {
    return {}
  }
}
