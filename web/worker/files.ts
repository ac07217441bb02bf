import { MalformedError, quote, UnavailableError } from '../../src/core/errors.js'

/**
 * The bytes of a file.
 *
 * @param most  Bytes that the caller is ready to hold: a file is asked for its length before it is read.
 * @throws {MalformedError} `file.length`
 * @throws {UnavailableError} `file.unreadable`
 */
export async function bytesOf(file: File, most: number): Promise<Uint8Array> {
  if (file.size > most)
    throw new MalformedError('file.length', `${quote(file.name)} has ${file.size} bytes`, {
      expected: `at most ${most}`,
    })
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

/** The pieces of a file from a byte on, as the browser reads them: never the whole of it. */
export async function* piecesOf(file: File, from = 0): AsyncGenerator<Uint8Array> {
  const reader = (from === 0 ? file : file.slice(from)).stream().getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(cause => {
        throw unreadable(file, cause)
      })
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel().catch(() => {
      // A stream that failed has said so already.
    })
  }
}

/** A browser lets go of a file that was changed or moved after it was chosen. */
const unreadable = (file: File, cause: unknown): UnavailableError =>
  new UnavailableError('file.unreadable', `${quote(file.name)} cannot be read`, {
    expected: 'a file that has not changed since it was chosen: choose it again',
    cause,
  })
