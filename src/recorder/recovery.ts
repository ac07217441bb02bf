import type { DeadStream } from '../log/backend.js'
import type { Body, Stream } from './stream.js'

/*
 * What a dead process left: streams without an end, and calls of which nobody knows what became. Nothing is found out
 * here and nothing is invented: the log says that nobody will ever tell.
 */

// What goes to the stream at once: no more than one batch of it takes.
const AT_ONCE = 256

/**
 * Closes dead streams: for each one `recovery`, and behind it an outcome `unknown` for every call that has none.
 *
 * They go to a stream of their own. A log may refuse a recovery, and what is refused is stuck in its stream for good;
 * it must not be the stream that calls wait for. And its `stream.end` says that nothing was left out: a crash before it
 * leaves one more dead stream, which the next start finds, together with the calls that this one did not get to.
 *
 * @param begin  Makes the stream; called once there is something to write.
 * @throws what reading or writing failed with
 */
export async function recover(dead: AsyncIterable<DeadStream>, begin: () => Promise<Stream>): Promise<void> {
  let stream: Stream | undefined
  try {
    for await (const part of dead) {
      stream ??= await begin()
      const bodies = bodiesOf(part)
      for (let i = 0; i < bodies.length; i += AT_ONCE) await write(stream, bodies.slice(i, i + AT_ONCE))
    }
    if (stream) await write(stream, [{ type: 'stream.end', calls: 0, pending: 0 }])
  } finally {
    stream?.forget()
  }
}

function bodiesOf({ stream, last, lastSeq, recovered, unsettled }: DeadStream): Body[] {
  const outcomes = unsettled.map(
    ({ call, intent }): Body => ({ type: 'outcome', call, intent, status: 'unknown', executed: 'unknown' }),
  )
  return recovered ? outcomes : [{ type: 'recovery', of: stream, last, lastSeq }, ...outcomes]
}

/** Resolves when all of them are durable. */
async function write(stream: Stream, bodies: readonly Body[]): Promise<void> {
  await Promise.all(
    bodies.map(
      body =>
        new Promise<void>((resolve, reject) => {
          stream.push({
            make: () => body,
            disclosures: undefined,
            keep: false,
            settled: error => (error ? reject(error) : resolve()),
          })
        }),
    ),
  )
}
