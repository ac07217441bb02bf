import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '#crypto'
import { readContents } from '../../src/client/contents.js'
import { openSource } from '../../src/client/open.js'
import { sampleCalls } from '../../src/client/sample.js'
import { verify } from '../../src/client/verify.js'
import { files, jsonl } from '../../src/log/index.js'
import { Recorder } from '../../src/recorder/index.js'
import { Party, TestLog, writeFolder } from '../verify/kit.js'

/*
 * What an auditor may hold besides a log, for the verifier that was written from the pages alone: a vault, a seed, the
 * log before this one. Without Python 3.11 this is skipped, loudly; in CI it fails.
 */
const SCRIPT = fileURLToPath(new URL('../../spec/reference/deedlog_verify.py', import.meta.url))
const python = spawnSync('python3', ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
if (!python) console.warn('\n*** SKIPPED: vaults, samples and earlier logs were not read in Python: no Python 3.11\n')

interface Said {
  readonly exitCode: number
  readonly contents: unknown
  readonly sample: readonly { readonly index: number; readonly call: string }[]
  readonly findings: readonly { readonly code: string }[]
}

const ask = (...words: string[]): { readonly status: number | null; readonly report: Said | undefined } => {
  const { status, stdout, stderr } = spawnSync('python3', [SCRIPT, ...words], { encoding: 'utf8', timeout: 60_000 })
  if (stderr.includes('Traceback')) throw new Error(stderr)
  return { status, report: stdout === '' ? undefined : (JSON.parse(stdout) as Said) }
}

describe.skipIf(!python && process.env['CI'] !== 'true')('the independent verifier', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'deedlog-python-held-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each(['vaulted', 'vaulted.jsonl'])(
    'finds in the vault of %s what is there, and draws the same calls',
    async name => {
      const target = join(folder, name)
      const lines = name.endsWith('.jsonl')
      const backend = lines ? jsonl(target) : files(target)
      const recorder = new Recorder({ backend, agent: { id: 'did:example:clerk' } })
      for (let n = 0; n < 12; n++) {
        const request = { tool: { name: 'pay', kind: 'function' }, args: { n, to: { iban: 'DE1' } }, session: 's' }
        const ticket = await recorder.intent(request, await recorder.decide(request))
        await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: n } })
      }
      await recorder.flush()
      await recorder.close()
      const journal = join(lines ? `${target}.private` : join(target, 'private'), 'journal')
      const source = await openSource(target)
      const ours = await readContents(source, target)
      const { calls } = await sampleCalls(source, { n: 5, seed: 'audit' })
      await source.close()
      const words = [target, '--trust', `${target}.trust`, '--contents', journal, '--sample', '5', '--seed', 'audit']
      const { report } = ask(...words)
      expect(report?.contents).toEqual(ours?.total)
      expect(ours?.total.full).toBeGreaterThan(23)
      expect(report?.sample).toEqual(calls.map(({ index, call }) => ({ index, call })))

      // One byte of a frame, wherever it is, and the file is refused.
      const segment = join(journal, readdirSync(journal).find(each => /\.(journal|vault)$/.test(each))!)
      const bytes = readFileSync(segment)
      bytes[bytes.length >> 1]! ^= 1
      writeFileSync(segment, bytes)
      expect(ask(...words)).toEqual({ status: 2, report: undefined })
    },
  )

  test('walks back to the log before, and says the same of what it finds', async () => {
    const [clerk, operator] = [new Party('did:example:clerk'), new Party('the operator')]
    const work = (log: TestLog): TestLog => {
      const stream = log.stream(clerk)
      for (let n = 0; n < 4; n++) stream.call()
      stream.end()
      return log
    }
    const old = work(new TestLog({ origin: 'example.com/one', operators: [operator] }))
    const forked = work(work(new TestLog({ origin: 'example.com/one', operators: [operator] })))
    const write = (name: string, log: TestLog, notes: readonly Uint8Array[] = []): string => {
      const path = join(folder, name)
      mkdirSync(path)
      const public_ = log.files()
      for (const note of notes) public_.set(`notes/${sha256Hex(note)}`, note)
      writeFolder(path, public_)
      writeFileSync(`${path}.trust`, log.trust())
      return path
    }
    const next = (by: Party, size: number): TestLog => {
      const log = new TestLog({ origin: 'example.com/two', operators: [by] })
      const stream = log.stream(by, { role: 'operator', agent: { id: 'operator' } })
      const note = sha256Hex(old.checkpoint({ size }))
      stream.add({ type: 'continuation', of: old.id, note, size, reason: 'disk-lost' })
      stream.end()
      return work(log)
    }
    const before = write('before', old)
    const other = write('other', forked)
    const note = old.checkpoint({ size: 8 })
    const all = old.checkpoint()
    const cases: readonly (readonly [string, TestLog, readonly Uint8Array[], readonly string[]])[] = [
      ['lost', next(operator, 8), [note], [before]],
      ['whole', next(operator, old.size), [all], [before]],
      ['not-given', next(operator, 8), [note], []],
      ['no-note', next(operator, 8), [], [before]],
      ['foreign', next(new Party('mallory'), old.size), [all], [before]],
      ['same', next(operator, 8), [note], [other]],
    ]
    for (const [name, log, notes, previous] of cases) {
      const path = write(name, log, notes)
      const ours = await verify(path, { trust: `${path}.trust`, previous })
      const { report } = ask(path, '--trust', `${path}.trust`, ...previous.flatMap(each => ['--previous', each]))
      const steps = (codes: readonly { readonly code: string }[]): string[] =>
        [...new Set(codes.map(({ code }) => code))].filter(code => code.startsWith('continuation.')).sort()
      expect([report?.exitCode, steps(report?.findings ?? [])], name).toEqual([ours.exitCode, steps(ours.findings)])
    }
  })
})
