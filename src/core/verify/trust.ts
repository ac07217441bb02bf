import { type Certificate, parseCertificate } from '../anchor/index.js'
import { fromBase64, toBase64 } from '../bytes/base64.js'
import { isHash } from '../bytes/hex.js'
import { isDeedlogError, MalformedError, quote } from '../errors.js'
import {
  ALGORITHM,
  type PolicyLine,
  parsePolicyLines,
  parseVerifierKey,
  policyLines,
  type TlogPolicy,
  type VerifierKey,
} from '../tlog/index.js'
import { formatChainLines, readBlockLine, readChainLine, type TrustedBlock, type TrustedChain } from './trust-chains.js'

/**
 * Whose word an auditor accepts: a C2SP tlog-policy for the checkpoints, and more kinds of line for the records and for who dates them.
 * It comes from the auditor; one that the log brings along proves nothing.
 *
 * @see spec/trust-file.md
 */
export interface Trust {
  readonly policy: TlogPolicy
  /** Leaf hash of entry 0 of the log that is meant; absent in a plain tlog-policy. */
  readonly logId?: string
  /** Named after the origin. */
  readonly operators: readonly VerifierKey[]
  readonly agents: readonly TrustedAgent[]
  /** Named as `approver.id` in reviews. */
  readonly approvers: readonly VerifierKey[]
  /** How old the newest cosignature of the quorum may be, in seconds, from 1. */
  readonly lagSeconds?: number
  /** Whose time stamps count; absent where there is none. */
  readonly tsas?: readonly TrustedTsa[]
  /** Whose events count; absent where there is none. */
  readonly chains?: readonly TrustedChain[]
  /** Blocks that the auditor has looked up; absent where there is none. */
  readonly blocks?: readonly TrustedBlock[]
}

/** A time-stamp authority. */
interface TrustedTsa {
  /** The auditor's word for it. */
  readonly name: string
  /** A root that leads to the certificate that stamps, or that certificate itself. */
  readonly certificate: Certificate
  /** Under which it must have stamped, dotted; absent: any. */
  readonly policy?: string
}

export interface TrustedAgent {
  /** Named as `agent.id` in stream starts. */
  readonly key: VerifierKey
  /** Lowest and highest index at which a stream of this identity may start, both included. */
  readonly first: number
  readonly last?: number
}

/**
 * Reads a trust file. A plain C2SP tlog-policy is one.
 *
 * @throws {MalformedError} `trust.line` for a line that is wrong in itself or whose keyword is unknown: a condition
 *   that a verifier does not know would otherwise be a condition that it silently drops; `trust.key` for a key that is
 *   no Ed25519 key; `trust.log-id` for a second or impossible log id; `trust.lag` for a second or impossible lag; `trust.tsa` for a certificate that cannot be read;
 *   `trust.chain` for a chain or block that cannot be meant;
 *   `policy.*` for the policy part.
 */
export function parseTrust(text: string): Trust {
  const policy: PolicyLine[] = []
  const operators: VerifierKey[] = []
  const agents: TrustedAgent[] = []
  const approvers: VerifierKey[] = []
  const tsas: TrustedTsa[] = []
  const chains: TrustedChain[] = []
  const blocks: TrustedBlock[] = []
  let logId: string | undefined
  let lagSeconds: number | undefined
  // Bounded there: 2^20 characters, 10,000 lines.
  for (const line of policyLines(text)) {
    const [keyword, ...values] = line.fields
    if (keyword === 'log-id') {
      if (logId !== undefined || values.length !== 1 || !isHash(values[0]!))
        throw new MalformedError('trust.log-id', `line ${line.number}: ${quote(line.fields.join(' '))}`, {
          expected: 'one line, log-id <64 lowercase hex digits>',
        })
      logId = values[0]!
    } else if (keyword === 'lag') {
      const seconds = values.length === 1 ? parseIndex(values[0]!) : undefined
      if (lagSeconds !== undefined || !seconds)
        throw new MalformedError('trust.lag', `line ${line.number}: ${quote(line.fields.join(' '))}`, {
          expected: 'one line, lag <seconds>, at least 1',
        })
      lagSeconds = seconds
    } else if (keyword === 'operator') operators.push(readKey(line, values, 1))
    else if (keyword === 'approver') approvers.push(readKey(line, values, 1))
    else if (keyword === 'agent') agents.push(readAgent(line, values))
    else if (keyword === 'tsa') tsas.push(readTsa(line, values))
    else if (keyword === 'chain') chains.push(readChainLine(line, chains))
    else if (keyword === 'block') blocks.push(readBlockLine(line, chains))
    else if (POLICY_KEYWORDS.has(keyword!)) policy.push(line)
    else
      throw new MalformedError('trust.line', `line ${line.number}: ${quote(keyword)} is no keyword`, {
        expected: 'log, witness, group, quorum, log-id, operator, agent, approver, tsa, chain, block or lag',
      })
  }
  return {
    policy: parsePolicyLines(policy),
    ...(logId === undefined ? {} : { logId }),
    operators,
    agents,
    approvers,
    ...(lagSeconds === undefined ? {} : { lagSeconds }),
    ...(tsas.length === 0 ? {} : { tsas }),
    ...(chains.length === 0 ? {} : { chains }),
    ...(blocks.length === 0 ? {} : { blocks }),
  }
}

const POLICY_KEYWORDS = new Set(['log', 'witness', 'group', 'quorum'])

function readKey(line: PolicyLine, values: readonly string[], most: number): VerifierKey {
  if (values.length < 1 || values.length > most)
    throw new MalformedError('trust.line', `line ${line.number}: ${line.fields.length} fields`, {
      expected: most === 1 ? `${line.fields[0]} <vkey>` : 'agent <vkey> [<first index> [<last index>]]',
    })
  let key: VerifierKey
  try {
    key = parseVerifierKey(values[0]!)
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw new MalformedError('trust.key', `line ${line.number}: ${error.message}`, {
      ...(error.expected === undefined ? {} : { expected: error.expected }),
      cause: error,
    })
  }
  if (key.algorithm !== ALGORITHM.ed25519)
    throw new MalformedError('trust.key', `line ${line.number}: ${quote(key.text)} is of type ${key.algorithm}`, {
      expected: 'a key of type 1, Ed25519',
    })
  return key
}

function readAgent(line: PolicyLine, values: readonly string[]): TrustedAgent {
  const key = readKey(line, values, 3)
  const [first = 0, last] = values.slice(1).map(text => readIndex(line, text))
  if (last !== undefined && last < first)
    throw new MalformedError('trust.line', `line ${line.number}: the range ends at ${last}, before ${first}`, {
      expected: 'a last index that is not below the first',
    })
  return last === undefined ? { key, first } : { key, first, last }
}

function readTsa(line: PolicyLine, values: readonly string[]): TrustedTsa {
  const [name, text, policy, ...more] = values
  if (
    text === undefined ||
    more.length > 0 ||
    (policy !== undefined && !/^[0-2](\.(0|[1-9]\d{0,38})){1,31}$/.test(policy))
  )
    throw new MalformedError('trust.line', `line ${line.number}: ${quote(line.fields.slice(0, 2).join(' '))}`, {
      expected: 'tsa <name> <base64 of a certificate in DER> [<policy as a dotted object identifier>]',
    })
  try {
    const certificate = parseCertificate(fromBase64(text))
    return policy === undefined ? { name: name!, certificate } : { name: name!, certificate, policy }
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    throw new MalformedError('trust.tsa', `line ${line.number}: ${error.message}`, {
      expected: 'the base64 of a certificate in DER, X.509 version 3',
      cause: error,
    })
  }
}

function readIndex(line: PolicyLine, text: string): number {
  const index = parseIndex(text)
  if (index === undefined)
    throw new MalformedError('trust.line', `line ${line.number}: ${quote(text)} is no index`, {
      expected: 'decimal digits without leading zeroes, at most 9007199254740991',
    })
  return index
}

/** A number in its one decimal form; undefined for any other text. */
function parseIndex(text: string): number | undefined {
  const number = Number(text)
  return Number.isSafeInteger(number) && number >= 0 && String(number) === text ? number : undefined
}

/** The policy of a trust file as a C2SP tlog-policy, which any tool for transparency logs reads. */
export const formatPolicy = (policy: TlogPolicy): string => formatLines(policyFields(policy))

function policyFields(policy: TlogPolicy): string[][] {
  const url = (entry: { url?: string }) => (entry.url === undefined ? [] : [entry.url])
  return [
    ...policy.logs.map(log => ['log', log.key.text, ...url(log)]),
    ...policy.witnesses.map(witness => ['witness', witness.name, witness.key.text, ...url(witness)]),
    ...policy.groups.map(group => ['group', group.name, String(group.threshold), ...group.members]),
    ['quorum', policy.quorum],
  ]
}

const formatLines = (lines: readonly (readonly string[])[]): string =>
  lines.map(fields => `${fields.join(' ')}\n`).join('')

/** The text of a trust file; parsing it gives `trust` again. */
export function formatTrust(trust: Trust): string {
  const lines = [
    ...policyFields(trust.policy),
    ...(trust.logId === undefined ? [] : [['log-id', trust.logId]]),
    ...trust.operators.map(key => ['operator', key.text]),
    ...trust.agents.map(({ key, first, last }) => [
      'agent',
      key.text,
      ...(first === 0 && last === undefined ? [] : [String(first)]),
      ...(last === undefined ? [] : [String(last)]),
    ]),
    ...trust.approvers.map(key => ['approver', key.text]),
    ...(trust.tsas ?? []).map(({ name, certificate, policy }) => [
      'tsa',
      name,
      toBase64(certificate.der),
      ...(policy === undefined ? [] : [policy]),
    ]),
    ...formatChainLines(trust.chains, trust.blocks),
    ...(trust.lagSeconds === undefined ? [] : [['lag', String(trust.lagSeconds)]]),
  ]
  return formatLines(lines)
}
