import { asError } from './stream.js'

/** Tells what went wrong and was kept from the host. */
export class Reporting {
  readonly #onError: ((error: Error) => void) | undefined
  readonly #said = new Set<string>()

  /** @param onError  Default: one process warning per error code. */
  constructor(onError: ((error: Error) => void) | undefined) {
    this.#onError = onError
  }

  /** Never throws: whoever is told about errors must not cause more of them. */
  report(thrown: unknown): void {
    try {
      const error = asError(thrown)
      if (this.#onError) this.#onError(error)
      else this.#warnOnce(error)
    } catch {
      // There is nobody else to tell.
    }
  }

  #warnOnce(error: Error): void {
    const code = (error as { code?: unknown }).code
    const name = typeof code === 'string' ? code : error.name
    if (this.#said.has(name)) return
    this.#said.add(name)
    process.emitWarning(`${error.message} (${name}; said once)`, { type: 'DeedlogWarning', code: name })
  }
}
