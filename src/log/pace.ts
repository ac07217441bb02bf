/**
 * Decides whether a write blocks or takes turns with the event loop. A blocking write has a lone record on the disk in
 * about half the time; but while it blocks nobody else can join, so with many appends at once each would pay for its
 * own sync. Who is alone shows only while a write is in flight: every now and then one takes turns, to look.
 */
export class Pace {
  #loneLeft = LONE_RUN
  /** The newest durations of blocking writes, in milliseconds. */
  readonly #durations: number[] = []

  /** Whether the next write, for `waiting` appends, should block. */
  shouldBlock(waiting: number): boolean {
    if (waiting > 1) this.#loneLeft = 0
    return this.#loneLeft > 0
  }

  /** A blocking write took `ms`. */
  blocked(ms: number): void {
    this.#loneLeft--
    this.#durations.push(ms)
    if (this.#durations.length > DURATIONS_KEPT) this.#durations.shift()
  }

  /** A write that took turns is over, and so many appends came meanwhile. */
  tookTurns(arrived: number): void {
    // On a slow disk blocking is out of the question, whoever waits. It is measured again after a while.
    const slow = median(this.#durations) > BLOCK_MS_MAX
    if (slow) this.#durations.pop()
    this.#loneLeft = arrived > 0 ? 0 : slow ? 0 : LONE_RUN
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

const LONE_RUN = 32
const DURATIONS_KEPT = 15
// How long a write may hold up everything else in the process. macOS's full sync and network disks take longer.
const BLOCK_MS_MAX = 1
