import { describe, expect, it } from 'vitest'
import { codes, judge, Party, TestLog } from './kit.js'

const clerk = new Party('did:example:clerk')

function small(): TestLog {
  const log = new TestLog()
  const stream = log.stream(clerk)
  stream.call()
  stream.call({ verdict: 'deny' }, 'not_executed', 'no')
  stream.intent({ verdict: 'deny' })
  const asked = stream.intent({ verdict: 'review' })
  stream.review(asked)
  stream.outcome(asked)
  const refused = stream.intent({ verdict: 'review' })
  stream.review(refused, 'rejected')
  stream.end()
  return log
}

describe('an honest log', () => {
  it('is self-consistent, whole and without exceptions', () => {
    const log = small()
    const report = judge(log.entries, log.checkpoint(), { trust: log.trust() })
    expect(codes(report)).toEqual([])
    expect(report.exitCode).toBe(0)
    expect(report.evidence.words).toEqual(['self-consistent', 'unwitnessed since 0', 'undated since 0', 'age unknown'])
    expect(report.completeness.verdict).toBe('complete as far as recorded')
    expect(report.completeness.outcomes).toEqual({ final: 3, provisional: 0, missing: 0, closed: 2 })
    expect(report.conduct.byStatus).toEqual({ succeeded: 2, denied: 2, declined: 1 })
  })
})
