import { keccak_256 } from '@noble/hashes/sha3.js'

/**
 * Keccak-256 of `data`, 32 new bytes: the hash of Ethereum, which is SHA-3 before its padding was changed. The same code
 * everywhere: Node has none.
 */
export const keccak256 = (data: Uint8Array): Uint8Array => keccak_256(data)
