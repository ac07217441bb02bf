import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { type Disk, replaceFile } from './disk.js'
import { diskError, reading } from './disk-error.js'
import { PUBLIC_FILE_MODE } from './layout.js'

/** What a new log says about itself. Format: `spec/trust-file.md`. */
export function formatOwnTrust(log: {
  readonly origin: string
  readonly logId: string
  /** Verifier keys as text. */
  readonly logKey: string
  readonly operatorKey: string
}): string {
  return [
    `# Whose signatures count for the log ${log.origin}: the operator's own statement.`,
    '# It proves nothing to whoever gets it together with the log. Hand it to the auditor by another way, and keep a',
    '# copy where the operator cannot change it. Agents are added below when they first get a key from this log.',
    `log ${log.logKey}`,
    'quorum none',
    `log-id ${log.logId}`,
    `operator ${log.operatorKey}`,
    '',
  ].join('\n')
}

/** Writes a new trust file; one that is there stays as it is. */
export async function writeTrust(disk: Disk, path: string, text: string): Promise<void> {
  if (await reading(path, disk.stat(path))) return
  await replaceTrust(disk, path, text)
}

/** Adds the line of an agent's new key, if there is such a file. */
export async function addAgent(disk: Disk, path: string, verifierKey: string): Promise<void> {
  const bytes = await reading(path, disk.readFile(path))
  if (!bytes) return
  const text = fromUtf8(bytes)
  await replaceTrust(disk, path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}agent ${verifierKey}\n`)
}

async function replaceTrust(disk: Disk, path: string, text: string): Promise<void> {
  try {
    await replaceFile(disk, path, toUtf8(text), PUBLIC_FILE_MODE)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}
