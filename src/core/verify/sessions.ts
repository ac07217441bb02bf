import type { Id, Int } from '../record/index.js'

interface Session {
  /** Calls 0 to next-1 are here. */
  next: Int
  /** Numbers above `next` that came before it: empty in an honest stream, whose numbers come in order. */
  readonly ahead: Set<string>
  /** One more than the highest number. */
  due: Int
  ended: boolean
  /** How many it had, by its end. */
  calls?: Int
}

// Engines hash strings with a seed and integers without one: numbers of a stranger's choice would all meet in one slot.
const keyOf = (n: Int): string => `n${n}`

/** What is wrong with a session. */
export interface SessionFault {
  /** Words that follow "session <id>". */
  readonly what: string
  /** How many of its calls are not here; 0 when that is not what is wrong. */
  readonly lacking: Int
}

/**
 * The sessions of one stream: whether each counts its calls from 0 without a gap, and none follows its end. A session
 * costs one small object until its stream is over.
 */
export class Sessions {
  readonly #open = new Map<Id, Session>()
  total = 0
  ended = 0
  /** Sessions with a gap, a repetition or a wrong closing count, as whoever reads the stream has found. */
  readonly faulty = new Set<Id>()

  call(id: Id, n: Int): SessionFault | undefined {
    const session = this.#session(id)
    if (session.ended) return { what: `has call ${n} after its end`, lacking: 0 }
    if (n < session.next || session.ahead.has(keyOf(n))) return { what: `has two calls ${n}`, lacking: 0 }
    session.due = Math.max(session.due, n + 1)
    session.ahead.add(keyOf(n))
    while (session.ahead.delete(keyOf(session.next))) session.next++
    return undefined
  }

  end(id: Id, calls: Int): SessionFault | undefined {
    const session = this.#session(id)
    if (session.ended) return { what: 'ends twice', lacking: 0 }
    session.ended = true
    session.calls = calls
    this.ended++
    const held = session.next + session.ahead.size
    if (held === calls && session.ahead.size === 0) return undefined
    const what = session.ahead.size > 0 ? lacks(session) : `says that it had ${calls} calls, and ${held} are here`
    return { what, lacking: calls < held ? 0 : Math.max(session.due, calls) - held }
  }

  /** How many calls of a session are here, and how many it had, as far as its end or the numbers of its calls say. */
  countsOf(id: Id): { readonly shown: Int; readonly calls: Int; readonly ended: boolean } | undefined {
    const session = this.#open.get(id)
    if (!session) return undefined
    const { next, ahead, due, ended, calls = 0 } = session
    return { shown: next + ahead.size, calls: Math.max(due, calls), ended }
  }

  /** Gaps of the sessions that have not ended, once nothing more is to come. */
  *leftOpen(): Generator<[id: Id, fault: SessionFault]> {
    for (const [id, session] of this.#open)
      if (!session.ended && session.ahead.size > 0)
        yield [id, { what: lacks(session), lacking: session.due - session.next - session.ahead.size }]
  }

  #session(id: Id): Session {
    let session = this.#open.get(id)
    if (!session) {
      session = { next: 0, ahead: new Set(), due: 0, ended: false }
      this.#open.set(id, session)
      this.total++
    }
    return session
  }
}

const lacks = ({ next }: Session): string => `lacks call ${next}`
