import type { Json } from '../../src/core/record/index.js'
import { callId, committed, IDENTITY, intent, LOG_TEXT, leafOf, type Members, OPERATOR, Stream } from './record-kit.js'
import type { VectorCase, VectorFile } from './record-vectors.js'

/** Calls: what an intent, its reviews and its outcomes add up to. */
export function callVectors(): [string, VectorFile][] {
  const file = (about: string, cases: VectorCase[]): VectorFile => ({ about, section: '4', kind: 'call', cases })
  return [
    ['call/ordinary', file('Calls as they should be: no exception.', ordinary())],
    ['call/denied-or-declined', file('What was not allowed, and ran.', refused())],
    ['call/review', file('Who reviews, when, and what for.', reviews())],
    ['call/second-outcome', file('One outcome, or a provisional one and a late one.', second())],
    ['call/other-stream', file('An outcome in another stream counts only under narrow conditions.', elsewhere())],
    ['call/settlement', file('What was found out later.', settlements())],
  ]
}

interface CallExpectation {
  readonly status: string
  readonly exceptions?: readonly string[]
}

/** A log with one agent stream that ends; `body` adds the records between. What is expected concerns its calls in order. */
class LogScript {
  readonly entries: string[] = [LOG_TEXT]
  readonly agent = new Stream(3)
  readonly intents: number[] = []

  constructor() {
    this.entries.push(this.agent.start)
  }

  put(text: string): string {
    this.entries.push(text)
    return leafOf(text)
  }

  intent(verdict: string, members: Members = {}, stream = this.agent): string {
    this.intents.push(this.entries.length)
    return this.put(stream.next('intent', intent(callId(this.intents.length - 1), verdict, members)))
  }

  outcome(of: string, status: string, executed: string, members: Members = {}, stream = this.agent): string {
    return this.put(
      stream.next('outcome', { call: callId(this.intents.length - 1), intent: of, status, executed, ...members }),
    )
  }

  review(of: string, verdict: string, members: Members = {}, stream = this.agent): string {
    const approver = { id: 'approver-7', channel: 'cli' }
    return this.put(
      stream.next('review', { call: callId(this.intents.length - 1), intent: of, verdict, approver, ...members }),
    )
  }

  start(stream: Stream): Stream {
    this.put(stream.start)
    return stream
  }
}

function script(name: string, run: (log: LogScript) => void, ...expected: CallExpectation[]): VectorCase {
  const log = new LogScript()
  run(log)
  return {
    name,
    entries: log.entries,
    calls: log.intents.map((index, i) => ({
      intent: index,
      status: expected[i]!.status,
      exceptions: expected[i]!.exceptions ?? [],
    })),
  }
}

const end = (log: LogScript, calls: number, pending: number): void =>
  void log.put(log.agent.next('stream.end', { calls, pending }))

function ordinary(): VectorCase[] {
  return [
    script(
      'allowed and succeeded',
      log => {
        log.outcome(log.intent('allow'), 'succeeded', 'yes', { output: committed('ok') })
        end(log, 1, 0)
      },
      { status: 'succeeded' },
    ),
    script(
      'not evaluated and failed',
      log => {
        log.outcome(log.intent('not_evaluated'), 'failed', 'yes', { error: { name: 'TypeError' } })
      },
      { status: 'failed' },
    ),
    script(
      'denied, without an outcome',
      log => {
        log.intent('deny')
        end(log, 1, 0)
      },
      { status: 'denied' },
    ),
    script(
      'denied, and said not to have run',
      log => {
        log.outcome(log.intent('deny'), 'not_executed', 'no')
      },
      { status: 'denied' },
    ),
    script(
      'approved and succeeded',
      log => {
        const of = log.intent('review')
        log.review(of, 'approved')
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded' },
    ),
    script(
      'rejected',
      log => {
        log.review(log.intent('review'), 'rejected')
        end(log, 1, 0)
      },
      { status: 'declined' },
    ),
    script('review awaited', log => void log.intent('review'), { status: 'undecided' }),
    script('outcome awaited', log => void log.intent('allow'), { status: 'pending' }),
    script(
      'two calls, crosswise',
      log => {
        const first = log.intent('allow')
        const second = log.intent('allow')
        log.outcome(second, 'succeeded', 'yes')
        log.outcome(first, 'reported_error', 'yes', { call: callId(0) })
      },
      { status: 'reported_error' },
      { status: 'succeeded' },
    ),
    script(
      'marked by its own intent',
      log => {
        log.outcome(log.intent('allow', { unmediated: true }), 'succeeded', 'yes')
        log.outcome(log.intent('allow', { belated: true }), 'succeeded', 'yes')
        log.outcome(log.intent('allow', { tier: 'degraded' }), 'succeeded', 'yes')
        log.outcome(log.intent('allow', { tier: 'lossy' }), 'succeeded', 'yes')
      },
      { status: 'succeeded', exceptions: ['call.unmediated'] },
      { status: 'succeeded', exceptions: ['call.belated'] },
      { status: 'succeeded', exceptions: ['call.degraded'] },
      { status: 'succeeded', exceptions: ['call.lossy'] },
    ),
  ]
}

function refused(): VectorCase[] {
  const though = (verdict: string, status: string, executed: string): VectorCase =>
    script(
      `${verdict}, then ${status}, executed ${executed}`,
      log => {
        const of = log.intent(verdict === 'rejected' ? 'review' : verdict)
        if (verdict === 'rejected') log.review(of, 'rejected')
        log.outcome(of, status, executed)
      },
      {
        status,
        exceptions: [
          verdict === 'deny'
            ? 'call.executed-though-denied'
            : verdict === 'rejected'
              ? 'call.declined-yet-executed'
              : 'call.executed-without-approval',
          ...(status === 'unknown' ? ['call.unknown'] : []),
        ],
      },
    )
  return ['deny', 'rejected', 'review'].flatMap(verdict => [
    though(verdict, 'succeeded', 'yes'),
    though(verdict, 'failed', 'unknown'),
    though(verdict, 'cancelled', 'yes'),
    though(verdict, 'unknown', 'unknown'),
  ])
}

function reviews(): VectorCase[] {
  const other = { identity: IDENTITY, members: { agent: { id: 'did:example:mallory' } } }
  return [
    script(
      'approved after it ran',
      log => {
        const of = log.intent('review')
        log.outcome(of, 'succeeded', 'yes')
        log.review(of, 'approved')
      },
      { status: 'succeeded', exceptions: ['call.executed-without-approval'] },
    ),
    script(
      'rejected, then approved: the first counts',
      log => {
        const of = log.intent('review')
        log.review(of, 'rejected')
        log.review(of, 'approved')
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded', exceptions: ['call.declined-yet-executed', 'review.misplaced'] },
    ),
    script(
      'approved, then rejected: the first counts',
      log => {
        const of = log.intent('review')
        log.review(of, 'approved')
        log.review(of, 'rejected')
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded', exceptions: ['review.misplaced'] },
    ),
    script(
      'a review that nobody asked for',
      log => {
        const of = log.intent('deny')
        log.review(of, 'approved')
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded', exceptions: ['call.executed-though-denied', 'review.misplaced'] },
    ),
    script(
      'a review with another call id',
      log => {
        const of = log.intent('review')
        log.review(of, 'approved', { call: callId(9) })
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded', exceptions: ['call.executed-without-approval', 'outcome.not-counted'] },
    ),
    script(
      'a review by another agent’s recorder',
      log => {
        const mallory = log.start(new Stream(4, other))
        const of = log.intent('review')
        log.review(of, 'approved', {}, mallory)
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded', exceptions: ['call.executed-without-approval', 'review.misplaced'] },
    ),
    script(
      'a review in another stream of the same recorder',
      log => {
        const later = log.start(new Stream(4))
        const of = log.intent('review')
        log.review(of, 'approved', {}, later)
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded' },
    ),
    script(
      'executed with other arguments',
      log => {
        log.outcome(log.intent('allow'), 'succeeded', 'yes', { args: committed({ amount: 6 }) })
      },
      { status: 'succeeded', exceptions: ['call.other-arguments'] },
    ),
    script(
      'executed with other arguments than approved',
      log => {
        const of = log.intent('review')
        log.review(of, 'approved', { args: committed({ amount: 4 }) })
        log.outcome(of, 'succeeded', 'yes', { args: committed({ amount: 6 }) })
      },
      { status: 'succeeded', exceptions: ['call.other-arguments'] },
    ),
    script(
      'executed with the arguments that the review changed',
      log => {
        const of = log.intent('review')
        log.review(of, 'approved', { args: committed({ amount: 4 }) })
        log.outcome(of, 'succeeded', 'yes')
      },
      { status: 'succeeded' },
    ),
  ]
}

function second(): VectorCase[] {
  const two = (first: [string, string], then: [string, string], late: boolean, expected: CallExpectation): VectorCase =>
    script(
      `${first[0]}, then ${late ? 'late ' : ''}${then[0]}`,
      log => {
        const of = log.intent('allow')
        log.outcome(of, ...first)
        log.outcome(of, ...then, late ? { late: true } : {})
      },
      expected,
    )
  return [
    two(['timed_out', 'unknown'], ['succeeded', 'yes'], true, { status: 'succeeded' }),
    two(['pending', 'unknown'], ['failed', 'yes'], true, { status: 'failed' }),
    two(['cancelled', 'yes'], ['timed_out', 'yes'], true, { status: 'timed_out' }),
    two(['timed_out', 'unknown'], ['succeeded', 'yes'], false, {
      status: 'timed_out',
      exceptions: ['call.second-outcome'],
    }),
    two(['pending', 'unknown'], ['pending', 'unknown'], true, {
      status: 'pending',
      exceptions: ['call.second-outcome'],
    }),
    two(['failed', 'yes'], ['succeeded', 'yes'], true, { status: 'failed', exceptions: ['call.second-outcome'] }),
    two(['succeeded', 'yes'], ['succeeded', 'yes'], false, {
      status: 'succeeded',
      exceptions: ['call.second-outcome'],
    }),
    script(
      'a third',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'pending', 'unknown')
        log.outcome(of, 'timed_out', 'unknown', { late: true })
        log.outcome(of, 'succeeded', 'yes', { late: true })
      },
      { status: 'timed_out', exceptions: ['call.second-outcome'] },
    ),
    script(
      'late without a first',
      log => {
        log.outcome(log.intent('allow'), 'succeeded', 'yes', { late: true })
      },
      { status: 'succeeded', exceptions: ['outcome.misfit'] },
    ),
    script(
      'an outcome with another call id',
      log => {
        log.outcome(log.intent('allow'), 'succeeded', 'yes', { call: callId(9) })
      },
      { status: 'pending', exceptions: ['outcome.not-counted'] },
    ),
  ]
}

function elsewhere(): VectorCase[] {
  const recovery = (log: LogScript, by: Stream, members: Members = {}): void =>
    void log.put(by.next('recovery', { of: log.agent.id, last: log.agent.prev, lastSeq: log.agent.seq, ...members }))
  const stranger = { identity: 6, members: {} }
  return [
    script(
      'unknown after a recovery, settled by nobody',
      log => {
        const of = log.intent('allow')
        const next = log.start(new Stream(4))
        recovery(log, next)
        log.outcome(of, 'unknown', 'unknown', {}, next)
      },
      { status: 'unknown', exceptions: ['call.unknown'] },
    ),
    script(
      'late after a recovery',
      log => {
        const of = log.intent('allow')
        const next = log.start(new Stream(4))
        recovery(log, next)
        log.outcome(of, 'succeeded', 'yes', { late: true }, next)
      },
      { status: 'succeeded' },
    ),
    script(
      'late without a recovery',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'succeeded', 'yes', { late: true }, log.start(new Stream(4)))
      },
      { status: 'succeeded' },
    ),
    script(
      'unknown without a recovery',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'unknown', 'unknown', {}, log.start(new Stream(4)))
      },
      { status: 'pending', exceptions: ['outcome.not-counted'] },
    ),
    script(
      'succeeded and not late',
      log => {
        const of = log.intent('allow')
        const next = log.start(new Stream(4))
        recovery(log, next)
        log.outcome(of, 'succeeded', 'yes', {}, next)
      },
      { status: 'missing', exceptions: ['outcome.missing', 'outcome.not-counted'] },
    ),
    script(
      'late, under another identity',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'succeeded', 'yes', { late: true }, log.start(new Stream(4, stranger)))
      },
      { status: 'pending', exceptions: ['outcome.not-counted'] },
    ),
    script(
      'late, of another agent',
      log => {
        const of = log.intent('allow')
        const mallory = log.start(new Stream(4, { members: { agent: { id: 'did:example:mallory' } } }))
        log.outcome(of, 'succeeded', 'yes', { late: true }, mallory)
      },
      { status: 'pending', exceptions: ['outcome.not-counted'] },
    ),
  ]
}

function settlements(): VectorCase[] {
  const operator = (): Stream =>
    new Stream(5, { identity: OPERATOR, members: { role: 'operator', agent: { id: 'did:example:operator' } } })
  const settle = (log: LogScript, by: Stream, of: string, result: string, members: Record<string, Json> = {}): void =>
    void log.put(by.next('settlement', { intent: of, result, basis: 'bank-statement', ...members }))
  return [
    script(
      'of an unknown outcome',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'unknown', 'unknown')
        settle(log, log.start(operator()), of, 'succeeded')
      },
      { status: 'succeeded' },
    ),
    script(
      'the newest counts',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'unknown', 'unknown')
        const by = log.start(operator())
        settle(log, by, of, 'succeeded')
        settle(log, by, of, 'not_executed')
      },
      { status: 'not_executed' },
    ),
    script(
      'of a call without outcome whose stream has ended',
      log => {
        const of = log.intent('allow')
        end(log, 1, 1)
        settle(log, log.start(operator()), of, 'not_executed')
      },
      { status: 'not_executed' },
    ),
    script(
      'of a call with a final outcome: a dispute',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'succeeded', 'yes')
        settle(log, log.start(operator()), of, 'failed')
      },
      { status: 'succeeded', exceptions: ['settlement.disputed'] },
    ),
    script(
      'by an agent: counts for nothing',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'unknown', 'unknown')
        settle(log, log.agent, of, 'succeeded')
      },
      { status: 'unknown', exceptions: ['call.unknown'] },
    ),
    script(
      'by an operator who is none of this log: counts for nothing',
      log => {
        const of = log.intent('allow')
        log.outcome(of, 'unknown', 'unknown')
        settle(log, log.start(new Stream(5, { identity: 6, members: { role: 'operator' } })), of, 'succeeded')
      },
      { status: 'unknown', exceptions: ['call.unknown'] },
    ),
  ]
}
