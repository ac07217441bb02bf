import type { AuditBackend } from '../../log/backend.js'
import type { RecordingOptions } from './options.js'
import { RecordingPlugin } from './plugin.js'

export interface AuditTrailOptions extends RecordingOptions {
  /** Takes the records: `files(dir)`, `jsonl(path)`, or an object of one's own. */
  readonly auditBackend: AuditBackend
}

/**
 * Records every tool call of an ADK runner without deciding on any. A call still waits until its intent is durable, and
 * does not run when that fails: otherwise the record would be a story told afterwards.
 *
 * @throws {TypeError} without an `auditBackend`
 */
export class AuditTrailPlugin extends RecordingPlugin {
  constructor(options: AuditTrailOptions) {
    if (!options?.auditBackend) throw new TypeError('AuditTrailPlugin takes an auditBackend, such as files("./audit")')
    super('audit_trail', { ...options, evaluator: undefined, approver: undefined })
  }
}
