import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { FINDINGS } from '../../src/core/verify/findings.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const vocabulary = readFileSync(join(root, 'spec/vocabulary.md'), 'utf8')
const sources = filesBelow(join(root, 'src'))
  .filter(path => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('testkit.ts'))
  .map(path => readFileSync(path, 'utf8'))

/** `spec/vocabulary.md` is what people match on: it and the code name the same things, neither more nor less. */
describe('spec/vocabulary.md', () => {
  it('lists every error code that the code throws, with its class', () => {
    const thrown = new Map<string, string>()
    for (const source of sources)
      for (const [, name, code] of source.matchAll(/new (\w+Error)\(\s*'([a-z0-9]+[.][a-z0-9_.-]+)'/g))
        thrown.set(`${code} ${name}`, code!)
    expect(thrown.size).toBeGreaterThan(30)
    const listed = new Set(table('Error codes').map(([code, name]) => `${code} ${name}`))
    expect([...thrown.keys()].filter(entry => !listed.has(entry)).sort()).toEqual([])
  })

  it('lists no error code that the code does not know', () => {
    const all = sources.join('\n')
    const unknown = table('Error codes').filter(([code]) => !isNamed(code!, all))
    expect(unknown.map(([code]) => code)).toEqual([])
  })

  it('has codes in one style: words joined by hyphens, parts by dots', () => {
    const codes = table('Error codes').map(([code]) => code)
    expect(codes.filter(code => !/^[a-z0-9]+(-[a-z0-9]+)*([.][a-z0-9]+(-[a-z0-9]+)*)*$/.test(code!))).toEqual([])
  })

  it('lists every finding code with its area and severity, and no other', () => {
    const known = Object.entries(FINDINGS).map(([code, { area, severity }]) => `${code} ${area} ${severity}`)
    expect(known.length).toBeGreaterThan(20)
    expect(
      table('Finding codes')
        .map(([code, area, severity]) => `${code} ${area} ${severity}`)
        .sort(),
    ).toEqual(known.sort())
  })

  it('lists every environment variable that the code reads', () => {
    const read = new Set(sources.flatMap(source => [...source.matchAll(/\b(DEEDLOG_[A-Z_]+)\b/g)].map(m => m[1]!)))
    expect(new Set(table('Environment').map(([name]) => name))).toEqual(read)
  })
})

// Strict JSON and streams are refused by code that is told what it reads: the first part of the code is a parameter.
const PARAMETERS = [
  'bundle-file',
  'record',
  'disclosure',
  'disclosures',
  'stream',
  'anchor',
  'evm-evidence',
  'mycelium-evidence',
]

function isNamed(code: string, all: string): boolean {
  if (all.includes(`'${code}'`)) return true
  const [first, rest] = [code.slice(0, code.indexOf('.')), code.slice(code.indexOf('.') + 1)]
  return PARAMETERS.includes(first) && (all.includes(`'${rest}'`) || all.includes(`}.${rest}\``))
}

/** The rows of the table below the heading `title`; cells without their back-ticks. */
function table(title: string): string[][] {
  const section = vocabulary.split(/^## /m).find(part => part.startsWith(`${title}\n`))
  if (!section) throw new Error(`spec/vocabulary.md has no section ${title}`)
  const rows = section.split('\n').filter(line => line.startsWith('|'))
  return rows.slice(2).map(row =>
    row
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim().replaceAll('`', '')),
  )
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}
