import type { Command } from 'commander'
import { type LogCoverage, surveyCoverage } from '../client/coverage.js'
import { openSource } from '../client/open.js'
import { verify } from '../client/verify.js'
import type { Report } from '../core/verify/report.js'
import { type Context, examples, exitCodes } from './command.js'
import { jsonOption, pathOption } from './options.js'
import { renderCoverage } from './render/coverage.js'
import { Progress } from './terminal/progress.js'
import { safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { checkTrustArgument, type TrustOptions } from './trust-argument.js'

interface CoverageOptions extends TrustOptions {
  readonly json?: true
}

export function addCoverage(program: Command, context: Context): void {
  program
    .command('coverage')
    .summary('which tools were declared, wrapped and called, and what was missed')
    .description(
      'Holds what recorders said they would see against what they saw: tools declared and whether their calls pass ' +
        'through the recorder, tools called and never declared, kinds of calls that are never seen, calls that could not ' +
        'be held back, and losses. Its records are first found to be those its checkpoint was signed over; whose ' +
        'checkpoint that is, is asked with --trust.',
    )
    .argument('<target>', 'a log folder, or a JSONL log')
    .addOption(pathOption('--trust <file>', 'verify the log first: a trust file from outside the target'))
    .option('--self', 'verify the log first, against its own keys only')
    .addOption(jsonOption('the coverage'))
    .addHelpText(
      'after',
      examples([
        ['deedlog coverage audit', 'what the recorders of a log saw, and what they say they did not'],
        ['deedlog coverage audit --trust audit.trust --json | jq .missed', 'what was missed, for a program'],
      ]) +
        exitCodes(
          '0 nothing is known to have been missed; 1 evidence against the log; 2 could not check; 3 something was missed.',
        ),
    )
    .action((target: string, options: CoverageOptions) => run(target, options, context))
}

async function run(target: string, options: CoverageOptions, context: Context): Promise<void> {
  const { terminal } = context
  const source = await openSource(target)
  const progress = new Progress(process.stderr, 'reading records')
  const onProgress = (done: number, total?: number) => progress.update(done, total)
  let coverage: LogCoverage
  let report: Report | undefined
  try {
    if (options.trust !== undefined || options.self === true) {
      checkTrustArgument(target, options)
      const trusted = options.trust === undefined ? { self: true } : { trust: options.trust }
      report = await verify(target, { ...trusted, onProgress })
    }
    coverage = await surveyCoverage(source, { onProgress })
  } finally {
    progress.end()
    await source.close()
  }
  const exitCode = exitCodeFor(coverage, report)
  context.exitCode = exitCode
  const evidence = report && { verdict: report.evidence.verdict, trust: report.evidence.trust }
  if (options.json === true) {
    await terminal.out(`${safeJson({ format: FORMAT, exitCode, ...(evidence && { evidence }), ...coverage }, 2)}\n`)
    return
  }
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  await terminal.out(
    renderCoverage(coverage, { ...look, terminalColumns: terminal.columns, target, exitCode, evidence }),
  )
}

const FORMAT = 'deedlog/coverage/v1'

/** Evidence first: what a log says of itself is worth nothing when it is not the log. */
function exitCodeFor({ missed }: LogCoverage, report: Report | undefined): 0 | 1 | 2 | 3 {
  const severities = new Set(report?.findings.map(({ severity }) => severity))
  if (severities.has('against')) return 1
  if (severities.has('unknown')) return 2
  return missed.length > 0 ? 3 : 0
}
