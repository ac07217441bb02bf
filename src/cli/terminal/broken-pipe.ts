/*
 * `deedlog list | head` closes our standard output while we write. That is no error of ours or of the log.
 */

type Stream = 'stdout' | 'stderr'

const listeners = new Map<Stream, () => void>()

/** Calls `listener`, instead of what was set before, when the reader of `stream` goes away. */
export function onBrokenPipe(stream: Stream, listener: () => void): void {
  if (!listeners.has(stream))
    process[stream].on('error', (error: NodeJS.ErrnoException) => {
      if (!isBrokenPipe(error)) throw error
      listeners.get(stream)?.()
    })
  listeners.set(stream, listener)
}

export const isBrokenPipe = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | undefined)?.code
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}
