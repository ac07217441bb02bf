import { toHex } from '../bytes/hex.js'
import { isWellFormed } from '../bytes/utf8.js'
import { type DeedlogError, isDeedlogError, MalformedError, quote } from '../errors.js'
import { parseInteger } from './integer.js'
import { ALGORITHM, parseVerifierKey, type VerifierKey } from './vkey.js'

/** Whose checkpoints count, and how many witnesses must have seen them. */
export interface TlogPolicy {
  /** Any one of them is accepted; the name of a key is the origin of its log. */
  readonly logs: readonly { readonly key: VerifierKey; readonly url?: string }[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** The name of a witness or group, or `none`. */
  readonly quorum: string
}

export interface PolicyWitness {
  /** Means something inside its policy only; it need not be the name of the key. */
  readonly name: string
  readonly key: VerifierKey
  readonly url?: string
}

export interface PolicyGroup {
  readonly name: string
  /** Members that must have witnessed, from 1 to their number. */
  readonly threshold: number
  /** Names of witnesses and groups. */
  readonly members: readonly string[]
}

/** One line that says something. */
export interface PolicyLine {
  /** From 1, for messages. */
  readonly number: number
  /** At least one; the first is the keyword. */
  readonly fields: readonly string[]
}

// Bounds on a stranger's policy. C2SP tlog-policy asks for at least 32 logs, witnesses and groups.
const POLICY_LENGTH_MAX = 2 ** 20
const LINES_MAX = 10_000
const DEFINITIONS_MAX = 1000

/**
 * Reads a policy.
 *
 * @throws {MalformedError} `policy.text` when it is no text of lines; `policy.line` for a line that is wrong in
 *   itself; `policy.key` for a key that cannot be a log's or a witness's; `policy.name` for a name that is taken,
 *   unknown, or counted twice; `policy.quorum` unless there is exactly one; `policy.limit` for too much of it.
 * @see C2SP tlog-policy
 */
export const parsePolicy = (text: string): TlogPolicy => parsePolicyLines(policyLines(text))

/**
 * The lines of a policy (or of a file with its line rules) that are neither empty nor comments, split at spaces and
 * tabs. Anything else, a no-break space for instance, is part of a field.
 *
 * @throws {MalformedError} `policy.text` for a control character other than tab and newline, a lone surrogate, or a
 *   last line without a newline (the file may have been cut, and a cut line can name another quorum);
 *   `policy.limit` above 2^20 characters or 10,000 lines.
 * @see C2SP tlog-policy, "Structure" and "Character set"
 */
export function policyLines(text: string): PolicyLine[] {
  if (text.length > POLICY_LENGTH_MAX)
    throw new MalformedError('policy.limit', `the policy has ${text.length} characters`, {
      expected: `at most ${POLICY_LENGTH_MAX}`,
    })
  const lines = text.split('\n')
  if (lines.pop() !== '')
    throw new MalformedError('policy.text', 'the last line has no newline: was the file cut?', {
      expected: 'every line ends with a newline',
    })
  if (lines.length > LINES_MAX)
    throw new MalformedError('policy.limit', `the policy has ${lines.length} lines`, {
      expected: `at most ${LINES_MAX}`,
    })
  return lines.flatMap((line, i) => {
    const number = i + 1
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(line) || !isWellFormed(line))
      throw new MalformedError(
        'policy.text',
        `line ${number}, ${quote(line)}, contains a character that is not allowed`,
        {
          expected: 'no control characters but tab and newline',
        },
      )
    const fields = line.split(/[ \t]+/).filter(field => field !== '')
    return fields.length === 0 || fields[0]!.startsWith('#') ? [] : [{ number, fields }]
  })
}

/**
 * The policy that lines state.
 * @throws {MalformedError} as {@link parsePolicy}.
 */
export function parsePolicyLines(lines: readonly PolicyLine[]): TlogPolicy {
  const reader = new PolicyReader()
  for (const line of lines) reader.read(line)
  return reader.finish()
}

class PolicyReader {
  readonly #logs: { key: VerifierKey; url?: string }[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #groups: PolicyGroup[] = []
  #quorum: string | undefined
  readonly #logKeys = new Set<string>()
  readonly #witnessKeys = new Set<string>()
  /** Every name so far, and whether a group counts it already. */
  readonly #counted = new Map<string, boolean>()

  read(line: PolicyLine): void {
    if (this.#logs.length + this.#witnesses.length + this.#groups.length >= DEFINITIONS_MAX)
      throw wrong('policy.limit', line, `the policy defines more than ${DEFINITIONS_MAX} logs, witnesses and groups`)
    const keyword = line.fields[0]
    if (keyword === 'log') this.#readLog(line)
    else if (keyword === 'witness') this.#readWitness(line)
    else if (keyword === 'group') this.#readGroup(line)
    else if (keyword === 'quorum') this.#readQuorum(line)
    else throw wrong('policy.line', line, `${quote(keyword)} is no keyword`, 'log, witness, group or quorum')
  }

  finish(): TlogPolicy {
    if (this.#quorum === undefined)
      throw new MalformedError('policy.quorum', 'the policy has no quorum line', { expected: 'exactly one' })
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum: this.#quorum }
  }

  #readLog(line: PolicyLine): void {
    const [, vkey, url] = expectFields(line, 2, 3, 'log <vkey> [<url>]')
    const key = parseKey(line, vkey!, [ALGORITHM.ed25519, ALGORITHM.mldsa44], 'a log key, of type 1 or 6')
    claimKey(this.#logKeys, line, key)
    this.#logs.push(url === undefined ? { key } : { key, url })
  }

  #readWitness(line: PolicyLine): void {
    const [, name, vkey, url] = expectFields(line, 3, 4, 'witness <name> <vkey> [<url>]')
    const key = parseKey(line, vkey!, [ALGORITHM.cosignature, ALGORITHM.mldsa44], 'a cosigner key, of type 4 or 6')
    claimKey(this.#witnessKeys, line, key)
    this.#define(line, name!)
    this.#witnesses.push(url === undefined ? { name: name!, key } : { name: name!, key, url })
  }

  #readGroup(line: PolicyLine): void {
    const [, name, rule, ...members] = expectFields(
      line,
      4,
      Number.POSITIVE_INFINITY,
      'group <name> all|any|<k> <name>...',
    )
    const threshold = rule === 'all' ? members.length : rule === 'any' ? 1 : parseInteger(rule!)
    if (threshold === undefined || threshold < 1 || threshold > members.length)
      throw wrong('policy.line', line, `${quote(rule)} is no threshold`, `all, any or 1 to ${members.length}`)
    for (const member of members) this.#count(line, member)
    // Only now: a group cannot be its own member.
    this.#define(line, name!)
    this.#groups.push({ name: name!, threshold, members })
  }

  #readQuorum(line: PolicyLine): void {
    const [, name] = expectFields(line, 2, 2, 'quorum <name>|none')
    if (this.#quorum !== undefined) throw wrong('policy.quorum', line, 'this is a second quorum line', 'exactly one')
    if (name !== NONE && !this.#counted.has(name!)) throw unknownName(line, name!)
    this.#quorum = name!
  }

  #define(line: PolicyLine, name: string): void {
    if (name === NONE || this.#counted.has(name)) throw wrong('policy.name', line, `the name ${quote(name)} is taken`)
    this.#counted.set(name, false)
  }

  // "Each defined name can be listed as a group member at most once": no witness weighs twice.
  #count(line: PolicyLine, name: string): void {
    const counted = this.#counted.get(name)
    if (counted === undefined) throw unknownName(line, name)
    if (counted) throw wrong('policy.name', line, `${quote(name)} is a member of a group already`)
    this.#counted.set(name, true)
  }
}

const NONE = 'none'

function expectFields(line: PolicyLine, least: number, most: number, form: string): readonly string[] {
  if (line.fields.length < least || line.fields.length > most)
    throw wrong('policy.line', line, `${line.fields.length} fields`, form)
  return line.fields
}

function parseKey(line: PolicyLine, vkey: string, algorithms: readonly number[], expected: string): VerifierKey {
  const key = parseVkey(line, vkey)
  if (!algorithms.includes(key.algorithm))
    throw wrong('policy.key', line, `${quote(vkey)} is of type ${key.algorithm}`, expected)
  return key
}

function parseVkey(line: PolicyLine, vkey: string): VerifierKey {
  try {
    return parseVerifierKey(vkey)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw wrong('policy.key', line, error.message, error.expected, error)
  }
}

// "Two vkeys are considered duplicate if they wrap the same underlying public key", whatever their names and types.
function claimKey(keys: Set<string>, line: PolicyLine, key: VerifierKey): void {
  const hex = toHex(key.publicKey)
  if (keys.has(hex)) throw wrong('policy.key', line, `the public key of ${quote(key.text)} is listed already`)
  keys.add(hex)
}

const unknownName = (line: PolicyLine, name: string): MalformedError =>
  wrong('policy.name', line, `${quote(name)} is defined on no line above`, 'the name of a witness or group')

function wrong(code: string, line: PolicyLine, what: string, expected?: string, cause?: DeedlogError): MalformedError {
  return new MalformedError(code, `line ${line.number}: ${what}`, {
    ...(expected === undefined ? {} : { expected }),
    cause,
  })
}

/**
 * Whether a checkpoint that these witnesses have cosigned is strong enough.
 *
 * @param policy  As {@link parsePolicy} returns it.
 * @param witnessNames  Names in the policy of the witnesses whose cosignatures verified; others count for nothing.
 */
export function meetsQuorum(policy: TlogPolicy, witnessNames: ReadonlySet<string>): boolean {
  if (policy.quorum === NONE) return true
  const seen = new Set(policy.witnesses.map(witness => witness.name).filter(name => witnessNames.has(name)))
  // A group's members stand above it, so one pass in order settles every group.
  for (const group of policy.groups)
    if (group.members.filter(member => seen.has(member)).length >= group.threshold) seen.add(group.name)
  return seen.has(policy.quorum)
}
