import { fromHex } from '../../bytes/hex.js'

/*
 * `AnchorRegistry`: a contract with one function, `anchor(bytes32 ref)`, and one event,
 * `Anchored(bytes32 indexed ref, address indexed anchoredBy, uint256 timestamp)`. It keeps nothing and answers nothing:
 * what it said is in the receipts of blocks, and nowhere else.
 */

/** First four bytes of the hash of `anchor(bytes32)`. */
export const ANCHOR_SELECTOR = fromHex('eecdf927')
/** Hash of `Anchored(bytes32,address,uint256)`: the first topic of the event. */
export const ANCHORED_TOPIC = fromHex('fe2289542f7a0110ac112c3a4d712afdcaaf2900a1326f4e6f340b563a0e8734')

/**
 * Where it lies on every chain that has it, 20 bytes. The address is made of the code that was deployed (CREATE2), and the
 * contract cannot change or remove itself: at this address is this code or none.
 */
export const REGISTRY_ADDRESS = fromHex('49feca52bc634a9ab773226d16619dec547794aa')
/** Keccak-256 of the code there. */
export const REGISTRY_CODE_HASH = fromHex('43a7c7f9e56715ecaccef8879cb03511def07a50be1f7da752f122571236c56d')

/** A chain that has it. */
export interface Chain {
  /** Lowercase letters, digits, hyphens. */
  readonly name: string
  readonly chainId: number
}

export const CHAINS: readonly Chain[] = [
  { name: 'base', chainId: 8453 },
  { name: 'arbitrum-one', chainId: 42161 },
  { name: 'ink', chainId: 57073 },
]
