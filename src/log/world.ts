import { randomBytes } from 'node:crypto'
import type { Disk } from './disk.js'
import { nodeSockets, type Sockets } from './join/sockets.js'
import type { Layout } from './layout.js'
import { nodeDisk } from './node-disk.js'
import { processRegistry, type Registry } from './registry.js'
import type { Witnessing } from './witnessing.js'

/** Everything a log takes from outside itself. A test that replaces all three drives a log by one seed. */
export interface World {
  readonly disk: Disk
  readonly clock: Clock
  /** `length` unguessable bytes. */
  random(length: number): Uint8Array
  /** Logs that are open in this world, by path. */
  readonly logs: Registry
  /** Where processes find each other; absent: they do not. */
  readonly sockets?: Sockets
  /** Who sees the checkpoints of a log that is opened without a word about it; absent: nobody. */
  readonly witnessesOf?: (disk: Disk, layout: Layout) => Promise<Witnessing | undefined>
}

export interface Clock {
  /** Milliseconds since 1970, for records. */
  now(): number
  /** Milliseconds since some moment; never goes back. For durations. */
  monotonic(): number
  /** Calls `fire` once, after `ms` milliseconds. */
  timer(ms: number, fire: () => void): Timer
}

/** A timer does not keep the process alive, unless somebody waits for what it does. */
export interface Timer {
  cancel(): void
  keepAlive(): void
}

export const realWorld: World = {
  disk: nodeDisk,
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    timer(ms, fire) {
      const timer = setTimeout(fire, ms)
      timer.unref()
      return { cancel: () => clearTimeout(timer), keepAlive: () => void timer.ref() }
    },
  },
  random: length => new Uint8Array(randomBytes(length)),
  logs: processRegistry(),
  sockets: nodeSockets,
}
