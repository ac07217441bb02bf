import { concatBytes } from '../../core/bytes/equal.js'
import { fromUtf8, toUtf8 } from '../../core/bytes/utf8.js'
import { MalformedError } from '../../core/errors.js'

/*
 * What goes over `private/writer.sock`: frames of a JSON header and bytes. Both ends belong to one user; the bounds are
 * there so that a bug of one end does not become the memory of the other. Format: spec/layout.md, "The socket".
 */

export interface Frame {
  readonly header: { readonly [name: string]: unknown }
  readonly body: Uint8Array
}

export function encodeFrame(header: object, body: readonly Uint8Array[] = []): Uint8Array {
  const text = toUtf8(JSON.stringify(header))
  const length = body.reduce((sum, part) => sum + part.length, 0)
  if (text.length > HEADER_BYTES_MAX || length > BODY_BYTES_MAX)
    throw new MalformedError('append.too-large', `${length} bytes are too much to hand over at once`, {
      expected: `at most ${BODY_BYTES_MAX} bytes`,
    })
  const start = new Uint8Array(START_BYTES)
  const view = new DataView(start.buffer)
  view.setUint32(0, MAGIC)
  view.setUint32(4, text.length)
  view.setUint32(8, length)
  return concatBytes(start, text, ...body)
}

/** Cuts what arrives into frames. */
export class FrameReader {
  #parts: Uint8Array[] = []
  #length = 0
  /** Bytes that the frame which is arriving has in all; undefined until its start is there. */
  #wanted: number | undefined

  /** @throws {MalformedError} `join.frame`: the connection is of no use any more */
  push(bytes: Uint8Array): Frame[] {
    this.#parts.push(bytes)
    this.#length += bytes.length
    const frames: Frame[] = []
    for (;;) {
      if (this.#wanted === undefined) {
        if (this.#length < START_BYTES) return frames
        this.#wanted = frameLength(this.#joined())
      }
      if (this.#length < this.#wanted) return frames
      const all = this.#joined()
      frames.push(decode(all.subarray(0, this.#wanted)))
      this.#parts = [all.subarray(this.#wanted)]
      this.#length -= this.#wanted
      this.#wanted = undefined
    }
  }

  #joined(): Uint8Array {
    if (this.#parts.length > 1) this.#parts = [concatBytes(...this.#parts)]
    return this.#parts[0]!
  }
}

function frameLength(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const [header, body] = [view.getUint32(4), view.getUint32(8)]
  if (view.getUint32(0) !== MAGIC || header > HEADER_BYTES_MAX || body > BODY_BYTES_MAX)
    throw new MalformedError('join.frame', 'what came over the socket of the log is no frame')
  return START_BYTES + header + body
}

function decode(frame: Uint8Array): Frame {
  const length = new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(4)
  let header: unknown
  try {
    header = JSON.parse(fromUtf8(frame.subarray(START_BYTES, START_BYTES + length)))
  } catch (cause) {
    throw new MalformedError('join.frame', 'the header of a frame is no JSON', { cause })
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header))
    throw new MalformedError('join.frame', 'the header of a frame is no object')
  return { header: header as Frame['header'], body: frame.subarray(START_BYTES + length) }
}

// "DLS" and the version of this format.
const MAGIC = 0x444c5301
const START_BYTES = 12
// Three numbers for each of 65,536 entries, and room to spare.
const HEADER_BYTES_MAX = 4 * 1024 * 1024
// A journal's frame, and the notes that its records cite.
const BODY_BYTES_MAX = 80 * 1024 * 1024
