import { timeMs } from '../../src/core/record/index.js'
import type { CallStatus, CallSummary } from '../../src/core/verify/index.js'
import type { CallQuery, CallRow, TimeBin } from '../protocol.js'

// Half a kilobyte each. A log with more calls is verified whole all the same; its list ends here, and says so.
const CALLS_MAX = 2 ** 20

/** The calls of a log, to be searched, sorted and shown a few at a time. */
export class CallList {
  #calls: CallSummary[] = []
  #counted = 0
  #query = ''
  #order: Uint32Array = new Uint32Array()

  /** Forgets all: the log is read anew. */
  clear(): void {
    this.#calls = []
    this.#counted = 0
  }

  add(call: CallSummary): void {
    this.#counted++
    if (this.#calls.length < CALLS_MAX) this.#calls.push(call)
  }

  /** No more will come. */
  close(): void {
    this.#calls.sort((a, b) => a.index - b.index)
    this.#query = ''
    this.#order = Uint32Array.from(this.#calls, (_, i) => i)
  }

  /** Calls in the list, and calls in the log. */
  get length(): number {
    return this.#calls.length
  }

  get counted(): number {
    return this.#counted
  }

  /** The call whose intent, or one of whose records, is the entry at an index. */
  at(index: number): CallSummary | undefined {
    return this.#calls.find(call => call.index === index) ?? this.#calls.find(call => call.records.includes(index))
  }

  /** Rows `from` up to, not including, `to` of those that a query asks for, and how many those are. */
  rows(query: CallQuery, from: number, to: number): { readonly rows: readonly CallRow[]; readonly total: number } {
    const asked = JSON.stringify(query)
    if (asked !== this.#query) {
      this.#order = this.#find(query)
      this.#query = asked
    }
    const rows = Array.from(this.#order.subarray(from, to), i => rowOf(this.#calls[i]!))
    return { rows, total: this.#order.length }
  }

  #find({ text, verdict, status, onlyExceptions, sort, descending }: CallQuery): Uint32Array {
    const wanted = text.trim().toLowerCase()
    const has = (word: string) => word.toLowerCase().includes(wanted)
    const found: number[] = []
    for (const [i, call] of this.#calls.entries()) {
      if (verdict !== '' && call.verdict !== verdict) continue
      if (status !== '' && call.status !== status) continue
      if (onlyExceptions && call.exceptions.length === 0) continue
      const names = [call.tool, call.agent, call.call, call.session?.id ?? '', call.server ?? '', `${call.index}`]
      if (wanted === '' || names.some(has)) found.push(i)
    }
    const direction = descending ? -1 : 1
    const key = KEYS[sort]
    // In one order every time: what is equal stays in the order of the log.
    return Uint32Array.from(found).sort((a, b) => {
      const [x, y] = [key(this.#calls[a]!), key(this.#calls[b]!)]
      return (x < y ? -1 : x > y ? 1 : 0) * direction || a - b
    })
  }

  /** How many calls of which kind there were when, by the recorders' clocks. Empty where there was none. */
  timeline(bins: number): TimeBin[] {
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    for (const { time } of this.#calls) {
      const ms = timeMs(time)
      first = Math.min(first, ms)
      last = Math.max(last, ms)
    }
    if (first > last) return []
    const width = Math.max(1, Math.ceil((last - first + 1) / bins))
    const counts = Array.from({ length: Math.ceil((last - first + 1) / width) }, (_, i) => ({
      from: first + i * width,
      to: first + (i + 1) * width,
      exception: 0,
      notRun: 0,
      open: 0,
      ran: 0,
    }))
    for (const call of this.#calls) counts[Math.floor((timeMs(call.time) - first) / width)]![kindOf(call)]++
    return counts
  }
}

const rowOf = ({ index, call, agent, tool, verdict, status, executed, time, exceptions }: CallSummary): CallRow => ({
  index,
  call,
  agent,
  tool,
  verdict,
  status,
  ...(executed === undefined ? {} : { executed }),
  time,
  exceptions,
})

const KEYS: Readonly<Record<CallQuery['sort'], (call: CallSummary) => string | number>> = {
  index: call => call.index,
  // One form for every instant: it sorts as text.
  time: call => call.time,
  tool: call => call.tool,
  agent: call => call.agent,
  verdict: call => call.verdict,
  status: call => call.status,
  exceptions: call => call.exceptions.length,
}

function kindOf({ exceptions, status }: CallSummary): 'exception' | 'notRun' | 'open' | 'ran' {
  if (exceptions.length > 0) return 'exception'
  if (NOT_RUN.has(status)) return 'notRun'
  return OPEN.has(status) ? 'open' : 'ran'
}

const NOT_RUN: ReadonlySet<CallStatus> = new Set(['denied', 'declined', 'not_executed', 'short_circuited'])
const OPEN: ReadonlySet<CallStatus> = new Set([
  'pending',
  'cancelled',
  'timed_out',
  'unknown',
  'undecided',
  'missing',
  'not_shown',
])
