export { type AgtEvaluatorOptions, agtEvaluator } from './agt.js'
export type {
  ApprovalAnswer,
  ApprovalRequest,
  Approver,
  Decision,
  EvaluationRequest,
  PolicyEvaluator,
  RulesInForce,
} from './evaluator.js'
