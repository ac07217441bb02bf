// What may wait for its turn in one direction. A peer that sends more waits with it.
const WAITING_MAX = 256
const WAITING_BYTES_MAX = 2 * 16 * 1024 * 1024

/** One direction of a connection: work begins as it comes and is delivered in that order, one after the other. */
export class Lane {
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0
  #bytes = 0

  /**
   * @param work     begun already; must not reject
   * @param deliver  called when everything before has been delivered
   */
  add<T>(bytes: number, work: Promise<T>, deliver: (result: T) => Promise<void> | void): void {
    this.#waiting++
    this.#bytes += bytes
    this.#tail = this.#tail.then(async () => {
      try {
        await deliver(await work)
      } finally {
        this.#waiting--
        this.#bytes -= bytes
      }
    })
  }

  /** Resolves when there is room for more. */
  async room(): Promise<void> {
    while (this.#waiting >= WAITING_MAX || this.#bytes >= WAITING_BYTES_MAX) await this.#tail
  }

  /** Resolves when everything added so far has been delivered. */
  drained(): Promise<void> {
    return this.#tail
  }
}
