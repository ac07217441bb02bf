import { keccak256 } from '#crypto'
import type { EvmEvent } from './block.js'
import type { EvmEvidence } from './evidence.js'
import { ANCHORED_TOPIC, REGISTRY_ADDRESS } from './registry.js'
import { encodeRlp, join, type Rlp, rlpInteger } from './rlp.js'
import { proveValue } from './trie-build.js'

const bytes32 = (value: bigint): Uint8Array => {
  const digits = rlpInteger(value)
  return join([new Uint8Array(32 - digits.length), digits])
}

/** What a made-up block is to have. */
export interface MadeUp {
  readonly digest: Uint8Array
  readonly seconds?: number
  /** Clock of the block, when it is to differ. */
  readonly blockSeconds?: number
  readonly status?: 0 | 1
  readonly event?: Partial<EvmEvent>
  /** Receipts before ours. */
  readonly before?: number
}

/** Evidence of a block that some chain might have: consistent in itself, unless told otherwise. */
export function madeUpEvidence({
  digest,
  seconds = 1_790_000_000,
  blockSeconds = seconds,
  status = 1,
  before = 3,
  ...rest
}: MadeUp): EvmEvidence {
  const event: EvmEvent = {
    address: REGISTRY_ADDRESS,
    topics: [ANCHORED_TOPIC, digest, join([new Uint8Array(12), new Uint8Array(20).fill(0xa1)])],
    data: bytes32(BigInt(seconds)),
    ...rest.event,
  }
  const receipt = (events: readonly EvmEvent[], good: 0 | 1): Uint8Array =>
    join([
      new Uint8Array([2]),
      encodeRlp([
        rlpInteger(BigInt(good)),
        rlpInteger(21_000n),
        new Uint8Array(256),
        events.map(({ address, topics, data }) => [address, topics, data]),
      ]),
    ])
  const receipts = [...Array.from({ length: before }, () => receipt([], 1)), receipt([event], status)]
  const { root, nodes } = proveValue(receipts, before)
  const fields: Rlp[] = Array.from({ length: 17 }, () => new Uint8Array(32).fill(1))
  fields[5] = root
  fields[8] = rlpInteger(4_711n)
  fields[11] = rlpInteger(BigInt(blockSeconds))
  const header = encodeRlp(fields)
  return {
    chainId: 8453,
    tx: new Uint8Array(32).fill(9),
    blockNumber: 4711,
    blockHash: keccak256(header),
    event,
    eventIndex: 0,
    proof: { header, position: before, nodes },
    gas: { used: 23_594, wei: '23594000000' },
  }
}
