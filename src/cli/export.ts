import type { Command } from 'commander'
import { exportBundle, resolveCalls } from '../client/export.js'
import type { DisclosureChoice } from '../client/export-disclose.js'
import { openSource } from '../client/open.js'
import { quote } from '../core/errors.js'
import { formatTime, isId } from '../core/record/index.js'
import type { BundleQuery } from '../core/verify/index.js'
import { callId } from './call-id.js'
import { type Context, examples, exitCodes } from './command.js'
import { UsageError } from './errors.js'
import { runMycelium } from './export-mycelium.js'
import { parseFieldPath } from './field-path.js'
import { tellIfOpen } from './open-address.js'
import { choiceOption, jsonOption, pathOption, timeOption } from './options.js'
import { renderExported } from './render/exported.js'
import { Progress } from './terminal/progress.js'
import { safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { writeNew } from './write-new.js'

interface ExportOptions {
  readonly call?: readonly string[]
  readonly session?: readonly string[]
  readonly since?: number
  readonly until?: number
  readonly all?: true
  readonly out: string
  readonly disclose?: readonly DisclosureChoice[]
  readonly rules?: true
  readonly format?: 'bundle' | 'mycelium'
  readonly json?: true
}

export function addExport(program: Command, context: Context): void {
  const list = (typed: string, before: readonly string[] = []) => [...before, typed]
  const choices = (typed: string, before: readonly DisclosureChoice[] = []) => [...before, parseChoice(typed)]
  program
    .command('export')
    .summary('calls in one file of evidence that verifies anywhere, offline')
    .description(
      'Writes a bundle: the records of some calls with what proves that they are in the log, its signed checkpoint, and ' +
        'chosen disclosures. Whoever has the file and a trust file verifies it without the log and without a network. It ' +
        'shows no more than was asked for, the records that were written in between those and their signature, and says ' +
        'what cannot be known from a part.',
    )
    .argument('<target>', 'a log folder, a JSONL log, an address, or another bundle')
    .option('--call <call>', 'this call, by its id or the index of one of its records; repeatable', list)
    .option('--session <id>', 'the calls of this session, by the id that the log gave it; repeatable', list)
    .addOption(timeOption('--since <time>', "calls from this instant on, by the recorder's clock", 'first'))
    .addOption(timeOption('--until <time>', 'calls up to this instant; a day counts whole', 'last'))
    .option('--all', 'every record of the log')
    .addOption(pathOption('-o, --out <file>', 'where to write the bundle; nothing may be there').makeOptionMandatory())
    .option(
      '--disclose <call[:field]>',
      'disclose what the call committed to, or one member or field of it: 3:args.payment.amount; repeatable',
      choices,
    )
    .option('--rules', 'with the files of rules that were in force, which may be confidential')
    .addOption(
      choiceOption(
        '--format <format>',
        'bundle (default), or mycelium: the calls as Mycelium Trails name them, in JSON, which proves nothing by itself',
        ['bundle', 'mycelium'],
      ),
    )
    .addOption(jsonOption('what is in the bundle'))
    .addHelpText(
      'after',
      examples([
        ['deedlog export audit --call 3 -o call.deedlog', 'one call'],
        ['deedlog export audit --call 3 --disclose 3:args.amount -o call.deedlog', 'with one field of its arguments'],
        ['deedlog export audit --since 2026-11-01 --until 2026-11-30 -o november.deedlog', 'the calls of a month'],
        ['deedlog verify call.deedlog --trust audit.trust', 'what whoever receives it does'],
      ]) + exitCodes('0 written; 1 the log does not verify; 2 it could not be written.'),
    )
    .action((target: string, options: ExportOptions) => run(target, options, context))
}

async function run(target: string, options: ExportOptions, context: Context): Promise<void> {
  const { terminal } = context
  const asked = askedFor(options)
  tellIfOpen(target, terminal)
  if (options.format === 'mycelium') {
    if (options.disclose || options.rules)
      throw new UsageError('usage.conflict', 'values and rules have no place in the words of trails', {
        expected: '--format mycelium without --disclose and --rules',
      })
    return runMycelium(target, asked, options, context)
  }
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  try {
    const query: BundleQuery = 'calls' in asked ? { calls: await resolveCalls(source, asked.calls.map(callId)) } : asked
    const { bytes, report } = await exportBundle(source, {
      query,
      made: formatTime(Date.now()),
      rules: options.rules === true,
      ...(options.disclose === undefined ? {} : { disclose: options.disclose }),
      onProgress: (done, total) => progress.update(done, total),
    }).finally(() => progress.end())
    await writeNew(options.out, bytes, 'export.out')
    const written = { out: options.out, bytes: bytes.length, ...report.bundle! }
    await terminal.out(
      options.json === true
        ? `${safeJson(written, 2)}\n`
        : renderExported(report, {
            paint: terminal.paint,
            columns: terminal.columns ?? PAGE_COLUMNS,
            out: options.out,
            bytes: bytes.length,
          }),
    )
  } finally {
    progress.end()
    await source.close()
  }
}

/** The one thing that is asked for. */
function askedFor({
  call,
  session,
  since,
  until,
  all,
}: ExportOptions): BundleQuery | { readonly calls: readonly string[] } {
  const byTime = since !== undefined || until !== undefined
  const kinds = [call !== undefined, session !== undefined, byTime, all === true].filter(Boolean).length
  if (kinds !== 1)
    throw new UsageError(
      'usage.conflict',
      kinds === 0 ? 'nothing was asked for' : 'two things were asked for at once',
      {
        expected: 'one of --call, --session, --since and --until, or --all',
      },
    )
  if (call) return { calls: call }
  if (session) {
    const ids = [...new Set(session.map(callId))].sort()
    const wrong = ids.find(id => !isId(id))
    if (wrong !== undefined)
      throw new UsageError('usage.value', `--session ${quote(wrong)} is no id of a session`, {
        expected: '26 characters, as deedlog list shows them',
      })
    return { sessions: ids }
  }
  return all === true
    ? { all: true }
    : {
        ...(since === undefined ? {} : { since: formatTime(since) }),
        ...(until === undefined ? {} : { until: formatTime(until) }),
      }
}

/** `<call>`, `<call>:args.payment.amount`, or with names that have dots in them `<call>:args["a.b"]`. */
function parseChoice(typed: string): DisclosureChoice {
  const colon = typed.indexOf(':')
  if (colon < 0) return { call: callId(typed) }
  const call = callId(typed.slice(0, colon))
  const field = typed.slice(colon + 1)
  const bracket = field.indexOf('[')
  const of = bracket < 0 ? field : field.slice(0, bracket)
  if (call === '' || of === '')
    throw new UsageError('usage.value', `--disclose ${quote(typed)} names no call, or nothing of it`, {
      expected: '<call>, <call>:args, <call>:args.payment.amount or <call>:args["a.b",0]',
    })
  return bracket < 0 ? { call, of } : { call, of, path: parseFieldPath(field.slice(bracket)) }
}
