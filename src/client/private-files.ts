import type { FileHandle } from 'node:fs/promises'
import { isDeedlogError } from '../core/errors.js'
import { NOTE_BYTES_MAX } from '../core/tlog/index.js'
import type { Disk, DiskFile } from '../log/disk.js'
import { readAwaiting, readDisclosures, readErasing, readVaultOf } from '../log/journal-reader.js'
import { type Moved, parseMoved } from '../log/moved.js'
import { nodeDisk } from '../log/node-disk.js'
import { readAt } from '../log/read-at.js'
import { openForeignFile, readForeignFile } from './read-file.js'

/*
 * The writer's own files, in a copy that anybody may have made: a pipe in the place of a journal would keep a reader
 * waiting for ever, and a link would have it read something else.
 */

/** Sequenced records beyond the checkpoint; undefined when that cannot be known from here. */
export const awaitingIn = (target: string): Promise<number | undefined> =>
  unlessUnreadable(readAwaiting(target, foreignDisk))

/**
 * The disclosures of the record at `index`; undefined when there are none, or the files cannot be read.
 * @throws {UnavailableError} `log.damaged` when the journal is not as it was written
 */
export const disclosuresIn = (target: string, index: number): Promise<Uint8Array | undefined> =>
  unlessUnreadable(readDisclosures(target, index, foreignDisk))

/**
 * All disclosures that a log's private files hold, by index; undefined when they cannot be read.
 * @throws {UnavailableError} while it goes on: `log.damaged` when a file is not as it was written
 */
export const vaultIn = (
  target: string,
): Promise<AsyncGenerator<{ readonly index: number; readonly disclosures: Uint8Array }> | undefined> =>
  unlessUnreadable(readVaultOf(target, foreignDisk))

/** Whether an erasing was begun and is not finished; undefined when the files cannot be read. */
export const erasingIn = (target: string): Promise<boolean | undefined> =>
  unlessUnreadable(readErasing(target, foreignDisk))

/** What the mark of a log says that was moved; undefined when there is none, or it cannot be read. */
export async function movedIn(mark: string): Promise<Moved | undefined> {
  const bytes = await unlessUnreadable(readForeignFile(mark, MOVED_BYTES_MAX))
  return bytes && parseMoved(bytes)
}

// A path and a time.
const MOVED_BYTES_MAX = 64 * 1024

const foreignDisk: Disk = {
  ...nodeDisk,
  open: async path => new ForeignFile(await opened(path)),
  // The journal is read in pieces; whole, only the checkpoint.
  readFile: path => readForeignFile(path, NOTE_BYTES_MAX),
}

async function opened(path: string): Promise<FileHandle> {
  const file = await openForeignFile(path)
  if (!file) throw Object.assign(new Error('there is no such file'), { code: 'ENOENT', syscall: 'open' })
  return file
}

/** What would change the file is refused. */
class ForeignFile implements DiskFile {
  readonly #handle: FileHandle

  constructor(handle: FileHandle) {
    this.#handle = handle
  }

  async length(): Promise<number> {
    return (await this.#handle.stat()).size
  }

  read(at: number, length: number): Promise<Uint8Array> {
    return readAt(this.#handle, at, length)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  write = refuse
  datasync = refuse
  truncate = refuse
  writeSync = refuse
  datasyncSync = refuse
}

function refuse(): never {
  throw new TypeError('a file of somebody else’s is only read')
}

async function unlessUnreadable<T>(read: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    const isUnreadable = isDeedlogError(error)
      ? error.code.startsWith('file.')
      : (error as NodeJS.ErrnoException).syscall !== undefined
    if (isUnreadable) return undefined
    throw error
  }
}
