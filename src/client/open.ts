import type { Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { MalformedError, quote, UnavailableError } from '../core/errors.js'
import { filesLayout, jsonlLayout } from '../log/layout.js'
import { directorySource } from './directory.js'
import { jsonlSource } from './jsonl.js'
import { openForeignFile } from './read-file.js'
import type { LogSource } from './source.js'

/**
 * Opens a log for reading: a folder that a log is kept in, its public part (`<dir>/log`), or a JSONL file. Reads
 * nothing but what is needed to know which; changes nothing; takes no lock.
 *
 * @throws {UnavailableError} `target.missing`, `target.unreadable`
 * @throws {MalformedError} `target.kind` for an address, a proof, a pipe or a device; `target.no-log` for a folder or
 *   file that is no log
 */
export async function openSource(target: string): Promise<LogSource> {
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(target))
    throw unsupported(target, 'is an address; logs are read from disk', 'a copy of the log on this machine')
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
  if (!(await exists(jsonlLayout(path).checkpoint)) && !(await beginsWithBrace(path)))
    throw new MalformedError('target.no-log', `the file ${quote(path)} is no JSONL log`, {
      expected: 'one record per line, and the checkpoint in the same path with .checkpoint behind it',
    })
  return jsonlSource(jsonlLayout(path))
}

async function beginsWithBrace(path: string): Promise<boolean> {
  const file = await openForeignFile(path)
  try {
    const read = await file?.read(Buffer.alloc(1), 0, 1, 0)
    return read?.bytesRead === 1 && read.buffer[0] === 0x7b
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
