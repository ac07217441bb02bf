import { toHex } from '../../core/bytes/hex.js'
import { UnavailableError } from '../../core/errors.js'
import type { DiskLock } from '../disk.js'
import { reading } from '../disk-error.js'
import { type Layout, PRIVATE_FOLDER_MODE } from '../layout.js'
import type { Registry } from '../registry.js'
import type { World } from '../world.js'

/*
 * Which processes have a log open, through its lock or through its holder. Each holds the lock of a file of its own, so
 * that whoever holds the log, and knows nothing of their streams, does not take these for the streams of the dead.
 */

/** The files of this process, by the registry of its logs: they say nothing about others. */
const own = new WeakMap<Registry, Set<string>>()

/** Shows that this process is there until the returned lock is released, or it dies. */
export async function showPresence(world: World, layout: Layout): Promise<DiskLock> {
  const { disk } = world
  const mine = ownOf(world)
  await reading(layout.joined, disk.makeDirectory(layout.joined, PRIVATE_FOLDER_MODE))
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const path = `${layout.joined}/${toHex(world.random(16))}`
    mine.add(path)
    const lock = await reading(path, disk.lock(path, `pid ${process.pid}`))
    // Somebody who looked for the dead may have found it between its making and its lock, and removed it.
    if (!('heldBy' in lock) && (await reading(path, disk.stat(path))))
      return {
        async release() {
          await disk.remove(path).catch(() => {})
          await lock.release()
          mine.delete(path)
        },
      }
    if (!('heldBy' in lock)) await lock.release()
    mine.delete(path)
  }
  throw new UnavailableError('log.presence', `${layout.joined} is being cleared all the time`, { retryable: true })
}

/** Whether any other process is there. Removes what dead ones left. */
export async function othersPresent(world: World, layout: Layout): Promise<boolean> {
  const { disk } = world
  const mine = ownOf(world)
  for (const name of (await reading(layout.joined, disk.list(layout.joined))) ?? []) {
    const path = `${layout.joined}/${name}`
    if (mine.has(path)) continue
    const lock = await reading(path, disk.lock(path, ''))
    if ('heldBy' in lock) return true
    await reading(path, disk.remove(path))
    await lock.release()
  }
  return false
}

function ownOf({ logs }: World): Set<string> {
  const known = own.get(logs)
  if (known) return known
  const made = new Set<string>()
  own.set(logs, made)
  return made
}

const ATTEMPTS_MAX = 8
