import { keccak256 } from '#crypto'
import {
  type EvmEvidence,
  type EvmProof,
  encodeRlp,
  formatEvmEvidence,
  join,
  proveValue,
  type Rlp,
  readHeader,
  rlpInteger,
} from '../core/anchor/index.js'
import { equalBytes } from '../core/bytes/equal.js'
import { isDeedlogError } from '../core/errors.js'
import { type EvmRpc, type RpcObject, readArray, readHexBytes, readObject, readQuantity, readSafe } from './evm-rpc.js'

// Blocks of the chains here have some hundreds.
const RECEIPTS_MAX = 20_000
const EVENTS_MAX = 20_000

/**
 * The header and the receipt of an event, such that the hash of the block proves them. Undefined when the node does not
 * have the receipts of whole blocks, or encodes blocks in a way that is not known here: an anchor is good without a proof, and
 * more is left to look up.
 *
 * @param block  As `eth_getBlockByHash` answers.
 */
export async function proveReceipt(
  rpc: EvmRpc,
  block: RpcObject,
  blockHash: Uint8Array,
  position: number,
): Promise<EvmProof | undefined> {
  try {
    const header = headerOf(block)
    if (!equalBytes(keccak256(header), blockHash)) return undefined
    const receipts = readArray(await rpc.call('eth_getBlockReceipts', block['number']), 'the receipts', RECEIPTS_MAX)
    if (position >= receipts.length) return undefined
    const { root, nodes } = proveValue(receipts.map(receiptOf), position)
    if (!equalBytes(root, readHeader(header).receiptsRoot)) return undefined
    return { header, position, nodes }
  } catch (error) {
    if (isDeedlogError(error)) return undefined
    throw error
  }
}

/** The evidence, without the proof when that makes it too long: a transaction may have emitted any number of events. */
export function evidenceBytes(evidence: EvmEvidence): Uint8Array {
  try {
    return formatEvmEvidence(evidence)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const { proof, ...rest } = evidence
    return formatEvmEvidence(rest)
  }
}

/** The bytes of a header. Every fork has added fields behind those before it. */
function headerOf(block: RpcObject): Uint8Array {
  const fields: Rlp[] = []
  for (const [name, isNumber] of HEADER_FIELDS) {
    const value = block[name]
    if (value === undefined || value === null) break
    fields.push(isNumber ? rlpInteger(readQuantity(value, name)) : readHexBytes(value, name))
  }
  return encodeRlp(fields)
}

const HEADER_FIELDS: readonly (readonly [name: string, isNumber: boolean])[] = [
  ['parentHash', false],
  ['sha3Uncles', false],
  ['miner', false],
  ['stateRoot', false],
  ['transactionsRoot', false],
  ['receiptsRoot', false],
  ['logsBloom', false],
  ['difficulty', true],
  ['number', true],
  ['gasLimit', true],
  ['gasUsed', true],
  ['timestamp', true],
  ['extraData', false],
  ['mixHash', false],
  ['nonce', false],
  // EIP-1559, EIP-4895, EIP-4844 twice, EIP-4788, EIP-7685.
  ['baseFeePerGas', true],
  ['withdrawalsRoot', false],
  ['blobGasUsed', true],
  ['excessBlobGas', true],
  ['parentBeaconBlockRoot', false],
  ['requestsHash', false],
]

/** The bytes of a receipt, as they are in the trie. EIP-2718. */
function receiptOf(value: unknown): Uint8Array {
  const receipt = readObject(value, 'a receipt')
  const events = readArray(receipt['logs'], 'the events', EVENTS_MAX).map(each => {
    const { address, topics, data } = readObject(each, 'an event')
    return [
      readHexBytes(address, 'an address', 20),
      readArray(topics, 'the topics', 4).map(topic => readHexBytes(topic, 'a topic', 32)),
      readHexBytes(data, 'the data'),
    ]
  })
  const number = (name: string): Uint8Array => rlpInteger(readQuantity(receipt[name], name))
  const fields: Rlp[] = [
    number('status'),
    number('cumulativeGasUsed'),
    readHexBytes(receipt['logsBloom'], 'bloom'),
    events,
  ]
  const type = receipt['type'] === undefined ? 0 : readSafe(receipt['type'], 'type')
  // Rollups of the OP stack have their own transactions, whose receipts say more.
  if (type === OP_DEPOSIT)
    for (const name of ['depositNonce', 'depositReceiptVersion'])
      if (receipt[name] !== undefined) fields.push(number(name))
  const bytes = encodeRlp(fields)
  return type === 0 ? bytes : join([new Uint8Array([type]), bytes])
}

const OP_DEPOSIT = 0x7e
