import { sha256Into } from '#crypto'
import { concatBytes } from '../bytes/equal.js'

/**
 * A set that may say "seen before" of something new, once in 2^64, and never the reverse: for telling which records
 * deserve an exact look. 16 bytes for each member while half full, where a Set of the strings takes over a hundred.
 *
 * A fingerprint is the beginning of SHA-256 over a salt and the text. Who chooses the texts must not know the salt
 * while choosing: texts that look for a slot at one place would make each addition as slow as the table is long.
 */
export class Fingerprints {
  readonly #salt: Uint8Array
  /** The salt, and room for a text. */
  #input: Uint8Array
  readonly #hash = new Uint8Array(32)
  readonly #view = new DataView(this.#hash.buffer)
  #slots = new Uint32Array(2 * 1024)
  #used = 0

  constructor(salt: Uint8Array) {
    this.#salt = salt
    this.#input = salt.slice()
  }

  /** Adds `text`; true when it, or one with the same fingerprint, was there. */
  add(text: string): boolean {
    if (2 * (this.#used + 1) > this.#slots.length / 2) this.#grow()
    const [high, low] = this.#fingerprint(text)
    const at = this.#find(high, low)
    if (this.#slots[at] !== 0) return true
    this.#slots[at] = high
    this.#slots[at + 1] = low
    this.#used++
    return false
  }

  #find(high: number, low: number): number {
    const slots = this.#slots.length / 2
    let slot = low % slots
    while (this.#slots[2 * slot] !== 0 && (this.#slots[2 * slot] !== high || this.#slots[2 * slot + 1] !== low))
      slot = (slot + 1) % slots
    return 2 * slot
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(2 * old.length)
    for (let i = 0; i < old.length; i += 2)
      if (old[i] !== 0) {
        const at = this.#find(old[i]!, old[i + 1]!)
        this.#slots[at] = old[i]!
        this.#slots[at + 1] = old[i + 1]!
      }
  }

  #fingerprint(text: string): [high: number, low: number] {
    // A unit takes up to three bytes. The buffer serves all texts that fit: there is one for each call of a log.
    const most = this.#salt.length + 3 * text.length
    if (most > this.#input.length) this.#input = concatBytes(this.#salt, new Uint8Array(3 * text.length))
    const { written } = encoder.encodeInto(text, this.#input.subarray(this.#salt.length))
    sha256Into(this.#input.subarray(0, this.#salt.length + written), this.#hash, 0)
    // Zero marks an empty slot.
    return [this.#view.getUint32(0) || 1, this.#view.getUint32(4)]
  }
}

const encoder = new TextEncoder()
