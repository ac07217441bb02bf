import { existsSync, realpathSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { quote } from '../core/errors.js'
import { UsageError } from './errors.js'
import { shellPath } from './terminal/shell-word.js'

/** Whose word an auditor takes: exactly one of a trust file and, by `--self`, the log's own. */
export interface TrustOptions {
  readonly trust?: string
  readonly self?: true
}

/**
 * Refuses a verification that rests on nothing its reader chose.
 *
 * @throws {UsageError} `usage.conflict` both; `trust.none` neither; `trust.supplied` a trust file inside the target
 */
export function checkTrustArgument(target: string, { trust, self }: TrustOptions): void {
  const command = `deedlog verify ${shellPath(target)}`
  if (trust !== undefined && self === true)
    throw new UsageError('usage.conflict', '--trust and --self exclude each other', {
      expected: '--trust <file> to ask outsiders, or --self to ask the log alone',
      next: `${command} --trust ${shellPath(trust)}`,
    })
  if (trust === undefined && self !== true) {
    const beside = besideTarget(target)
    throw new UsageError(
      'trust.none',
      `no trust file was given, so it is not known whose signatures ${quote(target)} needs`,
      {
        expected:
          '--trust <file> that came to you another way than the log, or --self to hold the log against itself only',
        next: existsSync(beside) ? `${command} --trust ${shellPath(beside)}` : `${command} --self`,
      },
    )
  }
  if (trust !== undefined && isInside(target, trust))
    throw new UsageError('trust.supplied', `trust file ${quote(trust)} is supplied by the log itself`, {
      expected: 'a trust file from outside the target: whoever can change a log can change what lies in it',
      next: `${command} --self`,
    })
}

/** Where `init` puts the trust file of a log: beside it. */
export const besideTarget = (target: string): string => `${target.replace(/[/\\]+$/, '')}.trust`

/** Whether `file`, links followed, lies in the folder `target` or in a folder that belongs to the JSONL log `target`. */
export function isInside(target: string, file: string): boolean {
  const log = real(target)
  return [log, `${log}.private`, `${log}.notes`].some(folder => real(file).startsWith(folder + sep))
}

function real(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    // Missing files are refused, by name, by whoever opens them.
    return resolve(path)
  }
}
