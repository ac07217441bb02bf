import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { isDeedlogError } from '../../src/core/errors.js'
import { parseBundle, type Report } from '../../src/core/verify/index.js'
import { judged } from './bundle-kit.js'
import { type BundleCase, bundleVectors } from './bundle-vectors.js'
import { codes } from './kit.js'

const FOLDER = fileURLToPath(new URL('../../spec/vectors/bundle/', import.meta.url))
const generated = await bundleVectors()

// To write them anew: DEEDLOG_WRITE_VECTORS=1 npx vitest run test/verify/bundle-vectors.test.ts
if (process.env['DEEDLOG_WRITE_VECTORS'] === '1') {
  mkdirSync(FOLDER, { recursive: true })
  for (const [name, bytes] of generated.files) writeFileSync(FOLDER + name, bytes)
  writeFileSync(`${FOLDER}cases.json`, `${JSON.stringify(generated.cases, null, 1)}\n`)
}

const cases = JSON.parse(readFileSync(`${FOLDER}cases.json`, 'utf8')) as readonly BundleCase[]

function answerOf({ file, trust }: BundleCase): Report | string {
  try {
    return judged(parseBundle(readFileSync(FOLDER + file)), trust === 'self' ? undefined : trust)
  } catch (error) {
    if (isDeedlogError(error)) return error.code
    throw error
  }
}

describe('spec/vectors/bundle', () => {
  it('holds the files that the generator makes, and no others', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([...generated.files.keys(), 'cases.json'].sort())
    for (const [name, bytes] of generated.files)
      expect(readFileSync(FOLDER + name).equals(Buffer.from(bytes)), name).toBe(true)
    expect(cases).toEqual(JSON.parse(JSON.stringify(generated.cases)))
  })

  it.each(cases)('$name: $about', each => {
    const answer = answerOf(each)
    if (each.error !== undefined) {
      expect(answer).toBe(each.error)
      return
    }
    if (typeof answer === 'string') throw new Error(answer)
    expect(answer.exitCode).toBe(each.exitCode)
    expect(answer.evidence.verdict).toBe(each.evidence)
    expect(answer.completeness.verdict).toBe(each.completeness)
    expect(answer.conduct.verdict).toBe(each.conduct)
    expect(codes(answer).sort()).toEqual(each.findings)
    expect(JSON.parse(JSON.stringify(answer.bundle))).toEqual(each.bundle)
  })

  // Written by hand: what each must be, whatever this implementation makes of it.
  const MUST: Readonly<Record<string, string>> = {
    call: '0',
    'call-self': '0',
    'disclosed-in-full': '0',
    'disclosed-in-part': '0',
    session: '0',
    all: '3 call.executed-though-denied call.unknown entry.malformed',
    'denied-yet-ran': '3 call.executed-though-denied',
    unknown: '2 call.not-shown-whole',
    reviewed: '0',
    cut: 'bundle-file.end',
    'no-end': 'bundle-file.end',
    'other-end': 'bundle-file.end',
    edited: '1',
    moved: '1',
    hole: 'bundle-file.tree',
    doubled: 'bundle-file.tree',
    reordered: 'bundle-file.order',
    spaced: 'bundle-file.canonical',
    'repeated-name': 'bundle-file.canonical',
    proto: 'bundle-file.line',
    version: 'bundle-file.version',
    'query-empty': 'bundle-file.query',
    'query-other': '2 bundle.not-shown',
    'entry-form': 'bundle-file.line',
    'hidden-start': 'bundle-file.tree',
    misaligned: 'bundle-file.line',
    'false-file': 'bundle-file.file',
    'false-disclosure': '1 disclosure.mismatch',
    'false-member': '1 disclosure.mismatch',
    'false-field': '1 disclosure.mismatch',
    'disclosure-elsewhere': 'bundle-file.disclosure',
    'anchor-of-no-kind': '0',
    'other-log': '1',
    'without-outcome': '2 call.not-shown-whole',
    'without-review': '2 call.not-shown-whole',
    'without-signature': '2 bundle.not-shown record.unattributed',
    'without-start': '2 bundle.not-shown record.unattributed',
    'without-call': '2 bundle.not-shown',
    'without-one-of-session': '2 bundle.not-shown',
    'without-session-end': '0',
    'without-recovery': '2 call.not-shown-whole',
    'without-introduction': '2 call.executed-though-denied identity.not-shown',
    'two-outcomes': '3 call.second-outcome',
  }

  it.each(Object.entries(MUST))('answers %s with %s', (name, must) => {
    const answer = answerOf(cases.find(each => each.name === name)!)
    if (typeof answer === 'string') expect(answer).toBe(must)
    else if (must === '1') expect(answer.exitCode).toBe(1)
    else expect([`${answer.exitCode}`, ...codes(answer).sort()].join(' ')).toBe(must)
  })
})
