import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * What the thread that the caller's code runs in has to bear, from now on: CPU, and how long its event loop was held up.
 * @returns a function that gives both: `cpuUs`, undefined where the system does not tell, and `loopDelayP99Ms`
 */
export function watchMainThread() {
  const began = cpuMs()
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  return () => {
    delays.disable()
    const now = cpuMs()
    return {
      cpuUs: began === undefined || now === undefined ? undefined : 1000 * (now - began),
      // A timer of so many milliseconds that fires in time is no delay.
      loopDelayP99Ms: Math.max(0, delays.percentile(99) / 1e6 - RESOLUTION_MS),
    }
  }
}

const RESOLUTION_MS = 1

/** Linux counts nanoseconds of each thread; the first has the number of the process. */
function cpuMs() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
  } catch {
    return undefined
  }
}
