import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../src/core/record/index.js'
import { agents, histories, honestLog, Run, steps } from './histories.js'
import { codes, edited, judge, TestLog } from './kit.js'

/*
 * Random honest logs. None may be accused; what is unfinished in them is said, and nothing else.
 */

// `npm run attacks -- --honest 2000` asks for more of them.
const HONEST_LOGS = Number(process.env['HONEST_LOGS'] ?? 200)

describe('random honest logs', { timeout: 60_000 + HONEST_LOGS * 100 }, () => {
  it('are never accused, and say what is unfinished', () => {
    fc.assert(
      fc.property(histories, history => {
        const { log, unfinished, unknown } = honestLog(history)
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
