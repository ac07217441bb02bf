import { keccak256 } from '#crypto'
import { equalBytes } from '../../bytes/equal.js'
import { VerificationError } from '../../errors.js'
import { type EvmEvent, readHeader, readReceipt } from './block.js'
import { type EvmEvidence, type EvmGas, hex, parseEvmEvidence } from './evidence.js'
import { ANCHORED_TOPIC } from './registry.js'
import { provenValue } from './trie.js'

/** An anchor in a chain, as far as its evidence shows it. */
export interface EvmAnchor {
  readonly chainId: number
  /** The contract that said it, 20 bytes. */
  readonly registry: Uint8Array
  /** Who had it say so, 20 bytes: anybody can. */
  readonly anchoredBy: Uint8Array
  /** The block's clock, seconds since 1970. */
  readonly seconds: number
  readonly tx: Uint8Array
  readonly blockNumber: number
  readonly blockHash: Uint8Array
  /** Whether the hash of the block proves all of the above but the chain and the transaction's hash. */
  readonly isProven: boolean
  readonly gas?: EvmGas
}

/**
 * Verifies the evidence of an anchor as far as that can be done without asking anybody. What is left is whether the chain has
 * that block; without a proof, whether that block has the event.
 *
 * @param digest  What must have been anchored, 32 bytes.
 * @throws {MalformedError} `evm.evidence`, `evm-evidence.*`, `evm.rlp`, `evm.header`, `evm.receipt`
 * @throws {VerificationError} `evm.event` when it is no event of a registry, `evm.ref` when it is of something else,
 *   `evm.block`, `evm.proof`, `evm.reverted`, `evm.time` when the proof shows something else
 * @see spec/anchors.md, "Chains"
 */
export function verifyEvmEvidence(bytes: Uint8Array, digest: Uint8Array): EvmAnchor {
  const evidence = parseEvmEvidence(bytes)
  const { chainId, event, tx, blockNumber, blockHash, proof, gas } = evidence
  const { anchoredBy, seconds } = readAnchored(event, digest)
  if (proof) checkProof({ ...evidence, proof }, seconds)
  return {
    chainId,
    registry: event.address,
    anchoredBy,
    seconds,
    tx,
    blockNumber,
    blockHash,
    isProven: proof !== undefined,
    ...(gas ? { gas } : {}),
  }
}

/**
 * What an event of a registry says.
 * @throws {VerificationError} `evm.event`, `evm.ref`
 */
export function readAnchored(
  { topics, data }: EvmEvent,
  digest: Uint8Array,
): { readonly anchoredBy: Uint8Array; readonly seconds: number } {
  const [kind, ref, by] = topics
  if (topics.length !== 3 || data.length !== 32 || !equalBytes(kind!, ANCHORED_TOPIC))
    throw new VerificationError('evm.event', 'the event is not the one of a registry of anchors', {
      expected: 'Anchored(bytes32 indexed, address indexed, uint256)',
    })
  if (!equalBytes(ref!, digest))
    throw new VerificationError('evm.ref', `the event is of ${hex(ref!)}`, { expected: hex(digest) })
  // An address fills the last 20 bytes of its 32; a time the last 8 at most, below the year 3000.
  const seconds = data.reduce((sum, byte) => sum * 256 + byte, 0)
  if (by!.subarray(0, 12).some(byte => byte !== 0) || seconds > SECONDS_MAX)
    throw new VerificationError('evm.event', 'the event has no address or no time')
  return { anchoredBy: by!.subarray(12), seconds }
}

const SECONDS_MAX = 32_503_679_999

type Proven = EvmEvidence & { readonly proof: NonNullable<EvmEvidence['proof']> }

function checkProof({ blockHash, blockNumber, event, eventIndex, proof }: Proven, seconds: number): void {
  if (!equalBytes(keccak256(proof.header), blockHash))
    throw new VerificationError('evm.block', 'the header does not have the hash of the block', {
      expected: hex(blockHash),
    })
  const { number, timestamp, receiptsRoot } = readHeader(proof.header)
  if (number !== blockNumber)
    throw new VerificationError('evm.block', `the header is of block ${number}`, { expected: String(blockNumber) })
  const receipt = readReceipt(provenValue(receiptsRoot, proof.position, proof.nodes))
  if (!receipt.isSuccess) throw new VerificationError('evm.reverted', 'the transaction was reverted')
  const proven = receipt.events[eventIndex]
  if (!proven || !isSame(proven, event))
    throw new VerificationError('evm.proof', `the receipt has another event, or none, at ${eventIndex}`, {
      expected: 'the event that is shown',
    })
  if (timestamp !== seconds)
    throw new VerificationError('evm.time', `the event says ${seconds}, the block ${timestamp}`, {
      expected: 'one time',
    })
}

const isSame = (a: EvmEvent, b: EvmEvent): boolean =>
  equalBytes(a.address, b.address) &&
  equalBytes(a.data, b.data) &&
  a.topics.length === b.topics.length &&
  a.topics.every((topic, i) => equalBytes(topic, b.topics[i]!))
