/*
 * What recorders of this process have just signed. Checking such a signature again would take as long as writing the
 * record to the disk, and could only show that signing is broken. Another copy of this module knows nothing of it, and
 * then the log checks: this saves time, it decides nothing. spec/record.md §7, "What a log takes".
 */

const leaves = new Set<string>()
// A batch reaches the log right after it was signed; more than this many do not wait at once.
const LEAVES_MAX = 1024

/** Remembers a record that was signed with the key of its own stream, by its leaf hash, which covers the signature. */
export function rememberSigned(leaf: string): void {
  if (leaves.size >= LEAVES_MAX) leaves.delete(leaves.values().next().value!)
  leaves.add(leaf)
}

/** Whether a recorder of this process has just signed the record with this leaf hash. */
export const wasSignedHere = (leaf: string): boolean => leaves.has(leaf)
