import { createHash } from 'node:crypto'
import type { World } from '../../src/log/world.js'
import type { SimDisk } from './sim-disk.js'

/**
 * A world on a simulated disk. Chance comes from a seed; time is real, because nothing here measures it.
 * @param timers  False: no timer ever fires, so that nothing is signed unless somebody closes the log.
 */
export function simWorld(disk: SimDisk, seed = 1, timers = true): World {
  let drawn = 0
  return {
    disk,
    clock: {
      now: () => Date.UTC(2026, 10, 22, 9, 25),
      monotonic: () => performance.now(),
      timer(ms, fire) {
        if (!timers) return { cancel: () => {}, keepAlive: () => {} }
        const timer = setTimeout(fire, ms)
        timer.unref()
        return { cancel: () => clearTimeout(timer), keepAlive: () => void timer.ref() }
      },
    },
    random(length) {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length; at += 32) {
        const block = createHash('sha256').update(`${seed} ${drawn++}`).digest()
        bytes.set(block.subarray(0, Math.min(32, length - at)), at)
      }
      return bytes
    },
    logs: new Map(),
  }
}
