export type { Denial } from '../denial.js'
export { type AuditTrailOptions, AuditTrailPlugin } from './audit-trail.js'
export { type AgentGovernanceOptions, AgentGovernancePlugin, type GovernanceRules } from './governance.js'
export type { AgentToolMode, RecordingOptions } from './options.js'
