import { open, rm } from 'node:fs/promises'
import { quote } from '../core/errors.js'
import { UsageError } from './errors.js'

/**
 * Writes a file where none is yet, whole or not at all: half of one would be refused by whoever reads it, and would be in
 * the way of the next attempt.
 *
 * @param code  Of the error when there is one: `prove.out`
 * @throws {UsageError} that code
 */
export async function writeNew(path: string, bytes: Uint8Array | string, code: string): Promise<void> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
    throw new UsageError(code, `there is a file at ${quote(path)} already; it was not touched`, {
      expected: 'a path where nothing is yet',
    })
  })
  try {
    await file.writeFile(bytes)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}
