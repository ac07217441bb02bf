export { type AgtBackendOptions, type AgtEvaluatorOptions, agtEvaluator } from './govern/agt.js'
export type { EngineBackend } from './govern/engine.js'
export type {
  ApprovalAnswer,
  ApprovalRequest,
  Approver,
  Decision,
  EvaluationRequest,
  PolicyEvaluator,
  RulesFile,
  RulesInForce,
} from './govern/evaluator.js'
export { type CliApprover, type CliApproverOptions, cliApprover } from './govern/review/approver.js'
export type { AppendEntry, AuditBackend, DeadStream, Level, Receipt, Signer, UnsettledCall } from './log/backend.js'
export { files, jsonl, type Log, type LogOptions, memory, openLog } from './log/index.js'
export type { Anchor, AnchoredCheckpoint, Attempt, Progress } from './publish/anchor.js'
export type { RoundResult } from './publish/anchor-runner.js'
export { type AnchoringOptions, type AnchorMetrics, anchoring, type ScheduledAnchors } from './publish/anchoring.js'
export { type Rfc3161Options, rfc3161 } from './publish/rfc3161.js'
export { witnesses } from './publish/witness-config.js'
export * from './recorder/index.js'
