import type { Command } from 'commander'
import { type ListedKey, listKeys } from '../client/key-list.js'
import { openSource } from '../client/open.js'
import { quote } from '../core/errors.js'
import { ALGORITHM, parseVerifierKey, type VerifierKey } from '../core/tlog/index.js'
import {
  addAgentKey,
  addOperatorKey,
  type KeyChange,
  type KeyWork,
  replaceAgentKey,
  replaceLogKey,
  replaceOperatorKey,
  retireLogKey,
  withdrawAgentKey,
  withdrawOperatorKey,
} from '../log/key-events.js'
import { type Context, examples } from './command.js'
import { commandSigner } from './command-signer.js'
import { UsageError } from './errors.js'
import { jsonOption, numberOption, wordOption } from './options.js'
import { Page } from './render/page.js'
import { safe, safeJson } from './terminal/safe.js'
import { PAGE_COLUMNS } from './terminal/terminal.js'
import { besideTarget } from './trust-argument.js'
import { version } from './version.js'
import { commandWorld } from './world.js'

interface Whose {
  readonly agent?: string
  readonly operator?: true
  readonly log?: true
  readonly key?: string
  readonly signer?: string
  readonly signerKey?: string
  readonly json?: true
}

interface AddOptions extends Whose {
  readonly new?: true
}

interface WithdrawOptions extends Whose {
  readonly since?: number
}

/** `deedlog keys add|retire|compromised`: what an operator says of keys, as records of the log. */
export function addKeysChange(keys: Command, context: Context): void {
  common(keys, 'add')
    .summary('introduce a key of an agent or an operator, or replace the one that the log keeps')
    .description(
      'Appends a key record, signed by the operator. With --new the log makes the key and keeps it in place of the ' +
        'one it had, which is retired; with --key the key is kept elsewhere.',
    )
    .option('--new', 'make a new key, and retire the one that is in the private folder')
    .addHelpText(
      'after',
      examples([
        [
          'deedlog keys add audit --agent did:example:shop --new',
          'the agent signs with a new key from its next stream on',
        ],
        ['deedlog keys add audit --operator --key example.com/deeds+5d1c…', 'another operator, who keeps the key'],
      ]),
    )
    .action((target: string, options: AddOptions) => add(target, options, context))
  common(keys, 'retire')
    .summary('say that a key is no longer used')
    .description(
      'Appends a key record, signed by the operator: streams that begin above it under the key do not count. ' +
        'Where the secret lies in the private folder, it is destroyed.',
    )
    .addHelpText('after', examples([['deedlog keys retire audit --agent did:example:shop', 'the agent’s only key']]))
    .action((target: string, options: Whose) => withdraw('retire', target, options, context))
  common(keys, 'compromised')
    .summary('say that a key is in other hands')
    .description(
      'Appends a key record, signed by the operator: nothing above it under the key counts, for good. What is ' +
        'below, from --since on, is shown as disputed; nothing is taken away.',
    )
    .addOption(numberOption('--since <index>', 'the first entry that may be a stranger’s', 0, Number.MAX_SAFE_INTEGER))
    .addHelpText(
      'after',
      examples([['deedlog keys compromised audit --agent did:example:shop --since 120', 'stolen about entry 120']]),
    )
    .action((target: string, options: WithdrawOptions) => withdraw('compromised', target, options, context))
}

const common = (keys: Command, name: string): Command =>
  keys
    .command(name)
    .argument('<dir>', 'a log folder, or a JSONL log')
    .addOption(wordOption('--agent <id>', 'a key of this agent'))
    .option('--operator', 'a key of the operator')
    .option('--log', 'the key that signs the checkpoints of the log')
    .option('--key <vkey>', 'which key: a verifier key, as keys list shows it')
    .option('--signer <command>', 'signs for the operator where its key is kept elsewhere: "command argument ..."')
    .option('--signer-key <vkey>', 'whose key the signer holds, where the log has several operators')
    .addOption(jsonOption('what was recorded'))

async function add(target: string, options: AddOptions, context: Context): Promise<void> {
  const work = await workOf(target, options)
  const { agent, operator, log, new: isNew } = options
  oneOf(options)
  if (log && isNew !== true)
    throw new UsageError('usage.option', 'a log is given a new key of its own', { expected: '--log --new' })
  if (log) return tell(target, [await replaceLogKey(work)], options, context)
  if ((isNew === true) === (options.key !== undefined))
    throw new UsageError('usage.option', 'it was not said which key', { expected: 'one of --new and --key <vkey>' })
  if (isNew === true)
    return tell(
      target,
      operator ? await replaceOperatorKey(work) : await replaceAgentKey(work, agent!),
      options,
      context,
    )
  const key = readKey(options.key!, agent)
  await tell(target, [operator ? await addOperatorKey(work, key) : await addAgentKey(work, key)], options, context)
}

async function withdraw(
  event: 'retire' | 'compromised',
  target: string,
  options: WithdrawOptions,
  context: Context,
): Promise<void> {
  const work = await workOf(target, options)
  oneOf(options)
  // Whoever stole the key of a log could have a log say so as well: a trust file alone says which one counts.
  if (options.log && event === 'compromised')
    throw new UsageError('usage.option', 'no record can say that the key of a log is in other hands', {
      expected: 'keys add --log --new and keys retire --log at once, and word to every auditor',
    })
  if (options.log) return tell(target, [await retireLogKey(work)], options, context)
  const key = options.key === undefined ? await onlyKey(target, options) : readKey(options.key, options.agent)
  await known(target, key, options)
  const change = await (options.operator ? withdrawOperatorKey : withdrawAgentKey)(work, event, key, options.since)
  await tell(target, [change], options, context)
}

function oneOf({ agent, operator, log }: Whose): void {
  if ([agent, operator, log].filter(each => each !== undefined).length === 1) return
  throw new UsageError('usage.option', 'it was not said whose key', {
    expected: 'one of --agent <id>, --operator and --log',
  })
}

function readKey(text: string, agent: string | undefined): VerifierKey {
  const key = parseVerifierKey(text)
  if (key.algorithm !== ALGORITHM.ed25519 || (agent !== undefined && key.name !== agent))
    throw new UsageError('keys.other', `${quote(text)} is no key of ${quote(agent ?? 'an operator')}`, {
      expected: agent === undefined ? 'a key of type 1, Ed25519' : `an Ed25519 key named ${quote(agent)}`,
    })
  return key
}

const listed = async (target: string): Promise<readonly ListedKey[]> => {
  const source = await openSource(target)
  try {
    return await listKeys(source, besideTarget(target))
  } finally {
    await source.close()
  }
}

const isOf = (key: ListedKey, { agent }: Whose): boolean =>
  agent === undefined ? key.role === 'operator' : key.role === 'agent' && key.agent === agent

/** The key that is meant where none is named. */
async function onlyKey(target: string, options: Whose): Promise<VerifierKey> {
  const keys = (await listed(target)).filter(key => isOf(key, options) && key.state === 'in use')
  if (keys.length === 1) return parseVerifierKey(keys[0]!.vkey)
  throw new UsageError(
    'keys.which',
    `there are ${keys.length} keys in use of ${quote(options.agent ?? 'the operator')}`,
    {
      expected: '--key <vkey>, as deedlog keys list shows it',
    },
  )
}

/** A slip of the hand would withdraw a key that nobody has, and leave the one that is meant. */
async function known(target: string, key: VerifierKey, options: Whose): Promise<void> {
  const isKnown = (await listed(target)).some(each => isOf(each, options) && sameKey(parseVerifierKey(each.vkey), key))
  if (isKnown) return
  throw new UsageError(
    'keys.unknown',
    `this log knows no key ${quote(key.text)} of ${quote(options.agent ?? 'an operator')}`,
    {
      expected: 'a key that deedlog keys list shows',
    },
  )
}

const sameKey = (a: VerifierKey, b: VerifierKey): boolean => a.publicKey.every((byte, i) => byte === b.publicKey[i])

async function workOf(target: string, { signer, signerKey }: Whose): Promise<KeyWork> {
  const work = { world: commandWorld, target, recorder: { name: 'deedlog', version: version() } }
  if (signer === undefined) return work
  const key = signerKey === undefined ? await onlyKey(target, { operator: true }) : readKey(signerKey, undefined)
  return { ...work, operator: commandSigner(signer, key.publicKey) }
}

async function tell(
  target: string,
  changes: readonly KeyChange[],
  { agent, log, json }: Whose,
  { terminal }: Context,
): Promise<void> {
  const whose = log ? 'the log' : (agent ?? 'the operator')
  const lines = changes.flatMap(change => change.lines)
  const isWritten = changes.every(({ written, lines }) => written || lines.length === 0)
  const trust = besideTarget(target)
  if (json === true) {
    const rows = changes.map(({ written: _, ...change }) => ({ ...change, verifier: verdictOf(change, whose) }))
    await terminal.out(`${safeJson({ target, changes: rows, trust: { file: trust, written: isWritten, lines } }, 2)}\n`)
    return
  }
  const page = new Page({ paint: terminal.paint, columns: terminal.columns ?? PAGE_COLUMNS })
  for (const change of changes) {
    page.heading(`${HEADINGS[change.event]} ${safe(whose)}`).value('key', safe(change.vkey))
    page.fact('recorded', `entry ${change.index}, signed by the operator`)
    page.fact('a verifier', verdictOf(change, whose))
    if (change.destroyed) page.fact('secret', 'was in the private folder, and is destroyed')
  }
  page.heading('Trust file')
  if (log && lines.length === 0) page.line(`  to be taken out:  log ${safe(changes[0]!.vkey)}`)
  else if (lines.length === 0) page.line('  stays as it is: the first record of the log goes on naming the operator')
  else {
    page.fact(
      'auditors need',
      isWritten ? `what ${safe(trust)} says now, by another way than the log:` : 'these lines:',
    )
    for (const line of lines) page.line(`  ${safe(line)}`)
  }
  await terminal.out(page.toString())
}

const HEADINGS = { add: 'New key of', retire: 'Retired key of', compromised: 'Compromised key of' }

/** What a verifier will say from now on. */
function verdictOf({ event, index }: Pick<KeyChange, 'event' | 'index'>, whose: string): string {
  if (whose === 'the log')
    return event === 'add'
      ? 'is satisfied by checkpoints of either key, until the old one is retired'
      : 'that knows only this key says that it has not signed the log any more: evidence against, exit 1'
  if (event === 'add')
    return whose === 'the operator'
      ? `counts operator streams under it that begin above entry ${index}`
      : `calls streams under it that begin above entry ${index} pinned with the line below, introduced without`
  if (event === 'retire')
    return `calls streams under it that begin above entry ${index} contradicted; those below stay as they are`
  return `counts nothing under it above entry ${index}, and shows as disputed what --since names below; nothing is removed`
}
