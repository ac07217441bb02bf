import type { Id, Int } from '../record/index.js'

interface Session {
  /** Calls 0 to next-1 are here. */
  next: Int
  /** Numbers above `next` that came before it: empty in an honest stream, whose numbers come in order. */
  readonly ahead: Set<string>
  ended: boolean
}

// Engines hash strings with a seed and integers without one: numbers of a stranger's choice would all meet in one slot.
const keyOf = (n: Int): string => `n${n}`

/** What is wrong with a session, as words that follow "session <id>". */
export type SessionFault = string

/**
 * The sessions of one stream: whether each counts its calls from 0 without a gap, and none follows its end. A session
 * costs one small object until its stream is over.
 */
export class Sessions {
  readonly #open = new Map<Id, Session>()
  total = 0
  ended = 0
  /** Sessions with a gap, a repetition or a wrong closing count. */
  gaps = 0

  call(id: Id, n: Int): SessionFault | undefined {
    const session = this.#session(id)
    if (session.ended) return this.#fault(`has call ${n} after its end`)
    if (n < session.next || session.ahead.has(keyOf(n))) return this.#fault(`has two calls ${n}`)
    session.ahead.add(keyOf(n))
    while (session.ahead.delete(keyOf(session.next))) session.next++
    return undefined
  }

  end(id: Id, calls: Int): SessionFault | undefined {
    const session = this.#session(id)
    if (session.ended) return this.#fault('ends twice')
    session.ended = true
    this.ended++
    const held = session.next + session.ahead.size
    if (session.ahead.size > 0) return this.#fault(`lacks call ${session.next}`)
    return held === calls ? undefined : this.#fault(`says that it had ${calls} calls, and ${held} are here`)
  }

  /** Gaps of the sessions that have not ended, once nothing more is to come. */
  *leftOpen(): Generator<[id: Id, fault: SessionFault]> {
    for (const [id, session] of this.#open)
      if (!session.ended && session.ahead.size > 0) yield [id, this.#fault(`lacks call ${session.next}`)]
  }

  #session(id: Id): Session {
    let session = this.#open.get(id)
    if (!session) {
      session = { next: 0, ahead: new Set(), ended: false }
      this.#open.set(id, session)
      this.total++
    }
    return session
  }

  #fault(what: string): SessionFault {
    this.gaps++
    return what
  }
}
