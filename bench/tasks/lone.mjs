import { openLog } from 'deedlog'
import { median } from '../lib/numbers.mjs'
import { CallStream } from '../lib/streams.mjs'
import { LoneLimit } from '../lib/sync-limit.mjs'

/** One append at a time, with the disk's own speed measured in between. */
export async function run({ dir, count }) {
  const log = await openLog(dir)
  const [ref] = await log.logs()
  const stream = new CallStream(ref)
  await log.append([{ record: stream.start }])
  const limit = new LoneLimit(`${dir}.limit`, 600)
  const times = []
  for (let i = 0; i < count; i++) {
    const entries = stream.batch(1).map(record => ({ record }))
    const began = performance.now()
    await log.append(entries)
    times.push(performance.now() - began)
    limit.measure()
  }
  const bare = limit.takeP50()
  limit.remove()
  await log.close()
  return { p50Ms: median(times), bareP50Ms: bare, overSync: median(times) / bare }
}
