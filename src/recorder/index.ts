export type { Approval } from './approving.js'
export { CallDeniedError } from './denied.js'
export { type RecordedOptions, recorded } from './recorded.js'
export { Recorder } from './recorder.js'
export type {
  CallRequest,
  CallResult,
  CoveredTool,
  Given,
  HostInfo,
  Part,
  RecorderOptions,
  Redact,
  Ticket,
  Tier,
} from './types.js'
export type { Snapshot } from './values.js'
