import { readFileSync } from 'node:fs'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isDeedlogError, MalformedError, quote, UnavailableError } from '../core/errors.js'
import { parsePolicyLines, policyLines } from '../core/tlog/index.js'
import { type Disk, replaceFile } from '../log/disk.js'
import { diskError, reading } from '../log/disk-error.js'
import { type Layout, PRIVATE_FILE_MODE } from '../log/layout.js'
import { witnessPolicyPath } from '../log/witness-standing.js'
import type { Witnessing } from '../log/witnessing.js'
import { isWitnessUrl, type ScheduledWitnesses, type WitnessingOptions, witnessing } from './witnessing.js'

/**
 * The witnesses of a trust file, for a log to be opened with: `files('./audit', { witnesses: witnesses('./audit.trust') })`.
 *
 * @param trustFile  Path of a trust file or C2SP tlog-policy whose `witness` lines have addresses. Read at once.
 * @throws {UnavailableError} `trust.missing`
 * @throws {MalformedError} `policy.*`
 * @throws {TypeError} for a file that asks no witness, or whose quorum could not be met by those with an address
 */
export function witnesses(trustFile: string, options: Omit<WitnessingOptions, 'policy'> = {}): ScheduledWitnesses {
  return witnessing({ ...options, policy: readTrustFile(trustFile) })
}

function readTrustFile(path: string): string {
  try {
    return fromUtf8(readFileSync(path))
  } catch (cause) {
    if (isDeedlogError(cause)) throw cause
    throw new UnavailableError('trust.missing', `the trust file ${quote(path)} cannot be read`, {
      cause,
      expected: 'a trust file with the lines witness and quorum; deedlog init writes one beside each log',
    })
  }
}

/**
 * The witnesses that the private folder of a log names; undefined when it names none.
 * @throws {UnavailableError} `witness.config` when what it says cannot be done
 */
export async function configuredWitnesses(
  disk: Disk,
  layout: Layout,
  options: Omit<WitnessingOptions, 'policy'> = {},
): Promise<Witnessing | undefined> {
  const path = witnessPolicyPath(layout)
  const bytes = await reading(path, disk.readFile(path))
  if (!bytes) return undefined
  try {
    return witnessing({ ...options, policy: fromUtf8(bytes) })
  } catch (cause) {
    if (!(cause instanceof TypeError) && !isDeedlogError(cause)) throw cause
    throw new UnavailableError('witness.config', `${path} says nothing that can be done: ${cause.message}`, {
      cause,
      expected: 'lines witness, group and quorum as in a trust file, each witness with its address',
    })
  }
}

/** Replaces whom the commands that open a log ask. @param policy  As {@link witnessPolicyOf} gives it. */
export async function writeWitnessPolicy(disk: Disk, layout: Layout, policy: string): Promise<void> {
  const path = witnessPolicyPath(layout)
  try {
    await replaceFile(disk, path, toUtf8(policy), PRIVATE_FILE_MODE)
  } catch (cause) {
    throw diskError(cause, path, true)
  }
}

/**
 * The lines of a policy for some witnesses.
 *
 * @param lines   Each `<name> <vkey> <url>`.
 * @param quorum  How many of them must cosign. Default: more than half, so that no two quorums are without a common
 *   witness, who would have to cosign two histories.
 * @throws {MalformedError} `policy.*` for what is no such line, `policy.quorum` for a number that they are not
 */
export function witnessPolicyOf(lines: readonly string[], quorum = Math.floor(lines.length / 2) + 1): string {
  for (const line of lines)
    if (policyLines(`${line}\n`).length !== 1 || line.includes('\n'))
      throw new MalformedError('policy.line', `${quote(line)} is not one line`, {
        expected: '<name> <verifier key> <address>',
      })
  const fields = lines.map(line => line.split(/[ \t]+/).filter(field => field !== ''))
  const names = fields.map(([name = '']) => name)
  if (!Number.isSafeInteger(quorum) || quorum < 1 || quorum > lines.length)
    throw new MalformedError('policy.quorum', `a quorum of ${quorum} of ${lines.length} witnesses cannot be`, {
      expected: `a number from 1 to ${lines.length}`,
    })
  let group = GROUP
  while (names.includes(group)) group += '-'
  const policy = [
    ...fields.map(each => `witness ${each.join(' ')}`),
    ...(lines.length === 1
      ? [`quorum ${names[0]}`]
      : [`group ${group} ${quorum} ${names.join(' ')}`, `quorum ${group}`]),
  ]
  const text = policy.map(line => `${line}\n`).join('')
  // Refused now, not when they are first asked.
  for (const witness of parsePolicyLines(policyLines(text)).witnesses)
    if (!isWitnessUrl(witness.url))
      throw new MalformedError('policy.line', `the witness ${quote(witness.name)} has no address of http: or https:`, {
        expected: '<name> <verifier key> <address>',
      })
  return text
}

const GROUP = 'witnesses'
