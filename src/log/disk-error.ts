import { type DeedlogError, HaltedError, isDeedlogError, UnavailableError } from '../core/errors.js'
import { type Disk, type DiskFile, diskErrorCode } from './disk.js'

/**
 * What a failed disk operation means, as one of our errors.
 *
 * @param known  Whether it is known that nothing was saved. If not, the log must be opened again.
 */
export function diskError(cause: unknown, path: string, known: boolean): DeedlogError {
  if (isDeedlogError(cause)) return cause
  const code = diskErrorCode(cause) ?? 'unknown error'
  if (!known)
    return new HaltedError(
      'log.write-failed',
      `writing ${path} failed (${code}) and what was saved is unknown; open the log again to find out`,
      { cause },
    )
  if (NO_SPACE.has(code))
    return new UnavailableError('log.no-space', `no space left for ${path}; nothing was saved`, {
      cause,
      retryable: true,
      expected: 'free space on that disk, or a higher quota',
    })
  if (code === 'EROFS')
    return new UnavailableError('log.read-only', `${path} is on a disk that cannot be written`, {
      cause,
      expected: 'a writable disk; reading and verifying need none',
    })
  if (code === 'EACCES' || code === 'EPERM')
    return new UnavailableError('log.permission', `${path} may not be accessed by this user (${code})`, {
      cause,
      expected: 'the user that made the log',
    })
  return new UnavailableError('log.disk', `${path} could not be accessed (${code})`, { cause, retryable: true })
}

/** Whether an error of a write leaves no doubt: the disk had no room, and what it took can be cut again. */
export const isNoSpace = (error: unknown): boolean => NO_SPACE.has(diskErrorCode(error) ?? '')

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** Runs what only reads or prepares: when it fails, nothing was saved. */
export async function reading<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}

/**
 * Opens a file for reading, so that what fails while it is read is one of our errors.
 * @throws what the disk says, as it is, when there is no such file
 */
export async function openToRead(disk: Disk, path: string): Promise<Pick<DiskFile, 'length' | 'read' | 'close'>> {
  let file: DiskFile
  try {
    file = await disk.open(path, 'read')
  } catch (cause) {
    throw diskErrorCode(cause) === 'ENOENT' ? cause : diskError(cause, path, true)
  }
  return {
    length: () => reading(path, file.length()),
    read: (at, length) => reading(path, file.read(at, length)),
    close: () => file.close(),
  }
}
