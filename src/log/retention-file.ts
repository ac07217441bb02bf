import { sha256Hex } from '#crypto'
import { toHex } from '../core/bytes/hex.js'
import { UnavailableError } from '../core/errors.js'
import type { Signer } from './backend.js'
import { type DiskLock, replaceFile } from './disk.js'
import { diskError, reading } from './disk-error.js'
import { openLogIn } from './index.js'
import { type Layout, PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from './layout.js'
import { layoutOf, operatorOf, operatorStream } from './operator.js'
import { formatRetention, parseRetention, type Retention } from './retention.js'
import { SharedLog } from './shared-log.js'
import type { World } from './world.js'

/** The document of retention and holds of a log that is there. @throws {UnavailableError} `retention.format` */
export async function readRetention(world: World, target: string): Promise<Retention> {
  const { retention } = await layoutOf(world, target)
  return parseRetention(await reading(retention, world.disk.readFile(retention)))
}

/**
 * Replaces the document of retention and holds, and records its hash as the `config` of a stream of the operator, which
 * has nothing else in it. All documents that ever were in force are kept, by their hash.
 *
 * A hold must count before anybody relies on it, and one that ends only when that is on record: so a document that holds
 * more is in force first, and one that holds less is recorded first.
 *
 * @returns the hash of the document
 * @throws {UnavailableError} `retention.busy` while another process changes it
 */
export async function changeRetention(
  world: World,
  target: string,
  change: (before: Retention) => Retention,
  options: ChangeOptions,
): Promise<string> {
  const layout = await layoutOf(world, target)
  const lock = await takeRetention(world, layout)
  try {
    return await changeIn(world, target, layout, change, options)
  } finally {
    await lock.release()
  }
}

interface ChangeOptions {
  readonly recorder: { readonly name: string; readonly version: string }
  readonly operator?: Signer
}

/** One change at a time: of two that begin with the same document, the second would undo a hold that the first has put. */
async function takeRetention({ disk }: World, { retention: path }: Layout): Promise<DiskLock> {
  const lock = await reading(path, disk.lock(`${path}.lock`, `pid ${process.pid}`))
  if (!('heldBy' in lock)) return lock
  throw new UnavailableError('retention.busy', `another process changes ${path}`, {
    expected: 'the same command again; nothing was changed',
    retryable: true,
  })
}

async function changeIn(
  world: World,
  target: string,
  layout: Layout,
  change: (before: Retention) => Retention,
  options: ChangeOptions,
): Promise<string> {
  const signer = options.operator ?? (await operatorOf(world, layout))
  const before = await readRetention(world, target)
  const after = { ...change(before), nonce: toHex(world.random(32)) }
  const bytes = formatRetention(after)
  const hash = sha256Hex(bytes)
  const put = async (path: string): Promise<void> => {
    try {
      await replaceFile(world.disk, path, bytes, PRIVATE_FILE_MODE)
    } catch (cause) {
      throw diskError(cause, path, true)
    }
  }
  await reading(layout.retentions, world.disk.makeDirectory(layout.retentions, PRIVATE_FOLDER_MODE))
  await put(`${layout.retentions}/${hash}`)
  const log = new SharedLog(world, layout.target, { create: false }, layout.kind, openLogIn)
  try {
    const record = async (): Promise<void> => {
      const batch = await operatorStream(world, signer, await log.logs(), [], options.recorder, await log.head(), {
        config: hash,
      })
      await log.append(batch, { level: 'published' })
    }
    const holdsMore = after.holds.length > before.holds.length
    if (holdsMore) await put(layout.retention)
    await record()
    if (!holdsMore) await put(layout.retention)
  } finally {
    await log.close()
  }
  return hash
}
