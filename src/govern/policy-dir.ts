import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isDeedlogError, MalformedError, UnavailableError } from '../core/errors.js'
import { isText } from '../core/record/formats.js'
import type { RulesFile } from './evaluator.js'
import { type Policy, type PolicyFile, readPolicy } from './policy-file.js'

/** A folder of rules as it was read. */
export interface PolicyDir {
  /** By file name; of two policies with one name the last counts. */
  readonly policies: readonly PolicyFile[]
  /** Each file in force, for the `rules` record. */
  readonly files: readonly RulesFile[]
  /** What was in the folder and is not in force, one sentence each. */
  readonly gaps: readonly string[]
}

// Bounds the work at construction; the names come from a folder that may not be ours.
const FILES_MAX = 1000

/**
 * Reads `*.yaml` in `dir`, sorted by name, not recursively, one document each. A missing folder is a warning and no
 * rules, and no rules deny everything.
 *
 * @param strict a file that cannot be read rightly is an error; otherwise it is left out, with a warning and a gap
 * @throws {MalformedError} `rules.file`; {UnavailableError} `rules.unreadable`: only when `strict`
 */
export function readPolicyDir(dir: string, strict: boolean, warn: (message: string) => void): PolicyDir {
  const root = resolve(dir)
  const policies = new Map<string, PolicyFile>()
  const files: RulesFile[] = []
  const gaps: string[] = []
  for (const name of fileNames(root, warn, gaps)) {
    try {
      const bytes = readBytes(join(root, name))
      const read = readPolicy(bytes)
      const { policy, notes } = read
      if (!isText(name)) throw new MalformedError('rules.file', 'its name is too long, or holds control characters')
      const shared = sharedLimit(policy, policies)
      if (shared !== undefined)
        throw new MalformedError('rules.file', `the limited rule ${JSON.stringify(shared)} is in another policy too`)
      if (policies.has(policy.name))
        warn(`${name}: replaces the policy ${JSON.stringify(policy.name)} of an earlier file`)
      policies.set(policy.name, read)
      files.push({ digest: createHash('sha256').update(bytes).digest('hex'), name, bytes })
      for (const note of [...notes, ...read.gaps]) warn(`${name}: ${note}`)
      gaps.push(...read.gaps.map(gap => `${name}: ${gap}`))
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      const message = `Failed to load policy ${name}: ${error.message}`
      if (strict) {
        const options = { cause: error, ...(error.expected !== undefined && { expected: error.expected }) }
        throw error.name === 'UnavailableError'
          ? new UnavailableError(error.code, message, options)
          : new MalformedError('rules.file', message, options)
      }
      warn(`${message}. It is left out.`)
      gaps.push(`${name}: ${error.message}`)
    }
  }
  return { policies: [...policies.values()], files, gaps }
}

/**
 * A name that a rule of `policy` and one of another policy bear, one of them with a limit. The engine counts by that
 * name alone, and some Python engines look a limit up by it: the policies would use up, or lift, each other's limits.
 */
function sharedLimit(policy: Policy, others: ReadonlyMap<string, PolicyFile>): string | undefined {
  const mine = new Map(policy.rules.map(rule => [rule.name, rule.limit]))
  for (const { policy: other } of others.values())
    for (const { name, limit } of other.name === policy.name ? [] : other.rules)
      if (mine.has(name) && (limit ?? mine.get(name)) !== undefined) return name
  return undefined
}

function fileNames(root: string, warn: (message: string) => void, gaps: string[]): string[] {
  let names: string[]
  try {
    names = readdirSync(root)
  } catch (error) {
    warn(`the policy folder ${root} cannot be read (${(error as NodeJS.ErrnoException).code}): every call is denied`)
    return []
  }
  const ignored = names.filter(name => name.endsWith('.yml')).sort()
  if (ignored.length > 0) warn(`${ignored.slice(0, 5).join(', ')}: only *.yaml is read`)
  const found = names.filter(name => name.endsWith('.yaml')).sort()
  if (found.length > FILES_MAX) {
    const left = `only the first ${FILES_MAX} of ${found.length} files of rules are read`
    warn(left)
    gaps.push(left)
  }
  return found.slice(0, FILES_MAX)
}

function readBytes(path: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path))
  } catch (cause) {
    throw new UnavailableError('rules.unreadable', `it cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
}
