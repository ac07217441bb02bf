import { describe, expect, it } from 'vitest'
import { codes, judge } from './kit.js'
import { rows as treeRows } from './rows.js'
import { heldRows } from './rows-held.js'
import { tableRows } from './rows-table.js'

const rows = [...treeRows, ...heldRows, ...tableRows]

describe('attacks', () => {
  it('are many', () => {
    expect(rows.length).toBeGreaterThan(60)
    expect(new Set(rows.map(row => row.attack)).size).toBe(rows.length)
  })

  for (const row of rows) {
    it(`${row.attack}: exit ${row.exit}, ${row.evidence}`, () => {
      const { entries, checkpoint, holds } = row.build(true)
      const report = judge(entries, checkpoint, holds)
      expect({
        codes: codes(report).sort(),
        exit: report.exitCode,
        evidence: report.evidence.verdict,
        completeness: report.completeness.verdict,
        conduct: report.conduct.verdict,
      }).toEqual({
        codes: [...row.codes].sort(),
        exit: row.exit,
        evidence: row.evidence,
        completeness: row.completeness,
        conduct: row.conduct,
      })
      expect(report.findings.map(finding => finding.code)).toEqual(expect.arrayContaining([...(row.notices ?? [])]))
      // What nobody can see is what every report says that it does not exclude.
      if (row.undetected !== undefined) expect(report.notExcluded.map(({ code }) => code)).toContain(row.undetected)
      else if (row.exit === 0) expect(row.notices ?? []).not.toEqual([])
    })

    it(`${row.attack}: the honest twin is not accused`, () => {
      const { entries, checkpoint, holds } = row.build(false)
      const report = judge(entries, checkpoint, holds)
      expect(codes(report)).toEqual(row.twin ?? [])
      expect(['self-consistent', 'intact']).toContain(report.evidence.verdict)
    })
  }
})
