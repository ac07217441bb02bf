import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { verify } from '../../src/client/verify.js'
import { parseRecord } from '../../src/core/record/index.js'
import { formatKept, KeptParts, KeptPlan, type Report } from '../../src/core/verify/index.js'
import { answersOf } from '../../src/core/verify/words.js'
import { anchoredLog } from '../anchor/kit.js'
import { Party, TestLog, writeFolder } from '../verify/kit.js'
import type { PageAnswer } from './browser.js'
import { inBrowser } from './kit.js'

/** What lies beside the records: anchors, notes, and what pruning kept. */
inBrowser('what lies beside a log', ({ browser, folder }) => {
  const same = (page: PageAnswer, report: Report): void => {
    const { evidence, completeness, conduct } = answersOf(report)
    expect(page.words).toEqual([evidence, completeness, conduct])
    expect(page.codes).toEqual([...new Set(report.findings.map(({ code }) => code))].sort())
    expect(page.exit).toBe(report.exitCode)
  }

  it.each(['files', 'jsonl'] as const)('dates a log by its anchors, as the command line does: %s', async kind => {
    const own = await anchoredLog(kind)
    try {
      await own.record(3)
      await own.stamp({ timeMs: Date.UTC(2026, 10, 24), accuracyMs: 1500 })
      await own.record(1)
      const report = await own.verify()
      expect(report.evidence.anchors).toMatchObject({ byStatus: { counted: 1 } })
      const trust = join(own.target, '..', 'auditor.trust')
      const brought =
        kind === 'files'
          ? { folder: own.target, files: [trust] }
          : { folder: own.layout.anchors, files: [own.target, own.layout.checkpoint, trust] }
      same(await browser().verify(brought), report)
    } finally {
      await own.log.close()
      rmSync(join(own.target, '..'), { recursive: true, force: true })
    }
  })

  it.each([
    ['kept', true],
    ['not kept', false],
  ])('judges a log whose first records were pruned, as the command line does: %s', async (name, keeps) => {
    const witness = new Party('witness.example/w1')
    const quorum = [`witness w1 ${witness.vkey(witness.name, 4).text}`, 'quorum w1']
    const log = new TestLog({ retentionDays: 1 })
    const one = log.stream(new Party('did:example:clerk'))
    while (log.size < 255) one.call()
    one.end()
    const two = log.stream(new Party('did:example:clerk'))
    while (log.size < 300) two.call()
    two.end()
    const at = writeFolder(join(folder, `pruned ${name}`), log.files())
    const note = log.checkpoint({ witnesses: [witness] })
    writeFileSync(join(at, 'log/checkpoint'), note)
    const plan = new KeptPlan()
    for (const [index, entry] of log.entries.entries()) plan.add(index, parseRecord(entry))
    const parts = new KeptParts()
    for (const [index, entry] of log.entries.slice(0, 256).entries())
      if (plan.isPrunable(index, parseRecord(entry))) parts.hideEntry(entry)
      else parts.keep(entry)
    mkdirSync(join(at, 'log/kept'), { recursive: true })
    mkdirSync(join(at, 'log/notes'), { recursive: true })
    writeFileSync(join(at, 'log/notes', sha256Hex(note)), note)
    const kept = formatKept({ below: 256, notes: [sha256Hex(note)], parts: parts.finish() })
    if (keeps) writeFileSync(join(at, 'log/kept/records.jsonl'), kept)
    rmSync(join(at, 'log/tile/entries/000'))
    const trust = join(folder, `${name}.trust`)
    writeFileSync(trust, log.trust([new Party('did:example:clerk')], quorum))
    const report = await verify(at, { trust })
    expect(existsSync(join(at, 'log/tile/entries/000'))).toBe(false)
    expect(report.findings.some(({ code }) => code.startsWith('entries.pruned')) || keeps).toBe(true)
    same(await browser().verify({ folder: at, files: [trust] }), report)
  })
})
