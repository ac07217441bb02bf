/**
 * A set that may say "seen before" of something new, once in 2^64, and never the reverse: for telling which records
 * deserve an exact look. 16 bytes for each member while half full, where a Set of the strings takes over a hundred.
 */
export class Fingerprints {
  #slots = new Uint32Array(2 * 1024)
  #used = 0

  /** Adds `text`; true when it, or one with the same fingerprint, was there. */
  add(text: string): boolean {
    if (2 * (this.#used + 1) > this.#slots.length / 2) this.#grow()
    const [high, low] = fingerprint(text)
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
}

// Two rounds of FNV-1a with different offsets. Not collision-resistant, and need not be: who makes two call ids
// collide only buys a second pass, which compares the ids themselves.
function fingerprint(text: string): [high: number, low: number] {
  let high = 0x811c9dc5
  let low = 0x01000193
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    high = Math.imul(high ^ unit, 0x01000193) >>> 0
    low = Math.imul(low ^ (unit + i), 0x85ebca6b) >>> 0
  }
  // Zero marks an empty slot.
  return [high === 0 ? 1 : high, low]
}
