import { openLog } from 'deedlog'
import { watchMainThread } from '../lib/main-thread.mjs'
import { appendBatches } from '../lib/record-file.mjs'

/** Appends ready records: a second until all are acknowledged, and until a signed checkpoint covers all of them. */
export async function run({ dir, file }) {
  const log = await openLog(dir)
  const cpu = process.cpuUsage()
  const watched = watchMainThread()
  const began = performance.now()
  const count = await appendBatches(log, file)
  const acknowledged = performance.now() - began
  // Signed only when all tiles of its tree are synced.
  await log.flush('published')
  const covered = performance.now() - began
  const main = watched()
  const { user, system } = process.cpuUsage(cpu)
  await log.close()
  return {
    count,
    ackPerSecond: (1000 * count) / acknowledged,
    perSecond: (1000 * count) / covered,
    cpuUs: (user + system) / count,
    mainCpuUs: main.cpuUs && main.cpuUs / count,
    loopDelayP99Ms: main.loopDelayP99Ms,
  }
}
