import type { Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MalformedError, quote, UnavailableError } from '../core/errors.js'
import { BUNDLE_BEGINNING, BUNDLE_BYTES_MAX, parseBundle } from '../core/verify/index.js'
import { filesLayout, jsonlLayout } from '../log/layout.js'
import { bundleSource } from './bundle-file.js'
import { directorySource } from './directory.js'
import { type HttpSourceOptions, isAddress, openAddress } from './http-source.js'
import { jsonlSource } from './jsonl.js'
import { openForeignFile, readForeignFile } from './read-file.js'
import type { LogSource } from './source.js'

/**
 * Opens a log for reading: a folder that a log is kept in, its public part (`<dir>/log`), a JSONL file, a bundle,
 * which is read whole, or an address (`openAddress`). Reads else nothing but what is needed to know which; changes nothing; takes no lock.
 *
 * @throws {UnavailableError} `target.missing`, `target.unreadable`; `http.*` for an address
 * @throws {MalformedError} `target.kind` for a proof, a pipe or a device; `target.no-log` for a folder or
 *   file that is no log; `bundle-file.*` for a bundle that is none
 */
export async function openSource(target: string, options: HttpSourceOptions = {}): Promise<LogSource> {
  if (isAddress(target)) return openAddress(target, options)
  if (target.endsWith('.tlog-proof'))
    throw unsupported(target, 'is a proof of one entry', 'a log: a folder or a JSONL file')
  const found = await statTarget(target)
  // The user may name a log by a link; links inside a log are refused.
  const path = await realpath(target)
  if (found.isDirectory()) return openDirectory(path)
  if (found.isFile()) return openFile(path)
  throw unsupported(target, 'is neither a folder nor a file', 'a log: a folder or a JSONL file')
}

async function openDirectory(path: string): Promise<LogSource> {
  if (await isPublicFolder(join(path, 'log')))
    return directorySource({
      name: path,
      publicFolder: join(path, 'log'),
      layout: filesLayout(path),
      suppliedTrust: await trustFilesIn(path),
    })
  if (await isPublicFolder(path)) {
    const above = dirname(path)
    const isPart = basename(path) === 'log' && (await exists(filesLayout(above).config))
    return directorySource({
      name: path,
      publicFolder: path,
      layout: isPart ? filesLayout(above) : undefined,
      suppliedTrust: [...(await trustFilesIn(path)), ...(isPart ? await trustFilesIn(above) : [])],
    })
  }
  const empty = (await exists(filesLayout(path).config)) ? 'has been made, but holds no checkpoint yet' : 'holds no log'
  throw new MalformedError('target.no-log', `the folder ${quote(path)} ${empty}`, {
    expected: 'a folder with log/checkpoint, or with checkpoint and tile/; deedlog init makes one',
  })
}

const isPublicFolder = async (path: string): Promise<boolean> =>
  (await exists(join(path, 'checkpoint'))) || (await exists(join(path, 'tile')))

async function openFile(path: string): Promise<LogSource> {
  // A file that begins like no record and has no checkpoint beside it is somebody's letter, not a damaged log.
  const beginning = await beginningOf(path)
  if (beginning === BUNDLE_BEGINNING) return openBundle(path)
  if (!(await exists(jsonlLayout(path).checkpoint)) && !beginning.startsWith('{'))
    throw new MalformedError('target.no-log', `the file ${quote(path)} is no JSONL log`, {
      expected: 'one record per line, and the checkpoint in the same path with .checkpoint behind it',
    })
  return jsonlSource(jsonlLayout(path))
}

async function openBundle(path: string): Promise<LogSource> {
  const bytes = await readForeignFile(path, BUNDLE_BYTES_MAX)
  if (!bytes) throw new UnavailableError('target.missing', `there is nothing at ${quote(path)}`)
  return bundleSource(parseBundle(bytes), path)
}

/** As many of the first bytes of a file as tell a bundle, each as one character. */
async function beginningOf(path: string): Promise<string> {
  const file = await openForeignFile(path)
  try {
    const read = await file?.read(Buffer.alloc(BUNDLE_BEGINNING.length), 0, BUNDLE_BEGINNING.length, 0)
    return read ? read.buffer.toString('latin1', 0, read.bytesRead) : ''
  } finally {
    await file?.close()
  }
}

async function statTarget(target: string): Promise<Stats> {
  try {
    return await stat(target)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new UnavailableError('target.missing', `there is nothing at ${quote(target)}`, {
        expected: 'the path of a log: a folder or a JSONL file',
        cause,
      })
    throw new UnavailableError('target.unreadable', `${quote(target)} cannot be read: ${code}`, {
      expected: 'a log that this user may read',
      cause,
    })
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // What is there and may not be looked at is there: reading it says why it fails.
    return code !== 'ENOENT' && code !== 'ENOTDIR'
  }
}

// A log's folder holds a handful of names; a stranger's may hold any number.
const NAMES_MAX = 1000

async function trustFilesIn(folder: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).slice(0, NAMES_MAX)
    return names.filter(name => name.endsWith('.trust')).map(name => join(folder, name))
  } catch {
    return []
  }
}

const unsupported = (target: string, what: string, expected: string): MalformedError =>
  new MalformedError('target.kind', `${quote(target)} ${what}`, { expected })
