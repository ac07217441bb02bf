/*
 * Signals while a command is being recorded. We must not die of them: the outcome would be missing from the log. So they
 * are noted, passed on to the command, and whatever it makes of them is recorded.
 */

const WATCHED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
type Watched = (typeof WATCHED)[number]

/** From `watchSignals` on, these signals no longer end this process. */
export class Signals {
  readonly #seen: Watched[] = []
  readonly #fromTerminal: boolean
  #pass: ((signal: Watched) => void) | undefined

  /** @param fromTerminal  Whether a terminal may have sent a SIGINT to the command as well as to us. */
  constructor(fromTerminal: boolean) {
    this.#fromTerminal = fromTerminal
  }

  /** In order of arrival. */
  get seen(): readonly Watched[] {
    return this.#seen
  }

  receive(signal: Watched): void {
    this.#seen.push(signal)
    // Ctrl-C at a terminal goes to every process of the group. Many programs take a second one as "at once, without
    // cleaning up", so we do not add ours.
    if (signal === 'SIGINT' && this.#fromTerminal) return
    this.#pass?.(signal)
  }

  /** Passes on what comes from now on. What came before the command was there is for the caller to heed. */
  passTo(pass: (signal: Watched) => void): void {
    this.#pass = pass
  }
}

export function watchSignals(): Signals {
  const signals = new Signals(process.stdin.isTTY === true)
  for (const signal of WATCHED) process.on(signal, () => signals.receive(signal))
  return signals
}
