import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { HookCalls } from '../adapters/claude-code/calls.js'
import { KeptTickets } from '../adapters/claude-code/kept.js'
import { quote } from '../core/errors.js'
import { agtEvaluator } from '../govern/agt.js'
import { cliApprover } from '../govern/review/approver.js'
import { files, jsonl } from '../log/index.js'
import { Recorder } from '../recorder/index.js'
import { watchSignals } from './child/signals.js'
import { type Context, examples, exitCodes } from './command.js'
import { UsageError } from './errors.js'
import { type InstallOptions, install } from './hook/install.js'
import { runHook } from './hook/once.js'
import { hooksFolder, SOCKET_NAME } from './hook/place.js'
import { callsFolder, serveHooks } from './hook/serve.js'
import { numberOption, pathOption, textOption, wordOption } from './options.js'
import { version } from './version.js'

interface ServeOptions {
  readonly agent: string
  readonly rules?: string
  readonly idle: number
  readonly socket: string
}

const DEFAULT_AGENT = 'did:deedlog:claude-code'
const IDLE_SECONDS = 900
const IDLE_SECONDS_MAX = 86_400
/** What no hook is told of in a way that could be recorded as a call. */
const UNSEEN = ['claude-code.server-tools', 'claude-code.unknown-tools']

export function addHook(program: Command, context: Context): void {
  const hook = program
    .command('hook')
    .summary('record the tool calls of Claude Code by its hooks: claude-code, install')
    .description('Records every tool call of Claude Code: before it runs, and how it ended.')
  withOptions(hook.command('claude-code'))
    .summary('what Claude Code starts for each event')
    .description(
      'Reads one event from standard input. A call goes on only once its intent is durable and the rules let it. The ' +
        'first hook starts a process that records for all that come, and ends when none has come for a while.',
    )
    .addHelpText(
      'after',
      examples([['deedlog hook claude-code audit --rules policies', 'as the command of a hook']]) +
        exitCodes('0 when the event is recorded; 2 for anything else, and then Claude Code does not run the tool.'),
    )
    .action(async (_dir: string, _options: object) => {
      context.exitCode = await runHook(context.argv.slice(context.argv.indexOf('claude-code') + 1))
    })
  withOptions(hook.command('install'), '[dir]')
    .summary('put the hooks into settings of Claude Code, or take them out')
    .description('Changes .claude/settings.json, keeps what is in it, and shows what has changed. Twice is once.')
    .addOption(new Option('--project', 'the settings of the project in this folder (default)').conflicts('user'))
    .option('--user', 'the settings in your home folder, for every project')
    .option('--remove', 'take the hooks out again')
    .addHelpText('after', examples([['deedlog hook install /srv/audit --user', 'record every session of this user']]))
    .action((dir: string | undefined, options: InstallOptions) => install(dir, options, context))
  withOptions(hook.command('serve', { hidden: true }))
    .addOption(textOption('--socket <name>', 'where hooks find it').makeOptionMandatory())
    .action((dir: string, options: ServeOptions) => serve(dir, options))
}

const withOptions = (command: Command, dir = '<dir>'): Command =>
  command
    .argument(dir, 'the log, as made by deedlog init')
    .addOption(wordOption('--agent <id>', 'on whose account').default(DEFAULT_AGENT))
    .addOption(pathOption('--rules <dir>', 'a folder of rules that decide which calls go on'))
    .addOption(
      numberOption('--idle <seconds>', 'how long the recording process waits for another call', 1, IDLE_SECONDS_MAX) //
        .default(IDLE_SECONDS),
    )

async function serve(dir: string, { agent, rules, idle, socket }: ServeOptions): Promise<void> {
  if (!SOCKET_NAME.test(socket))
    throw new UsageError('usage.value', `--socket ${quote(socket)} is no name of a socket`, {
      expected: 'to be started by a hook, and by nothing else',
    })
  const signals = watchSignals()
  const folder = hooksFolder(dir)
  const isFile = (await stat(dir)).isFile()
  const backend = isFile ? jsonl(dir, { create: false }) : files(dir, { create: false })
  const approver = cliApprover(resolve(dir), { notify: () => {} })
  const recorder = new Recorder({
    backend,
    agent: { id: agent },
    host: { framework: 'deedlog hook claude-code', version: version() },
    observer: 'host',
    custody: 'daemon',
    unseen: UNSEEN,
    ...(rules !== undefined && { evaluator: agtEvaluator({ policyDir: rules, strict: true }), approver }),
    // What keeps a call from being recorded is told by its hook; nobody else listens here.
    onError: () => {},
  })
  try {
    // What is wrong with the log is told by the hook that waits for us.
    await backend.logs?.()
    const kept = new KeptTickets(callsFolder(folder))
    kept.sweep(Date.now())
    const server = await serveHooks(join(folder, socket), new HookCalls(recorder, kept), idle * 1000)
    signals.passTo(() => server?.close())
    if (signals.seen.length > 0) server?.close()
    // The hook that started us may be gone already.
    if (process.connected) process.send?.('ready', undefined, {}, () => process.connected && process.disconnect())
    await server?.ended
  } finally {
    await recorder.close()
    await approver.close()
  }
}
