import { quote, UnavailableError } from '../core/errors.js'
import { formatTime } from '../core/record/index.js'
import { parseConfig } from './config.js'
import { type Disk, type DiskLock, diskErrorCode, folderOf, replaceFile, temporaryOf } from './disk.js'
import { diskError, reading } from './disk-error.js'
import { type Layout, PRIVATE_FOLDER_MODE, PUBLIC_FOLDER_MODE, type StoreKind } from './layout.js'
import { parseMoved } from './moved.js'
import type { Store } from './ports.js'
import { filesStore } from './stores/files.js'
import { jsonlStore } from './stores/jsonl.js'
import type { World } from './world.js'

/*
 * The place of a log on a disk: what is there, its folders, its lock. Nothing here knows what is in a log.
 */

/** What is at the place of a log: a log, nothing, or what a crash left of making one. Anything else is refused. */
export async function inspect(disk: Disk, layout: Layout): Promise<'log' | 'nothing' | 'unfinished'> {
  const { target, kind } = layout
  const found = await reading(target, disk.stat(target))
  if (found && found.kind !== (kind === 'files' ? 'directory' : 'file'))
    throw new UnavailableError('log.not-a-log', `${target} is a ${found.kind}, not ${KINDS[kind]}`, {
      expected: 'a log, or a path where nothing is yet',
    })
  await refuseImporting(disk, layout)
  const config = await reading(layout.config, disk.readFile(layout.config))
  if (config) {
    const { store } = parseConfig(config, layout.config)
    if (store !== kind)
      throw new UnavailableError('log.config', `${layout.config} describes a ${store} log`, {
        expected: `a ${kind} log`,
      })
    return 'log'
  }
  if (await reading(layout.creating, disk.stat(layout.creating))) return 'unfinished'
  const inside =
    kind === 'files' ? ((await reading(target, disk.list(target))) ?? []) : found && found.length > 0 ? [target] : []
  const secrets = (await reading(layout.privateFolder, disk.list(layout.privateFolder))) ?? []
  // A process that died, or is at work, between taking the lock and leaving its mark.
  const early = [layout.lock, temporaryOf(layout.creating), temporaryOf(layout.importing)]
  const isEmpty =
    secrets.every(name => early.includes(`${layout.privateFolder}/${name}`)) &&
    inside.every(name => `${target}/${name}` === layout.privateFolder)
  if (isEmpty) return 'nothing'
  throw new UnavailableError(
    'log.not-a-log',
    `${target} is not empty, and ${layout.config} is not there: it is no log, or a part of one is missing`,
    { expected: 'a log, an empty folder, or a path where nothing is yet' },
  )
}

const KINDS: Readonly<Record<StoreKind, string>> = { files: 'a folder', jsonl: 'a file with one record per line' }

/** A target that is not whole yet, or whose source has not been closed: writing it could make two live logs of one. */
async function refuseImporting(disk: Disk, { importing, target }: Layout): Promise<void> {
  if (!(await reading(importing, disk.stat(importing)))) return
  throw new UnavailableError('log.importing', `${target} is being filled from another log, and that is not finished`, {
    expected: 'the same `deedlog import` again: it finishes, or starts over',
  })
}

/** Refuses a log that lives on elsewhere: two writers of one log would sign two histories. */
export async function refuseMoved(disk: Disk, layout: Layout): Promise<void> {
  const bytes = await reading(layout.moved, disk.readFile(layout.moved))
  if (!bytes) return
  const { to } = parseMoved(bytes)
  throw new UnavailableError('log.moved', `${layout.target} was moved to ${quote(to)} and is no longer written`, {
    expected: 'the log at its new place; reading and verifying the old one go on working',
  })
}

export function refuseUnless(
  must: 'exist' | 'be new' | undefined,
  found: 'log' | 'nothing' | 'unfinished',
  layout: Layout,
): void {
  if (must === 'exist' && found !== 'log')
    throw new UnavailableError('log.missing', `there is no log at ${layout.target}`, {
      expected: 'the path of a log; `deedlog init` makes one',
    })
  if (must === 'be new' && found === 'log')
    throw new UnavailableError('log.exists', `there is a log at ${layout.target} already; it was not touched`, {
      expected: 'a path where nothing is yet',
    })
}

/** Locks and syncs of a network file system hold well, badly or not at all, and nothing here can tell which. */
export async function refuseNetwork(disk: Disk, { target }: Layout): Promise<void> {
  const name = await disk.networkFileSystem(target)
  if (name === undefined) return
  throw new UnavailableError(
    'log.network-disk',
    `${target} is on a network file system (${name}), where two machines could write one log without seeing each other`,
    { expected: 'a local disk; DEEDLOG_NETWORK_DISK=allow takes the risk. Reading and verifying work from anywhere' },
  )
}

/** Makes the folders down to where the lock is. */
export async function makeFolders(disk: Disk, layout: Layout): Promise<void> {
  if (layout.kind === 'files') await makeFolder(disk, layout.target, PUBLIC_FOLDER_MODE)
  else await makeFolder(disk, folderOf(layout.target), PUBLIC_FOLDER_MODE)
  await makeFolder(disk, layout.privateFolder, PRIVATE_FOLDER_MODE)
}

export async function makeFolder(disk: Disk, folder: string, mode: number): Promise<void> {
  if (await reading(folder, disk.stat(folder))) return
  const parent = folderOf(folder)
  if (parent !== folder) await makeFolder(disk, parent, PUBLIC_FOLDER_MODE)
  await reading(folder, disk.makeDirectory(folder, mode))
  await reading(parent, disk.syncDirectory(parent))
}

/**
 * Makes the names of a folder and of all above it durable. Some may have been made by an attempt that failed just then,
 * and which ones, nothing tells.
 */
export async function syncAbove(disk: Disk, folder: string): Promise<void> {
  for (let parent = folderOf(folder), child = folder; parent !== child; child = parent, parent = folderOf(parent))
    try {
      await disk.syncDirectory(parent)
    } catch (cause) {
      // What is not ours to read was not ours to make.
      if (!NOT_OURS.has(diskErrorCode(cause) ?? '')) throw diskError(cause, parent, true)
    }
}

const NOT_OURS = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL'])

export async function takeLock({ disk, clock }: World, layout: Layout): Promise<DiskLock> {
  const message = `pid ${process.pid} since ${formatTime(clock.now())}`
  const lock = await reading(layout.lock, disk.lock(layout.lock, message))
  if (!('heldBy' in lock)) return lock
  const holder = lock.heldBy.trim()
  throw new UnavailableError(
    'log.locked',
    `${layout.target} is being written by another process${holder ? ` (${quote(holder)})` : ''}`,
    { expected: 'one writer at a time: end the other process, or give this one a log of its own', retryable: true },
  )
}

/** @param segmentBytes  See `filesStore`. */
export const storeOf = (disk: Disk, layout: Layout, segmentBytes?: number): Store =>
  layout.kind === 'files' ? filesStore(disk, layout, segmentBytes) : jsonlStore(disk, layout)

/** Replaces a file durably. @throws {UnavailableError} what the disk says */
export async function putFile(disk: Disk, path: string, bytes: Uint8Array, mode: number): Promise<void> {
  try {
    await replaceFile(disk, path, bytes, mode)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}
