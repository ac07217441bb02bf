import fc from 'fast-check'
import type { Json } from '../../src/core/record/index.js'
import { id, Party, TestLog, type TestStream } from './kit.js'

/*
 * Random histories of honest logs: several agents, streams that end, run or crash and are recovered, every kind of call.
 */

type Call = { call: string; intent: string; args: ReturnType<TestStream['commitment']> }

/** What an honest recorder does next with its stream; `open` are calls that wait for their outcome. */
export const steps: readonly ((stream: Run) => void)[] = [
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

export class Run {
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

export const agents = [new Party('did:example:a'), new Party('did:example:b'), new Party('did:example:c')]

export const histories = fc.array(
  fc.record({ run: fc.nat(3), step: fc.nat(steps.length + 3), agent: fc.nat(agents.length - 1) }),
  { minLength: 1, maxLength: 60 },
)

/** The log of a history, with what is left unfinished in it. */
export function honestLog(
  history: readonly { readonly run: number; readonly step: number; readonly agent: number }[],
  log = new TestLog(),
): { readonly log: TestLog; readonly unfinished: number; readonly unknown: number } {
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
  return { log, unfinished, unknown }
}
