import { Command, CommanderError } from 'commander'
import { addAnchor } from './anchor.js'
import { type Context, examples } from './command.js'
import { addContents } from './contents.js'
import { addContinue } from './continue.js'
import { addCoverage } from './coverage.js'
import { addDisclose } from './disclose.js'
import { addErase } from './erase.js'
import { errorJson, explain, renderError } from './errors.js'
import { addExec } from './exec.js'
import { addExport } from './export.js'
import { addHold } from './hold.js'
import { addHook } from './hook.js'
import { addImport } from './import.js'
import { addInit } from './init.js'
import { addKeys } from './keys.js'
import { addList } from './list.js'
import { addMcp, withDashes } from './mcp.js'
import { pathOption } from './options.js'
import { addPage } from './page.js'
import { usePassphraseFile } from './passphrase.js'
import { addProve } from './prove.js'
import { addPrune } from './prune.js'
import { addRetain } from './retain.js'
import { addReview } from './review.js'
import { addSample } from './sample.js'
import { addSettle } from './settle.js'
import { addShow } from './show.js'
import { isBrokenPipe } from './terminal/broken-pipe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { addTrust } from './trust.js'
import { addVerify } from './verify.js'
import { version } from './version.js'
import { addWitness } from './witness.js'

/** Runs the command line of `context` and leaves the exit code in it, see `docs/cli.md`. Never throws. */
export async function run(context: Context): Promise<void> {
  const program = deedlog(context)
  try {
    await program.parseAsync([...withDashes(context.argv)], { from: 'user' })
  } catch (error) {
    // Help and version are answers, not errors.
    if (error instanceof CommanderError && error.exitCode === 0) return
    if (!isBrokenPipe(error)) context.exitCode = tell(error, context, program)
  }
}

function deedlog(context: Context): Command {
  const { terminal } = context
  const program = new Command('deedlog')
    .hook('preAction', (_, { args: [target] }) => {
      if (target !== undefined) context.target = target
      usePassphraseFile(program.opts<{ passphraseFile?: string }>().passphraseFile)
    })
    .description('Proof of what AI agents did: a record before and after every tool call, in one tamper-evident log.')
    .version(version(), '--version', 'print the version')
    .addOption(pathOption('--passphrase-file <path>', 'the passphrase of the key files is the line in this file'))
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: text => void terminal.out(text),
      // Errors are told once, by `tell`; commander would add a second sentence without a code.
      writeErr: () => {},
      getOutHelpWidth: () => terminal.columns ?? PAGE_COLUMNS,
      getOutHasColors: () => false,
    })
    .addHelpText(
      'after',
      examples([
        ['deedlog init audit', 'make a log, and beside it the trust file for its auditors'],
        ['deedlog exec audit --tool backup -- tar cf /tmp/etc.tar /etc', 'run a command as a recorded tool call'],
        ['deedlog list audit', 'every call with its decision and outcome'],
        ['deedlog verify audit --trust audit.trust', 'is this the log, is all of it here, did the agents behave'],
      ]) + EXIT_CODES,
    )
  for (const add of [
    addInit,
    addExec,
    addMcp,
    addHook,
    addList,
    addShow,
    addDisclose,
    addCoverage,
    addVerify,
    addAnchor,
    addReview,
    addKeys,
    addTrust,
    addProve,
    addPage,
    addExport,
    addSample,
    addSettle,
    addContinue,
    addContents,
    addErase,
    addRetain,
    addHold,
    addImport,
    addPrune,
    addWitness,
  ])
    add(program, context)
  return program
}

const COMMANDS = [
  'init',
  'exec',
  'mcp',
  'hook',
  'list',
  'show',
  'disclose',
  'coverage',
  'verify',
  'anchor',
  'review',
  'keys',
  'trust',
  'prove',
  'page',
  'export',
  'sample',
  'settle',
  'continue',
  'contents',
  'erase',
  'retain',
  'hold',
  'import',
  'prune',
  'witness',
]

const EXIT_CODES = `
Exit codes:
  0  the evidence holds and there is no exception; or the command did its work
  1  there is evidence against the log
  2  could not check, could not do it, or the command line is wrong
  3  the evidence holds; completeness or conduct has exceptions
  exec and mcp end with the code of the command they ran.
`

/**
 * Tells the person or program at the other end of standard error what went wrong.
 *
 * @returns what the process is to end with
 */
export function tell(error: unknown, { argv, terminal, target }: Context, program?: Command): 1 | 2 {
  const command = COMMANDS.find(name => name === argv[0]) ?? ''
  const explained = explain(error, command, target)
  if (isJson(argv)) terminal.err(errorJson(explained))
  else {
    if (error instanceof CommanderError && error.code === 'commander.help')
      terminal.err(`${program?.helpInformation() ?? ''}\n`)
    terminal.err(renderError(explained, terminal.errPaint, terminal.errColumns ?? PAGE_COLUMNS))
  }
  if ((process.env['DEEDLOG_DEBUG'] ?? '') === '1' && error instanceof Error) terminal.err(`${error.stack}\n`)
  return explained.exitCode
}

/** Whether errors are to be JSON: also those of a command line that does not parse. What follows `--` is not ours. */
function isJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json')
}
