/*
 * ADK never closes plugins. A program that ends by itself at least has its last checkpoint signed; one that calls
 * `process.exit` leaves records that wait for theirs, which is no damage.
 */

const waiting = new Set<() => void>()

/** Calls `flush` when the event loop has nothing left to do. Once, until it is asked for again. */
export function flushAtExit(flush: () => void): void {
  // One listener for all: a listener per plugin would be taken for a leak.
  if (waiting.size === 0) process.once('beforeExit', flushAll)
  waiting.add(flush)
}

export function forgetAtExit(flush: () => void): void {
  waiting.delete(flush)
  if (waiting.size === 0) process.off('beforeExit', flushAll)
}

function flushAll(): void {
  const flushes = [...waiting]
  // Flushing makes the loop turn once more, and `beforeExit` would fire for ever.
  waiting.clear()
  for (const flush of flushes) flush()
}
