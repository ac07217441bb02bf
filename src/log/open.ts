import { toBase64 } from '../core/bytes/base64.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { HaltedError, quote, UnavailableError } from '../core/errors.js'
import { encodeKey, formatTime, isWord, recordLeaf, recordMessage, signedRecord, ulid } from '../core/record/index.js'
import { ALGORITHM, formatVerifierKey, leafHash } from '../core/tlog/index.js'
import type { Signer } from './backend.js'
import { signCheckpointWith } from './checkpoint-note.js'
import { formatConfig, isCheckpointMs, LAYOUT_FORMAT, type LogConfig, parseConfig } from './config.js'
import { type Disk, type DiskLock, folderOf } from './disk.js'
import { reading } from './disk-error.js'
import { Integrator } from './integrator.js'
import { othersPresent } from './join/presence.js'
import { serve } from './join/serve.js'
import {
  filesLayout,
  jsonlLayout,
  type Layout,
  PRIVATE_FILE_MODE,
  PRIVATE_FOLDER_MODE,
  PUBLIC_FILE_MODE,
  PUBLIC_FOLDER_MODE,
  type StoreKind,
} from './layout.js'
import type { LogOptions } from './log.js'
import {
  inspect,
  makeFolder,
  makeFolders,
  putFile,
  refuseMoved,
  refuseNetwork,
  refuseUnless,
  storeOf,
  syncAbove,
  takeLock,
} from './place.js'
import type { Store } from './ports.js'
import { VERSION } from './registry.js'
import { refuseRollback } from './rollback-guard.js'
import { keepRuleFile } from './rule-files.js'
import { checkedSigner, seedSigner } from './signer.js'
import { memoryStore } from './stores/memory.js'
import { addAgent, formatOwnTrust, writeTrust } from './trust-file.js'
import { witnessPolicyPath } from './witness-standing.js'
import type { World } from './world.js'
import { LogWriter } from './writer.js'

/** What only our own code asks for when it makes a log. */
export interface MakeOptions extends LogOptions {
  /** The operator's key of a log that goes on under the same operator; 32 bytes. */
  readonly operatorSeed?: Uint8Array
  /** Length at which a segment of the journal is not gone on with; for tests. */
  readonly segmentBytes?: number
  /** Lines `witness`, `group` and `quorum` for a new log's trust file, and for the commands that open it later. */
  readonly witnessPolicy?: string
}

/**
 * Opens a log on a disk, or makes it.
 *
 * @param target  Absolute path without links.
 * @param must    `exist`, `be new`, or undefined when either will do.
 */
export async function openOnDisk(
  world: World,
  kind: StoreKind,
  target: string,
  options: MakeOptions,
  must?: 'exist' | 'be new',
): Promise<LogWriter> {
  checkOptions(options)
  const layout = kind === 'files' ? filesLayout(target) : jsonlLayout(target)
  const { disk } = world
  // First without the lock, so that looking at a folder that is no log leaves nothing in it.
  const first = await inspect(disk, layout)
  refuseUnless(must, first, layout)
  await refuseNetwork(disk, layout)
  await makeFolders(disk, layout)
  if (first !== 'log') await syncAbove(disk, layout.privateFolder)
  const lock = await takeLock(world, layout)
  try {
    // Again, now that nobody else can change it.
    const found = await inspect(disk, layout)
    refuseUnless(must, found, layout)
    if (found !== 'log') await create(world, layout, options, found === 'unfinished')
    return await openExisting(world, layout, options, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

/** A log in memory, always new. */
export async function openInMemory(world: World, options: MakeOptions): Promise<LogWriter> {
  checkOptions(options)
  if (options.anchors) throw new TypeError('a log in memory has no place to keep its anchors')
  if (options.witnesses) throw new TypeError('nobody can hold a log in memory to what was witnessed of it')
  const store = memoryStore()
  const config = await fill(world, store, 'files', options)
  return LogWriter.open({
    world,
    store,
    identity: { origin: config.origin, id: config.logId },
    checkpointMs: options.checkpointMs ?? CHECKPOINT_MS,
    ...(options.signers === undefined ? {} : { signers: options.signers }),
    announceAgent: async () => {},
    letGo: async () => {},
  })
}

/**
 * Makes a log. What a crash leaves is nothing but a folder with a `creating` mark, until `deedlog.json` is there; then
 * it is a log, and what may be missing is the trust file, which the next start writes.
 */
async function create(world: World, layout: Layout, options: MakeOptions, unfinished: boolean): Promise<void> {
  const { disk } = world
  const wantsTrust = options.trustFile !== false
  // An auditor may be using it: whose keys count is not changed behind their back.
  if (wantsTrust && (await reading(layout.trustFile, disk.stat(layout.trustFile))))
    throw new UnavailableError('log.trust-exists', `${layout.trustFile} is there, and it is of another log`, {
      expected: 'no such file: move it away, or ask for no trust file',
    })
  if (unfinished) await removeUnfinished(disk, layout)
  await putFile(disk, layout.creating, toUtf8(JSON.stringify({ trustFile: wantsTrust })), PRIVATE_FILE_MODE)
  for (const folder of [layout.journal, layout.keys, layout.agentKeys])
    await makeFolder(disk, folder, PRIVATE_FOLDER_MODE)
  if (layout.publicFolder) await makeFolder(disk, layout.publicFolder, PUBLIC_FOLDER_MODE)
  if (options.witnessPolicy !== undefined)
    await putFile(disk, witnessPolicyPath(layout), toUtf8(options.witnessPolicy), PRIVATE_FILE_MODE)
  const store = storeOf(disk, layout)
  let config: LogConfig
  try {
    config = await fill(world, store, layout.kind, options)
  } finally {
    await store.close()
  }
  await putFile(disk, layout.config, formatConfig(config), PUBLIC_FILE_MODE)
  // It is a log from here on.
}

/** Removes what a crash left of making a log: only what `create` makes, and never once there is a `deedlog.json`. */
async function removeUnfinished(disk: Disk, layout: Layout): Promise<void> {
  const made = layout.publicFolder ? [layout.publicFolder] : [layout.target, layout.checkpoint, layout.notes]
  for (const path of [...made, layout.journal, layout.head, layout.keys, witnessPolicyPath(layout)])
    await reading(path, disk.remove(path))
}

/** Gives an empty store its keys, its first record and its first checkpoint, in the order of every later one. */
async function fill(world: World, store: Store, kind: StoreKind, options: MakeOptions): Promise<LogConfig> {
  const now = world.clock.now()
  const origin = options.origin ?? `localhost/deedlog/${ulid(now, world.random(10)).toLowerCase()}`
  const ownKey = async (name: 'log' | 'operator', seed = world.random(32)): Promise<Signer> => {
    const outside = options.signers?.[name]
    if (outside) return checkedSigner(outside, `the ${name}`, world.clock)
    await store.keys.put(name, seed)
    return seedSigner(seed)
  }
  const log = await ownKey('log')
  const operator = await ownKey('operator', options.operatorSeed)
  const body = {
    v: 1,
    type: 'log',
    origin,
    nonce: toBase64(world.random(32)),
    operators: [encodeKey(operator.publicKey)],
    ...(options.retentionDays === undefined ? {} : { retention: { days: options.retentionDays } }),
    time: formatTime(now),
  }
  const record = signedRecord(body, await operator.sign(recordMessage(body)))
  await store.sequencer.replay(0, () => {
    throw new HaltedError('log.not-a-log', 'the log that was to be made has records already')
  })
  await store.sequencer.append([{ record }], false)
  const integrator = new Integrator(store.objects)
  integrator.add(record, leafHash(record))
  const tree = await integrator.settle()
  const key = formatVerifierKey(origin, ALGORITHM.ed25519, log.publicKey)
  const note = await signCheckpointWith({ origin, ...tree }, [{ key, sign: log.sign }])
  await store.head.swap(undefined, note)
  await store.head.release(note)
  const { checkpointMs } = options
  return {
    format: LAYOUT_FORMAT,
    store: kind,
    origin,
    logId: recordLeaf(record),
    ...(checkpointMs === undefined ? {} : { checkpointMs }),
  }
}

async function openExisting(world: World, layout: Layout, options: MakeOptions, lock: DiskLock): Promise<LogWriter> {
  const { disk } = world
  const config = parseConfig((await reading(layout.config, disk.readFile(layout.config)))!, layout.config)
  if (options.origin !== undefined && options.origin !== config.origin)
    throw new UnavailableError(
      'log.other-origin',
      `${layout.target} is the log ${quote(config.origin)}, not ${quote(options.origin)}`,
      { expected: 'the origin the log was made with: it never changes' },
    )
  // Whoever made the log may have failed before this name was durable: without it a power cut would leave no log.
  if (await reading(layout.creating, disk.stat(layout.creating)))
    await reading(layout.config, disk.syncDirectory(folderOf(layout.config)))
  await refuseMoved(disk, layout)
  await refuseRollback(disk, layout, config.origin)
  const witnesses = options.witnesses ?? (await world.witnessesOf?.(disk, layout))
  const store = storeOf(disk, layout, options.segmentBytes)
  const anchors = options.anchors?.start({ world, layout })
  let stopServing = async (): Promise<void> => {}
  let writer: LogWriter
  try {
    writer = await LogWriter.open({
      world,
      store,
      identity: { origin: config.origin, id: config.logId },
      checkpointMs: options.checkpointMs ?? config.checkpointMs ?? CHECKPOINT_MS,
      ...(options.signers === undefined ? {} : { signers: options.signers }),
      announceAgent: key => addAgent(disk, layout.trustFile, key.text),
      othersPresent: () => othersPresent(world, layout),
      ...(anchors === undefined ? {} : { anchors }),
      ...(witnesses === undefined ? {} : { witnesses: log => witnesses.start({ world, layout, ...log }) }),
      letGo: async () => {
        await stopServing()
        await anchors?.stop()
        await lock.release()
      },
    })
  } catch (error) {
    await anchors?.stop()
    await store.close()
    throw error
  }
  try {
    await finishCreation(disk, layout, config, writer)
    if (world.sockets) {
      const keepRules = (file: Uint8Array) => keepRuleFile(disk, layout, file)
      stopServing = await serve(world.sockets, layout.socket, { writer, version: VERSION, keepRules })
      // It stopped meanwhile, and found nothing to stop here.
      if (writer.halted) await stopServing()
    }
  } catch (error) {
    await writer.close()
    throw error
  }
  return writer
}

/** What comes after a log has become one: its trust file, once, and the mark goes. */
async function finishCreation(disk: Disk, layout: Layout, config: LogConfig, writer: LogWriter): Promise<void> {
  const mark = await reading(layout.creating, disk.readFile(layout.creating))
  if (!mark) return
  const wantsTrust = (JSON.parse(fromUtf8(mark)) as { trustFile?: unknown }).trustFile === true
  const policy = await reading(layout.trustFile, disk.readFile(witnessPolicyPath(layout)))
  if (wantsTrust)
    await writeTrust(
      disk,
      layout.trustFile,
      formatOwnTrust({
        origin: config.origin,
        logId: config.logId,
        logKey: writer.logKey.text,
        operatorKey: writer.operatorKey.text,
        ...(policy === undefined ? {} : { witnessPolicy: fromUtf8(policy) }),
      }),
    )
  await reading(layout.creating, disk.remove(layout.creating))
  await reading(layout.privateFolder, disk.syncDirectory(layout.privateFolder))
}

/** Mistakes of our caller, before anything is touched. */
function checkOptions({ origin, checkpointMs, retentionDays }: LogOptions): void {
  if (origin !== undefined && !isWord(origin))
    throw new TypeError(`the origin ${quote(origin)} is not 1 to 255 visible ASCII characters without +`)
  if (checkpointMs !== undefined && !isCheckpointMs(checkpointMs))
    throw new TypeError(`checkpointMs ${quote(checkpointMs)} is not an integer from 0 to 86,400,000`)
  if (retentionDays !== undefined && !(Number.isSafeInteger(retentionDays) && retentionDays >= 0))
    throw new TypeError(`retentionDays ${quote(retentionDays)} is not an integer from 0`)
}

const CHECKPOINT_MS = 1000
