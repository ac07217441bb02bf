import type { Command } from 'commander'
import { ALGORITHM, formatVerifierKey } from '../core/tlog/index.js'
import { createLog } from '../log/index.js'
import { witnessPolicyOf } from '../publish/witness-config.js'
import { type Context, examples } from './command.js'
import { UsageError } from './errors.js'
import { jsonOption, linesOption, numberOption, wordOption } from './options.js'
import { type Look, Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { shellPath, shellWord } from './terminal/shell-word.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { besideTarget } from './trust-argument.js'

interface InitOptions {
  readonly origin?: string
  readonly agent?: string
  readonly retentionDays?: number
  readonly witness?: readonly string[]
  readonly quorum?: number
  readonly json?: true
}

/** What `init` made, as `--json` prints it. Verifier keys are public; secrets never leave the log's private folder. */
interface Made {
  readonly target: string
  readonly origin: string
  readonly logId: string
  readonly trust: string
  /** Lines `witness`, `group` and `quorum` of its trust file; absent where nobody is asked. */
  readonly witnesses?: readonly string[]
  readonly keys: {
    readonly log: string
    readonly operator: string
    readonly agent?: { readonly id: string; readonly vkey: string }
  }
}

// A promise of more than a thousand years is a slip of the hand, and the first record keeps it for good.
const RETENTION_DAYS_MAX = 365_250
// Each is asked for every checkpoint.
export const WITNESSES_MAX = 64

export function addInit(program: Command, context: Context): void {
  program
    .command('init')
    .summary('make a log, and beside it the trust file for its auditors')
    .description(
      'Makes an empty log: a folder, or a JSONL log where the path ends in .jsonl. Its keys are made and stay inside. ' +
        'The trust file is written beside the log, never in it: hand it to auditors yourself.',
    )
    .argument('<dir>', 'where: a path that does not exist yet, or an empty folder')
    .addOption(
      wordOption('--origin <name>', 'what the log is called for good, such as example.com/deeds; default: unique'),
    )
    .addOption(wordOption('--agent <id>', "make this agent's key too, and name it in the trust file"))
    .addOption(
      numberOption(
        '--retention-days <n>',
        'promise to keep entries so long, and allow pruning after',
        1,
        RETENTION_DAYS_MAX,
      ),
    )
    .addOption(
      linesOption(
        '--witness <line>',
        'who shall see its checkpoints: "<name> <verifier key> <address>", as its keeper gives them; repeatable',
      ),
    )
    .addOption(numberOption('--quorum <n>', 'how many of them must cosign; default: more than half', 1, WITNESSES_MAX))
    .addOption(jsonOption('what was made'))
    .addHelpText(
      'after',
      examples([
        ['deedlog init audit', 'a log in the folder audit, its trust file audit.trust'],
        [
          'deedlog init audit --origin example.com/deeds --agent did:example:shop',
          'named, and with an agent auditors know',
        ],
        ['deedlog init audit.jsonl', 'one record per line in one file'],
        ['deedlog init audit --witness "$(cat w1.line)"', 'a witness cosigns its checkpoints'],
      ]),
    )
    .action((target: string, options: InitOptions) => run(target, options, context))
}

async function run(target: string, options: InitOptions, { terminal }: Context): Promise<void> {
  const made = await make(target, options)
  const look = { paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS }
  await terminal.out(options.json === true ? `${safeJson(made, 2)}\n` : renderMade(made, look))
}

async function make(target: string, options: InitOptions): Promise<Made> {
  const { origin, agent, retentionDays } = options
  const policy = policyOf(options)
  const log = await createLog(target, {
    ...(policy === undefined ? {} : { witnessPolicy: policy }),
    ...(origin === undefined ? {} : { origin }),
    ...(retentionDays === undefined ? {} : { retentionDays }),
  })
  try {
    const keys = { log: log.verifierKey, operator: log.operatorKey }
    const made = {
      target,
      origin: log.origin,
      logId: log.id,
      trust: besideTarget(target),
      ...(policy === undefined ? {} : { witnesses: policy.trimEnd().split('\n') }),
    }
    // The log makes the key on first use, and adds it to the trust file.
    const identity = agent === undefined ? undefined : await log.identity?.(agent)
    if (agent === undefined || identity === undefined) return { ...made, keys }
    const vkey = formatVerifierKey(agent, ALGORITHM.ed25519, identity.publicKey).text
    return { ...made, keys: { ...keys, agent: { id: agent, vkey } } }
  } finally {
    await log.close()
  }
}

/**
 * The policy that `--witness` and `--quorum` ask for; undefined where they do not.
 * @throws {MalformedError} `policy.*`
 */
export function policyOf({ witness, quorum }: Pick<InitOptions, 'witness' | 'quorum'>): string | undefined {
  if (witness !== undefined) return witnessPolicyOf(witness, quorum)
  if (quorum === undefined) return undefined
  throw new UsageError('usage.option', '--quorum counts witnesses, and there is none', {
    expected: '--witness "<name> <verifier key> <address>" for each of them',
  })
}

/** What was made, and what to type next. */
export function renderMade({ target, origin, logId, trust, witnesses, keys }: Made, look: Look): string {
  const page = new Page(look)
    .heading(`Made the log ${safe(target)}`)
    .value('origin', safe(origin))
    .value('log id', logId)
    .value('log key', safe(keys.log))
    .value('operator key', safe(keys.operator))
  if (keys.agent !== undefined) page.value('agent key', safe(keys.agent.vkey))
  page
    .fact('trust file', `${safe(trust)}: give it to auditors another way than the log`)
    .fact('secrets', 'stay in the private folder: back it up, let no agent read it')
  for (const line of witnesses ?? []) page.value('trusts', safe(line))
  page.heading('Next')
  const path = shellPath(target)
  if (witnesses !== undefined)
    page
      .line('Give the log key to whoever keeps a witness; where it is deedlog, they type:')
      .line(`  deedlog witness add-log <their witness> ${shellWord(keys.log)}`)
      .line('and then you:')
      .line(`  deedlog witness ask ${path}`)
  const as = keys.agent === undefined ? '' : ` --agent ${shellWord(keys.agent.id)}`
  page
    .line(`  deedlog exec ${path} --tool hello${as} -- echo hello`)
    .line(`  deedlog list ${path}`)
    .line(`  deedlog verify ${path} --trust ${shellPath(trust)}`)
    .heading(
      witnesses === undefined ? 'Nobody but you holds it to anything yet. It may be seen by' : 'It may also be seen by',
    )
  if (witnesses === undefined)
    page
      .line('  a witness: it cannot have two histories, nor lose its end')
      .line(`    deedlog witness use ${path} --witness "<name> <verifier key> <address>"`)
  return page
    .line('  a time-stamp authority: by when a record existed, as a court may take it')
    .line(`    deedlog anchor add ${path} --tsa <address> --name <name>`)
    .line('  a chain: the same without an authority, for the price of a transaction')
    .line(`    deedlog anchor add ${path} --chain base --rpc <address> --key-file <file> --name base`)
    .toString()
}
