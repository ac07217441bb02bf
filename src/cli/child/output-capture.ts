import { createHash } from 'node:crypto'
import { TextDecoder } from 'node:util'

/** What is kept of one output of a command, in the form that is committed. */
export interface CapturedOutput {
  /** What was captured, when it is UTF-8; else `bytes`. */
  readonly text?: string
  readonly bytes?: Uint8Array
  /** Bytes the command wrote in all. */
  readonly length: number
  /** SHA-256 of all of them, lowercase hex: whoever has the whole output can show that it is the one. */
  readonly sha256: string
  /** Only the first bytes were captured. */
  readonly truncated?: true
}

/** Keeps the first `bytesMax` bytes of a stream, and length and hash of all of it. */
export class OutputCapture {
  readonly #bytesMax: number
  readonly #hash = createHash('sha256')
  #chunks: Uint8Array[] = []
  #kept = 0
  #length = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#length += chunk.length
    const fits = chunk.subarray(0, this.#bytesMax - this.#kept)
    if (fits.length === 0) return
    // A copy: the part of a large chunk that is kept would otherwise hold all of it in memory.
    this.#chunks.push(Uint8Array.from(fits))
    this.#kept += fits.length
  }

  /** To be called once, after the last `add`. */
  finish(): CapturedOutput {
    const bytes = Buffer.concat(this.#chunks)
    const truncated = this.#length > this.#kept
    const text = asText(bytes, truncated)
    return {
      ...(text === undefined ? { bytes } : { text }),
      length: this.#length,
      sha256: this.#hash.digest('hex'),
      ...(truncated ? { truncated } : {}),
    }
  }
}

function asText(bytes: Uint8Array, truncated: boolean): string | undefined {
  try {
    // `stream` forgives an incomplete character at the end, and only there: the cut may have gone through one.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: truncated })
  } catch {
    return undefined
  }
}
