import { resolve } from 'node:path'
import { sha256Hex } from '#crypto'
import { equalBytes } from '../core/bytes/equal.js'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { quote, UnavailableError } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import { leafHash, parseCheckpoint, parseNote } from '../core/tlog/index.js'
import type { AppendEntry } from './backend.js'
import { formatConfig, type LogConfig, parseConfig } from './config.js'
import { isCosignedOf } from './cosigned.js'
import type { Disk, DiskLock } from './disk.js'
import { reading } from './disk-error.js'
import { Integrator } from './integrator.js'
import { damaged, type ScannedFrame, scanJournal } from './journal-scan.js'
import {
  filesLayout,
  jsonlLayout,
  type Layout,
  PRIVATE_FILE_MODE,
  PRIVATE_FOLDER_MODE,
  PUBLIC_FILE_MODE,
  PUBLIC_FOLDER_MODE,
} from './layout.js'
import { scanLines } from './line-scan.js'
import { formatMoved, parseMoved } from './moved.js'
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
import { settleLog } from './settle-log.js'
import { WITNESS_FILES } from './witness-standing.js'
import type { World } from './world.js'

/** What was moved. */
export interface Imported {
  readonly source: string
  readonly target: string
  readonly origin: string
  readonly logId: string
  readonly size: number
  /** Lowercase hex. */
  readonly root: string
  /** Whether an earlier attempt had come so far that only its last step was missing. */
  readonly finished: boolean
}

/**
 * Moves a log from a file of lines into a directory of tiles: the same entries in the same order, hence the same root,
 * under the same origin, keys and head, so that cosignatures and trust files go on counting.
 *
 * There are never two logs that can be written. The target cannot as long as its mark `importing` is there; the source
 * cannot from its mark `moved` on. The target is whole and durable before `moved`, and `importing` goes after it:
 *
 * - a crash before `moved` leaves the source as it was, and a target that the same call throws away and fills anew
 * - a crash after it leaves a whole target, which the same call opens up by taking its mark away
 *
 * @throws {UnavailableError} `import.source` when it is no such log; `log.locked` when either is being written;
 *   `log.damaged`, `log.rolled-back` as opening the source would; `log.moved`, `log.exists`, `log.not-a-log`,
 *   `log.trust-exists`, `log.importing`, and what the disk says
 */
export async function importLog(world: World, source: string, target: string): Promise<Imported> {
  const { disk } = world
  const from = jsonlLayout(await reading(source, disk.realPath(resolve(source))))
  const to = filesLayout(await reading(target, disk.realPath(resolve(target))))
  const config = await configOf(disk, from)
  const sourceLock = await takeLock(world, from)
  try {
    const moved = await reading(from.moved, disk.readFile(from.moved))
    if (moved && parseMoved(moved).to !== to.target) await refuseMoved(disk, from)
    await checkTarget(disk, from, to, config, moved !== undefined)
    if (moved) return await withLock(takeLock(world, to), () => openUp(disk, from, to, config, true))
    await refuseNetwork(disk, to)
    await makeFolders(disk, to)
    await syncAbove(disk, to.privateFolder)
    return await withLock(takeLock(world, to), async () => {
      // Again, now that nobody else can change it.
      await checkTarget(disk, from, to, config, false)
      await settleLog(world, from, config)
      await fill(disk, from, to, config)
      const mark = { to: to.target, time: formatTime(world.clock.now()) }
      await putFile(disk, from.moved, formatMoved(mark), PRIVATE_FILE_MODE)
      // The source is closed for good. A crash here: the target is whole, and this is called again to open it up.
      return await openUp(disk, from, to, config, false)
    })
  } finally {
    await sourceLock.release()
  }
}

async function withLock<T>(taking: Promise<DiskLock>, work: () => Promise<T>): Promise<T> {
  const lock = await taking
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

async function configOf(disk: Disk, from: Layout): Promise<LogConfig> {
  const bytes = await reading(from.config, disk.readFile(from.config))
  const found = await reading(from.target, disk.stat(from.target))
  if (bytes && found?.kind === 'file') return parseConfig(bytes, from.config)
  throw new UnavailableError('import.source', `${from.target} is not a log with one record per line and its own keys`, {
    expected: 'the file of such a log, with its .private folder beside it; a directory is copied as it is',
  })
}

/** The target is empty, or what an earlier attempt with this very source has left. */
async function checkTarget(disk: Disk, from: Layout, to: Layout, config: LogConfig, moved: boolean): Promise<void> {
  const mark = await reading(to.importing, disk.readFile(to.importing))
  if (!mark && moved) return refuseMoved(disk, from)
  if (!mark) refuseUnless('be new', await inspect(disk, to), to)
  else if (fromUtf8(mark) !== config.logId)
    throw new UnavailableError('log.importing', `${to.target} is being filled from another log`, {
      expected: 'an empty folder, or a path where nothing is yet',
    })
  const own = await reading(from.trustFile, disk.readFile(from.trustFile))
  const there = await reading(to.trustFile, disk.readFile(to.trustFile))
  // An auditor may be using it: whose keys count is not changed behind their back.
  if (there && !(own && equalBytes(own, there)))
    throw new UnavailableError('log.trust-exists', `${to.trustFile} is there, and it is of another log`, {
      expected: 'no such file: move it away',
    })
}

/** Writes all of the target. What an earlier attempt left is thrown away first: nobody has ever used it. */
async function fill(disk: Disk, from: Layout, to: Layout, config: LogConfig): Promise<void> {
  await putFile(disk, to.importing, toUtf8(config.logId), PRIVATE_FILE_MODE)
  for (const path of [
    to.config,
    to.publicFolder!,
    to.journal,
    to.head,
    to.keys,
    to.rules,
    ...VAULT_FILES.map(of => to[of]),
    ...OUTSIDE_FILES.map(name => `${to.privateFolder}/${name}`),
  ])
    await reading(path, disk.remove(path))
  for (const folder of [to.journal, to.keys, to.agentKeys]) await makeFolder(disk, folder, PRIVATE_FOLDER_MODE)
  await makeFolder(disk, to.publicFolder!, PUBLIC_FOLDER_MODE)
  await copyFolder(disk, from.keys, to.keys, PRIVATE_FOLDER_MODE, PRIVATE_FILE_MODE)
  await copyFolder(disk, from.rules, to.rules, PRIVATE_FOLDER_MODE, PRIVATE_FILE_MODE)
  await copyFolder(disk, from.retentions, to.retentions, PRIVATE_FOLDER_MODE, PRIVATE_FILE_MODE)
  // What is held stays held, and an erasing that could not be finished is finished there: it is the same log.
  for (const of of ['retention', 'erasing'] as const) {
    const bytes = await reading(from[of], disk.readFile(from[of]))
    if (bytes) await putFile(disk, to[of], bytes, PRIVATE_FILE_MODE)
  }
  for (const name of OUTSIDE_FILES) {
    const bytes = await reading(name, disk.readFile(`${from.privateFolder}/${name}`))
    if (bytes) await putFile(disk, `${to.privateFolder}/${name}`, bytes, PRIVATE_FILE_MODE)
  }
  await copyFolder(disk, from.notes, to.notes, PUBLIC_FOLDER_MODE, PUBLIC_FILE_MODE)
  await copyFolder(disk, from.anchors, to.anchors, PUBLIC_FOLDER_MODE, PUBLIC_FILE_MODE)
  const note = await noteOf(disk, from)
  const store = storeOf(disk, to)
  try {
    await copyEntries(disk, from, store, note)
    // Every tile is durable: from here on the note may be shown.
    await store.head.swap(undefined, note)
    // With the cosignatures that it has: they are of the origin, which stays.
    const out = await reading(from.checkpoint, disk.readFile(from.checkpoint))
    await store.head.release(isCosignedOf(out, note) ? out : note)
  } finally {
    await store.close()
  }
  const trust = await reading(from.trustFile, disk.readFile(from.trustFile))
  if (trust) await putFile(disk, to.trustFile, trust, PUBLIC_FILE_MODE)
  await putFile(disk, to.config, formatConfig({ ...config, store: 'files' }), PUBLIC_FILE_MODE)
}

const VAULT_FILES = ['retention', 'retentions', 'erasing'] as const

// Who dates the log's checkpoints, which of them wait for it, and who sees them (`src/publish/`).
const OUTSIDE_FILES = ['anchors.json', 'anchor-queue.json', ...WITNESS_FILES] as const

/** The source's newest checkpoint, which covers all of it by now. */
async function noteOf(disk: Disk, from: Layout): Promise<Uint8Array> {
  const note = await reading(from.head, disk.readFile(from.head))
  if (!note) throw damaged(from.head, undefined, 'it is not there')
  return note
}

/** Entries, disclosures and tiles, and whether they give the root that was signed. */
async function copyEntries(disk: Disk, from: Layout, store: Store, note: Uint8Array): Promise<void> {
  const { size, root } = parseCheckpoint(parseNote(note).text)
  await store.sequencer.replay(0, () => {
    throw damaged(store.sequencer.size.toString(), 0, 'the target holds records already')
  })
  const integrator = new Integrator(store.objects)
  const disclosures = new DisclosuresInOrder(disk, from.journal)
  let batch: AppendEntry[] = []
  let bytes = 0
  const write = async (): Promise<void> => {
    if (batch.length > 0) await store.sequencer.append(batch, false)
    for (const { record } of batch) integrator.add(record, leafHash(record))
    const pressure = integrator.below(BACKLOG_BYTES_MAX)
    if (pressure) await pressure
    batch = []
    bytes = 0
  }
  try {
    for await (const { record, index } of scanLines(disk, from.target, { index: 0, at: 0 })) {
      if (index >= size) break
      const disclosed = await disclosures.of(index)
      batch.push(disclosed ? { record, disclosures: disclosed } : { record })
      bytes += record.length + (disclosed?.length ?? 0)
      if (batch.length === BATCH_ENTRIES || bytes >= BATCH_BYTES) await write()
    }
    await write()
  } finally {
    await disclosures.close()
  }
  const tree = await integrator.settle()
  if (tree.size !== size || !equalBytes(tree.root, root))
    throw damaged(from.target, undefined, `its ${tree.size} records do not give the root that was signed for ${size}`)
}

/** The disclosures of a file of lines, asked for in the order of the lines. */
class DisclosuresInOrder {
  readonly #frames: AsyncGenerator<ScannedFrame, unknown>
  #next: ScannedFrame | undefined
  #began = false
  /** Of records that were not asked for yet: those of the frames read so far. */
  readonly #held = new Map<number, Uint8Array | undefined>()

  constructor(disk: Disk, journal: string) {
    this.#frames = scanJournal(disk, journal, false)
  }

  /** Frames begin no lower than the one before, and of several that cover a record the last one counts. */
  async of(index: number): Promise<Uint8Array | undefined> {
    if (!this.#began) await this.#step()
    this.#began = true
    while (this.#next && this.#next.header.first <= index) {
      const { header } = this.#next
      for (const [i, { disclosures }] of this.#next.entries().entries())
        this.#held.set(header.first + i, disclosures?.slice())
      await this.#step()
    }
    const found = this.#held.get(index)
    this.#held.delete(index)
    return found
  }

  async #step(): Promise<void> {
    const step = await this.#frames.next()
    this.#next = step.done ? undefined : step.value
  }

  async close(): Promise<void> {
    await this.#frames.return(undefined)
  }
}

/** A folder of files, or of folders of files, as far as it is there. */
async function copyFolder(disk: Disk, from: string, to: string, folderMode: number, fileMode: number): Promise<void> {
  const names = await reading(from, disk.list(from))
  if (!names) return
  await makeFolder(disk, to, folderMode)
  for (const name of names) {
    // A file that was being written when its process died.
    if (name.endsWith('.tmp')) continue
    const path = `${from}/${name}`
    const found = await reading(path, disk.stat(path))
    if (found?.kind === 'directory') await copyFolder(disk, path, `${to}/${name}`, folderMode, fileMode)
    else if (found?.kind === 'file')
      await putFile(disk, `${to}/${name}`, (await reading(path, disk.readFile(path)))!, fileMode)
    else
      throw new UnavailableError('import.source', `${quote(path)} is neither a file nor a folder`, {
        expected: 'a log as deedlog wrote it',
      })
  }
}

/** Lets the target be written: the last step. Durable, so that a power cut does not close it again. */
async function openUp(
  disk: Disk,
  from: Layout,
  to: Layout,
  { origin, logId }: LogConfig,
  finished: boolean,
): Promise<Imported> {
  const note = await noteOf(disk, to)
  if (sha256Hex(note) !== sha256Hex(await noteOf(disk, from)))
    throw damaged(to.head, undefined, 'it is not the checkpoint of the log that was moved here')
  await reading(to.importing, disk.remove(to.importing))
  await reading(to.privateFolder, disk.syncDirectory(to.privateFolder))
  const { size, root } = parseCheckpoint(parseNote(note).text)
  const hex = Buffer.from(root).toString('hex')
  return { source: from.target, target: to.target, origin, logId, size, root: hex, finished }
}

// One sync for so much. Enough that syncs do not count, little enough to hold in memory.
const BATCH_ENTRIES = 4096
const BATCH_BYTES = 8 * 1024 * 1024
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024
