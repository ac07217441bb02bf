import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { MalformedError, quote, UnavailableError } from '../core/errors.js'
import { ENTRY_BYTES_MAX, TILE_WIDTH } from '../core/tlog/index.js'

/**
 * The bytes of a regular file that somebody else wrote; undefined when there is none.
 *
 * @param most  Bytes the caller is ready to hold.
 * @throws {MalformedError} `file.kind` for a link, folder, pipe or device; `file.length` for more bytes than `most`
 * @throws {UnavailableError} `file.unreadable`
 */
export async function readForeignFile(path: string, most: number): Promise<Uint8Array | undefined> {
  const file = await openForeignFile(path)
  if (!file) return undefined
  try {
    const { size } = await file.stat()
    if (size > most)
      throw new MalformedError('file.length', `${quote(path)} has ${size} bytes`, { expected: `at most ${most}` })
    return new Uint8Array(await readWhole(file, size))
  } catch (error) {
    throw asUnreadable(error, path)
  } finally {
    await file.close()
  }
}

/** The entry bundle at a tlog-tiles path below `publicFolder`; undefined when it is not there. */
export const readBundleFile = (publicFolder: string, path: string): Promise<Uint8Array | undefined> =>
  readForeignFile(join(publicFolder, path), BUNDLE_BYTES_MAX)

/** The hash tile at a tlog-tiles path below `publicFolder`; undefined when it is not there. */
export const readTileFile = (publicFolder: string, path: string): Promise<Uint8Array | undefined> =>
  readForeignFile(join(publicFolder, path), TILE_BYTES_MAX)

// The longest that the format allows: 256 hashes; 256 entries of 65,535 bytes with their lengths.
const TILE_BYTES_MAX = TILE_WIDTH * 32
const BUNDLE_BYTES_MAX = TILE_WIDTH * (ENTRY_BYTES_MAX + 2)

/**
 * Opens a regular file that somebody else wrote; undefined when there is none. Opening does not wait: a pipe in the
 * place of a file would otherwise hold us for ever. Links are not followed: what is in the folder is what is judged.
 */
export async function openForeignFile(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === 'ELOOP' || code === 'EMLINK' || code === 'ENXIO') throw notRegular(path, error)
    throw asUnreadable(error, path)
  }
  const stat = await file.stat()
  if (stat.isFile()) return file
  await file.close()
  throw notRegular(path)
}

async function readWhole(file: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size)
  let at = 0
  while (at < size) {
    const { bytesRead } = await file.read(bytes, at, size - at, at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}

const notRegular = (path: string, cause?: unknown): MalformedError =>
  new MalformedError('file.kind', `${quote(path)} is not a regular file`, {
    expected: 'a file: no link, folder, pipe or device',
    cause,
  })

/** An error of the file system as one of ours; any other as it is. */
export function asUnreadable(error: unknown, path: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  return new UnavailableError('file.unreadable', `${quote(path)} cannot be read: ${code}`, {
    expected: 'a file that this user may read',
    cause: error,
  })
}
