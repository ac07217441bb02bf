import { ed25519PublicKey } from '#crypto'
import { equalBytes } from '../core/bytes/equal.js'
import { quote, UnavailableError } from '../core/errors.js'
import { encodeKey } from '../core/record/index.js'
import { ALGORITHM, formatVerifierKey, type VerifierKey } from '../core/tlog/index.js'
import type { Signer } from './backend.js'
import { parseConfig } from './config.js'
import { reading } from './disk-error.js'
import { openLogIn } from './index.js'
import type { Layout } from './layout.js'
import { appendAsOperator, appendStream, layoutOf, operatorOf } from './operator.js'
import { SharedLog } from './shared-log.js'
import { seedSigner } from './signer.js'
import { FileKeys } from './stores/file-keys.js'
import { addLine, agentLine, endAgent, removeLine } from './trust-file.js'
import type { World } from './world.js'

/*
 * What an operator does about keys: each a `key` record in a stream of the operator, and the lines that auditors are to
 * have. A record acts on what stands above it, so that its place in the tree decides, and no clock. See spec/keys.md.
 */

/** Where and as whom it is done. */
export interface KeyWork {
  readonly world: World
  readonly target: string
  readonly recorder: { readonly name: string; readonly version: string }
  /** Signs for the operator. Default: the key in the private folder. */
  readonly operator?: Signer
}

/** What was done. */
export interface KeyChange {
  readonly event: 'add' | 'retire' | 'compromised'
  /** The key that it is about. */
  readonly vkey: string
  /** Index of the `key` record: it acts on what is above. */
  readonly index: number
  /** Lines that auditors are to have from now on, as the trust file beside the log has them. */
  readonly lines: readonly string[]
  /** Whether there is a trust file beside the log, which was changed. */
  readonly written: boolean
  /** Whether the secret of the key was in the private folder, and is gone. */
  readonly destroyed?: true
}

/** Introduces an agent's key that is kept elsewhere. */
export async function addAgentKey(work: KeyWork, key: VerifierKey): Promise<KeyChange> {
  const { world } = work
  const { trustFile } = await layoutOf(world, work.target)
  const index = await record(work, { event: 'add', key: encodeKey(key.publicKey), agent: key.name })
  const line = agentLine(key.text, index + 1)
  return { event: 'add', vkey: key.text, index, lines: [line], written: await addLine(world.disk, trustFile, line) }
}

/** Adds an operator's key that is kept elsewhere. */
export async function addOperatorKey(work: KeyWork, key: VerifierKey): Promise<KeyChange> {
  const { world } = work
  const { trustFile } = await layoutOf(world, work.target)
  const index = await record(work, { event: 'add', key: encodeKey(key.publicKey) })
  const line = `operator ${key.text}`
  return { event: 'add', vkey: key.text, index, lines: [line], written: await addLine(world.disk, trustFile, line) }
}

/**
 * Gives an agent a new key of this log, and retires the one it had here. In this order: the new key is durable; the
 * record that introduces it; its line; then it takes the other's place, and only then the other is retired. A crash
 * anywhere leaves a key in use that counts; until the new one is in its place, doing it again goes on with that one.
 */
export async function replaceAgentKey(work: KeyWork, agent: string): Promise<readonly KeyChange[]> {
  const { world } = work
  const keys = new FileKeys(world.disk, await layoutOf(world, work.target))
  const key = await nextKey(work, keys, { agent }, agent)
  const old = await keys.get({ agent })
  const added = await addAgentKey(work, key)
  await keys.promote({ agent })
  await tellHolder(work)
  if (!old) return [added]
  const oldKey = formatVerifierKey(agent, ALGORITHM.ed25519, ed25519PublicKey(old))
  return [added, { ...(await withdrawAgentKey(work, 'retire', oldKey)), destroyed: true }]
}

/** As {@link replaceAgentKey}, for the operator: the old key adds the new one, which then retires the old. */
export async function replaceOperatorKey(work: KeyWork): Promise<readonly KeyChange[]> {
  const { world } = work
  const layout = await layoutOf(world, work.target)
  const keys = new FileKeys(world.disk, layout)
  const origin = await originOf(work, layout)
  const old = formatVerifierKey(
    origin,
    ALGORITHM.ed25519,
    (work.operator ?? (await operatorOf(world, layout))).publicKey,
  )
  const key = await nextKey(work, keys, 'operator', origin)
  const added = await addOperatorKey(work, key)
  const seed = (await keys.get({ next: 'operator' }))!
  await keys.promote('operator')
  const retired = await withdrawOperatorKey({ ...work, operator: seedSigner(seed) }, 'retire', old)
  return [added, work.operator ? retired : { ...retired, destroyed: true }]
}

/**
 * Gives the log a new key. From then on both keys sign every checkpoint, the old one too, until {@link retireLogKey}:
 * auditors have the time between to get the new line. Nobody else may hold the log meanwhile. When it is done again
 * before that, it finishes what was begun, with the same keys.
 *
 * @throws {UnavailableError} `log.locked`
 */
export async function replaceLogKey(work: KeyWork): Promise<KeyChange> {
  const { world } = work
  const layout = await layoutOf(world, work.target)
  const keys = new FileKeys(world.disk, layout)
  await alone(work, layout)
  const own = await keys.get('log')
  if (!own)
    throw new UnavailableError('log.key', 'the key of this log is kept elsewhere, and replaced there', {
      expected: 'a log that keeps its own key',
    })
  const former = await keys.get('former-log')
  if (!former || equalBytes(former, own)) {
    if (!(await keys.get({ next: 'log' }))) await keys.put({ next: 'log' }, world.random(32))
    // A crash here leaves one key under two names, which signs once; after the next line both sign.
    await keys.put('former-log', own)
    await keys.promote('log')
  }
  const origin = await originOf(work, layout)
  const key = formatVerifierKey(origin, ALGORITHM.ed25519, ed25519PublicKey((await keys.get('log'))!))
  const index = await logKeyRecord(work, 'add', key)
  const line = `log ${key.text}`
  return {
    event: 'add',
    vkey: key.text,
    index,
    lines: [line],
    written: await addLine(world.disk, layout.trustFile, line),
  }
}

/**
 * Ends the overlap that {@link replaceLogKey} began: the old key signs no more, its secret is destroyed, and its line
 * leaves the trust file, so that nobody who steals it later can show those who took the new file another history.
 *
 * @throws {UnavailableError} `log.locked`; `key.no-former` when no key is being replaced
 */
export async function retireLogKey(work: KeyWork): Promise<KeyChange> {
  const { world } = work
  const layout = await layoutOf(world, work.target)
  const keys = new FileKeys(world.disk, layout)
  await alone(work, layout)
  const former = await keys.get('former-log')
  if (!former)
    throw new UnavailableError('key.no-former', 'no key of this log is being replaced', {
      expected: 'a log with two keys: deedlog keys add <dir> --log --new makes the second',
    })
  const key = formatVerifierKey(await originOf(work, layout), ALGORITHM.ed25519, ed25519PublicKey(former))
  const index = await logKeyRecord(work, 'retire', key)
  await keys.remove('former-log')
  // The checkpoint that everybody sees is to be the new key's alone.
  await appendStream(world, work.target, [], work.recorder, work.operator)
  const written = await removeLine(world.disk, layout.trustFile, `log ${key.text}`)
  return { event: 'retire', vkey: key.text, index, lines: [], written, destroyed: true }
}

/**
 * Tells readers of the log about its key, in the operator's name. No type of record is about log keys, since a trust
 * file and not the log says which count; a member that readers may pass over does it.
 */
async function logKeyRecord(work: KeyWork, event: 'add' | 'retire', key: VerifierKey): Promise<number> {
  const { world, target, recorder, operator } = work
  // spec/keys.md, "The log's key".
  const member = { 'deedlog.log-key': { event, key: encodeKey(key.publicKey) } }
  const [start] = await appendStream(world, target, [], recorder, operator, member)
  return start!.index
}

/** Makes sure that no other process holds the log, and that it can be opened. */
async function alone({ world }: KeyWork, layout: Layout): Promise<void> {
  const log = await openLogIn(world, layout.target, { create: false }, layout.kind)
  await log.close()
}

/** Says that an agent's key is no longer to be used, or is in other hands. Its secret, if it is here, is destroyed. */
export async function withdrawAgentKey(
  work: KeyWork,
  event: 'retire' | 'compromised',
  key: VerifierKey,
  since?: number,
): Promise<KeyChange> {
  const { world } = work
  const layout = await layoutOf(world, work.target)
  const index = await record(work, { event, key: encodeKey(key.publicKey), agent: key.name, ...sinceOf(since) })
  const written = await endAgent(world.disk, layout.trustFile, key.text, index)
  const change: KeyChange = { event, vkey: key.text, index, lines: [agentLine(key.text, 0, index)], written }
  const keys = new FileKeys(world.disk, layout)
  const held = await keys.get({ agent: key.name })
  if (!held || encodeKey(ed25519PublicKey(held)) !== encodeKey(key.publicKey)) return change
  await keys.remove({ agent: key.name })
  await tellHolder(work)
  return { ...change, destroyed: true }
}

/**
 * The same for an operator's key. Its line stays in trust files: the first record of the log goes on naming it.
 *
 * @throws {UnavailableError} `key.last-operator` when it is the key that would sign this: nobody could undo it
 */
export async function withdrawOperatorKey(
  work: KeyWork,
  event: 'retire' | 'compromised',
  key: VerifierKey,
  since?: number,
): Promise<KeyChange> {
  const signer = work.operator ?? (await operatorOf(work.world, await layoutOf(work.world, work.target)))
  if (encodeKey(signer.publicKey) === encodeKey(key.publicKey))
    throw new UnavailableError('key.last-operator', `${quote(key.text)} is the operator key that would sign this`, {
      expected: 'another operator key to sign it: deedlog keys add <dir> --operator --new puts one in its place',
    })
  const index = await record(work, { event, key: encodeKey(key.publicKey), ...sinceOf(since) })
  return { event, vkey: key.text, index, lines: [], written: false }
}

const sinceOf = (since: number | undefined) => (since === undefined ? {} : { since })

/** The key that is to take another's place: made durable before anything names it, and the same one after a crash. */
async function nextKey(
  { world }: KeyWork,
  keys: FileKeys,
  name: 'operator' | { readonly agent: string },
  keyName: string,
): Promise<VerifierKey> {
  let seed = await keys.get({ next: name })
  if (!seed) {
    seed = world.random(32)
    await keys.put({ next: name }, seed)
  }
  return formatVerifierKey(keyName, ALGORITHM.ed25519, ed25519PublicKey(seed))
}

async function record(work: KeyWork, body: { readonly [member: string]: unknown }): Promise<number> {
  const { world, target, recorder, operator } = work
  const [receipt] = await appendAsOperator(world, target, [{ type: 'key', ...body }], recorder, operator)
  return receipt!.index
}

/** Another process that holds the log signs with keys that it has read: it is to read them again. */
async function tellHolder({ world, target }: KeyWork): Promise<void> {
  const layout = await layoutOf(world, target)
  const log = new SharedLog(world, layout.target, { create: false }, layout.kind, openLogIn)
  try {
    await log.keysChanged()
  } finally {
    await log.close()
  }
}

async function originOf({ world }: KeyWork, layout: Layout): Promise<string> {
  return parseConfig(
    (await reading(layout.config, world.disk.readFile(layout.config))) ?? new Uint8Array(0),
    layout.config,
  ).origin
}
