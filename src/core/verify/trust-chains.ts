import { hex } from '../anchor/index.js'
import { fromHex, isHash, toHex } from '../bytes/hex.js'
import { MalformedError, quote } from '../errors.js'
import type { PolicyLine } from '../tlog/index.js'

/** A chain whose events count, from one contract. */
export interface TrustedChain {
  /** The auditor's word for it; different for every line. */
  readonly name: string
  /** EIP-155. */
  readonly chainId: number
  /** The contract, 20 bytes. */
  readonly registry: Uint8Array
  /** Only events of this sender count, 20 bytes; absent: anybody's, since an event dates whoever sent it. */
  readonly anchoredBy?: Uint8Array
}

/** A block that the auditor has looked up in a chain. */
export interface TrustedBlock {
  /** Name of the chain. */
  readonly chain: string
  /** 32 bytes. */
  readonly hash: Uint8Array
}

/** @throws {MalformedError} `trust.line`, `trust.chain` */
export function readChainLine(line: PolicyLine, before: readonly TrustedChain[]): TrustedChain {
  const [name, id, registry, anchoredBy, ...more] = line.fields.slice(1)
  if (name === undefined || id === undefined || registry === undefined || more.length > 0)
    throw new MalformedError('trust.line', `line ${line.number}: ${line.fields.length} fields`, {
      expected: 'chain <name> <chain id> <address of the registry> [<address of the sender>]',
    })
  const chainId = Number(id)
  if (!Number.isSafeInteger(chainId) || chainId < 1 || String(chainId) !== id)
    throw wrong(line, `${quote(id)} is no chain id`, 'decimal digits without leading zeroes, from 1')
  if (before.some(chain => chain.name === name)) throw wrong(line, `a second chain ${quote(name)}`, 'one line per name')
  const sender = anchoredBy === undefined ? {} : { anchoredBy: readAddress(line, anchoredBy) }
  return { name, chainId, registry: readAddress(line, registry), ...sender }
}

/** @throws {MalformedError} `trust.line`, `trust.chain` */
export function readBlockLine(line: PolicyLine, chains: readonly TrustedChain[]): TrustedBlock {
  const [chain, hash, ...more] = line.fields.slice(1)
  if (chain === undefined || hash === undefined || more.length > 0)
    throw new MalformedError('trust.line', `line ${line.number}: ${line.fields.length} fields`, {
      expected: 'block <name of a chain> <hash>',
    })
  if (!chains.some(each => each.name === chain))
    throw wrong(line, `no chain above is called ${quote(chain)}`, 'a chain line of that name above it')
  if (!hash.startsWith('0x') || !isHash(hash.slice(2)))
    throw wrong(line, `${quote(hash)} is no hash of a block`, '0x and 64 lowercase hex digits')
  return { chain, hash: fromHex(hash.slice(2)) }
}

/** Upper case is taken: wallets write a checksum that way. It is not checked. */
function readAddress(line: PolicyLine, text: string): Uint8Array {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) throw wrong(line, `${quote(text)} is no address`, '0x and 40 hex digits')
  return fromHex(text.slice(2).toLowerCase())
}

const wrong = (line: PolicyLine, why: string, expected: string): MalformedError =>
  new MalformedError('trust.chain', `line ${line.number}: ${why}`, { expected })

/** The lines of both, as fields. */
export const formatChainLines = (
  chains: readonly TrustedChain[] = [],
  blocks: readonly TrustedBlock[] = [],
): string[][] => [
  ...chains.map(({ name, chainId, registry, anchoredBy }) => [
    'chain',
    name,
    String(chainId),
    hex(registry),
    ...(anchoredBy ? [hex(anchoredBy)] : []),
  ]),
  ...blocks.map(({ chain, hash }) => ['block', chain, `0x${toHex(hash)}`]),
]
