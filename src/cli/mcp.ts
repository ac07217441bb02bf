import type { ChildProcess } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { constants } from 'node:os'
import { type Command, Option } from 'commander'
import { isLoopback, type McpOptions, proxyHttp, proxyStdio } from '../adapters/mcp/index.js'
import { quote, UnavailableError } from '../core/errors.js'
import { agtEvaluator } from '../govern/agt.js'
import type { Approver } from '../govern/evaluator.js'
import { cliApprover } from '../govern/review/approver.js'
import type { AuditBackend } from '../log/backend.js'
import { files, jsonl } from '../log/index.js'
import { Recorder } from '../recorder/index.js'
import type { Tier } from '../recorder/types.js'
import { type Signals, watchSignals } from './child/signals.js'
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
  readonly http?: string
  readonly listen: Listen
  readonly allowHost?: readonly string[]
  readonly allowOrigin?: readonly string[]
}

interface Listen {
  readonly host: string
  readonly port: number
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
    .usage('<dir> [options] (-- <server command...> | --http <url>)')
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
    .addOption(urlOption('--http <url>', 'a server that is reached by HTTP, in the place of a command'))
    .addOption(
      listenOption('--listen <address>', 'where clients reach the proxy').default(
        { host: '127.0.0.1', port: 0 },
        '127.0.0.1:0, a port that is free',
      ),
    )
    .addOption(wordsOption('--allow-host <name>', 'a name besides localhost under which clients know the proxy'))
    .addOption(wordsOption('--allow-origin <origin>', 'an origin whose pages may send requests, besides this machine'))
    .option('--exposed', 'run although the server is given a folder that the log lies in')
    .addHelpText(
      'after',
      examples([
        ['deedlog mcp audit -- npx -y @modelcontextprotocol/server-filesystem /srv/docs', 'record one server'],
        ['deedlog mcp audit --rules policies --name files -- node server.js', 'and decide which calls go on'],
        ['deedlog mcp audit --http http://127.0.0.1:3000/mcp --listen 127.0.0.1:3001', 'before a server of HTTP'],
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
  if ((file === undefined || file === '') === (options.http === undefined))
    throw new UsageError('usage.argument', 'there is to be one server: a command, or --http', {
      expected: 'deedlog mcp <dir> -- <server command...>, or deedlog mcp <dir> --http <url>',
    })
  const depth = depthOf(process.env['DEEDLOG_MCP_DEPTH'])
  if (options.exposed !== true) await refuseExposed(dir, command)
  const signals = watchSignals()
  // The client has gone. What the server still says is recorded all the same.
  onBrokenPipe('stdout', () => {})
  const backend = await backendOf(dir)
  const approver = cliApprover(dir)
  const recorder = recorderOf(backend, approver, options, complainTo(context))
  const common = {
    recorder,
    ...(options.name !== undefined && { server: options.name }),
    ambiguous: options.ambiguous,
    messageBytesMax: options.messageBytes,
    onWarning: (text: string) => context.terminal.err(`deedlog: ${text}\n`),
  }
  try {
    // Before the server is started: one that could run unrecorded for a moment is one that does.
    await backend.logs?.()
    if (file === undefined) await listen(common, options, signals, context)
    else {
      const env = { ...process.env, DEEDLOG_MCP_DEPTH: String(depth + 1) }
      const onStart = (server: ChildProcess) => {
        signals.passTo(signal => server.kill(signal))
        for (const signal of signals.seen) server.kill(signal)
      }
      const end = await proxyStdio({ ...common, command: [file, ...args], env, onStart })
      context.exitCode = exitCodeOf(end)
      if (end.error) complainTo(context)(startError(file, end.error))
    }
  } finally {
    await recorder.close().catch(error => {
      complainTo(context)(error)
      if (context.exitCode === 0) context.exitCode = 2
    })
    await approver.close()
  }
}

/** Listens until a signal comes. */
async function listen(common: McpOptions, options: Options, signals: Signals, context: Context): Promise<void> {
  const { http, listen, allowHost: hosts = [], allowOrigin: origins = [] } = options
  const stopped = new Promise<void>(resolve => {
    signals.passTo(() => resolve())
    if (signals.seen.length > 0) resolve()
  })
  if (!isLoopback(listen.host) && hosts.length === 0)
    throw new UsageError('mcp.open-listener', `${quote(listen.host)} is reached by other machines`, {
      expected: 'an address of this machine alone, or --allow-host with the name that clients call',
    })
  const proxy = await proxyHttp({ ...common, upstream: http!, listen, hosts, origins })
  context.terminal.err(`deedlog: listening at ${proxy.url}\n`)
  await stopped
  await proxy.close()
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

const urlOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string) => {
    if (/^https?:\/\//.test(value) && URL.canParse(value)) return value
    throw new UsageError('usage.value', `--http ${quote(value)} is no http or https URL`, {
      expected: 'the address of an MCP server, such as http://127.0.0.1:3000/mcp',
    })
  })

const listenOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string): Listen => {
    const [, six, four, port] = /^(?:\[([0-9a-f:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(value) ?? []
    if (port !== undefined && Number(port) <= 65_535) return { host: six ?? four!, port: Number(port) }
    throw new UsageError('usage.value', `--listen ${quote(value)} is no address with a port`, {
      expected: 'a host and a port, such as 127.0.0.1:3001 or [::1]:3001',
    })
  })

const wordsOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((value: string, before?: readonly string[]) => [...(before ?? []), value])
