/*
 * All that the stores ask of a disk. The real one is `node-disk.ts`; tests put a recording, failing or simulated one
 * in its place. Paths are absolute. What fails throws the error of Node's `fs`, with its `code` (`ENOSPC`, `EIO`, ...).
 */

export interface Disk {
  /** Opens a file. `create` fails with `EEXIST` when there is one; `write` and `read` fail with `ENOENT` without one. */
  open(path: string, how: 'read' | 'write' | 'create', mode?: number): Promise<DiskFile>
  /** The whole file; undefined when there is none. */
  readFile(path: string): Promise<Uint8Array | undefined>
  /**
   * A file that only its owner may read, and who else may; `link` when the name is a symbolic link, which is not
   * followed. Absent: the disk knows no other users.
   */
  readSecret?(path: string): Promise<SecretFile | 'link' | undefined>
  /** What is at `path`; undefined when there is nothing. Symbolic links are followed. */
  stat(path: string): Promise<DiskStat | undefined>
  /** Names in a directory, ascending; undefined when there is none. */
  list(path: string): Promise<readonly string[] | undefined>
  /** Makes one directory; false when there was one. */
  makeDirectory(path: string, mode: number): Promise<boolean>
  /** Takes the place of what was at `to`. Durable only after {@link syncDirectory} of the folder. */
  rename(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all that is in it; nothing happens when there is none. */
  remove(path: string): Promise<void>
  /** Makes the names in a directory durable: a new, renamed or removed file is one only after this. */
  syncDirectory(path: string): Promise<void>
  /** The path without links and dots. Of a path that is not there: that of its folder, and the name. */
  realPath(path: string): Promise<string>
  /** The network file system that a path lies on, by its name; undefined for a local disk, or where it is not known. */
  networkFileSystem(path: string): Promise<string | undefined>
  /**
   * Takes the exclusive lock of a file, which is made when it is not there. The kernel lets go of it when the process
   * dies, however it dies.
   *
   * @param message  Written into the file for whoever finds it locked.
   * @returns a lock, or what the holder's message says.
   */
  lock(path: string, message: string): Promise<DiskLock | { readonly heldBy: string }>
}

interface SecretFile {
  readonly bytes: Uint8Array
  /** Permission bits of the file and of its folder; undefined where the system has none. */
  readonly mode: number | undefined
  readonly folderMode: number | undefined
}

interface DiskStat {
  readonly kind: 'file' | 'directory' | 'other'
  readonly length: number
  /** Another one after every change of the file; undefined where the disk cannot tell. */
  readonly version?: string
  /** When its bytes last changed, in milliseconds since 1970, as the file system says: for messages. */
  readonly changedMs?: number
}

/** An open file. The methods without `Sync` take turns with the event loop; the others block it. */
export interface DiskFile {
  length(): Promise<number>
  /** Up to `length` bytes at offset `at`, fewer only at the end of the file. */
  read(at: number, length: number): Promise<Uint8Array>
  /** Writes all of `bytes` at offset `at`. After an error any part of them may be there. */
  write(bytes: Uint8Array, at: number): Promise<void>
  writeSync(bytes: Uint8Array, at: number): void
  /** The bytes and the length of the file are on the disk when this returns. */
  datasync(): Promise<void>
  datasyncSync(): void
  truncate(length: number): Promise<void>
  close(): Promise<void>
}

export interface DiskLock {
  release(): Promise<void>
}

/** The code of an error of a disk, such as `ENOENT`; undefined for any other error. */
export function diskErrorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined
}

/** The folder of an absolute path. */
export function folderOf(path: string): string {
  const at = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return path.slice(0, at) || path.slice(0, at + 1)
}

/**
 * Replaces the file at `path`, whole or not at all: a crash leaves the old bytes or the new ones, and when this
 * resolves they are the new ones for good.
 */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await writeBeside(disk, path, bytes, mode)
  await disk.rename(temporaryOf(path), path)
  // Until the folder is synced a crash may bring the old file back.
  await disk.syncDirectory(folderOf(path))
}

/** Writes `bytes` durably under the temporary name of `path`. What a crash left there is overwritten. */
export async function writeBeside(disk: Disk, path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const file = await createAnew(disk, temporaryOf(path), mode)
  try {
    await file.write(bytes, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
}

async function createAnew(disk: Disk, path: string, mode: number): Promise<DiskFile> {
  try {
    return await disk.open(path, 'create', mode)
  } catch (error) {
    if (diskErrorCode(error) !== 'EEXIST') throw error
    await disk.remove(path)
    return disk.open(path, 'create', mode)
  }
}

/** Where a file is written before it gets its name. */
export const temporaryOf = (path: string): string => `${path}.tmp`
