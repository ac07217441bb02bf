import { equalBytes } from '../../core/bytes/equal.js'
import { HaltedError } from '../../core/errors.js'
import { type Disk, folderOf, temporaryOf, writeBeside } from '../disk.js'
import { diskError, isNoSpace, reading } from '../disk-error.js'
import { PUBLIC_FILE_MODE, PUBLIC_FOLDER_MODE } from '../layout.js'
import type { Objects, StoredObject } from '../ports.js'

/** Objects as files below one folder, which any web server can serve. */
export class FileObjects implements Objects {
  readonly #disk: Disk
  readonly #root: string
  /** Folders that are known to be there for good. */
  readonly #folders = new Set<string>()

  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
    this.#folders.add(root)
  }

  async put(objects: readonly StoredObject[]): Promise<void> {
    const files = objects.map(({ path, bytes }) => ({ path: `${this.#root}/${path}`, bytes }))
    const changed = new Set(files.map(({ path }) => folderOf(path)))
    for (const folder of changed) await this.#makeFolder(folder)
    let next = 0
    const lane = async (): Promise<void> => {
      for (let file = files[next++]; file; file = files[next++]) await this.#putOne(file.path, file.bytes)
    }
    const lanes = await Promise.allSettled(Array.from({ length: WRITTEN_SIDE_BY_SIDE }, lane))
    // Only when all have come to rest: nothing of ours may be under way once an error is told.
    for (const { reason } of lanes.filter(isRejected)) throw reason
    // Also where a file was there: the crash that we come from may have been before this sync.
    for (const folder of changed) await sealed(folder, this.#disk.syncDirectory(folder))
  }

  async #putOne(file: string, bytes: Uint8Array): Promise<void> {
    const found = await reading(file, this.#disk.readFile(file))
    if (found && equalBytes(found, bytes)) return
    if (found) throw otherBytes(file)
    try {
      await writeBeside(this.#disk, file, bytes, PUBLIC_FILE_MODE)
    } catch (cause) {
      throw diskError(cause, file, isNoSpace(cause))
    }
    // A crash above leaves a temporary file, which the next attempt overwrites: only whole objects get their name.
    await sealed(file, this.#disk.rename(temporaryOf(file), file))
  }

  get(path: string): Promise<Uint8Array | undefined> {
    return reading(`${this.#root}/${path}`, this.#disk.readFile(`${this.#root}/${path}`))
  }

  async removePartials(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      const folder = `${this.#root}/${path}.p`
      await reading(folder, this.#disk.remove(folder))
      this.#folders.delete(folder)
    }
  }

  async #makeFolder(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return
    const parent = folderOf(folder)
    if (parent === folder) return
    await this.#makeFolder(parent)
    await reading(folder, this.#disk.makeDirectory(folder, PUBLIC_FOLDER_MODE))
    await sealed(parent, this.#disk.syncDirectory(parent))
    this.#folders.add(folder)
  }
}

// Their syncs share the disk's own journal. More would keep the journal of records waiting for a thread.
const WRITTEN_SIDE_BY_SIDE = 2

const otherBytes = (path: string): HaltedError =>
  new HaltedError(
    'log.object-differs',
    `${path} holds other bytes than the records of this log give; nothing was replaced. ` +
      'Move it away to have it written again, and find out who changed it',
  )

const isRejected = (settled: PromiseSettledResult<void>): settled is PromiseRejectedResult =>
  settled.status === 'rejected'

/** For operations after whose failure nobody knows which names are durable. */
async function sealed(path: string, work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (cause) {
    throw diskError(cause, path, false)
  }
}
