import { closeSync, constants, fdatasync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { UnavailableError } from '../core/errors.js'
import { type Disk, type DiskFile, type DiskLock, diskErrorCode } from './disk.js'
import { networkFileSystem } from './network-disk.js'
import { readAt } from './read-at.js'

/** The disk of this machine. */
export const nodeDisk: Disk = {
  async open(path, how, mode) {
    const flags = { read: constants.O_RDONLY, write: constants.O_RDWR, create: constants.O_RDWR | CREATE }[how]
    return new NodeFile(await open(path, flags, mode))
  },
  async readFile(path) {
    const bytes = await absentAsUndefined(readFile(path))
    return bytes && new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
  },
  async readSecret(path) {
    let handle: FileHandle | undefined
    try {
      handle = await absentAsUndefined(open(path, SECRET))
    } catch (error) {
      if (diskErrorCode(error) === 'ELOOP' || diskErrorCode(error) === 'EMLINK') return 'link'
      throw error
    }
    if (!handle) return undefined
    try {
      // Of the file that is read, not of whatever has its name by then.
      const { mode } = await handle.stat()
      const buffer = new Uint8Array(SECRET_BYTES_MAX)
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
      const bytes = buffer.subarray(0, bytesRead)
      if (process.platform === 'win32') return { bytes, mode: undefined, folderMode: undefined }
      const folder = await lstat(dirname(path))
      if (folder.isSymbolicLink()) return 'link'
      return { bytes, mode: mode & PERMISSIONS, folderMode: folder.mode & PERMISSIONS }
    } finally {
      await handle.close()
    }
  },
  async stat(path) {
    const found = await absentAsUndefined(stat(path, { bigint: true }))
    if (!found) return undefined
    const { dev, ino, size, mtimeNs, ctimeNs } = found
    return {
      kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other',
      length: Number(size),
      // Whoever changes a file may set its modification time back, but not the time of that.
      version: [dev, ino, size, mtimeNs, ctimeNs].join(':'),
      changedMs: Number(mtimeNs / 1_000_000n),
    }
  },
  async list(path) {
    return (await absentAsUndefined(readdir(path)))?.sort()
  },
  async makeDirectory(path, mode) {
    try {
      await mkdir(path, { mode })
      return true
    } catch (error) {
      if (diskErrorCode(error) === 'EEXIST') return false
      throw error
    }
  },
  rename: (from, to) => rename(from, to),
  remove: path => rm(path, { recursive: true, force: true }),
  async syncDirectory(path) {
    // Windows keeps its directories itself and cannot open one for this.
    if (process.platform === 'win32') return
    const handle = await open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async realPath(path) {
    const real = await absentAsUndefined(realpath(path))
    return real ?? join(await nodeDisk.realPath(dirname(path)), basename(path))
  },
  networkFileSystem,
  async lock(path, message) {
    const tryLock = loadLock()
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    try {
      if (tryLock(fd, LOCKED_BYTE, 1)) return new NodeLock(fd, message)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
    const heldBy = await readFile(path, 'utf8').catch(() => '')
    return { heldBy: heldBy.slice(0, MESSAGE_MAX) }
  },
}

const CREATE = constants.O_CREAT | constants.O_EXCL
// Not blocking: a pipe of that name would be waited for without end. Windows knows neither flag.
const SECRET = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
// A key file has some hundred bytes; what is cut here does not parse.
const SECRET_BYTES_MAX = 16_384
const PERMISSIONS = 0o777
// A lock file is ours, but whoever can write to it should not be able to flood an error message.
const MESSAGE_MAX = 200
// Far behind the message: Windows does not let others read a byte that is locked.
const LOCKED_BYTE = 2 ** 30

class NodeFile implements DiskFile {
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

  async write(bytes: Uint8Array, at: number): Promise<void> {
    // A disk that fills up may take a part before it says so.
    let written = 0
    while (written < bytes.length)
      written += (await this.#handle.write(bytes, written, bytes.length - written, at + written)).bytesWritten
  }

  writeSync(bytes: Uint8Array, at: number): void {
    let written = 0
    while (written < bytes.length)
      written += writeSync(this.#handle.fd, bytes, written, bytes.length - written, at + written)
  }

  datasync(): Promise<void> {
    // With a callback: half the cost of the promise of a FileHandle, on the path of every batch.
    return new Promise((resolve, reject) => fdatasync(this.#handle.fd, error => (error ? reject(error) : resolve())))
  }

  datasyncSync(): void {
    fdatasyncSync(this.#handle.fd)
  }

  truncate(length: number): Promise<void> {
    return this.#handle.truncate(length)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

class NodeLock implements DiskLock {
  readonly #fd: number
  #released = false

  constructor(fd: number, message: string) {
    this.#fd = fd
    // Only for people: who holds the lock is known to the kernel, never read from here.
    writeSync(fd, message.padEnd(MESSAGE_MAX, ' '), 0)
  }

  async release(): Promise<void> {
    if (this.#released) return
    this.#released = true
    closeSync(this.#fd)
  }
}

type TryLock = (fd: number, offset: number, length: number) => boolean

/**
 * The one native piece: Node itself has no lock that dies with its process. Loaded only when a log is opened for
 * writing, so that readers need no binary for their platform.
 */
function loadLock(): TryLock {
  try {
    const native = createRequire(import.meta.url)('fs-native-extensions') as { tryLock: TryLock }
    return native.tryLock
  } catch (cause) {
    throw new UnavailableError(
      'log.no-lock',
      `the file lock of fs-native-extensions does not load on ${process.platform}-${process.arch}; without it two ` +
        'processes could write one log, so this one does not write. Reading and verifying work without it',
      { cause, expected: 'a platform with a prebuilt fs-native-extensions' },
    )
  }
}

async function absentAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (diskErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
