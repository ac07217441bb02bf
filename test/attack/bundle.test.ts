import { describe, expect, test } from 'vitest'
import { formatBundle, parseBundle } from '../../src/core/verify/index.js'
import { excerpt, judged } from '../verify/bundle-kit.js'
import { codes, Party, TestLog } from '../verify/kit.js'

const all = (log: TestLog) => new Set(log.entries.keys())

describe('a bundle of an honest log', () => {
  test('proves no roll-back by a note that was signed after it was made', () => {
    const log = new TestLog()
    log.stream().call()
    const bundle = excerpt(log, all(log), { all: true })
    log.stream().call()
    const note = log.checkpoint()
    const report = judged(parseBundle(formatBundle({ ...bundle, notes: [note] })), log.trust())
    expect(codes(report)).toEqual([])
    expect(report.exitCode).toBe(0)
  })

  test('does not call a call declined whose first review it hides', () => {
    const log = new TestLog()
    const stream = log.stream()
    const call = stream.intent({ verdict: 'review' })
    stream.review(call)
    stream.review(call, 'rejected')
    stream.outcome(call)
    stream.end()
    const hidden = 3
    const shown = new Set([...all(log)].filter(index => index !== hidden))
    const report = judged(excerpt(log, shown, { all: true }), log.trust())
    expect(codes(report)).not.toContain('call.declined-yet-executed')
  })

  test('does not contradict an identity without a trust file, when what vouches for it again is hidden', () => {
    const log = new TestLog()
    const clerk = new Party('did:example:clerk')
    const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'did:example:operator' } })
    operator.add({ type: 'key', event: 'retire', key: clerk.key, agent: clerk.name })
    operator.add({ type: 'key', event: 'add', key: clerk.key, agent: clerk.name })
    operator.end()
    log.stream(clerk).call()
    const shown = new Set([...all(log)].filter(index => index !== 3))
    expect(codes(judged(excerpt(log, shown, { all: true })))).not.toContain('identity.contradicted')
  })

  test('does not call a stream out of order of whose record a copy is shown, and not the record', () => {
    const log = new TestLog()
    const stream = log.stream()
    stream.call()
    stream.call()
    log.push(log.entries[2]!)
    const shown = new Set([...all(log)].filter(index => index !== 2))
    expect(codes(judged(excerpt(log, all(log), { all: true }), log.trust()))).toEqual([])
    expect(codes(judged(excerpt(log, shown, { all: true }), log.trust()))).not.toContain('stream.out-of-order')
  })

  test('takes no settlement for an execution that the log disputes, because the recorder was still running', () => {
    const log = new TestLog()
    const stream = log.stream()
    const { intent } = stream.intent({ verdict: 'deny' })
    stream.add({ type: 'coverage', unseen: ['x'] })
    const operator = log.stream(log.operator, { role: 'operator', agent: { id: 'did:example:operator' } })
    operator.add({ type: 'settlement', intent, result: 'succeeded', basis: 'x' })
    const shown = new Set([...all(log)].filter(index => index !== 3))
    expect(codes(judged(excerpt(log, all(log), { all: true }), log.trust()))).toEqual(['settlement.disputed'])
    expect(codes(judged(excerpt(log, shown, { all: true }), log.trust()))).toEqual(['call.not-shown-whole'])
  })
})
