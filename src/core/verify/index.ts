/**
 * Verification of a whole log, pure: bytes in, report out. `spec/report.md` says what the words mean.
 */
export {
  BUNDLE_BEGINNING,
  BUNDLE_BYTES_MAX,
  BUNDLE_LINES_MAX,
  type Bundle,
  type BundleAnchor,
  type BundleDisclosure,
  type HiddenSubtree,
  parseBundle,
  type ShownEntry,
  type TreePart,
} from './bundle.js'
export { formatBundle } from './bundle-format.js'
export { asksFor, type BundleQuery, checkQuery, type TimeRange } from './bundle-query.js'
export { feedBundle, finishBundle, openDisclosure, verifyBundle } from './bundle-verify.js'
export { CHECKS, type CheckCode } from './checks.js'
export type { CallStatus, CallSummary } from './conduct.js'
export { describeEntry } from './describe.js'
export { type EntryOptions, verifyEntry } from './entry.js'
export { completeAt, type HeldCheckpoint } from './evidence.js'
export { FINDINGS, type FindingCode, type FindingKind } from './findings.js'
export { recordKey } from './identity.js'
export { formatKept, frontierOf, KEPT_BYTES_MAX, KEPT_NOTES_MAX, type Kept, parseKept } from './kept.js'
export { KeptParts, KeptPlan } from './kept-plan.js'
export { NOT_EXCLUDED } from './not-excluded.js'
export type { Continuation } from './reading.js'
export type * from './report.js'
export { Sample } from './sample.js'
export { exitCodeOf, worstExit } from './summary.js'
export { windowOf } from './times.js'
export { formatPolicy, formatTrust, parseTrust, type Trust, type TrustedAgent } from './trust.js'
export { type AlteredEntry, LogVerifier, type VerifierOptions } from './verifier.js'
