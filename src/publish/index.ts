/*
 * `deedlog/publish`: what a log is opened with so that others see and date its checkpoints. Off the path of a call.
 */

export type { Anchor, AnchoredCheckpoint, Attempt, Progress } from './anchor.js'
export type { RoundResult } from './anchor-runner.js'
export { type AnchoringOptions, type AnchorMetrics, anchoring, type ScheduledAnchors } from './anchoring.js'
export { askWitnesses, type WitnessesAsked } from './ask-witnesses.js'
export { type EvmOptions, evm, type Finality } from './evm.js'
export type { EvmKey, EvmSigner, EvmTransaction } from './evm-key.js'
export { type MyceliumOptions, mycelium } from './mycelium.js'
export { type CopyCounts, type TrailCopiesOptions, withTrails } from './mycelium-copies.js'
export { type Rfc3161Options, rfc3161 } from './rfc3161.js'
export { askMonitoring, type Monitored, type WitnessAddress } from './witness-client.js'
export { witnesses } from './witness-config.js'
export { type ScheduledWitnesses, type WitnessingOptions, type WitnessRound, witnessing } from './witnessing.js'
