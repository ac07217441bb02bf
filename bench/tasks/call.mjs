import { callMany } from '../lib/calls.mjs'
import { watchMainThread } from '../lib/main-thread.mjs'
import { median } from '../lib/numbers.mjs'
import { newRecorder, recordCall } from '../lib/recorded-call.mjs'
import { LoneLimit, pause } from '../lib/sync-limit.mjs'

/** Whole recorded calls: many at a time, then one at a time with the disk's own speed measured in between. */
export async function run({ dir, count, inFlight, lone }) {
  const recorder = newRecorder(dir)
  await callMany(Math.min(2000, count), inFlight, i => recordCall(recorder, i))
  const cpu = process.cpuUsage()
  const watched = watchMainThread()
  const began = performance.now()
  await callMany(count, inFlight, i => recordCall(recorder, i))
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const main = watched()

  const limit = new LoneLimit(`${dir}.limit`, 600)
  const times = []
  for (let i = 0; i < lone; i++) {
    pause()
    const start = performance.now()
    await recordCall(recorder, i)
    times.push(performance.now() - start)
    limit.measure()
  }
  const bare = limit.takeP50()
  limit.remove()
  await recorder.close()
  return {
    perSecond: count / seconds,
    cpuUs: (user + system) / count,
    mainCpuUs: main.cpuUs && main.cpuUs / count,
    loopDelayP99Ms: main.loopDelayP99Ms,
    p50Ms: median(times),
    lonePerSecond: 1000 / median(times),
    bareP50Ms: bare,
    p50OverSync: median(times) / bare,
  }
}
