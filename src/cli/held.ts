import { realpath } from 'node:fs/promises'
import { isInside } from '../client/inside.js'
import { readForeignFile } from '../client/read-file.js'
import { quote } from '../core/errors.js'
import { NOTE_BYTES_MAX } from '../core/tlog/index.js'
import { UsageError } from './errors.js'
import { shellPath } from './terminal/shell-word.js'

/**
 * The earlier checkpoints that an auditor holds.
 *
 * @throws {UsageError} `held.missing`; `held.supplied` for a file of the log itself, which continues itself always
 */
export async function readHeld(target: string, paths: readonly string[]): Promise<Uint8Array[]> {
  const held: Uint8Array[] = []
  for (const path of paths) {
    if (await isInside(target, path))
      throw new UsageError('held.supplied', `checkpoint ${quote(path)} is supplied by the log itself`, {
        expected: 'a checkpoint that you kept elsewhere: a copy of <log>/log/checkpoint from an earlier day',
        next: `deedlog verify ${shellPath(target)} --help`,
      })
    // The user may name the file by a link.
    const bytes = await readForeignFile(await realpath(path).catch(() => path), NOTE_BYTES_MAX)
    if (!bytes)
      throw new UsageError('held.missing', `there is no checkpoint at ${quote(path)}`, {
        expected: 'the path of a signed checkpoint',
      })
    held.push(bytes)
  }
  return held
}
