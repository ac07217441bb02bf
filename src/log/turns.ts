/**
 * Who may go when. Batches of one stream go one after the other, those of different streams side by side; one that
 * changes what other streams may do (a recovery, a key event) goes alone.
 */
export class Turns {
  readonly #last = new Map<string, Promise<void>>()
  #lastAlone: Promise<void> | undefined

  /** Lines up. `ready` is what to wait for, undefined when it is nothing; `done` lets the next one go. */
  take(stream: string, alone: boolean): { readonly ready: Promise<unknown> | undefined; readonly done: () => void } {
    const before = alone ? [...this.#last.values()] : [this.#last.get(stream)].filter(turn => turn !== undefined)
    if (this.#lastAlone) before.push(this.#lastAlone)
    let finish = () => {}
    const turn = new Promise<void>(resolve => {
      finish = resolve
    })
    this.#last.set(stream, turn)
    if (alone) this.#lastAlone = turn
    const done = () => {
      if (this.#last.get(stream) === turn) this.#last.delete(stream)
      if (this.#lastAlone === turn) this.#lastAlone = undefined
      finish()
    }
    return { ready: before.length > 0 ? Promise.all(before) : undefined, done }
  }
}
