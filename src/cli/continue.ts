import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { continueLog } from '../log/continue-log.js'
import { realWorld } from '../log/world.js'
import { type Context, examples } from './command.js'
import { jsonOption, wordOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { besideTarget } from './trust-argument.js'
import { version } from './version.js'

interface ContinueOptions {
  readonly reason: string
  readonly origin?: string
  readonly json?: true
}

export function addContinue(program: Command, context: Context): void {
  program
    .command('continue')
    .summary('carry on in a new log after one that cannot be written any more')
    .description(
      'Makes a new log whose first record after its own says which log it carries on, up to which checkpoint, and why: ' +
        'the recorded way on when a log is damaged, or an old copy was put back. The old log is not touched. The ' +
        "operator's key stays the same; the log's key and name are new. Hand out the new trust file.",
    )
    .argument('<dir>', 'the old log, with its private folder')
    .argument('[new]', 'where the new log goes; default: the old path and a number')
    .addOption(wordOption('--reason <word>', 'why, in a word, such as disk-lost').makeOptionMandatory())
    .addOption(wordOption('--origin <name>', 'what the new log is called; default: the old name and something unique'))
    .addOption(jsonOption('what was made'))
    .addHelpText(
      'after',
      examples([
        ['deedlog continue audit --reason restored-from-backup', 'a new log audit-2 that carries on after audit'],
      ]),
    )
    .action((target: string, next: string | undefined, options: ContinueOptions) => run(target, next, options, context))
}

async function run(old: string, next: string | undefined, options: ContinueOptions, { terminal }: Context) {
  const recorder = { name: 'deedlog', version: version() }
  const made = await continueLog(realWorld, old, next ?? nextPath(old), options.reason, recorder, options.origin)
  const trust = besideTarget(made.target)
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  if (options.json === true) await terminal.out(`${safeJson({ ...made, trust, reason: options.reason }, 2)}\n`)
  else
    await terminal.out(
      new Page(look)
        .heading(`Made the log ${safe(made.target)}, which carries on after ${safe(old)}`)
        .value('origin', safe(made.origin))
        .value('log id', made.logId)
        .value('log key', safe(made.verifierKey))
        .value('carries on', `${made.of}, from ${made.size} records`)
        .fact('reason', safe(options.reason))
        .fact('trust file', `${safe(trust)}: give it to auditors another way than the log`)
        .heading('Next')
        .line(`  deedlog verify ${shellPath(made.target)} --trust ${shellPath(trust)}`)
        .toString(),
    )
}

/** `audit-2` after `audit`, `audit-2.jsonl` after `audit.jsonl`: the first that is free. */
function nextPath(old: string): string {
  const [, stem, end] = /^(.*?)[/\\]*((?<=[^/\\])\.jsonl)?$/s.exec(old) as unknown as [
    string,
    string,
    string | undefined,
  ]
  for (let number = 2; number < NUMBERS_MAX; number++) {
    const path = `${stem}-${number}${end ?? ''}`
    if (!existsSync(path)) return path
  }
  return `${stem}-${NUMBERS_MAX}${end ?? ''}`
}

const NUMBERS_MAX = 1000
