import { randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmdirSync, statSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { UnavailableError } from '../../core/errors.js'

/*
 * Where a process in which calls wait can be reached: one socket for each, in a folder inside the log's private one.
 * Who may enter that folder may answer; nobody else can even see that something waits.
 */

/** `<dir>/private/review`, or `<file>.private/review` for a log in one file: `spec/layout.md`. */
export function reviewFolder(target: string): string {
  const path = resolve(target)
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? path.endsWith('.jsonl')
  return isFile ? join(`${path}.private`, 'review') : join(path, 'private', 'review')
}

/**
 * Makes the folder, or checks that it is its owner's alone.
 * @throws {UnavailableError} `review.folder`, `review.platform`
 */
export function openReviewFolder(folder: string): void {
  refuseWindows()
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code !== 'EEXIST') throw unsafe(folder, `it cannot be made (${code})`, cause)
  }
  const found = lstatSync(folder)
  if (!found.isDirectory()) throw unsafe(folder, 'it is no folder')
  if (found.uid !== process.getuid?.()) throw unsafe(folder, 'it belongs to another user')
  if ((found.mode & 0o077) !== 0) throw unsafe(folder, 'others than its owner may enter it')
}

/** The sockets in the folder, oldest process id first; none when there is no folder. */
export function socketsIn(folder: string): string[] {
  refuseWindows()
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return []
    throw unsafe(folder, `it cannot be read (${code})`, cause)
  }
  return names
    .filter(name => SOCKET_NAME.test(name))
    .sort()
    .slice(0, SOCKETS_MAX)
    .map(name => join(folder, name))
}

const SOCKET_NAME = /^\d{1,10}-[0-9a-f]{16}\.sock$/
const SOCKETS_MAX = 1000

export const newSocketName = (): string => `${process.pid}-${randomBytes(8).toString('hex')}.sock`

// What the kernel takes is 108 bytes with the final zero on Linux and 104 on macOS. It cuts a longer one without a word.
const SOCKET_PATH_BYTES = 103
const SHORT_FOLDER = 'deedlog-review-'

/**
 * The path to listen at for the socket `path`: beside it, or where that is too long for a kernel, in a private folder
 * of its own, to which `path` is to be a link.
 */
export function listeningPath(path: string): { readonly at: string; readonly linked: boolean } {
  const beside = `${path}.new`
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES) return { at: beside, linked: false }
  return { at: join(mkdtempSync(join(tmpdir(), SHORT_FOLDER)), 's'), linked: true }
}

/** The path to connect to: what a link leads to, since the kernel counts the bytes of what it is handed. */
export const connectingPath = (path: string): string => (lstatSync(path).isSymbolicLink() ? realpathSync(path) : path)

/** Removes a socket that nobody listens at, and the folder that was made for it alone. */
export function removeSocket(path: string): void {
  let target: string | undefined
  try {
    if (lstatSync(path).isSymbolicLink()) target = realpathSync(path)
  } catch {
    // Gone already, or a link to nothing: then there is nothing behind it to remove.
  }
  remove(path)
  if (target === undefined || !basename(dirname(target)).startsWith(SHORT_FOLDER)) return
  remove(target)
  try {
    // Only when it is empty: nothing but our socket was ever meant to be in it.
    rmdirSync(dirname(target))
  } catch {
    // Something else lies in it, or it is gone: either way it is not ours to remove.
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Another process was quicker. A socket that is left over refuses every connection, and is tried again.
  }
}

function refuseWindows(): void {
  if (process.platform !== 'win32') return
  throw new UnavailableError('review.platform', 'reviews from the command line need a Unix-domain socket', {
    expected: 'Linux or macOS; elsewhere an approver of your own, answering in the process',
  })
}

const unsafe = (folder: string, why: string, cause?: unknown): UnavailableError =>
  new UnavailableError('review.folder', `${folder} cannot be used for reviews: ${why}`, {
    cause,
    expected: 'a folder of the user who records, mode 0700, inside the private folder of a log',
  })
