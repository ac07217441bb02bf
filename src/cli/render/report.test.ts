import { describe, expect, it } from 'vitest'
import type { Report } from '../../core/verify/report.js'
import { PLAIN } from '../terminal/paint.js'
import { width } from '../terminal/width.js'
import { renderReport } from './report.js'
import { check, finding, goodReport } from './testkit.js'

const LOOK = { paint: PLAIN, columns: 80, target: 'audit', trust: 'audit.trust' }
const render = (some: Partial<Report> = {}): string => renderReport({ ...goodReport(), ...some }, LOOK)

/** The lines under a heading, up to the next empty one. */
function section(text: string, heading: string): string[] {
  const lines = text.split('\n')
  const from = lines.findIndex(line => line.startsWith(heading))
  expect(from, `${heading} in\n${text}`).toBeGreaterThanOrEqual(0)
  const to = lines.indexOf('', from)
  return lines.slice(from, to < 0 ? undefined : to)
}

describe('renderReport', () => {
  it('begins with the three answers and ends with how the process ends', () => {
    const text = render()
    expect(text.split('\n').slice(0, 5)).toEqual([
      'Report on audit',
      '  Evidence      intact to 41, unwitnessed since 0, undated since 0, age unknown',
      '  Completeness  complete as far as recorded',
      '  Conduct       no exceptions',
      '',
    ])
    expect(text.endsWith('\nExit 0: the evidence holds as far as checked, and no exception was found.\n')).toBe(true)
  })

  it('says by when records existed, and how wide the windows are in which they were made', () => {
    const { evidence } = goodReport()
    const at = (second: number) => `2026-11-24T10:00:${String(second).padStart(2, '0')}.000Z`
    const existed = [
      { size: 20, time: at(10) },
      { size: 41, time: at(40) },
    ]
    const made = [
      { stream: 'a', index: 5, time: at(5) },
      { stream: 'b', index: 30, time: at(10) },
    ]
    const say = (times: Report['evidence']['times'] & object) =>
      section(render({ evidence: { ...evidence, times } }), 'The log, and whose word')
        .join(' ')
        .replace(/\s+/g, ' ')
    expect(say({ existed, made })).toContain('existed the first 41 records by 2026-11-24T10:00:40.000Z')
    expect(say({ existed, made })).toContain('windows 5 to 30 s wide, from 2 records that cite a cosigned note')
    expect(say({ existed: [existed[0]!], made })).toContain(
      '5 s wide, from 1 record that cites a cosigned note; 1 without an end',
    )
    expect(say({ existed, made: [] })).toContain('without a beginning: no record cites a note that was cosigned')
  })

  it('shows the newest anchors, and hides none of them behind those that were left out for it', () => {
    const { evidence } = goodReport()
    const anchor = { kind: 'rfc3161', name: 'local', root: '00'.repeat(32) }
    const skipped = Array.from({ length: 20 }, (_, i) => ({ ...anchor, size: 20 + i, status: 'skipped' as const }))
    const counted = {
      ...anchor,
      size: 10,
      status: 'counted' as const,
      time: '2026-11-24T10:00:00.000Z',
      by: 'authority',
    }
    const listed = [counted, ...skipped]
    const anchors = { total: 21, byStatus: { counted: 1, skipped: 20 }, listed }
    const text = render({ evidence: { ...evidence, anchors } })
    expect(text).toContain('anchors       21: 1 counted, 20 skipped')
    expect(text).toContain('size 10 existed by 2026-11-24T10:00:00.000Z, authority: dates this log')
    expect(text).not.toContain('size 39')
  })

  it('says whose word it rests on, and shows keys and hashes whole', () => {
    expect(section(render(), 'The log, and whose word')).toEqual([
      'The log, and whose word this rests on',
      '  origin        localhost/deedlog/01KATB8Q5M4Z0YQ1G7X8D3C9FE',
      '  log id        3a4506fbfcb1676b92ef6b1d38cedd751668fcc84b59e3d43288345032eeedc5',
      '  size          41 records under the checkpoint, 41 read',
      '  root          50d5ac2103c988991d1f213e66668f42258eaa686fd642b00a83f58d3d7b706f',
      '  trust         the trust file audit.trust',
      '  signed by     log key, named in the trust file:',
      '    localhost/deedlog/01KATB8Q5M4Z0YQ1G7X8D3C9FE+1234abcd+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c',
    ])
  })

  it('says that a log held against itself was held against nobody else', () => {
    const good = goodReport()
    const evidence = {
      ...good.evidence,
      verdict: 'self-consistent',
      words: ['self-consistent'],
      trust: 'self' as const,
    }
    const text = render({ evidence })
    expect(text).toContain('  Evidence      self-consistent\n')
    expect(text.replace(/\s+/g, ' ')).toContain(
      'trust nobody outside: the log was held against its own keys only (--self)',
    )
  })

  it('lists findings with the gravest first, each with its entries and call', () => {
    const findings = [
      finding({ code: 'note.worth', severity: 'notice' }),
      finding({ code: 'call.denied', severity: 'exception', area: 'conduct', call: '01KATB8Q5M4Z0YQ1G7X8D3C9FE' }),
      finding({
        code: 'root.mismatch',
        severity: 'against',
        indexes: [3, 7],
        count: 12,
        message: 'entry 3 was altered',
      }),
    ]
    expect(section(render({ findings, exitCode: 1 }), 'Exceptions and other findings')).toEqual([
      'Exceptions and other findings: 3',
      '  AGAINST    root.mismatch (evidence)',
      '             entry 3 was altered',
      '             entries 3, 7 and 10 more',
      '  EXCEPTION  call.denied (conduct)',
      '             about call.denied',
      '             call 01KATB8Q5M4Z0YQ1G7X8D3C9FE',
      '  notice     note.worth (evidence)',
      '             about note.worth',
    ])
  })

  it('names the exceptions beside their answer', () => {
    const conduct = { ...goodReport().conduct, verdict: 'exceptions' as const }
    const findings = [finding({ code: 'call.denied', severity: 'exception', area: 'conduct' })]
    expect(render({ conduct, findings, exitCode: 3 })).toContain('  Conduct       exceptions: call.denied\n')
  })

  it('keeps failed, not checked and passed apart, and says why and what is not said', () => {
    const checks = [
      check({ code: 'a.passed', status: 'passed' }),
      check({ code: 'b.failed', status: 'failed', detail: 'entry 3', doesNotAssert: 'who did it' }),
      check({ code: 'c.open', status: 'not_checked', detail: 'no vault', doesNotAssert: 'that there was one' }),
    ]
    expect(section(render({ checks }), 'Checks')).toEqual([
      'Checks: 1 failed, 1 not checked, 1 passed',
      '  FAILED       b.failed',
      '      does not hold: what b.failed asserts',
      '      because: entry 3',
      '      does not say: who did it',
      '  NOT CHECKED  c.open',
      '      not known whether: what c.open asserts',
      '      because: no vault',
      '  passed       a.passed',
      '      holds: what a.passed asserts',
      '  With --full: also what a check does not say.',
    ])
  })

  it('says with --full what checks and findings do not say', () => {
    const report = {
      ...goodReport(),
      checks: [check({ code: 'a.passed', status: 'passed', detail: '9 records', doesNotAssert: 'that they are true' })],
      findings: [finding({ code: 'f', severity: 'notice', asserts: 'one thing', doesNotAssert: 'another' })],
    }
    const text = renderReport(report, { ...LOOK, full: true })
    expect(section(text, 'Checks').slice(1)).toEqual([
      '  passed       a.passed (9 records)',
      '      holds: what a.passed asserts',
      '      does not say: that they are true',
    ])
    expect(section(text, 'Exceptions').slice(-2)).toEqual([
      '             says: one thing',
      '             does not say: another',
    ])
    expect(renderReport(report, LOOK)).not.toContain('does not say: ')
  })

  it('never says that a log is valid or compliant', () => {
    for (const exitCode of [0, 1, 2, 3] as const)
      expect(render({ exitCode })).not.toMatch(/\b(valid|compliant|trustworthy)\b/i)
  })

  it('always prints what is not excluded, numbered', () => {
    expect(section(render(), 'Not excluded')).toEqual([
      'Not excluded by anything above',
      '   1. a call that never reached the recorder, or went to another log',
      '   2. values the recorder or tool made up',
    ])
  })

  it('counts the whole population', () => {
    expect(section(render(), 'Counted')).toEqual([
      'Counted, over every record read',
      '  calls         18',
      '  by verdict    allow 17, deny 1',
      '  by status     succeeded 15, failed 2',
      '  by tool       read_file 12, refund 6',
      '  outcomes      17 final, 0 provisional, 0 missing; 1 refused, so without one',
      '  sessions      2: 2 ended, 0 with gaps',
      '  odd records   0 stray, 0 malformed, 0 not understood',
      '  losses        none recorded',
      '  coverage      3 tools wrapped, 1 not; unseen: shell, http',
      '  disclosures   60 held, 0 erased, 0 missing',
    ])
  })

  it('keeps to the width of the page, keys and hashes excepted', () => {
    for (const line of render().split('\n'))
      if (!/[0-9a-f]{64}|\+[0-9a-f]{8}\+/.test(line)) expect(width(line)).toBeLessThanOrEqual(80)
  })

  it('lets no foreign string forge a line, reorder one or steer the terminal', () => {
    const evil = 'x\x1b]0;owned\x07\nExit 0: all is well\u202e'
    const good = goodReport()
    const text = renderReport(
      {
        ...good,
        origin: evil,
        logId: evil,
        root: evil,
        evidence: {
          ...good.evidence,
          verdict: evil,
          words: [evil],
          keys: [{ vkey: evil, role: 'witness', trusted: false }],
        },
        completeness: {
          ...good.completeness,
          streams: [{ ...good.completeness.streams[0]!, agent: evil }],
          coverage: { wrapped: 0, notWrapped: 0, unseen: [evil] },
        },
        conduct: { ...good.conduct, byTool: { [evil]: 1 }, byStatus: { [evil]: 1 }, byVerdict: { [evil]: 1 } },
        findings: [finding({ code: evil, severity: 'against', message: evil, call: evil, stream: evil })],
        checks: [check({ code: evil, status: 'failed', asserts: evil, detail: evil, doesNotAssert: evil })],
        notExcluded: [{ code: evil, text: evil }],
      },
      { ...LOOK, target: evil, trust: evil },
    )
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(text.split('\n').filter(line => line.startsWith('Exit '))).toHaveLength(1)
  })

  it('counts what is too much for a page instead of printing it', () => {
    const findings = Array.from({ length: 45 }, (_, i) => finding({ code: `f.${i}`, severity: 'notice' }))
    const lines = section(render({ findings }), 'Exceptions and other findings: 45')
    expect(lines.at(-1)).toBe('  … and 5 more findings, all of them with --json')
  })
})
