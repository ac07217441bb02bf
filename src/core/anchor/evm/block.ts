import { MalformedError } from '../../errors.js'
import { decodeRlp, readBytes, readInteger, readList } from './rlp.js'

/** What a block's header says, as far as an anchor needs it. */
export interface Header {
  readonly number: number
  /** Seconds since 1970. */
  readonly timestamp: number
  /** Root of the trie over the receipts, 32 bytes. */
  readonly receiptsRoot: Uint8Array
}

/** One event in a receipt. */
export interface EvmEvent {
  /** The contract that emitted it, 20 bytes. */
  readonly address: Uint8Array
  /** 32 bytes each; at most four. */
  readonly topics: readonly Uint8Array[]
  readonly data: Uint8Array
}

export interface Receipt {
  readonly isSuccess: boolean
  readonly events: readonly EvmEvent[]
}

// Fifteen since the beginning; forks have added some behind them, and will add more.
const HEADER_FIELDS_MIN = 15
const HEADER_FIELDS_MAX = 32

/**
 * Reads a header; its hash is Keccak-256 of these bytes. What forks have added behind the first fifteen fields is passed over.
 * @throws {MalformedError} `evm.rlp`, `evm.header`
 */
export function readHeader(bytes: Uint8Array): Header {
  const fields = readList(decodeRlp(bytes), 'the header')
  if (fields.length < HEADER_FIELDS_MIN || fields.length > HEADER_FIELDS_MAX)
    throw new MalformedError('evm.header', `a header of ${fields.length} fields`, { expected: '15 to 32' })
  return {
    receiptsRoot: readBytes(fields[5], 32, 'the root of the receipts'),
    number: readInteger(fields[8], 'the number of the block'),
    timestamp: readInteger(fields[11], 'the time of the block'),
  }
}

/**
 * Reads a receipt of any type: the four fields are the same, what a chain adds behind them is passed over.
 * @throws {MalformedError} `evm.rlp`, `evm.receipt`
 * @see EIP-2718, EIP-658
 */
export function readReceipt(bytes: Uint8Array): Receipt {
  const [first] = bytes
  // A byte below 0x80 is a type; a list begins with 0xc0 and more.
  const fields = readList(decodeRlp(first !== undefined && first < 0x80 ? bytes.subarray(1) : bytes), 'the receipt')
  const [status, , , events] = fields
  if (!(status instanceof Uint8Array) || status.length > 1 || (status.length === 1 && status[0] !== 1))
    throw new MalformedError('evm.receipt', 'the receipt has no status', { expected: '1 or nothing' })
  return {
    isSuccess: status.length === 1,
    events: readList(events, 'the events').map(event => {
      const [address, topics, data] = readList(event, 'an event')
      if (!(data instanceof Uint8Array)) throw new MalformedError('evm.receipt', 'an event has no data')
      return {
        address: readBytes(address, 20, 'the address of an event'),
        topics: readList(topics, 'the topics').map(topic => readBytes(topic, 32, 'a topic')),
        data,
      }
    }),
  }
}
