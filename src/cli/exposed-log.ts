import { realpath, stat } from 'node:fs/promises'
import { resolve, sep } from 'node:path'

// A command line of more words is none that a person wrote.
const WORDS_MAX = 256

/**
 * The folder among the words of a server's command, as one that it serves or writes to, in which a log lies: its tools could
 * reach the keys and the journal. Undefined where there is none. What a server is told in other ways is not seen.
 */
export async function exposedFolder(log: string, command: readonly string[]): Promise<string | undefined> {
  const place = await realOf(log)
  for (const word of command.slice(1, WORDS_MAX)) {
    // Also `--root=/srv`.
    const path = word.startsWith('-') ? word.slice(word.indexOf('=') + 1) : word
    if (path === '' || path.startsWith('-')) continue
    const folder = await realOf(path)
    const inside = place === folder || place.startsWith(folder.endsWith(sep) ? folder : folder + sep)
    if (inside && (await isFolder(folder))) return path
  }
  return undefined
}

const realOf = (path: string): Promise<string> => realpath(path).catch(() => resolve(path))

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true
