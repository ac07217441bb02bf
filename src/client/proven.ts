import { equalBytes } from '../core/bytes/equal.js'
import { VerificationError } from '../core/errors.js'
import { Frontier, leafHash, parseCheckpoint, parseNote } from '../core/tlog/index.js'
import type { LogSource, RawEntry } from './source.js'

/**
 * The entries that a log's checkpoint covers, after all of them have been found to hash to its root. Whose checkpoint
 * it is, is not asked. Reads the log twice: the root is known only at the end.
 *
 * @throws {VerificationError} `entries.unproven` when they do not, or change while they are read
 */
export async function* provenEntries(source: LogSource): AsyncGenerator<RawEntry> {
  const note = await source.checkpoint()
  if (!note) throw new VerificationError('entries.unproven', 'the log has no signed checkpoint to prove its entries by')
  const { size, root } = parseCheckpoint(parseNote(note).text)
  const tree = Frontier.empty()
  for await (const { record } of source.entries({ to: size })) tree.append(leafHash(record))
  check(tree, size, root)
  const again = Frontier.empty()
  for await (const entry of source.entries({ to: size })) {
    again.append(leafHash(entry.record))
    yield entry
  }
  check(again, size, root)
}

function check(tree: Frontier, size: number, root: Uint8Array): void {
  if (tree.size !== size || !equalBytes(tree.root(), root))
    throw new VerificationError('entries.unproven', 'the records are not those the checkpoint was signed over', {
      expected: 'a log that verifies: deedlog verify says what is wrong',
    })
}
