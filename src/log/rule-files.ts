import { sha256Hex } from '#crypto'
import { type Disk, replaceFile } from './disk.js'
import { diskError } from './disk-error.js'
import { type Layout, PRIVATE_FILE_MODE, PRIVATE_FOLDER_MODE } from './layout.js'

/*
 * The files of rules that `rules` records name: an auditor who is shown one can hash it and find it in the log. They
 * may be confidential, so they lie in the private folder, each under its digest.
 */

// A folder of rules has files of at most 1 MiB; whoever hands over more has taken something else for one.
const RULES_BYTES_MAX = 16 * 1024 * 1024

/** Two recorders of one log begin with the same rules, at the same time. */
const writing = new Map<string, Promise<void>>()

/**
 * Keeps `bytes` durably, whole or not at all.
 * @throws {RangeError} for more than 16 MiB; {UnavailableError} what the disk says
 */
export async function keepRuleFile(disk: Disk, layout: Layout, bytes: Uint8Array): Promise<void> {
  if (bytes.length > RULES_BYTES_MAX) throw new RangeError(`a file of rules has at most ${RULES_BYTES_MAX} bytes`)
  const path = layout.ruleFile(sha256Hex(bytes))
  const already = writing.get(path)
  if (already) return already
  const written = write(disk, layout, path, bytes).finally(() => writing.delete(path))
  writing.set(path, written)
  return written
}

async function write(disk: Disk, layout: Layout, path: string, bytes: Uint8Array): Promise<void> {
  try {
    // The name says what is in it, and a file gets its name only when it is whole.
    if (await disk.stat(path)) return
    if (await disk.makeDirectory(layout.rules, PRIVATE_FOLDER_MODE)) await disk.syncDirectory(layout.privateFolder)
    await replaceFile(disk, path, bytes, PRIVATE_FILE_MODE)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}
