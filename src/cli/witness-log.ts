import type { Command } from 'commander'
import { isDeedlogError, UnavailableError } from '../core/errors.js'
import { reading } from '../log/disk-error.js'
import { openLogIn } from '../log/index.js'
import type { Layout } from '../log/layout.js'
import { layoutOf } from '../log/operator.js'
import { SharedLog } from '../log/shared-log.js'
import { readStandings, type WitnessStanding, witnessPolicyPath } from '../log/witness-standing.js'
import { realWorld, type World } from '../log/world.js'
import { configuredWitnesses, writeWitnessPolicy } from '../publish/witness-config.js'
import type { Context } from './command.js'
import { UsageError } from './errors.js'
import { policyOf, WITNESSES_MAX } from './init.js'
import { jsonOption, linesOption, numberOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'

interface JsonOption {
  readonly json?: true
}

interface AskOptions extends JsonOption {
  readonly wait?: number
}

interface UseOptions extends JsonOption {
  readonly witness?: readonly string[]
  readonly quorum?: number
}

const WAIT_SECONDS_MAX = 3600

/** `deedlog witness ask` and `use`: the side of the log whose checkpoints are cosigned. */
export function addWitnessOfLog(witness: Command, context: Context): void {
  witness
    .command('ask')
    .summary('have the newest checkpoint of a log cosigned now')
    .description(
      'Asks the witnesses of a log once, by itself or through the process that has the log open. Commands that write ' +
        'the log ask them anyway, and so does a program that opens it with witnesses.',
    )
    .argument('<log>', 'a log folder, or a JSONL log, with its private folder')
    .addOption(numberOption('--wait <seconds>', 'how long a quorum may take; default: 10', 1, WAIT_SECONDS_MAX))
    .addOption(jsonOption('how each witness stands'))
    .action((target: string, options: AskOptions) => ask(target, options, context))
  witness
    .command('use')
    .summary('whom the commands that write a log ask from now on')
    .description(
      'Replaces the witnesses in the private folder of a log. Its trust file is not touched: the lines for it are printed, ' +
        'and auditors must have them from you.',
    )
    .argument('<log>', 'a log folder, or a JSONL log, with its private folder')
    .addOption(
      linesOption('--witness <line>', '"<name> <verifier key> <address>", as its keeper gives them; repeatable'),
    )
    .addOption(numberOption('--quorum <n>', 'how many of them must cosign; default: more than half', 1, WITNESSES_MAX))
    .addOption(jsonOption('the lines'))
    .action((target: string, options: UseOptions) => use(target, options, context))
}

async function ask(target: string, { json, wait = 10 }: AskOptions, context: Context): Promise<void> {
  const layout = await logAt(target)
  if (!(await reading(layout.target, realWorld.disk.stat(witnessPolicyPath(layout)))))
    throw new UsageError('usage.option', 'this log has no witnesses', {
      expected: 'somebody who is asked to cosign its checkpoints',
      next: `deedlog witness use ${shellPath(target)} --witness "<name> <verifier key> <address>"`,
    })
  const world: World = {
    ...realWorld,
    witnessesOf: (disk, place) => configuredWitnesses(disk, place, { waitMs: wait * 1000 }),
  }
  const log = new SharedLog(world, layout.target, { create: false }, layout.kind, openLogIn)
  const failed = await askThrough(log)
  if (failed) context.exitCode = 2
  const standings = await readStandings(realWorld.disk, layout)
  const { terminal } = context
  await terminal.out(
    json === true
      ? `${safeJson({ witnessed: !failed, witnesses: standings.map(standingJson) }, 2)}\n`
      : renderStandings(standings, context, failed ? 'No quorum has cosigned' : 'Cosigned'),
  )
}

/** Why the newest checkpoint was not cosigned; undefined when it was. */
async function askThrough(log: SharedLog): Promise<Error | undefined> {
  try {
    // Opens it, or joins who has it open: what was never used has nothing to flush.
    await log.logs()
    await log.flush('witnessed')
    return undefined
  } catch (error) {
    if (isDeedlogError(error) && error.code === 'log.unwitnessed') return error
    throw error
  } finally {
    await log.close()
  }
}

async function use(target: string, options: UseOptions, { terminal }: Context): Promise<void> {
  const policy = policyOf(options)
  if (policy === undefined)
    throw new UsageError('usage.option', 'no witness was named', {
      expected: '--witness "<name> <verifier key> <address>", for each of them',
    })
  await writeWitnessPolicy(realWorld.disk, await logAt(target), policy)
  const lines = policy.trimEnd().split('\n')
  if (options.json === true) {
    await terminal.out(`${safeJson({ log: target, lines }, 2)}\n`)
    return
  }
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }).heading(
    'Lines for the trust file, in the place of its quorum line',
  )
  for (const line of lines) page.line(safe(line))
  await terminal.out(
    page
      .heading('Next')
      .line(`  deedlog witness ask ${shellPath(target)}`)
      .toString(),
  )
}

/** A log that is there, as distinct from a witness. */
async function logAt(target: string): Promise<Layout> {
  const layout = await layoutOf(realWorld, target)
  if (await reading(layout.config, realWorld.disk.stat(layout.config))) return layout
  throw new UnavailableError('log.missing', `there is no log with its private folder at ${layout.target}`, {
    expected: 'the path of a log; `deedlog init` makes one',
  })
}

/** Whether a folder is a log's, and not a witness's. */
export async function isLog(target: string): Promise<boolean> {
  try {
    await logAt(target)
    return true
  } catch (error) {
    if (isDeedlogError(error) && error.code === 'log.missing') return false
    throw error
  }
}

/** `deedlog witness status` of a log: the word of whoever keeps it, not evidence. */
export async function logStatus(target: string, { json }: JsonOption, context: Context): Promise<void> {
  const standings = await readStandings(realWorld.disk, await logAt(target))
  const heading = standings.length === 0 ? 'No witness of this log was asked yet' : 'Witnesses, as this log says'
  await context.terminal.out(
    json === true
      ? `${safeJson({ log: target, witnesses: standings.map(standingJson) }, 2)}\n`
      : renderStandings(standings, context, heading),
  )
}

function renderStandings(standings: readonly WitnessStanding[], { terminal }: Context, heading: string): string {
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }).heading(heading)
  for (const { name, asked, error, cosigned } of standings) {
    page.fact(
      safe(name),
      cosigned ? `cosigned size ${cosigned.size} at ${safe(cosigned.time)}` : 'has cosigned nothing',
    )
    if (error)
      page.item(
        '    ',
        `size ${asked.size}, asked at ${safe(asked.time)}: ${safe(error.message)} [${safe(error.code)}]`,
      )
  }
  return page.toString()
}

/** Without the note: it is long, and everybody who verifies has it. */
const standingJson = ({ cosigned, ...standing }: WitnessStanding) => ({
  ...standing,
  ...(cosigned && { cosigned: { size: cosigned.size, time: cosigned.time } }),
})
