/**
 * Outside evidence that dates checkpoints, as bytes: parsed and verified, pure. `spec/anchors.md`.
 */
export {
  ANCHOR_SELECTOR,
  ANCHORED_TOPIC,
  CHAINS,
  type EvmAnchor,
  type EvmEvent,
  type EvmEvidence,
  type EvmGas,
  type EvmProof,
  encodeRlp,
  formatEvmEvidence,
  hex,
  join,
  parseEvmEvidence,
  proveValue,
  REGISTRY_ADDRESS,
  REGISTRY_CODE_HASH,
  type Rlp,
  readAnchored,
  readHeader,
  rlpInteger,
  verifyEvmEvidence,
} from './evm/index.js'
export {
  ANCHOR_BYTES_MAX,
  ANCHOR_MODES,
  type AnchorFile,
  type AnchorMode,
  type AnchorState,
  anchorFileName,
  EVIDENCE_BYTES_MAX,
  formatAnchorFile,
  isAnchorName,
  parseAnchorFile,
  parseAnchorFileName,
} from './file.js'
export {
  type ActionPreimage,
  actionRef,
  checkpointAction,
  formatTrail,
  isTransaction,
  readTrail,
} from './mycelium/index.js'
export { anchoredDigest } from './note-digest.js'
export {
  asNonce,
  CERTIFICATE_BYTES_MAX,
  type Certificate,
  NONCE_BYTES,
  parseCertificate,
  RESPONSE_BYTES_MAX,
  type Timestamp,
  timestampRequest,
  verifyTimestamp,
} from './tsp/index.js'
