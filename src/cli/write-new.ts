import { writeFile } from 'node:fs/promises'
import { quote } from '../core/errors.js'
import { UsageError } from './errors.js'

/**
 * Writes a file where none is yet.
 *
 * @param code  Of the error when there is one: `prove.out`
 * @throws {UsageError} that code
 */
export async function writeNew(path: string, bytes: Uint8Array | string, code: string): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new UsageError(code, `there is a file at ${quote(path)} already; it was not touched`, {
      expected: 'a path where nothing is yet',
    })
  }
}
