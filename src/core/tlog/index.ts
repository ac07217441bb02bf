/**
 * Transparency logs as C2SP specifies them: one file per specification, nothing about what the entries mean.
 * Which specifications, which options and which limits: `spec/tlog.md`.
 */
export { decodeBundle, ENTRY_BYTES_MAX, encodeBundle } from './bundle.js'
export { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint.js'
export {
  type Cosignature,
  cosign,
  cosignatureMessage,
  encodeCosignature,
  treeMessage,
  verifyCosignature,
  verifyCosignatures,
} from './cosignature.js'
export { isEd25519Key, verifyEd25519 } from './ed25519.js'
export { verifyCheckpoint, verifyLogSignatures } from './log-signature.js'
export {
  EMPTY_ROOT,
  Frontier,
  leafHash,
  type NodeId,
  nodeHash,
  type ProofPlan,
  planConsistency,
  planInclusion,
  rootFromInclusion,
  rootPlan,
  subtreesOf,
  verifyConsistency,
  verifyInclusion,
} from './merkle.js'
export {
  formatNote,
  formatSignatureLine,
  NOTE_BYTES_MAX,
  type NoteSignature,
  parseNote,
  parseSignatureLine,
  type SignedNote,
  signNote,
  verifyNote,
} from './note.js'
export {
  meetsQuorum,
  type PolicyGroup,
  type PolicyLine,
  type PolicyWitness,
  parsePolicy,
  parsePolicyLines,
  policyLines,
  type TlogPolicy,
} from './policy.js'
export { EXTRA_BYTES_MAX, formatTlogProof, parseTlogProof, type TlogProof, verifyTlogProof } from './proof.js'
export {
  fullTileRoot,
  hashTile,
  nodeInTile,
  parseTilePath,
  partialsOf,
  splitTile,
  TILE_WIDTH,
  type TileId,
  tileForNode,
  tilePath,
  tilesBetween,
} from './tile.js'
export { ALGORITHM, formatVerifierKey, isKeyName, parseVerifierKey, type VerifierKey } from './vkey.js'
export {
  ADD_CHECKPOINT_BYTES_MAX,
  type AddCheckpoint,
  formatAddCheckpoint,
  monitoringPath,
  parseAddCheckpoint,
  parseConflict,
  parseCosignatureLines,
} from './witness.js'
