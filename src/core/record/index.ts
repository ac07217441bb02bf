/*
 * `deedlog/record`: the records of spec/record.md, their commitments and their rules. Pure: bytes in, values out.
 */
export * from './calls.js'
export {
  canonicalBytes,
  canonicalize,
  type JsonLimits,
  parseJson,
  parseRecordJson,
  RECORD_BYTES_MAX,
  RECORD_DEPTH_MAX,
} from './canonical.js'
export { CAPTURE_BYTES_MAX, CONTAINERS_MAX, capture, TOO_LARGE } from './capture.js'
export { commit, SCHEME } from './commitment.js'
export * from './disclosure.js'
export { FIELDS_MAX, type Fields, type Path, splitFields } from './fields.js'
export * from './formats.js'
export {
  commitmentsOf,
  describeViolation,
  encodeRecord,
  OPERATOR_ONLY,
  type ParsedRecord,
  parseRecord,
  recordLeaf,
  type UnderstoodRecord,
  type UnknownRecord,
} from './schema.js'
export {
  type ApprovedArgs,
  approvalMessage,
  recordMessage,
  signedRecord,
  verifyApproval,
  verifyRecordSignature,
} from './signing.js'
export { type AcceptanceOptions, type JudgedBatch, type Link, linkOf, StreamAcceptance } from './stream.js'
export type * from './types.js'
