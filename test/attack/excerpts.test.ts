import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatBundle, parseBundle, type Report } from '../../src/core/verify/index.js'
import { excerpt, judged } from '../verify/bundle-kit.js'
import { id, judge, Party, TestLog, type TestStream } from '../verify/kit.js'

/*
 * Logs in which everybody does anything: whatever part of one is shown, it accuses of nothing that the whole does not.
 */

const clerk = new Party('did:example:clerk')
const steps = fc.array(fc.record({ what: fc.nat(25), which: fc.nat(), by: fc.nat(3) }), { maxLength: 24 })

function wildLog(story: readonly { what: number; which: number; by: number }[]): TestLog {
  const log = new TestLog()
  const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'did:example:operator' } })
  const streams: TestStream[] = [log.stream(clerk), log.stream(clerk), operator, log.stream(new Party('other'))]
  const calls: ReturnType<TestStream['intent']>[] = []
  const one = <T>(list: readonly T[], which: number): T | undefined => list[which % Math.max(1, list.length)]
  for (const { what, which, by } of story) {
    const stream = streams[by]!
    const call = one(calls, which)
    const session = { id: id(which % 2), n: which % 3 }
    const other = one(streams, which)!
    const verdict = ['allow', 'deny', 'review', 'not_evaluated'][which % 4]!
    if (what < 4) calls.push(stream.intent({ verdict, ...(which % 5 ? {} : { session }) }))
    else if (what === 4) stream.end(which % 2)
    else if (what === 5) stream.add({ type: 'recovery', of: other.id, last: other.prev, lastSeq: other.seq })
    else if (what === 6) stream.add({ type: 'recovery', of: other.id, last: other.prev, lastSeq: other.seq + 1 })
    else if (what === 7) stream.add({ type: 'session.end', session: id(which % 2), calls: which % 3 })
    else if (what === 8) stream.seq++
    else if (what === 9) log.push(log.entries[which % log.size]!)
    else if (what === 10) stream.add({ type: 'loss', reason: 'x' }, 'nobody')
    else if (what < 14) {
      const key = [clerk, log.operator, new Party('other')][which % 3]!
      const event = ['add', 'retire', 'compromised'][what - 11]!
      const agent = which % 2 ? {} : { agent: key.name }
      stream.add({ type: 'key', event, key: key.key, ...agent })
    } else if (what === 14) streams[by] = log.stream(stream.agent, by === 2 ? { role: 'operator' } : {})
    else if (!call) continue
    else if (what === 15) stream.review(call)
    else if (what === 16) stream.review(call, 'rejected')
    else if (what === 17) stream.outcome(call, 'unknown', 'unknown')
    else if (what === 18) stream.outcome(call, 'pending', 'yes')
    else if (what === 19) stream.outcome(call, 'not_executed', 'no')
    else if (what === 20) stream.outcome(call, 'succeeded', 'yes', { late: true })
    else if (what === 21) stream.outcome(call, 'timed_out', 'unknown', { late: true })
    else if (what === 22)
      stream.add({
        type: 'settlement',
        intent: call.intent,
        result: ['succeeded', 'not_executed'][which % 2]!,
        basis: 'x',
      })
    else stream.outcome(call)
  }
  return log
}

const accusations = ({ findings }: Report) =>
  new Set(findings.filter(({ severity }) => severity === 'exception' || severity === 'against').map(({ code }) => code))

test.each([true, false])('an excerpt accuses of nothing that the log does not; with a trust file: %s', trusting => {
  fc.assert(
    fc.property(steps, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (story, chosen) => {
      const log = wildLog(story)
      const hidden = new Set(chosen.map(each => each % log.size))
      const shown = new Set([...log.entries.keys()].filter(index => !hidden.has(index)))
      const trust = trusting ? log.trust([clerk]) : undefined
      const whole = accusations(judge(log.entries, log.checkpoint(), trust === undefined ? { self: true } : { trust }))
      const part = judged(parseBundle(formatBundle(excerpt(log, shown, { all: true }))), trust)
      expect([...accusations(part)].filter(code => !whole.has(code))).toEqual([])
    }),
    { numRuns: 100, seed: 20261125 },
  )
})

test.each([true, false])('a bundle of all of a log is judged like the log; with a trust file: %s', trusting => {
  fc.assert(
    fc.property(steps, story => {
      const log = wildLog(story)
      const trust = trusting ? log.trust([clerk]) : undefined
      const whole = judge(log.entries, log.checkpoint(), trust === undefined ? { self: true } : { trust })
      const shown = new Set(log.entries.keys())
      const part = judged(parseBundle(formatBundle(excerpt(log, shown, { all: true }))), trust)
      const told = ({ exitCode, findings, conduct }: Report) => [
        exitCode,
        findings.map(({ message }) => message),
        conduct,
      ]
      expect(told(part)).toEqual(told(whole))
    }),
    { numRuns: 50, seed: 20261125 },
  )
})
