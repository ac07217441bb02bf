export { type AuditTrailOptions, AuditTrailPlugin } from './audit-trail.js'
export type { Denial } from './denial.js'
export { type AgentGovernanceOptions, AgentGovernancePlugin, type GovernanceRules } from './governance.js'
export type { AgentToolMode, RecordingOptions } from './plugin.js'
