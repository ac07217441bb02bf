import { randomFillSync } from 'node:crypto'

/** Time and chance, so that tests can hold them. */
export interface Runtime {
  /** Milliseconds since 1970, UTC. */
  now(): number
  /** Milliseconds since some moment, never set back: for how long something has lasted. */
  monotonic(): number
  /** `length` fresh random bytes. */
  random(length: number): Uint8Array
  /** Calls `then` after `ms` milliseconds unless the returned function is called first. */
  later(ms: number, then: () => void): () => void
}

// One call to the system's generator costs twenty times as much as copying 32 bytes out of a pool.
const POOL_BYTES = 4096
const pool = new Uint8Array(POOL_BYTES)
let used = POOL_BYTES

function random(length: number): Uint8Array {
  if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length))
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = pool.slice(used, used + length)
  // What has been handed out must not be readable from the pool by a later mistake.
  pool.fill(0, used, used + length)
  used += length
  return bytes
}

export const systemRuntime: Runtime = {
  now: Date.now,
  monotonic: () => performance.now(),
  random,
  later(ms, then) {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
}
