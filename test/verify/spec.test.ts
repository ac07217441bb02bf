import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CHECKS, FINDINGS, NOT_EXCLUDED } from '../../src/core/verify/index.js'

const page = readFileSync(new URL('../../spec/report.md', import.meta.url), 'utf8')

/** The rows below a heading; cells without their back-ticks. */
function rows(heading: string): string[][] {
  const section = page.split(/^#{2,3} /m).find(part => part.startsWith(`${heading}\n`)) ?? ''
  const lines = section.split('\n').filter(line => line.startsWith('| `'))
  return lines.map(line => line.slice(2, -2).split(' | '))
}

const EXIT = { against: '1', unknown: '2', exception: '3', notice: '0' } as const

describe('spec/report.md', () => {
  it('lists every finding with its area, severity, exit and meaning', () => {
    expect(rows('Findings')).toEqual(
      Object.entries(FINDINGS).map(([code, kind]) => [
        `\`${code}\``,
        kind.area,
        kind.severity,
        EXIT[kind.severity],
        kind.asserts,
        kind.doesNotAssert,
      ]),
    )
  })

  it('lists every check', () => {
    expect(rows('Checks')).toEqual(
      Object.entries(CHECKS).map(([code, { asserts, doesNotAssert }]) => [`\`${code}\``, asserts, doesNotAssert]),
    )
  })

  it('lists all that is not excluded', () => {
    expect(rows('What is not excluded')).toEqual(NOT_EXCLUDED.map(({ code, text }) => [`\`${code}\``, text]))
  })
})
