/** Mycelium Trails: references as they are computed there, and what is kept of a trail. `spec/anchors.md`, "Trails". */

export { type CallAction, type CallFacts, callAction } from './call-action.js'
export {
  type ActionPreimage,
  actionRef,
  actionRefV2,
  anchoredBefore,
  type Batch,
  batchOf,
  colonSecondsActionRef,
  isInBatch,
  myceliumRef,
} from './refs.js'
export { checkpointAction, formatTrail, isTransaction, readTrail, type Trail } from './trail.js'
