import { openLog } from 'deedlog'
import { appendBatches } from '../lib/record-file.mjs'

/** Appends ready records: a second until all are acknowledged, and until a signed checkpoint covers all of them. */
export async function run({ dir, file }) {
  const log = await openLog(dir)
  const cpu = process.cpuUsage()
  const began = performance.now()
  const count = await appendBatches(log, file)
  const acknowledged = performance.now() - began
  // Signs a last checkpoint, and that only when all tiles of its tree are synced.
  await log.close()
  const covered = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return {
    count,
    ackPerSecond: (1000 * count) / acknowledged,
    perSecond: (1000 * count) / covered,
    cpuUs: (user + system) / count,
  }
}
