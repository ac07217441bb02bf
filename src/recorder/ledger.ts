import type { Call } from './call.js'
import type { Stream } from './stream.js'

/** One session of the host within one stream. */
export interface Session {
  /** Our own id: a host's id would say whose session it was. */
  readonly id: string
  /** Intents of it that have a place: the number of the next one. */
  calls: number
}

/** What the last record of a stream, and of each session in it, will have to say. */
export class Ledger {
  readonly stream: Stream
  /** Leaf hash of the `rules` record in force. */
  rules: string | undefined
  /** When new calls stop going to this stream, on the runtime's monotonic clock. */
  readonly until: number
  /** Intents that have a place in this stream. */
  calls = 0
  /** Those of them that are not over and have no final outcome. */
  readonly unfinished = new Set<Call>()
  /** Calls whose outcome this stream waits for, placed or not: it does not end before them. */
  readonly awaited = new Set<Call>()
  /** Canonical form of the last coverage written here. */
  coverage: string | undefined
  /** How many kinds of unseen calls it declared: there can only be more of them. */
  unseen = 0
  ended = false
  readonly #sessions = new Map<string, Session>()
  readonly #makeId: () => string

  constructor(stream: Stream, until: number, makeId: () => string) {
    this.stream = stream
    this.until = until
    this.#makeId = makeId
  }

  /** The session that the host calls `name`; begun when it is not there. */
  session(name: string): Session {
    let session = this.#sessions.get(name)
    if (!session) {
      session = { id: this.#makeId(), calls: 0 }
      this.#sessions.set(name, session)
    }
    return session
  }

  /** Forgets a session, so that a later call of that name begins a new one: nothing follows `session.end`. */
  endSession(name: string): Session | undefined {
    const session = this.#sessions.get(name)
    this.#sessions.delete(name)
    return session
  }

  sessionNames(): string[] {
    return [...this.#sessions.keys()]
  }
}
