/** Anchors in EVM chains: the bytes of their evidence, verified offline. `spec/anchors.md`, "Chains". */
export { type EvmEvent, readHeader } from './block.js'
export { type EvmEvidence, type EvmGas, type EvmProof, formatEvmEvidence, hex, parseEvmEvidence } from './evidence.js'
export {
  ANCHOR_SELECTOR,
  ANCHORED_TOPIC,
  CHAINS,
  REGISTRY_ADDRESS,
  REGISTRY_CODE_HASH,
} from './registry.js'
export { encodeRlp, join, type Rlp, rlpInteger } from './rlp.js'
export { proveValue } from './trie-build.js'
export { type EvmAnchor, readAnchored, verifyEvmEvidence } from './verify.js'
