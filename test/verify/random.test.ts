import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/core/record/index.js'
import { codes, edited, id, judge, Party, TestLog, type TestStream } from './kit.js'

/*
 * Random honest logs: several agents, streams that end, run or crash and are recovered, every kind of call. None may
 * be accused; what is unfinished in them is said, and nothing else.
 */

type Call = { call: string; intent: string; args: ReturnType<TestStream['commitment']> }

/** What an honest recorder does next with its stream; `open` are calls that wait for their outcome. */
const steps: readonly ((stream: Run) => void)[] = [
  run => run.stream.call(run.options()),
  run => run.stream.call({ ...run.options(), verdict: 'not_evaluated' }, 'failed', 'unknown'),
  run => run.stream.intent({ ...run.options(), verdict: 'deny' }),
  run => run.stream.call({ ...run.options(), verdict: 'deny' }, 'not_executed', 'no'),
  run => {
    const call = run.stream.intent({ ...run.options(), verdict: 'review' })
    run.stream.review(call)
    run.stream.outcome(call, 'reported_error', 'yes')
  },
  run => {
    const call = run.stream.intent({ ...run.options(), verdict: 'review' })
    run.stream.review(call, 'rejected')
  },
  run => run.open.push(run.stream.intent(run.options())),
  run => {
    const call = run.open.shift()
    if (call) run.stream.outcome(call, 'succeeded', 'yes')
  },
  run => {
    const call = run.open.pop()
    if (!call) return
    run.stream.outcome(call, 'timed_out', 'unknown')
    run.stream.outcome(call, 'succeeded', 'yes', { late: true })
  },
  run => run.unsignedBatch(),
  run =>
    run.stream.add({ type: 'coverage', unseen: ['model-builtin'], after: run.stream.log.after() as unknown as Json }),
  run => run.endSession(),
]

class Run {
  readonly stream: TestStream
  readonly open: Call[] = []
  #session = 0
  #n = 0

  constructor(log: TestLog, agent: Party) {
    this.stream = log.stream(agent)
    this.#session = log.size * 1000
  }

  options() {
    return { session: { id: id(this.#session), n: this.#n++ } }
  }

  /** A batch of two: only its last record is signed. */
  unsignedBatch(): void {
    const call = this.stream.commitment()
    const ulid = id(this.stream.log.size + 500_000)
    this.stream.calls++
    const intent = this.stream.add(
      {
        type: 'intent',
        call: ulid,
        tool: { name: 'batched' },
        args: call as unknown as Json,
        decision: { verdict: 'allow' },
        session: this.options().session,
      },
      'nobody',
    )
    this.stream.outcome({ call: ulid, intent })
  }

  endSession(): void {
    this.stream.add({ type: 'session.end', session: id(this.#session), calls: this.#n })
    this.#session++
    this.#n = 0
  }

  close(): void {
    for (const call of this.open.splice(0)) this.stream.outcome(call, 'cancelled', 'yes')
    this.endSession()
    // A cancelled call has an outcome that is only provisional: an honest recorder counts it.
    this.stream.end(this.pending)
  }

  pending = 0
}

const agents = [new Party('did:example:a'), new Party('did:example:b'), new Party('did:example:c')]

const histories = fc.array(
  fc.record({ run: fc.nat(3), step: fc.nat(steps.length + 3), agent: fc.nat(agents.length - 1) }),
  { minLength: 1, maxLength: 60 },
)

// `npm run attacks -- --honest 2000` asks for more of them.
const HONEST_LOGS = Number(process.env['HONEST_LOGS'] ?? 200)

describe('random honest logs', { timeout: 60_000 + HONEST_LOGS * 100 }, () => {
  it('are never accused, and say what is unfinished', () => {
    fc.assert(
      fc.property(histories, history => {
        const log = new TestLog()
        const runs: (Run | undefined)[] = []
        let unfinished = 0
        let unknown = 0
        for (const { run: slot, step, agent } of history) {
          let run = runs[slot]
          if (!run) {
            run = new Run(log, agents[agent]!)
            runs[slot] = run
          }
          if (step < steps.length) steps[step]!(run)
          else if (step === steps.length) {
            run.pending = run.open.length
            run.close()
            runs[slot] = undefined
          } else if (step === steps.length + 1) {
            // The process dies; the next run of the same agent finds out and says so.
            const next = new Run(log, run.stream.agent)
            next.stream.add({ type: 'recovery', of: run.stream.id, last: run.stream.prev, lastSeq: run.stream.seq })
            for (const call of run.open) next.stream.outcome(call, 'unknown', 'unknown')
            unknown += run.open.length
            runs[slot] = next
          }
        }
        for (const run of runs) unfinished += run?.open.length ?? 0
        const report = judge(log.entries, log.checkpoint(), { trust: log.trust(agents) })
        expect(codes(report)).toEqual(unknown > 0 ? ['call.unknown'] : [])
        expect(report.evidence.verdict).toBe('self-consistent')
        expect(report.completeness.verdict).toBe('complete as far as recorded')
        expect(report.completeness.outcomes.missing).toBe(unfinished)
        expect(report.conduct.byStatus['unknown'] ?? 0).toBe(unknown)
        const { final, provisional, missing, closed } = report.completeness.outcomes
        expect(final + provisional + missing + closed).toBe(report.conduct.calls)
      }),
      { numRuns: HONEST_LOGS, seed: 20261124 },
    )
  })

  it('are accused when any byte of any record is flipped', () => {
    fc.assert(
      fc.property(histories, fc.nat(), fc.nat(), fc.integer({ min: 0, max: 7 }), (history, entry, byte, bit) => {
        const log = new TestLog()
        const run = new Run(log, agents[0]!)
        for (const { step } of history) steps[step % steps.length]!(run)
        const checkpoint = log.checkpoint()
        const at = entry % log.size
        const changed = log.entries[at]!.slice()
        changed[byte % changed.length]! ^= 1 << bit
        const entries = log.entries.with(at, changed)
        const report = judge(entries, checkpoint, { trust: log.trust(agents) })
        expect(report.exitCode).toBe(1)
        expect(report.evidence.verdict).toBe('altered')
        // Somebody's place is narrowed down to a record or two, and the changed one is among them.
        const suspects = report.findings
          .filter(finding => finding.code === 'entry.suspect')
          .flatMap(f => [...f.indexes])
        expect(suspects).toContain(at)
        expect(suspects.length).toBeLessThanOrEqual(2)
      }),
      { numRuns: 100, seed: 20261124 },
    )
  })

  it('are reported on, whatever anybody makes of their records', () => {
    const hash = fc.constantFrom('ab'.repeat(32), 'AB'.repeat(32), '', 'x')
    const value = fc.oneof(
      fc.constantFrom<Json>(
        -1,
        0,
        1,
        2,
        2 ** 53 - 1,
        true,
        {},
        [],
        'log',
        'stream.start',
        'intent',
        '\u202e',
        '__proto__',
      ),
      hash,
      fc.array(fc.constantFrom<Json>('a', 1, {}), { maxLength: 3 }),
    )
    const names = [
      'v',
      'type',
      'stream',
      'seq',
      'prev',
      'sig',
      'crit',
      'intent',
      'call',
      'after',
      'session',
      'args',
      '__proto__',
    ]
    const edits = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...names), fc.option(value)), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(histories, edits, (history, changes) => {
        const log = new TestLog()
        const run = new Run(log, agents[0]!)
        for (const { step } of history) steps[step % steps.length]!(run)
        for (const [at, name, to] of changes)
          log.entries[at % log.size] = edited(log.entries[at % log.size]!, json => {
            if (to === null) delete json[name]
            else Object.defineProperty(json, name, { value: to, enumerable: true, configurable: true, writable: true })
          })
        const report = judge(log.entries, log.checkpoint(), { trust: log.trust(agents) })
        expect([0, 1, 2, 3]).toContain(report.exitCode)
        expect(JSON.stringify(report.findings)).not.toContain('\u202e')
      }),
      { numRuns: 300, seed: 20261124 },
    )
  })
})
