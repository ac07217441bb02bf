import {
  ANCHORED_TOPIC,
  type EvmEvent,
  type EvmGas,
  hex,
  readAnchored,
  verifyEvmEvidence,
} from '../core/anchor/index.js'
import { equalBytes } from '../core/bytes/equal.js'
import { VerificationError } from '../core/errors.js'
import { evidenceBytes, proveReceipt } from './evm-block.js'
import { type EvmRpc, type RpcObject, readArray, readHexBytes, readObject, readQuantity, readSafe } from './evm-rpc.js'

/** An event that anchors a digest, in a block that is part of the chain now. */
export interface Found {
  readonly receipt: RpcObject
  readonly event: EvmEvent
  readonly eventIndex: number
  readonly blockNumber: number
  readonly blockHash: Uint8Array
  /** As the node answers for its hash. */
  readonly block: RpcObject
}

// Transactions of ours emit one; others may have been made by a contract that does much more.
const EVENTS_MAX = 20_000

/**
 * What a receipt shows. A status alone proves nothing: a call to an address without code succeeds.
 *
 * @returns undefined when its block is not, or no longer, part of the chain
 * @throws {VerificationError} `evm.reverted`; `evm.event` when it has no event of this registry and digest; `evm.time`
 */
export async function examine(
  rpc: EvmRpc,
  receipt: RpcObject,
  registry: Uint8Array,
  digest: Uint8Array,
): Promise<Found | undefined> {
  const blockNumber = readSafe(receipt['blockNumber'], 'the number of a block')
  const blockHash = readHexBytes(receipt['blockHash'], 'the hash of a block', 32)
  // At that height now: a node keeps blocks that were replaced, and answers for their hashes.
  const block = await rpc.find('eth_getBlockByNumber', receipt['blockNumber'], false)
  if (!block || !equalBytes(readHexBytes(block['hash'], 'the hash of a block', 32), blockHash)) return undefined
  if (readQuantity(receipt['status'], 'the status') !== 1n)
    throw new VerificationError('evm.reverted', `transaction ${hex(txOf(receipt))} was reverted`)
  const events = readArray(receipt['logs'], 'the events', EVENTS_MAX).map(readEvent)
  const eventIndex = events.findIndex(event => isAnchor(event, registry, digest))
  const event = events[eventIndex]
  if (!event)
    throw new VerificationError('evm.event', `transaction ${hex(txOf(receipt))} has no event that anchors this`, {
      expected: `Anchored of ${hex(digest)} by ${hex(registry)}`,
    })
  const { seconds } = readAnchored(event, digest)
  const timestamp = readSafe(block['timestamp'], 'the time of a block')
  if (timestamp !== seconds)
    throw new VerificationError('evm.time', `the event says ${seconds}, its block ${timestamp}`, {
      expected: 'one time',
    })
  return { receipt, event, eventIndex, blockNumber, blockHash, block }
}

const txOf = (receipt: RpcObject): Uint8Array => readHexBytes(receipt['transactionHash'], 'a transaction', 32)

function readEvent(value: unknown): EvmEvent & { readonly isRemoved: boolean } {
  const { address, topics, data, removed } = readObject(value, 'an event')
  return {
    address: readHexBytes(address, 'an address', 20),
    topics: readArray(topics, 'the topics', 4).map(topic => readHexBytes(topic, 'a topic', 32)),
    data: readHexBytes(data, 'the data'),
    isRemoved: removed === true,
  }
}

function isAnchor(
  { address, topics, data, isRemoved }: ReturnType<typeof readEvent>,
  registry: Uint8Array,
  digest: Uint8Array,
): boolean {
  const [kind, ref] = topics
  return (
    !isRemoved &&
    // Another contract may emit an event that looks the same.
    equalBytes(address, registry) &&
    topics.length === 3 &&
    data.length === 32 &&
    equalBytes(kind!, ANCHORED_TOPIC) &&
    equalBytes(ref!, digest)
  )
}

// What public nodes answer for at once.
const BLOCKS_MAX = 5_000

/**
 * Transactions that anchored a digest, whoever sent them, from a block on; the earliest first.
 * @returns their hashes
 */
export async function anchorings(
  rpc: EvmRpc,
  registry: Uint8Array,
  digest: Uint8Array,
  fromBlock: number,
): Promise<readonly string[]> {
  const head = readSafe(await rpc.call('eth_blockNumber'), 'the number of the newest block')
  const events = await rpc.call('eth_getLogs', {
    address: hex(registry),
    topics: [hex(ANCHORED_TOPIC), hex(digest)],
    fromBlock: `0x${fromBlock.toString(16)}`,
    toBlock: `0x${Math.min(head, fromBlock + BLOCKS_MAX).toString(16)}`,
  })
  return readArray(events, 'the events', EVENTS_MAX).map(event =>
    hex(readHexBytes(readObject(event, 'an event')['transactionHash'], 'a transaction', 32)),
  )
}

/** The evidence of an event, verified as an auditor will verify it. */
export async function evidenceOf(rpc: EvmRpc, chainId: number, found: Found, digest: Uint8Array): Promise<Uint8Array> {
  const { receipt, event, eventIndex, blockNumber, blockHash, block } = found
  const position = readSafe(receipt['transactionIndex'], 'the position of a transaction')
  const proof = await proveReceipt(rpc, block, blockHash, position)
  const { address, topics, data } = event
  const bytes = evidenceBytes({
    chainId,
    tx: txOf(receipt),
    blockNumber,
    blockHash,
    event: { address, topics, data },
    eventIndex,
    gas: gasOf(receipt),
    ...(proof ? { proof } : {}),
  })
  verifyEvmEvidence(bytes, digest)
  return bytes
}

function gasOf(receipt: RpcObject): EvmGas {
  const used = readSafe(receipt['gasUsed'], 'the gas')
  if (receipt['effectiveGasPrice'] === undefined) return { used }
  const own = BigInt(used) * readQuantity(receipt['effectiveGasPrice'], 'the price of gas')
  // Rollups of the OP stack take what the chain below costs besides.
  const below = receipt['l1Fee'] === undefined ? 0n : readQuantity(receipt['l1Fee'], 'the fee of the chain below')
  return { used, wei: String(own + below) }
}
