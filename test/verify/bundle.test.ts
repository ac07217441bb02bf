import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BundleQuery, formatBundle, parseBundle, parseTrust, verifyBundle } from '../../src/core/verify/index.js'
import { ended, excerpt, exported, judged, linesOf } from './bundle-kit.js'
import { agents, histories, honestLog } from './histories.js'
import { codes, judge, Party, TestLog } from './kit.js'

const intentsOf = (entries: readonly Uint8Array[]) =>
  entries.flatMap(entry => {
    const json = JSON.parse(new TextDecoder().decode(entry))
    return json.type === 'intent' ? [json] : []
  })

const questions = fc.record({ kind: fc.constantFrom('call', 'session', 'time', 'all'), which: fc.nat() })

function queryOf(entries: readonly Uint8Array[], { kind, which }: { kind: string; which: number }): BundleQuery {
  const intents = intentsOf(entries)
  const intent = intents[which % intents.length]
  if (kind === 'all' || !intent) return { all: true }
  if (kind === 'call') return { calls: [intent.call] }
  if (kind === 'session') return { sessions: [intent.session.id] }
  const times = [intent.time, intents[(which * 7) % intents.length].time].sort()
  return { since: times[0], until: times[1] }
}

describe('bundles of honest logs', () => {
  it('are never accused, whatever they were asked for', async () => {
    await fc.assert(
      fc.asyncProperty(histories, questions, async (history, question) => {
        const { log } = honestLog(history)
        if (intentsOf(log.entries).length === 0) return
        const query = queryOf(log.entries, question)
        const { bundle, bytes } = await exported(log, query)
        expect(formatBundle(parseBundle(bytes))).toEqual(bytes)
        const report = judged(parseBundle(bytes), log.trust(agents))
        const whole = judge(log.entries, log.checkpoint(), { trust: log.trust(agents) })
        const isPart = bundle.parts.some(part => 'hash' in part)
        const allowed = isPart ? ['call.not-shown-whole', 'bundle.not-shown', 'record.unattributed'] : codes(whole)
        expect(codes(report).filter(code => !allowed.includes(code))).toEqual([])
        expect(report.evidence.verdict).toBe('self-consistent')
        if (!isPart) expect(report.conduct).toEqual(whole.conduct)
      }),
      { numRuns: 200, seed: 20261124 },
    )
  })

  it('say nothing but good of a call that is done', async () => {
    const { log } = honestLog([...Array(40)].map((_, i) => ({ run: i % 3, step: (i * 5) % 9, agent: i % 3 })))
    const whole = judge(log.entries, log.checkpoint(), { trust: log.trust(agents) })
    let done = 0
    for (const { call, decision } of intentsOf(log.entries)) {
      const { bundle } = await exported(log, { calls: [call] })
      const report = judged(bundle, log.trust(agents))
      const isDone = (report.completeness.outcomes.notShown ?? 0) + report.completeness.outcomes.provisional === 0
      expect(codes(report)).toEqual(isDone ? [] : ['call.not-shown-whole'])
      if (isDone) {
        done++
        expect(report.exitCode).toBe(0)
        expect(report.completeness.verdict).toBe('no exceptions in what is shown')
        expect(report.conduct.verdict).toBe('no exceptions in what is shown')
        expect(report.conduct.byVerdict).toEqual({ [decision.verdict]: 1 })
        expect(report.bundle?.calls.asked).toBe(1)
        expect(report.bundle!.entries.shown).toBeLessThan(report.bundle!.entries.of)
        expect(report.notExcluded[0]?.code).toBe('left-out')
      }
    }
    expect(done).toBeGreaterThan(10)
    expect(whole.exitCode).toBe(0)
  })

  it('never accuse anybody, whoever chose what they show', () => {
    fc.assert(
      fc.property(histories, questions, fc.array(fc.nat()), (history, question, chosen) => {
        const { log } = honestLog(history)
        const shown = new Set(chosen.map(each => each % log.size))
        const bundle = excerpt(log, shown, queryOf(log.entries, question))
        const report = judged(parseBundle(formatBundle(bundle)), log.trust(agents))
        const accused = report.findings.filter(({ severity }) => severity === 'exception' || severity === 'against')
        // What is shown of a crash, with everything above it, is known to be one.
        expect(accused.map(({ code }) => code).filter(code => code !== 'call.unknown')).toEqual([])
      }),
      { numRuns: 500, seed: 20261124 },
    )
  })
})

describe('a bundle without the word that introduces an agent', () => {
  it('leaves open whose stream it is, and accuses nobody', () => {
    const log = new TestLog()
    const agent = new Party('did:example:new')
    const operator = log.stream(log.operator, { role: 'operator', agent: { id: log.origin } })
    operator.add({ type: 'key', event: 'add', key: agent.key, agent: agent.name })
    const { call } = log.stream(agent).call()
    const trust = log.trust([agents[0]!])
    const indexes = log.entries.map((_, index) => index)
    for (const hidden of indexes.slice(1)) {
      const shown = new Set(indexes.filter(index => index !== hidden))
      const report = judged(excerpt(log, shown, { calls: [call] }), trust)
      const codesOf = report.findings.filter(({ severity }) => severity === 'exception' || severity === 'against')
      expect(codesOf.map(({ code }) => code)).toEqual([])
    }
    expect(judged(excerpt(log, new Set([3, 4, 5]), { calls: [call] }), trust).findings[0]?.code).toBe(
      'identity.not-shown',
    )
  })
})

describe('a bundle and an earlier checkpoint', () => {
  it('of a larger tree shows no roll-back: it is of the moment at which it was made', () => {
    const log = new TestLog()
    const { call } = log.stream().call()
    const bundle = excerpt(log, new Set([1, 2, 3]), { calls: [call] })
    log.stream().call()
    const held = [log.checkpoint()]
    const report = verifyBundle(bundle, { trust: parseTrust(log.trust()), held })
    expect(codes(report)).toEqual(['held.unusable'])
    const memory = [{ name: 'memory', note: held[0]! }]
    expect(codes(verifyBundle(bundle, { trust: parseTrust(log.trust()), memory }))).toEqual([])
  })
})

describe('a stream of which a part is hidden', () => {
  /** `lacking` records of the stream are nowhere; `others` entries of another stream stand in their place. */
  function gap(lacking: number, others: number, prev?: string) {
    const log = new TestLog()
    const stream = log.stream()
    const { call } = stream.call()
    const between = log.stream(agents[1]!)
    for (let i = 1; i < others; i++) between.add({ type: 'coverage', unseen: ['x'] })
    stream.seq += lacking
    if (prev !== undefined) stream.prev = prev
    else if (lacking > 0) stream.prev = 'ab'.repeat(32)
    stream.end()
    const shown = new Set([1, 2, 3, log.size - 1])
    return codes(judged(excerpt(log, shown, { calls: [call] }), log.trust()))
  }

  it('is broken when more is lacking than is hidden', () => {
    expect(gap(2, 1)).toEqual(['stream.broken'])
    expect(gap(3, 2)).toEqual(['stream.broken'])
    expect(gap(2, 2)).toEqual([])
    expect(gap(1, 4)).toEqual([])
  })

  it('is not said to lack rules that may be hidden', () => {
    const log = new TestLog()
    const stream = log.stream()
    const digest = 'ab'.repeat(32)
    const rules = stream.add({ type: 'rules', engine: { name: 'x', version: '1' }, files: [{ digest, name: 'x' }] })
    const { call } = stream.call({ more: { decision: { verdict: 'allow', rules } } })
    stream.end()
    expect(codes(judged(excerpt(log, new Set([1, 3, 4, 5]), { calls: [call] }), log.trust()))).toEqual([])
  })

  it('is broken when a record names another than the one that is shown before it', () => {
    expect(gap(0, 3, 'ab'.repeat(32))).toEqual(['stream.broken'])
    expect(gap(0, 3)).toEqual([])
  })
})

describe('a bundle that somebody changed', () => {
  const { log } = honestLog([...Array(30)].map((_, i) => ({ run: i % 2, step: (i * 5) % 11, agent: i % 2 })))
  const intents = intentsOf(log.entries)
  const trust = log.trust(agents)
  const answerOf = (bytes: Uint8Array): string => {
    try {
      return JSON.stringify(judged(parseBundle(bytes), trust))
    } catch (error) {
      return (error as { code?: string }).code ?? `bug: ${error}`
    }
  }

  it('is refused when it comes without a new end', async () => {
    const { bytes } = await exported(log, { calls: [intents[3].call] })
    const lines = linesOf(bytes)
    for (let at = 0; at < bytes.length; at += 97) expect(answerOf(bytes.subarray(0, at))).toMatch(/^bundle-file\./)
    for (let at = 0; at < bytes.length; at += 61) {
      const changed = bytes.slice()
      changed[at]! ^= 1
      expect(answerOf(changed)).toMatch(/^bundle-file\./)
    }
    expect(answerOf(new TextEncoder().encode(`${lines.join('\n')}\n`))).toBe('bundle-file.end')
  })

  it('is refused, or gives another answer, for each line that is left out, doubled, swapped or edited', async () => {
    for (const query of [{ calls: [intents[3].call] }, { sessions: [intents[3].session.id] }, { all: true }] as const) {
      const { bytes } = await exported(log, query)
      const lines = linesOf(bytes)
      const right = answerOf(bytes)
      expect(answerOf(ended(lines))).toBe(right)
      const wrong = (changed: readonly string[]) => {
        const answer = answerOf(ended(changed))
        expect(answer).not.toBe(right)
        expect(answer).not.toMatch(/^bug/)
      }
      for (const [i, line] of lines.entries()) {
        wrong(lines.toSpliced(i, 1))
        wrong(lines.toSpliced(i, 0, line))
        if (i > 0) wrong(lines.with(i, lines[i - 1]!).with(i - 1, line))
        const at = line.length - 5
        wrong(lines.with(i, line.slice(0, at) + (line[at] === '1' ? '2' : '1') + line.slice(at + 1)))
      }
    }
  })

  it('is refused for what no line may be', async () => {
    const { bytes } = await exported(log, { calls: [intents[3].call] })
    const lines = linesOf(bytes)
    const put = (line: string, at = lines.length) => answerOf(ended(lines.toSpliced(at, 0, line)))
    expect(put('{"what":1}')).toBe('bundle-file.line')
    expect(put('{"__proto__":1}')).toBe('bundle-file.line')
    expect(put('[]')).toBe('bundle-file.line')
    expect(put('')).toBe('bundle-file.length')
    expect(put('{"file": "AAAA"}')).toBe('bundle-file.canonical')
    expect(put('{"file":"AAA"}')).toBe('bundle-file.line')
    expect(put('{"file":"AAAA"}')).toBe('bundle-file.file')
    expect(put('{"checkpoint":"x"}')).toBe('bundle-file.order')
    expect(put('{"note":"x"}')).toBe('bundle-file.order')
    expect(put('{"disclosure":{"key":"x","value":1},"index":0,"path":"args"}')).toBe('disclosure.key')
    expect(put('{"disclosure":{},"index":9007199254740991,"path":"args"}')).toBe('bundle-file.disclosure')
    expect(put('{"disclosure":{},"index":-1,"path":"args"}')).toBe('bundle-file.line')
    expect(put('{"anchor":{"evidence":"","kind":"x","root":"","size":1}}', 2)).toBe('bundle-file.line')
    expect(put(`{"note":"${'x'.repeat(2 ** 20 + 1)}"}`, 2)).toBe('bundle-file.line')
    for (const query of ['{}', '1', '{"all":false}', '{"calls":[]}', '{"since":"x"}', '{"all":true,"calls":[]}'])
      expect(answerOf(ended(lines.with(0, `{"deedlog":"bundle/1","query":${query}}`)))).toBe('bundle-file.query')
    expect(answerOf(ended(lines.with(0, '{"deedlog":"bundle/2","query":{"all":true}}')))).toBe('bundle-file.version')
    expect(answerOf(ended(lines.with(0, '{"deedlog":"bundle/1","more":1,"query":{"all":true}}')))).toBe(
      'bundle-file.header',
    )
    expect(answerOf(new Uint8Array())).toBe('bundle-file.length')
    expect(answerOf(new TextEncoder().encode('\n'))).toBe('bundle-file.length')
  })

  it('is refused when its tree overlaps, has a hole, goes on beyond its checkpoint or hides entry 0', () => {
    const bundle = excerpt(log, new Set([1, 2]), { all: true })
    const { parts } = bundle
    const read = (changed: typeof parts) => answerOf(formatBundle({ ...bundle, parts: changed }))
    const hash = new Uint8Array(32)
    expect(read(parts.slice(1))).toBe('bundle-file.tree')
    expect(read(parts.slice(0, -1))).toBe('bundle-file.tree')
    expect(read([...parts, { index: log.size, level: 0, hash }])).toBe('bundle-file.tree')
    expect(read([{ index: 0, level: 0, hash }, ...parts.slice(1)])).toBe('bundle-file.tree')
    expect(read([...parts.slice(0, 1), { index: 1, level: 1, hash }, ...parts.slice(2)])).toBe('bundle-file.line')
    expect(read([{ index: 0, level: 52, hash }])).toBe('bundle-file.tree')
  })
})
