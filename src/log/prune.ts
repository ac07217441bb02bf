import { sha256Hex } from '#crypto'
import { quote, UnavailableError } from '../core/errors.js'
import { formatTime, type ParsedRecord, parseRecord } from '../core/record/index.js'
import {
  parseCheckpoint,
  parseNote,
  TILE_WIDTH,
  type TlogPolicy,
  tilePath,
  type VerifierKey,
  verifyCheckpoint,
  verifyCosignatures,
} from '../core/tlog/index.js'
import { completeAt, formatKept, KEPT_NOTES_MAX, type Kept, KeptParts, KeptPlan } from '../core/verify/index.js'
import { parseConfig } from './config.js'
import { type Disk, folderOf } from './disk.js'
import { diskError, reading } from './disk-error.js'
import { othersPresent } from './join/presence.js'
import { damaged } from './journal-scan.js'
import { type Layout, PUBLIC_FILE_MODE, PUBLIC_FOLDER_MODE } from './layout.js'
import { layoutOf } from './operator.js'
import { makeFolder, putFile, refuseMoved, storeOf, takeLock } from './place.js'
import type { Store } from './ports.js'
import { parseRetention } from './retention.js'
import { settleLog } from './settle-log.js'
import { keptPath } from './stores/files.js'
import { listVault } from './vault-file.js'
import type { World } from './world.js'

export interface PruneOptions {
  /** Prune the entries below this, a multiple of 256; as many as are permitted when absent. */
  readonly below?: number
  /** Whose cosignatures say how long entries have been there, and the log's own keys. */
  readonly policy: TlogPolicy
}

export interface Pruned {
  readonly target: string
  readonly below: number
  /** Entries below that are kept as they are. */
  readonly kept: number
  /** By whose time, as a `time` of spec/record.md section 1, they had been there, and until when they were promised. */
  readonly seen: string
  readonly promisedUntil: string
}

/**
 * Takes the oldest entries of a log away, their disclosures with them, as far as spec/record.md section 7 permits it.
 *
 * What has to be kept is durable before anything is removed. From then on the log is pruned, for writers and readers: a
 * crash in the middle of removing leaves files that nobody reads, and the same call goes on with it.
 *
 * @throws {UnavailableError} `prune.lines` for a log in a file of lines; `prune.not-permitted` with the reason;
 *   `prune.held` while a hold is in force; `log.locked`, and what opening the log would throw
 * @throws {RangeError} for a `below` that is no multiple of 256 from 256
 */
export async function pruneLog(world: World, target: string, { below, policy }: PruneOptions): Promise<Pruned> {
  if (below !== undefined && !(Number.isSafeInteger(below) && below >= TILE_WIDTH && below % TILE_WIDTH === 0))
    throw new RangeError(`a log is pruned below a multiple of ${TILE_WIDTH}, not below ${quote(below)}`)
  const { disk } = world
  const layout = await layoutOf(world, target)
  if (layout.kind !== 'files')
    throw new UnavailableError('prune.lines', `${layout.target} is a file of lines, which is never pruned`, {
      expected: 'a log in a directory: `deedlog import` moves this one into tiles',
    })
  const description = await reading(layout.config, disk.readFile(layout.config))
  if (!description)
    throw new UnavailableError('log.missing', `there is no log at ${layout.target}`, { expected: 'the path of a log' })
  const config = parseConfig(description, layout.config)
  const lock = await takeLock(world, layout)
  try {
    await refuseMoved(disk, layout)
    await refuseUsers(world, layout)
    await refuseHolds(disk, layout)
    await settleLog(world, layout, config)
    const store = storeOf(disk, layout)
    try {
      const pruned = await prune(world, layout, store, config.origin, policy, below)
      return { target: layout.target, ...pruned }
    } finally {
      await store.close()
    }
  } finally {
    await lock.release()
  }
}

/** A stream of another process may go on; that of a dead one never does. */
async function refuseUsers(world: World, layout: Layout): Promise<void> {
  if (!(await othersPresent(world, layout))) return
  throw new UnavailableError('log.locked', `${layout.target} is being written by another process`, {
    expected: 'nobody who uses the log while it is pruned',
    retryable: true,
  })
}

async function refuseHolds(disk: Disk, { retention }: Layout): Promise<void> {
  const { holds } = parseRetention(await reading(retention, disk.readFile(retention)))
  if (holds.length === 0) return
  throw new UnavailableError('prune.held', `${holds.length} holds are in force: what they hold must not go`, {
    expected: 'no hold; they end with `deedlog hold <dir> remove`',
  })
}

async function prune(
  { disk, clock }: World,
  layout: Layout,
  store: Store,
  origin: string,
  policy: TlogPolicy,
  wanted: number | undefined,
): Promise<Omit<Pruned, 'target'>> {
  const before = await store.kept?.()
  const head = await reading(layout.head, disk.readFile(layout.head))
  const { size } = parseCheckpoint(parseNote(head!).text)
  const plan = await planOf(store, before, size)
  const notes = await datedNotes(disk, layout, origin, policy)
  const { below, dating } = choose(plan, notes, Math.floor(clock.now() / 1000), size, wanted, before?.below ?? 0)
  const first = dating[0]!
  const promise = plan.retentionDays! * DAY_SECONDS
  const parts = await partsBelow(store, plan, before, below)
  const done = {
    below,
    kept: parts.filter(part => 'record' in part).length,
    seen: formatTime(first.seconds * 1000),
    promisedUntil: formatTime((first.seconds + promise) * 1000),
  }
  if (below > (before?.below ?? 0)) {
    await store.objects.put(dating.map(({ hash, bytes }) => ({ path: `notes/${hash}`, bytes })))
    // Segments of the journal become files of disclosures, so that every record is in its bundle alone.
    await store.vault!.setAside()
    await store.vault!.rewrite(size, new Set(), (_, disclosures) => disclosures)
    await removeDurably(disk, `${layout.privateFolder}/resume`)
    await makeFolder(disk, layout.kept!, PUBLIC_FOLDER_MODE)
    const file = formatKept({ below, notes: dating.map(({ hash }) => hash).sort(), parts })
    await putFile(disk, keptPath(layout), file, PUBLIC_FILE_MODE)
    // The log is pruned. What a crash leaves below is read by nobody, and removed by the next call.
  }
  await removeBelow(disk, layout, store, size, below)
  return done
}

async function planOf(store: Store, before: Kept | undefined, size: number): Promise<KeptPlan> {
  const plan = new KeptPlan()
  for (const part of before?.parts ?? []) if ('record' in part) plan.add(part.index, parsed(part.record))
  await store.sequencer.replay(size, ({ index, record }) => plan.add(index, parsed(record)))
  return plan
}

function parsed(record: Uint8Array): ParsedRecord | undefined {
  try {
    return parseRecord(record)
  } catch {
    // The log let in what is no record: it is kept as it is.
    return undefined
  }
}

interface DatedNote {
  readonly hash: string
  readonly bytes: Uint8Array
  readonly size: number
  /** When a quorum had signed it, since 1970. */
  readonly seconds: number
}

/** Checkpoints of this log that a quorum has signed, the earliest first. */
async function datedNotes(disk: Disk, layout: Layout, origin: string, policy: TlogPolicy): Promise<DatedNote[]> {
  const keys = policy.logs.map(log => log.key).filter(key => key.name === origin)
  const names = ((await reading(layout.notes, disk.list(layout.notes))) ?? []).filter(name =>
    /^[0-9a-f]{64}$/.test(name),
  )
  const found: DatedNote[] = []
  for (const path of [layout.checkpoint, ...names.slice(-NOTES_MAX).map(name => `${layout.notes}/${name}`)]) {
    const bytes = await reading(path, disk.readFile(path))
    const dated = bytes && dateOf(bytes, keys, policy)
    if (dated) found.push({ hash: sha256Hex(bytes), bytes, ...dated })
  }
  return found.sort((a, b) => a.seconds - b.seconds)
}

function dateOf(
  bytes: Uint8Array,
  keys: readonly VerifierKey[],
  policy: TlogPolicy,
): { readonly size: number; readonly seconds: number } | undefined {
  if (policy.quorum === 'none') return undefined
  try {
    const note = parseNote(bytes)
    const { size } = verifyCheckpoint(note, keys)
    const witnesses = policy.witnesses.map(witness => witness.key)
    const seconds = completeAt(policy, verifyCosignatures(note, witnesses))
    return seconds === undefined ? undefined : { size, seconds }
  } catch {
    // Another log's, or one that somebody has put there: it dates nothing.
    return undefined
  }
}

/** Below which entry to prune, and by which notes an auditor sees that it was permitted. */
function choose(
  plan: KeptPlan,
  notes: readonly DatedNote[],
  nowSeconds: number,
  size: number,
  wanted: number | undefined,
  before: number,
): { readonly below: number; readonly dating: readonly DatedNote[] } {
  const days = plan.retentionDays
  if (days === undefined)
    throw notPermitted('the log promises no retention', 'a log that was made with --retention-days')
  if (notes.length === 0)
    throw notPermitted(
      'no checkpoint that is here bears the cosignatures of a quorum, so nothing says how long entries have been here',
      'a trust file with witnesses, and a checkpoint or a note that they have signed',
    )
  const over = notes.filter(note => note.seconds + days * DAY_SECONDS <= nowSeconds)
  const most = Math.min(Math.max(0, ...over.map(note => note.size)), size - 1)
  const below = wanted ?? Math.max(before, plan.highestCut(most))
  const until = notes.find(note => note.size >= below)
  if (below > most || below === 0)
    throw notPermitted(
      below === 0
        ? `there is no multiple of ${TILE_WIDTH} below which the ${days} days are over and no stream goes on`
        : `the ${days} days that were promised for the entries below ${below} are not over${until ? `: they end at ${formatTime((until.seconds + days * DAY_SECONDS) * 1000)}` : ''}`,
      'to wait',
    )
  if (below < before)
    throw notPermitted(`it is pruned below ${before} already`, `a multiple of ${TILE_WIDTH} above that`)
  if (!plan.isCut(below)) {
    const other = plan.highestCut(below)
    throw notPermitted(
      `a stream that starts below ${below} goes on above`,
      other > before ? `--below ${other}` : 'another entry, at which no stream is cut in two',
    )
  }
  return { below, dating: over.filter(note => note.size >= below).slice(0, KEPT_NOTES_MAX) }
}

const notPermitted = (why: string, expected: string): UnavailableError =>
  new UnavailableError('prune.not-permitted', `pruning is not permitted: ${why}`, { expected })

async function partsBelow(
  store: Store,
  plan: KeptPlan,
  before: Kept | undefined,
  below: number,
): Promise<Kept['parts']> {
  const parts = new KeptParts()
  for (const part of before?.parts ?? [])
    if ('hash' in part) parts.hide(part.level, part.hash)
    else parts.keep(part.record)
  for await (const { index, record } of store.sequencer.read(parts.size, below))
    if (plan.isPrunable(index, parsed(record))) parts.hideEntry(record)
    else parts.keep(record.slice())
  if (parts.size !== below) throw damaged('the log', parts.size, `its records end before ${below}`)
  return parts.finish()
}

/** Removes what nobody reads any more: bundles, tiles and disclosures below. Whatever is gone already is passed over. */
async function removeBelow(disk: Disk, layout: Layout, store: Store, size: number, below: number): Promise<void> {
  const root = layout.publicFolder!
  const folders = new Set<string>()
  const remove = async (path: string): Promise<void> => {
    for (const each of [`${root}/${path}`, `${root}/${path}.p`])
      if (await reading(each, disk.stat(each))) {
        await reading(each, disk.remove(each))
        folders.add(folderOf(each))
      }
  }
  // First the one by which readers tell that the log is pruned: they must never find it with others missing.
  await remove(tilePath({ level: 'entries', index: 0, width: TILE_WIDTH }))
  for (const folder of folders) await synced(disk, folder)
  for (const level of ['entries', 0, 1, 2, 3, 4, 5, 6] as const) {
    const perTile = TILE_WIDTH ** (level === 'entries' ? 1 : level + 1)
    for (let index = 0; (index + 1) * perTile <= below; index++)
      await remove(tilePath({ level, index, width: TILE_WIDTH }))
  }
  for (const folder of folders) await synced(disk, folder)
  for (const { path, first, end } of await listVault(disk, layout.journal))
    if (end <= below) await removeDurably(disk, path)
    else if (first < below) {
      const indexes = new Set(Array.from({ length: below - first }, (_, i) => first + i))
      await store.vault!.rewrite(size, indexes, () => undefined)
    }
}

async function removeDurably(disk: Disk, path: string): Promise<void> {
  await reading(path, disk.remove(path))
  await synced(disk, folderOf(path))
}

async function synced(disk: Disk, folder: string): Promise<void> {
  try {
    await disk.syncDirectory(folder)
  } catch (cause) {
    throw diskError(cause, folder, true)
  }
}

const DAY_SECONDS = 86_400
// A recorder cites one a minute at most; the newest of them by name are as good as any.
const NOTES_MAX = 4096
