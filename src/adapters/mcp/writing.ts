import type { Writable } from 'node:stream'

/** Resolves when there is room for more, or the stream is gone. */
export function write(stream: Writable, bytes: Uint8Array): Promise<void> {
  return new Promise(resolve => {
    if (stream.destroyed || stream.writableEnded || stream.write(bytes)) return resolve()
    const done = () => {
      stream.off('drain', done)
      stream.off('close', done)
      resolve()
    }
    stream.on('drain', done)
    stream.on('close', done)
  })
}
