/** Lets one piece of work have the sequence for itself for a moment: appends that come meanwhile wait for it. */
export class Aside {
  #under: Promise<unknown> | undefined
  #alone: Promise<unknown> | undefined

  /** Starts an append, at once unless somebody is alone. One at a time: the next after the answer to this one. */
  enter<T>(append: () => T | Promise<T>): T | Promise<T> {
    if (this.#alone) return this.#alone.then(() => this.enter(append))
    const under = append()
    if (under instanceof Promise) this.#under = under
    return under
  }

  /** Does `work` when no append is under way, and starts none before it is over. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#alone ?? Promise.resolve()
    const running = before.then(() => this.#under?.catch(() => {})).then(work)
    const over = running.then(
      () => {},
      () => {},
    )
    this.#alone = over
    over.then(() => {
      if (this.#alone === over) this.#alone = undefined
    })
    return running
  }
}
