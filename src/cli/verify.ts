import { realpath } from 'node:fs/promises'
import type { Command } from 'commander'
import { TRUST_BYTES_MAX } from '../client/claimed-keys.js'
import { reportContents, requireContents } from '../client/contents.js'
import { isAddress } from '../client/http-source.js'
import { openSource } from '../client/open.js'
import { isProofFile } from '../client/proof-file.js'
import { readForeignFile } from '../client/read-file.js'
import { memoryFolder, type Report, verify, WORKERS_MAX } from '../client/verify.js'
import { askWitnessesAbout } from './ask-witnesses.js'
import { type Context, examples, exitCodes } from './command.js'
import { UsageError } from './errors.js'
import { readHeld } from './held.js'
import { tellIfOpen } from './open-address.js'
import { jsonOption, numberOption, pathOption, pathsOption, timeOption } from './options.js'
import { renderHtml } from './render/html.js'
import { renderReport } from './render/report.js'
import { Progress } from './terminal/progress.js'
import { safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { checkTrustArgument, type TrustOptions } from './trust-argument.js'
import { DIGEST_COMMAND, sha256, verifierDigest } from './verifier-digest.js'
import { version } from './version.js'
import { writeNew } from './write-new.js'

interface VerifyOptions extends TrustOptions {
  readonly record?: string
  readonly report?: string
  readonly after?: readonly string[]
  readonly askWitnesses?: true
  readonly previous?: readonly string[]
  /** False under `--no-memory`. */
  readonly memory: boolean
  readonly workers?: number
  readonly since?: number
  readonly until?: number
  readonly vault?: true
  readonly full?: true
  readonly json?: true
}

export function addVerify(program: Command, context: Context): void {
  program
    .command('verify')
    .summary('is this the log, is all of it here, did the agents behave')
    .description(
      'Checks a log as an auditor does, offline, and reports three answers that never mix: evidence, completeness and ' +
        'conduct; then what is not excluded. Needs a trust file that came to you another way than the log.',
    )
    .argument('<target>', 'a log folder, a JSONL log, an address, a bundle, or the .tlog-proof of one record')
    .addOption(pathOption('--trust <file>', 'whose signatures count: a trust file from outside the target'))
    .option('--self', 'hold the log against its own keys only; the best answer is then "self-consistent"')
    .addOption(
      pathsOption('--after <checkpoint>', 'a signed checkpoint of this log that you hold from before; repeatable'),
    )
    .option(
      '--ask-witnesses',
      'ask each witness of the trust file what it has cosigned last, and hold that against the log',
    )
    .addOption(
      pathsOption('--previous <target>', 'a log that this one says it carries on after: walk back to it; repeatable'),
    )
    .addOption(pathOption('--record <file>', 'the record that a .tlog-proof is of'))
    .option('--no-memory', 'neither compare with what you saw at earlier visits nor remember this one')
    .addOption(
      numberOption('--workers <n>', 'threads to read a log folder with; the report is the same', 0, WORKERS_MAX),
    )
    .addOption(
      timeOption('--since <time>', "judge calls one by one from this instant on, by the recorder's clock", 'first'),
    )
    .addOption(
      timeOption('--until <time>', 'and up to this instant; a day counts whole. The log is verified whole', 'last'),
    )
    .option('--vault', 'also open every disclosure that is kept beside the log, and count them: deedlog contents')
    .addOption(pathOption('--report <file>', 'also write the report as one HTML page that prints well'))
    .option('--full', 'also what each check and each finding does not say')
    .addOption(jsonOption('the report'))
    .addHelpText(
      'after',
      examples([
        ['deedlog verify audit --trust audit.trust', 'verify a log with the trust file that init wrote'],
        ['deedlog verify audit --trust audit.trust --json | jq .findings', 'the findings, for a program'],
        ['deedlog verify audit --trust audit.trust --after may.checkpoint', 'and does it continue what it was in May'],
        [
          'deedlog verify audit --trust audit.trust --ask-witnesses',
          'and do its witnesses know the same log, and no more',
        ],
        ['deedlog verify audit --trust audit.trust --since 2026-11-01', 'exceptions of the calls of a month only'],
        ['deedlog verify call.deedlog --trust audit.trust', 'some calls that somebody handed over in a bundle'],
        ['deedlog verify https://log.example/audit --trust audit.trust', 'a log behind a web server'],
        ['deedlog verify audit.jsonl --self', 'no outsider: is the log at least consistent with itself'],
      ]) +
        exitCodes(
          '0 evidence holds, no exception; 1 evidence against; 2 could not check; 3 evidence holds, completeness or conduct has exceptions.',
        ),
    )
    .action((target: string, options: VerifyOptions) => run(target, options, context))
}

async function run(target: string, options: VerifyOptions, context: Context): Promise<void> {
  const { terminal } = context
  checkProofArguments(target, options)
  // Before the question of trust: what is no log has no use for an answer to it.
  if (!isProofFile(target) && !isAddress(target)) await (await openSource(target)).close()
  checkTrustArgument(target, options)
  tellIfOpen(target, terminal)
  const held = await readHeld(target, options.after ?? [])
  // Before the log's checkpoint is read: see `askWitnesses`.
  const asked =
    options.askWitnesses && options.trust !== undefined ? await askWitnessesAbout(target, options.trust) : undefined
  const progress = new Progress(process.stderr, 'verifying records')
  const verified = await verify(target, {
    ...(options.trust === undefined ? { self: true } : { trust: options.trust }),
    ...(options.record === undefined ? {} : { record: options.record }),
    ...(options.memory ? { memory: memoryFolder() } : {}),
    held,
    ...asked,
    ...(options.previous === undefined ? {} : { previous: options.previous }),
    ...(options.workers === undefined ? {} : { workers: options.workers }),
    ...(options.since === undefined ? {} : { since: options.since }),
    ...(options.until === undefined ? {} : { until: options.until }),
    ...(options.report === undefined && options.json !== true ? {} : { timeline: TIMELINE_MAX }),
    onProgress: (done: number, total?: number) => progress.update(done, total),
  }).finally(() => progress.end())
  const report = options.vault ? await withVault(verified, target) : verified
  if (options.report !== undefined) await writeNew(options.report, await page(report, target, options), 'report.out')
  context.exitCode = report.exitCode
  await terminal.out(
    options.json === true
      ? `${safeJson(report, 2)}\n`
      : renderReport(report, {
          paint: terminal.paint,
          columns: terminal.columns ?? PAGE_COLUMNS,
          target,
          full: options.full === true,
          ...(options.trust === undefined ? {} : { trust: options.trust }),
        }),
  )
}

/** @throws {UnavailableError} `contents.no-vault` */
async function withVault(report: Report, target: string): Promise<Report> {
  const source = await openSource(target)
  try {
    return reportContents(report, await requireContents(source, target))
  } finally {
    await source.close()
  }
}

// Of a larger log the first; deedlog list shows all.
const TIMELINE_MAX = 1000

/** One record and its proof are verified together, and continue nothing. */
function checkProofArguments(target: string, options: VerifyOptions): void {
  const { record, after, since, until, askWitnesses, trust } = options
  if (askWitnesses && (isProofFile(target) || trust === undefined))
    throw new UsageError('usage.conflict', '--ask-witnesses asks the witnesses of a trust file about a log', {
      expected: '--ask-witnesses with a whole log and --trust',
    })
  if (isProofFile(target) && record === undefined)
    throw new UsageError('usage.option', 'a proof says nothing without the record that it is of', {
      expected: '--record <file>, which deedlog prove wrote beside the proof',
    })
  if (!isProofFile(target) && record !== undefined)
    throw new UsageError('usage.conflict', '--record goes with a .tlog-proof, and this is a log', {
      expected: 'the log alone, or a proof and its record',
    })
  if (isProofFile(target) && (since ?? until) !== undefined)
    throw new UsageError('usage.conflict', 'of one record there are no calls of a time', {
      expected: '--since and --until with a log or a bundle',
    })
  if (isProofFile(target) && after !== undefined)
    throw new UsageError('usage.conflict', 'one record cannot show that a log continues an earlier checkpoint', {
      expected: '--after with a whole log',
    })
}

async function page(report: Report, target: string, { trust }: VerifyOptions): Promise<string> {
  const bytes = trust === undefined ? undefined : await readForeignFile(await realpath(trust), TRUST_BYTES_MAX)
  return renderHtml(report, {
    target,
    ...(trust === undefined || !bytes ? {} : { trust: { path: trust, digest: sha256(bytes) } }),
    made: new Date().toISOString(),
    verifier: { version: version(), node: process.versions.node, ...(await verifierDigest()) },
    digestCommand: DIGEST_COMMAND,
  })
}
