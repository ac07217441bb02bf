import type { Command } from 'commander'
import { openSource } from '../client/open.js'
import { quote } from '../core/errors.js'
import { eraseCalls, publishAll } from '../log/erase-calls.js'
import type { ErasedField } from '../log/erase-plan.js'
import { parseClass, type Retention, type RetentionClass } from '../log/retention.js'
import { readRetention } from '../log/retention-file.js'
import { callId } from './call-id.js'
import { type Context, examples, exitCodes } from './command.js'
import { requireField, type Selection, selectCalls } from './erase-selection.js'
import { UsageError } from './errors.js'
import { parseFieldPath } from './field-path.js'
import { jsonOption, timeOption, wordOption } from './options.js'
import { count, Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { version } from './version.js'
import { commandWorld } from './world.js'

interface EraseOptions {
  readonly call?: readonly string[]
  readonly session?: string
  readonly before?: number
  readonly expired?: true
  readonly retain?: readonly RetentionClass[]
  readonly field?: { readonly field: ErasedField; readonly typed: string }
  readonly reason?: string
  readonly json?: true
}

export function addErase(program: Command, context: Context): void {
  program
    .command('erase')
    .summary('destroy what proves the committed values of calls, and record that')
    .description(
      'Destroys the disclosures of calls, or one field of them, in every file of the log that holds them, and appends ' +
        'a record that says so. The log itself does not change: it still verifies, and shows that the calls were made. ' +
        'Copies elsewhere (backups, snapshots, disclosures that were handed out) are not reached.',
    )
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .option('--call <id>', 'this call, by its id or the index of one of its records; can be repeated', collect)
    .option('--session <id>', 'all calls of this session')
    .addOption(timeOption('--before <time>', 'all calls that were decided before this time', 'first'))
    .option('--expired', 'all calls that are older than their class of retention: deedlog retain')
    .option('--retain <tools=days>', 'with --expired, a class for this run; can be repeated', collectClass)
    .option('--field <path>', 'only this field of the calls, such as args.payment.iban', parseField)
    .addOption(wordOption('--reason <word>', 'why, in a word that anybody may read, such as gdpr-17'))
    .addOption(jsonOption('what was erased'))
    .addHelpText(
      'after',
      examples([
        ['deedlog erase audit --call 17 --reason gdpr-17', 'everything that was kept of the call of entry 17'],
        ['deedlog erase audit --session 01K9... --field args.payment.iban --reason gdpr-17', 'one field of a session'],
        ['deedlog erase audit --expired --retain "mail.*=30"', 'what is older than 30 days, of these tools'],
      ]) + exitCodes('0 done, or there was nothing to do; 2 refused, or it could not be done.'),
    )
    .action((target: string, options: EraseOptions) => run(target, options, context))
}

const collect = (typed: string, before: readonly string[] = []) => [...before, callId(typed)]
const collectClass = (typed: string, before: readonly RetentionClass[] = []) => [...before, parseClass(typed)]

/** The member of a record, and the path of a field in the value that it commits to. */
function parseField(typed: string): { readonly field: ErasedField; readonly typed: string } {
  const member = MEMBERS.find(name => typed.startsWith(`${name}.`) || typed.startsWith(`${name}[`))
  if (member === undefined)
    throw new UsageError('usage.value', `--field ${quote(typed)} does not begin with a member of a record`, {
      expected: `${MEMBERS.join(', ')}, then a dot and the path of a field; without --field all is erased`,
    })
  const rest = typed.slice(member.length)
  return { field: { member, path: parseFieldPath(rest.startsWith('.') ? rest.slice(1) : rest) }, typed }
}

// spec/vault.md
const MEMBERS = [
  'args',
  'output',
  'visible',
  'error.message',
  'decision.reason',
  'principal',
  'toolName',
  'evidence',
  'detail',
]

async function run(target: string, options: EraseOptions, { terminal }: Context): Promise<void> {
  const selection = selectionOf(options)
  const basis = options.reason ?? (options.expired ? 'retention' : undefined)
  if (basis === undefined)
    throw new UsageError('usage.option', '--reason is missing: why stands in the log for good', {
      expected: 'a word, such as gdpr-17',
    })
  // What no checkpoint covers yet would not be found.
  await publishAll(commandWorld, target)
  const kept = await readRetention(commandWorld, target)
  const retention: Retention = { ...kept, classes: [...kept.classes, ...(options.retain ?? [])] }
  const source = await openSource(target)
  const { field } = options
  const selected = await selectCalls(source, selection, retention)
    .then(async found => {
      if (field && found.calls.length > 0) await requireField(source, found.calls, field.field, field.typed)
      return found
    })
    .finally(() => source.close())
  const recorder = { name: 'deedlog', version: version() }
  const erased = await eraseCalls(commandWorld, target, selected.calls, {
    basis,
    recorder,
    ...(field ? { field: field.field } : {}),
  })
  const { running, held, calls } = selected
  if (options.json === true) {
    await terminal.out(
      `${safeJson({ calls: calls.length, ...erased, reason: basis, ...(field ? { field: field.typed } : {}), running, held }, 2)}\n`,
    )
    return
  }
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  if (erased.records === 0)
    page
      .heading('Nothing to erase')
      .fact(
        'calls',
        calls.length === 0 ? 'none was chosen' : `${count(calls.length, 'call')}, of which nothing is held`,
      )
  else
    page
      .heading(field ? `Erased the field ${safe(field.typed)}` : 'Erased')
      .fact('calls', count(calls.length, 'call'))
      .fact('records', `disclosures of ${count(erased.records, 'record')}`)
      .fact('reason', safe(basis))
      .fact('recorded', `entry ${erased.erasures.join(', ')}, signed by the operator`)
      .fact('not reached', 'backups, snapshots, disclosures that were handed out, blocks that the disk has freed')
  if (running > 0) page.fact('left out', `${count(running, 'call')} that may still be running`)
  if (held > 0) page.fact('left out', `${count(held, 'call')} under legal hold`)
  await terminal.out(
    page
      .heading('Next')
      .line(`  deedlog contents ${shellPath(target)}`)
      .toString(),
  )
}

function selectionOf({ call, session, before, expired, retain }: EraseOptions): Selection {
  if ([call, session, before, expired].filter(each => each !== undefined).length !== 1)
    throw new UsageError('usage.option', 'exactly one of --call, --session, --before and --expired is needed', {
      expected: 'which calls are meant',
    })
  if (retain && !expired)
    throw new UsageError('usage.conflict', '--retain says how long --expired keeps, and does nothing without it')
  if (call) return { call }
  if (session !== undefined) return { session }
  if (before === undefined) return { expiredAt: Date.now() }
  if (before > Date.now())
    throw new UsageError('usage.value', '--before is a time to come: it would take calls that are yet to be made', {
      expected: 'a time that has passed',
    })
  return { before }
}
