import type { LogConfig } from './config.js'
import type { Layout } from './layout.js'
import { storeOf } from './place.js'
import { refuseRollback } from './rollback-guard.js'
import type { World } from './world.js'
import { LogWriter } from './writer.js'

/**
 * Checks all of a log as a writer does at its start, and signs what it had sequenced and not signed. Whoever calls holds
 * the lock, and goes on holding it.
 *
 * @throws what opening the log would throw
 */
export async function settleLog(world: World, layout: Layout, config: LogConfig): Promise<void> {
  const { origin, logId, checkpointMs } = config
  await refuseRollback(world.disk, layout, origin)
  const store = storeOf(world.disk, layout)
  let writer: LogWriter
  try {
    writer = await LogWriter.open({
      world,
      store,
      identity: { origin, id: logId },
      checkpointMs: checkpointMs ?? 0,
      announceAgent: async () => {},
      letGo: async () => {},
    })
  } catch (error) {
    await store.close()
    throw error
  }
  await writer.close()
}
