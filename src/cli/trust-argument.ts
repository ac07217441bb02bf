import { existsSync } from 'node:fs'
import { quote } from '../core/errors.js'
import { UsageError } from './errors.js'
import { shellPath } from './terminal/shell-word.js'

/** Whose word an auditor takes: exactly one of a trust file and, by `--self`, the log's own. */
export interface TrustOptions {
  readonly trust?: string
  readonly self?: true
}

/**
 * Refuses a verification that rests on nothing its reader chose. A trust file inside the target is one that the log
 * brought along: `verify` reports that, and counts it as none.
 *
 * @throws {UsageError} `usage.conflict` both; `trust.none` neither
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
}

/** Where `init` puts the trust file of a log: beside it. */
export const besideTarget = (target: string): string => `${target.replace(/[/\\]+$/, '')}.trust`
