import { stat } from 'node:fs/promises'
import { constants } from 'node:os'
import type { Command } from 'commander'
import { proxyStdio } from '../adapters/mcp/index.js'
import { quote, UnavailableError } from '../core/errors.js'
import { agtEvaluator } from '../govern/agt.js'
import type { Approver } from '../govern/evaluator.js'
import { cliApprover } from '../govern/review/approver.js'
import type { AuditBackend } from '../log/backend.js'
import { files, jsonl } from '../log/index.js'
import { Recorder } from '../recorder/index.js'
import type { Tier } from '../recorder/types.js'
import { watchSignals } from './child/signals.js'
import { type Context, examples, exitCodes } from './command.js'
import { explain, renderError, UsageError } from './errors.js'
import { exposedFolder } from './exposed-log.js'
import { choiceOption, numberOption, pathOption, textOption, wordOption } from './options.js'
import { onBrokenPipe } from './terminal/broken-pipe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { version } from './version.js'

interface Options {
  readonly agent: string
  readonly name?: string
  readonly rules?: string
  readonly tier: Tier
  readonly ambiguous: 'refuse' | 'record'
  readonly messageBytes: number
  readonly exposed?: true
}

const DEFAULT_AGENT = 'did:deedlog:mcp'
const MESSAGE_BYTES = 16 * 1024 * 1024
const MESSAGE_BYTES_MAX = 256 * 1024 * 1024
/** What passes a proxy and is no tool call. */
const UNSEEN = ['mcp.completion', 'mcp.elicitation', 'mcp.prompts', 'mcp.resources', 'mcp.sampling']
// A proxy before a proxy is a use; a command that starts itself again is not, and fills the machine within a minute.
const DEPTH_MAX = 8

export function addMcp(program: Command, context: Context): void {
  program
    .command('mcp')
    .summary('stand between an MCP client and a server, and record every tool call')
    .description(
      'Starts an MCP server and passes everything on, unchanged. A tools/call goes on only once its intent is durable, and ' +
        'its answer is recorded before the client gets it. Several of these may write one log at the same time.',
    )
    .usage('<dir> [options] -- <server command...>')
    .argument('<dir>', 'the log, as made by deedlog init')
    .argument('[command...]', 'the server: a program and its arguments; no shell reads them')
    .addOption(wordOption('--agent <id>', 'on whose account').default(DEFAULT_AGENT))
    .addOption(textOption('--name <text>', "the server's name in the records"))
    .addOption(pathOption('--rules <dir>', 'a folder of rules that decide which calls go on'))
    .addOption(
      choiceOption('--tier <tier>', 'what a call does that cannot be recorded: strict, degraded or lossy', [
        'strict',
        'degraded',
        'lossy',
      ]).default('strict'),
    )
    .addOption(
      choiceOption('--ambiguous <how>', 'messages that readers may read in different ways: refuse or record', [
        'refuse',
        'record',
      ]).default('refuse'),
    )
    .addOption(
      numberOption('--message-bytes <n>', 'the longest message that passes', 1024, MESSAGE_BYTES_MAX).default(
        MESSAGE_BYTES,
      ),
    )
    .option('--exposed', 'run although the server is given a folder that the log lies in')
    .addHelpText(
      'after',
      examples([
        ['deedlog mcp audit -- npx -y @modelcontextprotocol/server-filesystem /srv/docs', 'record one server'],
        ['deedlog mcp audit --rules policies --name files -- node server.js', 'and decide which calls go on'],
      ]) +
        exitCodes(
          "the server's own; 128 + n when signal n ended it; 127 when there is no such command and 126 when it cannot be " +
            'executed; 2 when the log cannot be written, and then the server was not started.',
        ),
    )
    .action((dir: string, command: string[], options: Options) => run(dir, command, options, context))
}

/**
 * The arguments of the program with `--` before the server's command, which launchers lose: everything from the second
 * word on is the server's.
 */
export function withDashes(argv: readonly string[]): readonly string[] {
  if (argv[0] !== 'mcp' || argv.includes('--')) return argv
  let words = 0
  for (let i = 1; i < argv.length; i++) {
    const word = argv[i]!
    if (!word.startsWith('-')) {
      if (++words === 2) return [...argv.slice(0, i), '--', ...argv.slice(i)]
    } else if (!FLAGS.has(word) && !word.includes('=')) i++
  }
  return argv
}

const FLAGS = new Set(['--exposed', '--help', '-h'])

async function run(dir: string, command: readonly string[], options: Options, context: Context): Promise<void> {
  const [file, ...args] = command
  if (file === undefined || file === '')
    throw new UsageError('usage.argument', 'the command of the server is missing', {
      expected: 'deedlog mcp <dir> -- <server command...>',
    })
  const depth = depthOf(process.env['DEEDLOG_MCP_DEPTH'])
  if (options.exposed !== true) await refuseExposed(dir, command)
  const signals = watchSignals()
  // The client has gone. What the server still says is recorded all the same.
  onBrokenPipe('stdout', () => {})
  const backend = await backendOf(dir)
  const say = (text: string) => context.terminal.err(`deedlog: ${text}\n`)
  const approver = cliApprover(dir)
  const recorder = recorderOf(backend, approver, options, complainTo(context))
  try {
    // Before the server is started: one that could run unrecorded for a moment is one that does.
    await backend.logs?.()
    const end = await proxyStdio({
      recorder,
      command: [file, ...args],
      env: { ...process.env, DEEDLOG_MCP_DEPTH: String(depth + 1) },
      ...(options.name !== undefined && { server: options.name }),
      ambiguous: options.ambiguous,
      messageBytesMax: options.messageBytes,
      onWarning: say,
      onStart: server => {
        signals.passTo(signal => server.kill(signal))
        for (const signal of signals.seen) server.kill(signal)
      },
    })
    context.exitCode = exitCodeOf(end)
    if (end.error) complainTo(context)(startError(file, end.error))
  } finally {
    await recorder.close().catch(error => {
      complainTo(context)(error)
      if (context.exitCode === 0) context.exitCode = 2
    })
    await approver.close()
  }
}

function recorderOf(
  backend: AuditBackend,
  approver: Approver,
  options: Options,
  complain: (error: unknown) => void,
): Recorder {
  const { agent, rules, tier } = options
  return new Recorder({
    backend,
    agent: { id: agent },
    host: { framework: 'deedlog mcp', version: version() },
    observer: 'proxy',
    tier,
    unseen: UNSEEN,
    ...(rules !== undefined && {
      evaluator: agtEvaluator({ policyDir: rules, strict: true }),
      approver,
    }),
    onError: complain,
  })
}

async function backendOf(dir: string): Promise<AuditBackend> {
  const found = await stat(dir).catch(() => undefined)
  return found?.isFile() ? jsonl(dir, { create: false }) : files(dir, { create: false })
}

async function refuseExposed(dir: string, command: readonly string[]): Promise<void> {
  const folder = await exposedFolder(dir, command)
  if (folder !== undefined)
    throw new UsageError('mcp.log-exposed', `the log lies in ${quote(folder)}, which the server is given`, {
      expected: 'a log, with its keys, where no tool can write; --exposed runs it all the same',
    })
}

function depthOf(text: string | undefined): number {
  const depth = Number(text ?? 0)
  if (Number.isInteger(depth) && depth >= 0 && depth < DEPTH_MAX) return depth
  throw new UsageError('mcp.nested', 'this proxy was started by a proxy that was started by a proxy, and so on', {
    expected: 'the command of a server behind --, which does not start this command again',
  })
}

const startError = (file: string, error: NodeJS.ErrnoException): Error =>
  error instanceof UnavailableError
    ? error
    : new UsageError(
        'mcp.not-started',
        `the server ${quote(file)} could not be started: ${error.code ?? 'unknown error'}`,
        {
          expected: 'a program in PATH, or the path of one',
        },
      )

function exitCodeOf({ code, signal, error }: Awaited<ReturnType<typeof proxyStdio>>): number {
  if (error instanceof UnavailableError) return 2
  if (error) return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 127 : 126
  return signal === undefined ? (code ?? 0) : 128 + constants.signals[signal]
}

/** On standard error: standard output is the protocol's. Each thing once. */
function complainTo({ terminal, target }: Context): (error: unknown) => void {
  const told = new Set<string>()
  return error => {
    const text = renderError(explain(error, 'mcp', target), terminal.errPaint, terminal.errColumns ?? PAGE_COLUMNS)
    if (!told.has(text)) terminal.err(text)
    told.add(text)
  }
}
