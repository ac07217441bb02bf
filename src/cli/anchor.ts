import { type Command, Option } from 'commander'
import { readForeignFile } from '../client/read-file.js'
import { ANCHOR_MODES, isAnchorName } from '../core/anchor/index.js'
import { quote, UnavailableError } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import { NOTE_BYTES_MAX } from '../core/tlog/index.js'
import { reading } from '../log/disk-error.js'
import type { Layout } from '../log/layout.js'
import { layoutOf } from '../log/operator.js'
import { realWorld } from '../log/world.js'
import { anchorsOf, readAnchorConfig, writeAnchorConfig } from '../publish/anchor-config.js'
import { AnchorRunner, type Round } from '../publish/anchor-runner.js'
import { type AnchorStanding, anchorStandings } from '../publish/anchor-status.js'
import { type AddOptions, entryOf } from './anchor-entry.js'
import { type Context, examples, exitCodes } from './command.js'
import { UsageError } from './errors.js'
import { choiceOption, jsonOption, pathOption, pathsOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface RunOptions {
  readonly now?: true
  readonly json?: true
}

/** `deedlog anchor`, `anchor add`, `anchor remove`, `anchor status`: checkpoints dated by somebody outside. */
export function addAnchor(program: Command, context: Context): void {
  const anchor = program
    .command('anchor')
    .summary('have checkpoints dated by somebody outside; how that stands')
    .description(
      'Has the newest checkpoint of a log dated by the authorities that were added: from then on an auditor who trusts ' +
        'one of them knows that its records existed by that time. Only a hash leaves the machine.',
    )
    .addHelpText(
      'after',
      examples([
        ['deedlog anchor add audit --tsa https://tsa.example/tsr --name example', 'whom to ask'],
        [
          'deedlog anchor add audit --chain base --rpc https://node.example --key-file payer.key --name base',
          'a chain: one transaction per checkpoint',
        ],
        ['deedlog anchor audit --now', 'have the newest checkpoint dated'],
        ['deedlog anchor status audit', 'what was dated, what waits, what failed'],
      ]) + exitCodes('0 all is dated, or waits for the other side; 2 something was refused, or nobody answered.'),
    )
  anchor
    .command('run', { isDefault: true, hidden: true })
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .option('--now', 'the newest checkpoint, and all that waits, at once; without it, only what is due')
    .addOption(jsonOption('what was done'))
    .action((target: string, options: RunOptions) => run(target, options, context))
  anchor
    .command('add')
    .summary('add a time-stamp authority (RFC 3161), a chain (EVM), or a service of Mycelium Trails')
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .option('--tsa <url>', 'a time-stamp authority: where requests are posted')
    .option(
      '--chain <chain>',
      'a chain with a registry: base, arbitrum-one, ink, or the id of another; with --rpc and a key',
    )
    .option('--trails <url>', 'a service of Mycelium Trails: a third party that writes checkpoints down')
    .option('--name <name>', 'what to call it: lowercase letters, digits, hyphens')
    .addOption(
      choiceOption(
        '--mode <mode>',
        'enforce: "published" is kept back while it is overdue; queue: tried again for half a day; best_effort: once',
        ANCHOR_MODES,
      ),
    )
    .addOption(new Option('--policy <oid>', 'under which policy it is to stamp'))
    .addOption(pathsOption('--root <file>', 'a certificate that it must lead to, DER or PEM; repeatable'))
    .option('--rpc <url>', 'a node of the chain')
    .option('--key-env <variable>', 'the environment variable that holds the private key of who pays')
    .addOption(pathOption('--key-file <file>', 'or the file that holds it, which nobody else may read'))
    .option('--finality <when>', 'finalized (default), safe, or a number of blocks above')
    .option('--max-cost-wei <wei>', 'most that one anchor may cost; default 10^15, a thousandth of an ether')
    .option('--api-key-env <variable>', 'the environment variable that holds the key for the bills of the trails')
    .action((target: string, options: AddOptions) => add(target, options, context))
  anchor
    .command('remove')
    .summary('ask an anchor no longer; what it has dated stays')
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .argument('<name>', 'what it is called')
    .action((target: string, name: string) => remove(target, name, context))
  anchor
    .command('status')
    .summary('what was dated, what waits, what failed: the word of this log, not evidence')
    .argument('<dir>', 'a log folder, or a JSONL log, with its private folder')
    .addOption(jsonOption('how each anchor stands'))
    .action((target: string, options: { readonly json?: true }) => status(target, options, context))
}

async function run(target: string, { now, json }: RunOptions, context: Context): Promise<void> {
  const layout = await logAt(target)
  const config = await readAnchorConfig(realWorld, layout)
  if (config.anchors.length === 0) throw noAnchors(target)
  const runner = new AnchorRunner(realWorld, layout, anchorsOf(config))
  const note = await newestNote(layout, target)
  const { scheduled } = await runner.queue()
  const isDue = now || !scheduled || Date.now() - scheduled.ms >= (config.everyMinutes ?? EVERY_MINUTES) * 60_000
  const { signal } = new AbortController()
  let round = await runner.round({ ...(isDue ? { note } : {}), ...(now ? { all: true } : {}), signal })
  // What was signed is kept in one round and sent in the next, which is due at once.
  for (let more = 1; more < ROUNDS_MAX && round.waiting.some(({ nextMs }) => nextMs <= Date.now()); more++)
    round = merged(round, await runner.round({ signal }))
  if (round.results.some(({ state, code }) => state === 'failed' || (state === 'pending' && code !== undefined)))
    context.exitCode = 2
  const { terminal } = context
  await terminal.out(json === true ? `${safeJson(roundJson(round), 2)}\n` : roundText(round, target, context))
}

const EVERY_MINUTES = 60
const ROUNDS_MAX = 4

/** Of each anchor and size, what became of it last. */
function merged(before: Round, { results, waiting }: Round): Round {
  const old = before.results.filter(
    ({ kind, name, size }) => !results.some(each => each.kind === kind && each.name === name && each.size === size),
  )
  return { results: [...old, ...results], waiting }
}

/** A log that is there: nothing is written into a folder that is none. */
async function logAt(target: string): Promise<Layout> {
  const layout = await layoutOf(realWorld, target)
  if (await reading(layout.config, realWorld.disk.stat(layout.config))) return layout
  throw new UnavailableError('log.missing', `there is no log with its private folder at ${layout.target}`, {
    expected: 'the path of a log; `deedlog init` makes one',
  })
}

const roundJson = ({ results, waiting }: Round) => ({
  results,
  waiting: waiting.map(({ kind, name, size, attempts, nextMs }) => ({
    kind,
    name,
    size,
    attempts,
    next: formatTime(nextMs),
  })),
})

function roundText({ results, waiting }: Round, target: string, { terminal }: Context): string {
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  page.heading(results.length === 0 ? 'Nothing was due' : 'Anchors')
  for (const { name, kind, size, state, detail, code } of results)
    page.fact(`${name}`, `${kind}, size ${size}: ${state}${why(detail, code)}`)
  for (const { name, size, nextMs } of waiting)
    page.fact('waits', `${name}, size ${size}, is asked again at ${formatTime(nextMs)}`)
  return page
    .heading('Next')
    .line(`  deedlog anchor status ${shellPath(target)}`)
    .toString()
}

const why = (detail: string | undefined, code: string | undefined): string =>
  detail === undefined ? '' : `, ${safe(detail)}${code === undefined ? '' : ` [${safe(code)}]`}`

async function newestNote(layout: Layout, target: string): Promise<Uint8Array> {
  const note = await readForeignFile(layout.checkpoint, NOTE_BYTES_MAX)
  if (note) return note
  throw new UnavailableError('log.missing', `${quote(target)} has no checkpoint yet`, {
    expected: 'a log with a record',
  })
}

const noAnchors = (target: string): UsageError =>
  new UsageError('usage.option', 'this log has no anchors', {
    expected: 'somebody who is asked to date its checkpoints',
    next: `deedlog anchor add ${shellPath(target)} --tsa <url> --name <name>`,
  })

async function add(target: string, options: AddOptions, { terminal }: Context): Promise<void> {
  const entry = await entryOf(options)
  const { name } = entry
  if (!isAnchorName(name))
    throw new UsageError('usage.value', `--name ${quote(name)} cannot be the name of an anchor`, {
      expected: '1 to 64 lowercase letters, digits and hyphens',
    })
  const layout = await logAt(target)
  const config = await readAnchorConfig(realWorld, layout)
  if (config.anchors.some(each => each.name === name))
    throw new UsageError('usage.conflict', `this log has an anchor ${quote(name)} already`, {
      expected: 'another name',
    })
  const next = { ...config, anchors: [...config.anchors, entry] }
  // Refused now, not when it is first asked.
  anchorsOf(next)
  await writeAnchorConfig(realWorld, layout, next)
  await terminal.out(`Added ${name}. Next: deedlog anchor ${shellPath(target)} --now\n`)
}

async function remove(target: string, name: string, { terminal }: Context): Promise<void> {
  const layout = await logAt(target)
  const config = await readAnchorConfig(realWorld, layout)
  const anchors = config.anchors.filter(each => each.name !== name)
  if (anchors.length === config.anchors.length)
    throw new UsageError('usage.value', `this log has no anchor ${quote(name)}`, {
      expected: config.anchors.map(each => each.name).join(', ') || 'none is there',
    })
  await writeAnchorConfig(realWorld, layout, { ...config, anchors })
  await terminal.out(`${safe(name)} is asked no longer. What it has dated stays.\n`)
}

async function status(target: string, { json }: { readonly json?: true }, { terminal }: Context): Promise<void> {
  const layout = await logAt(target)
  const { anchors } = await readAnchorConfig(realWorld, layout)
  const standings = await anchorStandings(realWorld, layout)
  const fresh = anchors.filter(({ kind, name }) => !standings.some(each => each.kind === kind && each.name === name))
  if (json === true) {
    await terminal.out(`${safeJson({ standings, asked: anchors.map(({ kind, name }) => ({ kind, name })) }, 2)}\n`)
    return
  }
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  page.heading(standings.length + fresh.length === 0 ? 'This log has no anchors' : 'Anchors, as this log says')
  for (const standing of standings) renderStanding(page, standing)
  for (const { kind, name } of fresh) page.fact(name, `${kind}, not asked yet`)
  await terminal.out(page.toString())
}

function renderStanding(page: Page, { kind, name, anchored, newest, nextMs }: AnchorStanding): void {
  const last = anchored
    ? `dated to size ${anchored.size}${anchored.time ? ` at ${anchored.time}` : ''}`
    : 'nothing is dated'
  page.fact(name, `${kind}, ${last}`)
  if (newest.state !== 'anchored')
    page.line(
      `    size ${newest.size}: ${newest.state}${why(newest.detail, newest.code)}; ${newest.attempts ?? 0} attempts`,
    )
  if (nextMs !== undefined) page.line(`    asked again at ${formatTime(nextMs)}`)
}
