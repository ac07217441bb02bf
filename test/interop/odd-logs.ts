import type { Json } from '../../src/core/record/index.js'
import { type CallOptions, id, Party, TestLog, type TestStream } from '../verify/kit.js'

/*
 * Logs that no writer would write, from a seed: calls, reviews, settlements, keys and recoveries where they belong and
 * where they do not, records of later versions, and entries that were moved, doubled or left out before the log signed.
 */

type Next = (below: number) => number
type Call = ReturnType<TestStream['intent']>

const agents = [new Party('did:example:a'), new Party('did:example:b')]
const other = new Party('another-operator')
const anna = new Party('anna')

const OUTCOMES = [
  ['succeeded', 'yes'],
  ['failed', 'unknown'],
  ['not_executed', 'no'],
  ['pending', 'no'],
  ['pending', 'unknown'],
  ['timed_out', 'unknown'],
  ['unknown', 'unknown'],
] as const

export interface OddLog {
  readonly log: TestLog
  readonly trust: string
}

export function oddLog(next: Next): OddLog {
  const log = new TestLog({ operators: [new Party('operator')] })
  const pick = <T>(from: readonly T[]): T => from[next(from.length)]!
  const streams: TestStream[] = []
  const calls: Call[] = []
  const operators: TestStream[] = []
  let n = 0

  const stream = (): TestStream => {
    if (streams.length > 0 && next(8) > 0) return pick(streams)
    const made = log.stream(pick(agents))
    streams.push(made)
    return made
  }
  const operator = (): TestStream => {
    if (operators.length > 0 && next(4) > 0) return pick(operators)
    const made = log.stream(pick([log.operator, log.operator, other]), { role: 'operator' })
    operators.push(made)
    return made
  }
  const options = (): CallOptions => ({
    verdict: pick(['allow', 'allow', 'deny', 'review']),
    ...(next(2) > 0 ? { session: { id: id(next(3)), n: next(6) === 0 ? n + next(3) : n++ } } : {}),
  })
  const steps: readonly (() => void)[] = [
    () => calls.push(stream().intent(options())),
    () => calls.push(stream().intent(options())),
    () => calls.push(stream().call(options())),
    () => {
      if (calls.length === 0) return
      const [status, executed] = pick(OUTCOMES)
      stream().outcome(pick(calls), status, executed, next(2) > 0 ? { late: true } : {})
    },
    () => {
      if (calls.length === 0) return
      const call = pick(calls)
      const by = stream()
      const verdict = pick(['approved', 'rejected'] as const)
      by.review(call, verdict, next(2) > 0 ? by.approval(call, pick(['approved', verdict] as const), anna) : {})
    },
    () => stream().end(next(3)),
    () => {
      const of = stream()
      stream().add({
        type: 'recovery',
        of: of.id,
        last: of.prev,
        lastSeq: Math.max(0, of.seq - (next(5) === 0 ? 1 : 0)),
      })
    },
    () => stream().add({ type: 'later' }),
    () => stream().add({ type: 'loss', reason: 'test' }),
    () => stream().add({ type: 'session.end', session: id(next(3)), calls: n }),
    () => stream().add({ type: 'coverage', unseen: ['x'], after: log.after() as unknown as Json }),
    () => {
      if (calls.length > 0)
        operator().add({
          type: 'settlement',
          intent: pick(calls).intent,
          result: pick(['succeeded', 'failed', 'not_executed']),
          basis: 'test',
        })
    },
    () => {
      const event = pick(['add', 'retire', 'compromised'])
      const agent = next(2) > 0 ? { agent: pick(agents).name } : {}
      const since = event === 'compromised' && next(2) > 0 ? { since: next(log.size) } : {}
      operator().add({ type: 'key', event, key: pick([...agents, other]).key, ...agent, ...since })
    },
  ]
  for (let step = 8 + next(24); step > 0; step--) pick(steps)()

  const entries = [...log.entries]
  for (let move = next(4); move > 0 && entries.length > 2; move--) {
    const at = 1 + next(entries.length - 1)
    const kind = next(3)
    if (kind === 0) entries.splice(at, 1)
    else if (kind === 1) entries.splice(at, 0, entries[1 + next(entries.length - 1)]!)
    else entries.push(...entries.splice(at, 1))
  }
  log.entries = entries
  const lines = [
    ...(next(2) > 0 ? [`approver ${anna.vkey().text}`] : []),
    ...(next(4) > 0 ? [] : [`operator ${other.vkey(log.origin).text}`]),
    'quorum none',
  ]
  return { log, trust: log.trust(agents.slice(0, 1 + next(2)), lines) }
}
