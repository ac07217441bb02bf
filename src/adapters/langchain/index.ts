export { assertCoverage } from './coverage.js'
export { langchain } from './host.js'
export { type RecordingMiddleware, type RecordingOptions, recordCalls, recordTools } from './record-calls.js'
