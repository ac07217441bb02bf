import type { DiskFile } from './disk.js'

/** Reads a file from front to back in large pieces, for code that asks for small ones. */
export class Window {
  readonly #file: Pick<DiskFile, 'read'>
  #at = 0
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(file: Pick<DiskFile, 'read'>) {
    this.#file = file
  }

  /** Up to `length` bytes at offset `at`, fewer only at the end of the file. They stay as they are when more is read. */
  async read(at: number, length: number): Promise<Uint8Array> {
    const from = at - this.#at
    if (from < 0 || from + length > this.#bytes.length) {
      this.#bytes = await this.#file.read(at, Math.max(length, WINDOW_BYTES))
      this.#at = at
      return this.#bytes.subarray(0, length)
    }
    return this.#bytes.subarray(from, from + length)
  }
}

const WINDOW_BYTES = 1024 * 1024
