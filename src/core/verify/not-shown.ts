/** Which entries of a tree are known by hashes only. Nothing is in it where all of a log is read. */
export class NotShown {
  /** Where ranges begin and end, ascending; and how many entries lie in those before each. */
  readonly #from: number[] = []
  readonly #to: number[] = []
  readonly #before: number[] = []

  /** The entries from `from` up to, not including, `to`. A range at or below the last one is known already. */
  add(from: number, to: number): void {
    const last = this.#to.length - 1
    const end = this.#to[last] ?? 0
    if (to <= end) return
    if (from === end && last >= 0) {
      this.#to[last] = to
      return
    }
    this.#before.push(this.total)
    this.#from.push(from)
    this.#to.push(to)
  }

  get total(): number {
    const last = this.#to.length - 1
    return last < 0 ? 0 : this.#before[last]! + this.#to[last]! - this.#from[last]!
  }

  /** How many of the entries below `index` are not shown. */
  below(index: number): number {
    let low = 0
    let high = this.#from.length
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#from[middle]! < index) low = middle + 1
      else high = middle
    }
    return low === 0 ? 0 : this.#before[low - 1]! + Math.min(index, this.#to[low - 1]!) - this.#from[low - 1]!
  }

  /** How many of the entries above `low` and below `high` are not shown. */
  between(low: number, high: number): number {
    return Math.max(0, this.below(high) - this.below(low + 1))
  }

  /** How many of the entries above `index` are not shown. */
  above(index: number): number {
    return this.total - this.below(index + 1)
  }
}
