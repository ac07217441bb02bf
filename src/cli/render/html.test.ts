import { describe, expect, it } from 'vitest'
import type { Report } from '../../core/verify/report.js'
import { type HtmlAbout, renderHtml } from './html.js'
import { text } from './html-text.js'
import { goodReport as report } from './testkit.js'

const about: HtmlAbout = {
  target: 'audit',
  trust: { path: 'audit.trust', digest: 'ab'.repeat(32) },
  made: '2026-11-24T09:00:00.000Z',
  verifier: { version: '0.1.0', node: '20.19.0', digest: 'cd'.repeat(32), files: 3 },
  digestCommand: 'find',
}

const HOSTILE = `</td></style><script>alert("x")</script><img src=x onerror='y'>&amp;\u202e\u0007`

/** Every string in the report replaced by a stranger's. */
function poisoned(value: unknown): unknown {
  if (typeof value === 'string') return HOSTILE
  if (Array.isArray(value)) return value.map(poisoned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poisoned(each)]))
}

describe('the report as a page', () => {
  it('has the three answers, the checks, and what is not excluded', () => {
    const page = renderHtml(report(), about)
    for (const words of [
      'Evidence',
      'Completeness',
      'Conduct',
      'Not excluded by anything above',
      'ab'.repeat(32),
      'cd'.repeat(32),
    ])
      expect(page).toContain(words)
    for (const { text: words } of report().notExcluded) expect(page).toContain(text(words))
    for (const { code } of [...report().checks, ...report().findings]) expect(page).toContain(code)
  })

  it('asks for nothing from anywhere and runs nothing', () => {
    const page = renderHtml(report(), about)
    expect(page).not.toMatch(
      /<(script|img|link|iframe|object|embed|form|base)\b|\bsrc=|\bhref=|url\(|@import|\bon[a-z]+=/i,
    )
    expect(page).toContain("default-src 'none'")
  })

  it('lets no string of a log become markup, a control or a change of direction', () => {
    const base = report()
    const hostile = {
      ...base,
      origin: HOSTILE,
      findings: poisoned(base.findings),
      checks: base.checks.map(check => ({ ...check, code: HOSTILE, detail: HOSTILE })),
      completeness: {
        ...base.completeness,
        streams: base.completeness.streams.map(stream => ({ ...stream, agent: HOSTILE, id: HOSTILE })),
        coverage: { ...base.completeness.coverage, unseen: [HOSTILE] },
      },
      conduct: {
        ...base.conduct,
        byTool: { [HOSTILE]: 1 },
        rules: [
          {
            id: HOSTILE,
            index: 2,
            stream: HOSTILE,
            engine: HOSTILE,
            files: [{ name: HOSTILE, digest: HOSTILE }],
            decisions: 1,
          },
        ],
      },
    } as unknown as Report
    const page = renderHtml(hostile, { ...about, target: HOSTILE, trust: { path: HOSTILE, digest: 'ab' } })
    expect(page).not.toMatch(/<script|<img|<\/style><|\u202e|\u0007/)
    // Every angle bracket opens or closes one of our own elements.
    const own =
      /^<\/?(html|head|meta|title|style|body|main|header|p|h1|h2|section|div|strong|code|br|small|table|thead|tbody|tr|th|td|dl|dt|dd|ol|li|!doctype)\b/
    for (const [tag] of page.matchAll(/<[^>]*>/g)) expect(tag).toMatch(own)
  })

  it('calls nothing good that could not be checked', () => {
    const base = report()
    const page = renderHtml({ ...base, findings: [], conduct: { ...base.conduct, verdict: 'could not check' } }, about)
    expect(page).toMatch(/class="answer warn"><h2>Conduct/)
  })
})

describe('the calls on the page', () => {
  const call = {
    index: 7,
    call: '01KATB8Q5M4Z0YQ1G7X8D3C9FE',
    agent: '<b>me</b>',
    tool: 'pay & go',
    verdict: 'allow',
    status: 'succeeded',
    executed: 'yes',
    time: '2026-11-24T09:00:00.000Z',
    after: '2026-11-24T08:59:00.000Z',
    exceptions: ['call.belated'],
  }

  it('stand one by one, with the window that outside evidence gives', () => {
    const page = renderHtml({ ...report(), timeline: { calls: [call], more: 3 } }, about)
    expect(page).toContain('Calls, one by one')
    expect(page).toContain('after 2026-11-24T08:59:00.000Z<br>open')
    expect(page).toContain('call.belated')
    expect(page).toContain('3 more calls')
    expect(page).toContain('pay &amp; go')
    expect(page).not.toContain('<b>me</b>')
  })

  it('of a time say how many exceptions of others are not there', () => {
    const range = { since: '2026-11-24T00:00:00.000Z', calls: 1, exceptionsElsewhere: 2 }
    const page = renderHtml({ ...report(), range, timeline: { calls: [], more: 0 } }, about)
    expect(page).toContain('2 exceptions about other calls are not in this report')
  })

  it('are not there when nobody asked', () => {
    expect(renderHtml(report(), about)).not.toContain('Calls, one by one')
  })
})
