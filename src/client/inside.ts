import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, resolve, sep } from 'node:path'
import { filesLayout } from '../log/layout.js'

/**
 * Whether whoever wrote a log also decides what stands in a file: it lies in the log, or its name does. Where the
 * target is the public part of a log's folder, all of that folder is the log; of a JSON-lines log, so is every
 * `<path>.*` but `<path>.trust`, the one file that is written for the auditor.
 *
 * @param target  What is verified, as its user named it.
 * @param file    A file that its user says to have from elsewhere. Neither need exist.
 */
export async function isInside(target: string, file: string): Promise<boolean> {
  const real = await realOf(target)
  const found = await stat(real).catch(() => undefined)
  const parts = [resolve(target), real, ...(await holderOf(real))]
  const names = [resolve(file), await realOf(file)]
  const isLines = found?.isFile() === true
  return names.some(name =>
    parts.some(part => {
      if (name === part) return true
      return isLines ? name.startsWith(`${part}.`) && name !== `${part}.trust` : name.startsWith(part + sep)
    }),
  )
}

/** The folder that a log is kept in, where `path` is its public part. */
async function holderOf(path: string): Promise<readonly string[]> {
  const above = dirname(path)
  const isPart = basename(path) === basename(filesLayout(above).publicFolder!)
  return isPart && (await stat(filesLayout(above).config).catch(() => undefined)) ? [above] : []
}

/** The path without links. What is missing is refused, by name, by whoever opens it. */
const realOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path))
