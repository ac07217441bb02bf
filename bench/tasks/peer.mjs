import { callMany } from '../lib/calls.mjs'
import { median } from '../lib/numbers.mjs'
import { PEERS } from '../lib/peers.mjs'
import { pause } from '../lib/sync-limit.mjs'

/** The same calls through another recorder: many at a time, then one at a time. */
export async function run({ name, dir, count, inFlight, lone }) {
  const callOne = await PEERS[name].open(dir)
  await callMany(Math.min(500, count), inFlight, callOne)
  const began = performance.now()
  await callMany(count, inFlight, callOne)
  const perSecond = (1000 * count) / (performance.now() - began)
  const times = []
  for (let i = 0; i < lone; i++) {
    pause()
    const start = performance.now()
    await callOne(i)
    times.push(performance.now() - start)
  }
  return { perSecond, lonePerSecond: 1000 / median(times) }
}
