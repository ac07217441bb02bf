const LF = 0x0a
const CR = 0x0d

/** One event of a stream as bytes, with the blank line that ends it. */
export interface StreamEvent {
  readonly bytes: Uint8Array
  /** Its type; `message` where it says none. */
  readonly type: string
  /** Undefined for comments and the like. */
  readonly data: string | undefined
}

/** Cuts a `text/event-stream` into events. WHATWG HTML §9.2.6: lines end with CR, LF or both. */
export class Events {
  readonly #bytesMax: number
  #parts: Uint8Array[] = []
  #length = 0
  #lineStart = true
  #afterCr = false

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Whether the event that has begun is longer than the bound: what it says cannot be looked at any more. */
  get isTooLong(): boolean {
    return this.#length > this.#bytesMax
  }

  *add(chunk: Uint8Array): Generator<StreamEvent> {
    let from = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]
      const secondHalf = byte === LF && this.#afterCr
      this.#afterCr = byte === CR
      if (secondHalf) continue
      if (byte !== LF && byte !== CR) {
        this.#lineStart = false
        continue
      }
      if (this.#lineStart) {
        this.#keep(chunk.subarray(from, i + 1))
        from = i + 1
        yield this.#take()
      }
      this.#lineStart = true
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from))
  }

  /** What is left at the end: readers forget it, so it is passed on and means nothing. */
  end(): Uint8Array {
    return Buffer.concat(this.#parts)
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length
    this.#parts.push(part)
  }

  #take(): StreamEvent {
    const bytes = Buffer.concat(this.#parts)
    this.#parts = []
    this.#length = 0
    return { bytes, ...fieldsOf(bytes) }
  }
}

function fieldsOf(bytes: Buffer): Pick<StreamEvent, 'type' | 'data'> {
  let type = 'message'
  const data: string[] = []
  // As clients do: what is not UTF-8 is replaced, and a byte-order mark falls away.
  for (const line of bytes
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':')
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') data.push(value)
    else if (name === 'event' && value !== '') type = value
  }
  return { type, data: data.length > 0 ? data.join('\n') : undefined }
}
