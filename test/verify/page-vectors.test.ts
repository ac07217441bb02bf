import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { isDeedlogError } from '../../src/core/errors.js'
import { parseDisclosureSet } from '../../src/core/record/index.js'
import { parseKept, parseTrust } from '../../src/core/verify/index.js'
import { codes, judge } from './kit.js'
import { type FormCase, type LogCase, pageVectors } from './page-vectors.js'

const FOLDER = fileURLToPath(new URL('../../spec/vectors/', import.meta.url))
const generated = pageVectors()
const written = (cases: unknown): string => `${JSON.stringify(cases, null, 1)}\n`

// To write them anew: DEEDLOG_WRITE_VECTORS=1 npx vitest run test/verify/page-vectors.test.ts
if (process.env['DEEDLOG_WRITE_VECTORS'] === '1')
  for (const [path, cases] of generated) {
    mkdirSync(dirname(join(FOLDER, path)), { recursive: true })
    writeFileSync(join(FOLDER, path), written(cases))
  }

const read = (path: string): unknown => JSON.parse(readFileSync(join(FOLDER, path), 'utf8'))

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  'trust/files.json': parseTrust,
  'kept/files.json': text => parseKept(toUtf8(text)),
  'vault/sets.json': text => parseDisclosureSet(toUtf8(text)),
}

describe.each([...generated.keys()])('spec/vectors/%s', path => {
  it('is what the generator makes', () => {
    expect(written(read(path))).toBe(written(generated.get(path)))
  })
})

describe.each(Object.keys(readers))('spec/vectors/%s', path => {
  it.each((read(path) as FormCase[]).map(each => [each.name, each] as const))('%s', (_, { text, expect: wanted }) => {
    let found = 'ok'
    try {
      readers[path]!(text)
    } catch (error) {
      if (!isDeedlogError(error)) throw error
      found = 'refused'
    }
    expect(found).toBe(wanted)
  })
})

const logs = [...generated.keys()].filter(path => path.startsWith('log/'))
describe.each(logs)('spec/vectors/%s', path => {
  it.each((read(path) as LogCase[]).map(each => [each.name, each] as const))('%s', (_, each) => {
    const entries = each.entries.map(entry =>
      typeof entry === 'string' ? toUtf8(entry) : Buffer.from(entry.hex, 'hex'),
    )
    const notes = new Map(each.notes.map(note => [sha256Hex(toUtf8(note)), toUtf8(note)]))
    const held = each.held.map(toUtf8)
    const whose = each.trust === 'self' ? { self: true } : { trust: each.trust }
    const report = judge(entries, each.checkpoint === undefined ? undefined : toUtf8(each.checkpoint), {
      ...whose,
      held,
      notes,
    })
    const { evidence, completeness, conduct, exitCode } = report
    expect({
      exitCode,
      evidence: evidence.verdict,
      completeness: completeness.verdict,
      conduct: conduct.verdict,
      findings: codes(report).sort(),
    }).toEqual({
      exitCode: each.exitCode,
      evidence: each.evidence,
      completeness: each.completeness,
      conduct: each.conduct,
      findings: each.findings,
    })
  })
})
