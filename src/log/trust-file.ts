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
  /** Lines `witness`, `group` and `quorum`. Default: nobody is asked. */
  readonly witnessPolicy?: string
}): string {
  return [
    `# Whose signatures count for the log ${log.origin}: the operator's own statement.`,
    '# It proves nothing to whoever gets it together with the log. Hand it to the auditor by another way, and keep a',
    '# copy where the operator cannot change it. Agents are added below when they first get a key from this log.',
    `log ${log.logKey}`,
    ...(log.witnessPolicy ?? 'quorum none').trimEnd().split('\n'),
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

/** Adds the line of an agent's first key, if there is such a file. */
export async function addAgent(disk: Disk, path: string, verifierKey: string): Promise<void> {
  await addLine(disk, path, agentLine(verifierKey))
}

/** The line for streams of an agent's key that begin at an index from `first` to `last`, both included. */
export const agentLine = (verifierKey: string, first = 0, last?: number): string =>
  `agent ${verifierKey}${first === 0 && last === undefined ? '' : ` ${first}`}${last === undefined ? '' : ` ${last}`}`

/** Adds a line, unless it is there. Nothing happens, and the answer is false, where there is no trust file. */
export const addLine = (disk: Disk, path: string, line: string): Promise<boolean> =>
  editTrust(disk, path, text =>
    `\n${text}`.includes(`\n${line}\n`) ? text : `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`,
  )

/**
 * Ends the range of an agent's key at `last`: its older streams go on counting, and none that begins later does. A line
 * that ended before stays as it is, and so does everything else that somebody wrote.
 */
export const endAgent = (disk: Disk, path: string, verifierKey: string, last: number): Promise<boolean> =>
  editTrust(disk, path, text =>
    text
      .split('\n')
      .map(line => {
        const [keyword, vkey, first, end] = line.split(/[ \t]+/).filter(field => field !== '')
        if (keyword !== 'agent' || vkey !== verifierKey || (end !== undefined && Number(end) <= last)) return line
        return Number(first ?? 0) > last ? `# ${line}` : agentLine(verifierKey, Number(first ?? 0), last)
      })
      .join('\n'),
  )

/** Takes a line out: what it says is no longer so. */
export const removeLine = (disk: Disk, path: string, line: string): Promise<boolean> =>
  editTrust(disk, path, text =>
    text
      .split('\n')
      .filter(each => each !== line)
      .join('\n'),
  )

async function editTrust(disk: Disk, path: string, edit: (text: string) => string): Promise<boolean> {
  const bytes = await reading(path, disk.readFile(path))
  if (!bytes) return false
  const text = fromUtf8(bytes)
  const edited = edit(text)
  if (edited !== text) await replaceTrust(disk, path, edited)
  return true
}

async function replaceTrust(disk: Disk, path: string, text: string): Promise<void> {
  try {
    await replaceFile(disk, path, toUtf8(text), PUBLIC_FILE_MODE)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}
