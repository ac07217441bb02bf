import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ParsedRecord, parseRecord, recordLeaf } from '../../src/core/record/index.js'
import { KeptParts, KeptPlan, LogVerifier, parseTrust, type Report } from '../../src/core/verify/index.js'
import { agents, histories, honestLog } from './histories.js'
import { codes, judge, Party, TestLog } from './kit.js'

/*
 * Random honest logs once more, with what happens to logs in the course of time: some were erased from, some were
 * pruned as they had promised, some both. Among them are logs whose streams crashed, and logs that are still written.
 */

// `npm run attacks -- --honest 2000` asks for more of them.
const HONEST_LOGS = Number(process.env['HONEST_LOGS'] ?? 100)
const DAYS = 30
const witness = new Party('witness.example/w1')
const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']
const LATER = Date.UTC(2027, 0, 1) / 1000

const parsed = (entry: Uint8Array): ParsedRecord => parseRecord(entry)

/** The operator says that disclosures of some calls were destroyed. */
function erase(log: TestLog, every: number): number {
  const intents = log.entries.filter(entry => parsed(entry).json['type'] === 'intent').map(recordLeaf)
  const erased = intents.filter((_, n) => n % every === 0).slice(0, 128)
  const stream = log.stream(log.operator, { role: 'operator', agent: { id: 'operator' } })
  if (erased.length > 0) stream.add({ type: 'erasure', intents: erased, basis: 'request' })
  stream.end()
  return erased.length
}

/** Verifies what is left of a log below some index where no stream is cut in two. */
function judgePruned(log: TestLog, chance: number): { readonly report: Report; readonly hidden: number } {
  const plan = new KeptPlan()
  for (const [index, entry] of log.entries.entries()) plan.add(index, parsed(entry))
  const cuts = log.entries.flatMap((_, index) => (index > 0 && plan.isCut(index) ? [index] : []))
  const below = cuts[chance % cuts.length]!
  const parts = new KeptParts()
  for (const [index, entry] of log.entries.slice(0, below).entries())
    if (plan.isPrunable(index, parsed(entry))) parts.hideEntry(entry)
    else parts.keep(entry)
  const verifier = new LogVerifier({ trust: parseTrust(log.trust(agents, quorum)), nowSeconds: LATER })
  verifier.checkpoint(log.checkpoint({ witnesses: [witness] }))
  verifier.pruned(below, [])
  const kept = parts.finish()
  do {
    for (const part of kept)
      if ('hash' in part) verifier.skip(part.index, part.level, part.hash)
      else verifier.add(part.index, part.record)
    for (let index = below; index < log.size; index++) verifier.add(index, log.entries[index]!)
  } while (verifier.again())
  return { report: verifier.finish(), hidden: kept.filter(part => 'hash' in part).length }
}

describe('random honest logs that were erased from or pruned', { timeout: 60_000 + HONEST_LOGS * 100 }, () => {
  it('are never accused', () => {
    const seen = { erased: 0, pruned: 0, crashed: 0, running: 0 }
    const kinds = fc.constantFrom('erased', 'pruned', 'both')
    fc.assert(
      fc.property(histories, kinds, fc.nat(), (history, kind, chance) => {
        const log = new TestLog({ retentionDays: DAYS })
        const { unfinished, unknown } = honestLog(history, log)
        if (unknown > 0) seen.crashed++
        if (unfinished > 0) seen.running++
        if (kind !== 'pruned' && erase(log, 1 + (chance % 5)) > 0) seen.erased++
        const { report, hidden } =
          kind === 'erased'
            ? { report: judge(log.entries, log.checkpoint(), { trust: log.trust(agents) }), hidden: 0 }
            : judgePruned(log, chance)
        if (hidden > 0) seen.pruned++
        // What became of a call in a crash is an exception of the call; it accuses nobody of anything else.
        expect(codes(report).filter(code => code !== 'call.unknown')).toEqual([])
        if (unknown === 0) expect(codes(report)).toEqual([])
        expect(['self-consistent', 'intact']).toContain(report.evidence.verdict)
      }),
      { numRuns: HONEST_LOGS, seed: 20261126 },
    )
    for (const [kind, count] of Object.entries(seen))
      expect(count, `${kind} among them`).toBeGreaterThan(HONEST_LOGS / 100)
  })
})
