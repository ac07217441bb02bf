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
export * from './recorder/index.js'
