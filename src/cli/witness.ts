import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { quote } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import { realWorld } from '../log/world.js'
import { serveWitness, Witness, type WitnessedLog, witnessForks } from '../witness/index.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption, pathOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { addWitnessOfLog, isLog, logStatus } from './witness-log.js'

interface JsonOption {
  readonly json?: true
}

interface ServeOptions {
  readonly listen: Address
  readonly tlsCert?: string
  readonly tlsKey?: string
}

interface Address {
  readonly host: string
  readonly port: number
}

/** `deedlog witness`: a second department, or another company, runs one for the logs of others. */
export function addWitness(program: Command, context: Context): void {
  const { terminal } = context
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  const witness = program
    .command('witness')
    .summary('be a witness for the logs of others: init, add-log, serve; have one for yours: use, ask; status')
    .description(
      'A witness cosigns the checkpoints of logs it knows, each only if it goes on from the one before. It shows nobody ' +
        'what is in a log, and keeps one checkpoint of each. Let somebody run it who is not the operator of the log. ' +
        'It speaks C2SP tlog-witness, so any log of that kind can use it.',
    )
    .addHelpText(
      'after',
      examples([
        ['deedlog witness init w1 --name witness.example/w1', 'make a witness, and print its verifier key'],
        ['deedlog witness add-log w1 "$(cat log.vkey)"', 'let it know a log'],
        ['deedlog witness serve w1 --listen 127.0.0.1:7946', 'cosign until it is stopped'],
        ['deedlog witness status w1', 'what it has cosigned'],
        ['deedlog witness ask audit', 'have the newest checkpoint of a log of yours cosigned now'],
        ['deedlog witness status audit', 'how the witnesses of a log stand'],
      ]),
    )
  witness
    .command('init')
    .summary('make a witness with a key of its own')
    .argument('<dir>', 'where: a path that does not exist yet')
    .requiredOption('--name <name>', 'what it is called for good: a URL without its scheme, such as witness.example/w1')
    .addOption(jsonOption('what was made'))
    .action(async (dir: string, { name, json }: { name: string } & JsonOption) => {
      const { text } = await Witness.create(realWorld, resolve(dir), name)
      await terminal.out(
        json === true
          ? `${safeJson({ witness: dir, vkey: text }, 2)}\n`
          : new Page(look)
              .heading(`Made the witness ${safe(name)}`)
              .fact('in', safe(dir))
              .value('verifier key', safe(text))
              .heading('Next')
              .line(`  deedlog witness add-log ${shellPath(dir)} <verifier key of a log>`)
              .line(`  deedlog witness serve ${shellPath(dir)} --listen 127.0.0.1:7946`)
              .line('Auditors and logs count it by a line of their trust file:')
              .line(`  witness w1 ${safe(text)} <address>`)
              .toString(),
      )
    })
  witness
    .command('add-log')
    .summary('let a witness know a log')
    .description('A witness that runs learns it when it is next asked about that log.')
    .argument('<dir>', 'the witness')
    .argument('<vkey>', 'the verifier key of the log, as deedlog init shows it')
    .addOption(jsonOption('what was added'))
    .action(async (dir: string, vkey: string, { json }: JsonOption) => {
      const isNew = await Witness.addLog(realWorld, resolve(dir), vkey.trim())
      await terminal.out(
        json === true
          ? `${safeJson({ witness: dir, log: vkey.trim(), new: isNew }, 2)}\n`
          : `${isNew ? 'It now knows' : 'It knew'} the log ${safe(vkey.trim().split('+', 1)[0]!)}.\n`,
      )
    })
  witness
    .command('serve')
    .summary('answer the logs it knows, until it is stopped')
    .argument('<dir>', 'the witness')
    .addOption(
      new Option('--listen <address>', 'where: host:port; port 0 takes one that is free')
        .argParser(parseAddress)
        .default({ host: '127.0.0.1', port: 7946 } satisfies Address, '127.0.0.1:7946'),
    )
    .addOption(pathOption('--tls-cert <pem>', 'speak TLS, with this certificate chain'))
    .addOption(pathOption('--tls-key <pem>', 'and this key'))
    .action((dir: string, options: ServeOptions) => serve(dir, options, context))
  addWitnessOfLog(witness, context)
  witness
    .command('status')
    .summary('what a witness has cosigned; of a log: how its witnesses stand')
    .description(
      'Reads the folder of a witness, running or not. Of a log it tells how each of its witnesses stands: that is the ' +
        'word of the log, not evidence.',
    )
    .argument('<dir>', 'the witness, or a log with its private folder')
    .addOption(jsonOption('its logs, or its witnesses'))
    .action(async (dir: string, { json }: JsonOption) => {
      if (await isLog(dir)) return logStatus(dir, json === undefined ? {} : { json }, context)
      const { key, logs } = await Witness.read(realWorld, resolve(dir))
      const forks = await witnessForks(realWorld, resolve(dir))
      await terminal.out(
        json === true
          ? `${safeJson({ witness: dir, vkey: key.text, logs: logs.map(logJson), forks }, 2)}\n`
          : renderStatus(new Page(look), dir, key.text, logs, forks),
      )
    })
}

async function serve(dir: string, options: ServeOptions, { terminal }: Context): Promise<void> {
  const { tlsCert, tlsKey, listen } = options
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError('usage.option', '--tls-cert and --tls-key come together', { expected: 'both, or neither' })
  const tls = tlsCert === undefined ? undefined : { cert: readPem(tlsCert), key: readPem(tlsKey!) }
  const witness = await Witness.open(realWorld, resolve(dir))
  try {
    const running = await serveWitness(witness, {
      ...listen,
      ...(tls ? { tls } : {}),
      log: line => terminal.err(`${formatTime(Date.now())} ${line}\n`),
    })
    // Before the first line that says that it runs: whoever reads it may stop us at once.
    const stopped = nextSignal()
    await terminal.out(`witness ${safe(witness.key.name)} listens at ${running.url}\n`)
    await stopped
    await running.stop()
  } finally {
    await witness.close()
  }
}

function nextSignal(): Promise<void> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

function readPem(path: string): string {
  if (existsSync(path)) return readFileSync(path, 'utf8')
  throw new UsageError('usage.value', `there is no file ${quote(path)}`, { expected: 'the path of a PEM file' })
}

function parseAddress(value: string): Address {
  const [, host, port] = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+)):(\d{1,5})$/i.exec(value)
    ? /^(.*):(\d{1,5})$/.exec(value)!
    : [undefined, undefined, undefined]
  const number = Number(port)
  if (host !== undefined && number <= 65_535) return { host: host.replace(/^\[|\]$/g, ''), port: number }
  throw new UsageError('usage.value', `--listen ${quote(value)} is no address`, {
    expected: 'host:port, such as 127.0.0.1:7946 or [::1]:7946',
  })
}

function renderStatus(
  page: Page,
  dir: string,
  vkey: string,
  logs: readonly WitnessedLog[],
  forks: readonly string[],
): string {
  page.heading(`Witness ${safe(vkey.split('+', 1)[0]!)}`).value('verifier key', safe(vkey))
  if (logs.length === 0) page.line('It knows no log yet.')
  for (const { origin, keys, size, seconds } of logs) {
    page.heading(safe(origin)).fact('cosigned', size === undefined ? 'nothing yet' : `${size} records`)
    if (seconds !== undefined) page.fact('at', formatTime(seconds * 1000))
    for (const { text } of keys) page.value('log key', safe(text))
  }
  if (forks.length > 0)
    page
      .heading('Two histories')
      .line(`${forks.length} checkpoints contradict what it cosigned, each signed by its log: proof of a fork.`)
      .line(`They are in ${safe(`${dir}/forks`)}.`)
  return page.toString()
}

const logJson = ({ origin, keys, size, seconds }: WitnessedLog) => ({
  origin,
  keys: keys.map(({ text }) => text),
  ...(size === undefined ? {} : { size }),
  ...(seconds === undefined ? {} : { time: formatTime(seconds * 1000) }),
})
