import { CHAINS, type EvmAnchor, hex, verifyEvmEvidence } from '../anchor/index.js'
import { equalBytes } from '../bytes/equal.js'
import { quote } from '../errors.js'
import type { AnchorJudgement } from './anchor-kinds.js'
import type { Trust } from './trust.js'

/**
 * What the event of a chain is worth offline. Evidence shows that a block of that hash has the event; that the chain has
 * that block, only the chain shows. An auditor who has looked it up says so with a `block` line.
 *
 * @throws {MalformedError} {@link verifyEvmEvidence}
 * @throws {VerificationError} {@link verifyEvmEvidence}
 */
export function judgeChain(evidence: Uint8Array, digest: Uint8Array, trust: Trust | undefined): AnchorJudgement {
  const anchor = verifyEvmEvidence(evidence, digest)
  const { chainId, registry, anchoredBy, seconds, isProven, blockHash } = anchor
  const named = (trust?.chains ?? []).filter(chain => chain.chainId === chainId && equalBytes(chain.registry, registry))
  if (named.length === 0) {
    const why = `contract ${hex(registry)} on chain ${chainId}, which the trust file does not name`
    return { status: 'unpinned', seconds, detail: `an event of ${why}` }
  }
  const chain = named.find(each => !each.anchoredBy || equalBytes(each.anchoredBy, anchoredBy))
  if (!chain) {
    const detail = `sent by ${hex(anchoredBy)}, and the trust file wants another sender on chain ${chainId}`
    return { status: 'unpinned', seconds, detail }
  }
  const names = new Set(named.map(({ name }) => name))
  const isLookedUp = (trust?.blocks ?? []).some(block => names.has(block.chain) && equalBytes(block.hash, blockHash))
  const gas = gasOf(anchor)
  if (isLookedUp && isProven)
    return { status: 'holds', seconds, by: `chain ${chain.name}, block ${anchor.blockNumber}`, ...gas }
  return { status: 'lookup', seconds, lookUp: lookUpOf(anchor, chain.name), ...gas }
}

/** The single fact that is left. */
function lookUpOf({ chainId, isProven, tx, blockNumber, blockHash }: EvmAnchor, name: string): string {
  const where = `chain ${chainId} (${quote(CHAINS.find(each => each.chainId === chainId)?.name ?? name)})`
  if (isProven) return `whether block ${blockNumber} of ${where} is ${hex(blockHash)}, and final`
  return `whether the receipt of transaction ${hex(tx)} in block ${blockNumber} of ${where}, ${hex(blockHash)}, has this event`
}

const gasOf = ({ gas }: EvmAnchor): { detail?: string } => {
  if (!gas) return {}
  return { detail: `it took ${gas.used} gas${gas.wei === undefined ? '' : `, ${gas.wei} wei`}, as its node says` }
}
