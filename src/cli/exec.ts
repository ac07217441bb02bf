import type { Command } from 'commander'
import { quote } from '../core/errors.js'
import { type Log, openLogIn } from '../log/index.js'
import { Recorder } from '../recorder/index.js'
import type { CallResult } from '../recorder/types.js'
import { exitCodeOf, resultOf } from './child/result.js'
import { runChild } from './child/run-child.js'
import { type Signals, watchSignals } from './child/signals.js'
import { type Context, examples, exitCodes } from './command.js'
import { errorJson, explain, renderError, UsageError } from './errors.js'
import { numberOption, textOption, wordOption } from './options.js'
import { safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { version } from './version.js'
import { commandWorld } from './world.js'

interface ExecOptions {
  readonly tool: string
  readonly agent: string
  readonly capture: number
  readonly json?: true
}

const DEFAULT_AGENT = 'did:deedlog:cli'
const CAPTURE_BYTES = 65_536
const CAPTURE_BYTES_MAX = 1024 * 1024
// Both outputs at the largest capture, every byte of them escaped in JSON (6 for 1), and any command line.
const VALUE_BYTES_MAX = 2 * 6 * CAPTURE_BYTES_MAX + 16 * 1024 * 1024

export function addExec(program: Command, context: Context): void {
  program
    .command('exec')
    .summary('run a command as a recorded tool call')
    .description(
      'Records the intent, runs the command once that is durable, then records how it ended. Standard input, output ' +
        "and error are passed through; the exit code is the command's own. If the intent cannot be recorded the " +
        'command does not run.',
    )
    .usage('<dir> --tool <name> [options] -- <command...>')
    .argument('<dir>', 'the log, as made by deedlog init')
    .argument('[command...]', 'after --: the command and its arguments; no shell reads them')
    .addOption(textOption('--tool <name>', 'the name of the tool that the log shall show').makeOptionMandatory())
    .addOption(wordOption('--agent <id>', 'on whose account').default(DEFAULT_AGENT))
    .addOption(
      numberOption(
        '--capture <bytes>',
        'how much of each output is kept; all of it is hashed',
        0,
        CAPTURE_BYTES_MAX,
      ).default(CAPTURE_BYTES),
    )
    .option('--json', 'a last line of JSON on standard error: the call, or the error')
    .addHelpText(
      'after',
      examples([
        ['deedlog exec audit --tool backup -- tar cf /tmp/etc.tar /etc', 'record one command'],
        ['deedlog exec audit --tool deploy -- sh -c "make && make deploy"', 'record a shell line'],
      ]) +
        exitCodes(
          "the command's own; 128 + n when signal n killed it; 127 when there is no such command and 126 when it cannot " +
            'be executed; 2 when the intent could not be recorded, and then the command did not run.',
        ),
    )
    .action((dir: string, command: string[], options: ExecOptions) =>
      run(dir, commandAfterDashes(command, context.argv), options, context),
    )
}

/** The command proper. Without `--` it would depend on the order of words which options are whose. */
function commandAfterDashes(command: readonly string[], argv: readonly string[]): readonly [string, ...string[]] {
  const dashes = argv.indexOf('--')
  const [file, ...args] = dashes < 0 ? [] : argv.slice(dashes + 1)
  if (file === undefined || command.length !== args.length + 1)
    throw new UsageError(
      'usage.argument',
      dashes < 0 ? 'there is no -- before the command' : 'the log or the command is missing',
      {
        expected: 'deedlog exec <dir> --tool <name> -- <command...>',
      },
    )
  return [file, ...args]
}

async function run(
  dir: string,
  command: readonly [string, ...string[]],
  options: ExecOptions,
  context: Context,
): Promise<void> {
  const signals = watchSignals()
  const complain = complainTo(context, options)
  const log = await openLogIn(commandWorld, dir, { create: false })
  let ran: Ran | undefined
  try {
    ran = await record(log, command, options, { signals, complain, context })
  } finally {
    await log.close().catch(error => {
      if (ran === undefined) throw error
      complain(error)
    })
  }
  const { call, result } = ran
  if (options.json === true)
    context.terminal.err(
      `${safeJson({ call, status: result.status, executed: result.executed, exitCode: context.exitCode })}\n`,
    )
  else if (context.terminal.errColumns !== undefined)
    context.terminal.err(context.terminal.errPaint.faint(`deedlog: call ${call} ${result.status}\n`))
}

/** A call that has had its chance to run: from here on the command's exit code is ours, whatever happens to the log. */
interface Ran {
  readonly call: string
  readonly result: CallResult
}

async function record(
  log: Log,
  command: readonly [string, ...string[]],
  options: ExecOptions,
  { signals, complain, context }: { signals: Signals; complain: Complain; context: Context },
): Promise<Ran> {
  // Until the intent stands, what went wrong is told by the one error that it ends with.
  const early: Error[] = []
  const recorder = new Recorder({
    backend: log,
    agent: { id: options.agent },
    host: { framework: 'deedlog exec', version: version() },
    observer: 'host',
    valueBytesMax: VALUE_BYTES_MAX,
    onError: error => (stands ? complain(error) : early.push(error)),
  })
  let stands = false
  let ran: Ran | undefined
  try {
    const args = { command, cwd: process.cwd() }
    const request = { tool: { name: options.tool, kind: 'command' }, args }
    const ticket = await recorder.intent(request, await recorder.decide(request))
    stands = true
    for (const error of early) complain(error)
    const startedAt = new Date()
    const began = performance.now()
    // A signal that came first means: do not start. Between this line and the start none can come in.
    const child = signals.seen.length > 0 ? undefined : await runChild(command, options.capture, signals)
    const durationUs = Math.round((performance.now() - began) * 1000)
    const result = resultOf(child, signals, args, { startedAt, durationUs })
    context.exitCode = exitCodeOf(child, signals)
    ran = { call: ticket.call, result }
    if (child?.started === false) complain(notStarted(command[0], child.error))
    await recorder.outcome(ticket, result)
    return ran
  } finally {
    await recorder.close().catch(error => {
      if (ran === undefined) throw error
      complain(error)
    })
  }
}

const notStarted = (file: string, { code }: NodeJS.ErrnoException): UsageError =>
  new UsageError('exec.not-started', `the command ${quote(file)} could not be started: ${code ?? 'unknown error'}`, {
    expected: 'a program in PATH, or the path of one; sh -c "..." for what only a shell understands',
  })

/** Tells that something about the recording went wrong; the command's own exit code stays what it is. */
type Complain = (error: unknown) => void

/** Recorder and log may both report one full disk: it is told once. */
function complainTo({ terminal, target }: Context, { json }: ExecOptions): Complain {
  const told = new Set<string>()
  return error => {
    const explained = explain(error, 'exec', target)
    const columns = terminal.errColumns ?? PAGE_COLUMNS
    const text = json === true ? errorJson(explained) : renderError(explained, terminal.errPaint, columns)
    if (!told.has(text)) terminal.err(text)
    told.add(text)
  }
}
