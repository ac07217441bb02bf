import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign, sha256Hex } from '#crypto'
import {
  ALGORITHM,
  cosignatureMessage,
  encodeCosignature,
  formatNote,
  formatVerifierKey,
  parseNote,
} from '../../src/core/tlog/index.js'
import { openLog } from '../../src/log/index.js'
import { TestStream } from '../contract/log-streams.js'
import { deedlog, jsonError, type Ran, removeFolder, temporaryFolder } from './deedlog.js'

let cwd: string
const run = (...args: string[]): Ran => deedlog(args, { cwd })
const ok = (...args: string[]): { [name: string]: unknown } => {
  const { status, stdout, stderr } = run(...args, '--json')
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}
const exec = (log: string): void =>
  expect(run('exec', log, '--tool', 'hello', '--', process.execPath, '-e', '0').status).toBe(0)

beforeAll(() => {
  cwd = temporaryFolder()
})
afterAll(() => removeFolder(cwd))

it('moves a JSONL log into tiles, under the same trust file, and the old one says so', () => {
  expect(run('init', 'audit.jsonl').status).toBe(0)
  exec('audit.jsonl')
  const before = JSON.parse(run('verify', 'audit.jsonl', '--trust', 'audit.jsonl.trust', '--json').stdout)
  const moved = ok('import', 'audit.jsonl', 'audit')
  expect(moved).toMatchObject({ size: before.size, root: before.root, trust: 'audit.trust' })
  const after = run('verify', 'audit', '--trust', 'audit.jsonl.trust', '--json')
  expect(after.status).toBe(0)
  expect(JSON.parse(after.stdout)).toMatchObject({ root: before.root, logId: before.logId })
  exec('audit')
  const refused = run('exec', 'audit.jsonl', '--tool', 'hello', '--json', '--', process.execPath, '-e', '0')
  expect(jsonError(refused)).toMatchObject({ code: 'log.moved' })
  const old = run('verify', 'audit.jsonl', '--trust', 'audit.jsonl.trust')
  expect(old.status).toBe(0)
  expect(old.stdout).toContain('log.moved')
  expect(jsonError(run('import', 'audit.jsonl', 'elsewhere', '--json'))).toMatchObject({ code: 'log.moved' })
  expect(jsonError(run('import', 'audit', 'elsewhere', '--json'))).toMatchObject({ code: 'import.source' })
})

it('walks back from a log to the one before, and names what is lost', () => {
  expect(run('init', 'first').status).toBe(0)
  exec('first')
  ok('continue', 'first', 'second', '--reason', 'test')
  expect(run('verify', 'second', '--trust', 'second.trust', '--previous', 'first').status).toBe(0)
  exec('first')
  const walked = run('verify', 'second', '--trust', 'second.trust', '--previous', 'first')
  expect(walked.status).toBe(3)
  expect(walked.stdout).toContain('continuation.lost')
  expect(run('verify', 'second', '--trust', 'second.trust').stdout).toContain('--previous')
  expect(
    run('verify', 'second', '--trust', 'second.trust', '--report', 'second.html', '--previous', 'first').status,
  ).toBe(3)
  expect(readFileSync(join(cwd, 'second.html'), 'utf8')).toContain('carries on')
})

it('prunes what need not be kept, as a witness says, and an auditor sees that it was promised', async () => {
  expect(run('init', 'kept', '--retention-days', '1').status).toBe(0)
  const log = await openLog(join(cwd, 'kept'), { create: false })
  const logs = await log.logs!()
  for (const [number, records] of [
    [1, 253],
    [2, 300],
  ] as const) {
    const stream = new TestStream(logs, number)
    await log.append([{ record: stream.start }])
    await log.append(stream.batch(records))
    await log.append([{ record: stream.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
  }
  await log.close()
  const seed = new Uint8Array(32).fill(5)
  const witness = formatVerifierKey('witness.example/w1', ALGORITHM.cosignature, ed25519PublicKey(seed))
  const cosigned = (days: number): Uint8Array => {
    const note = parseNote(readFileSync(join(cwd, 'kept/log/checkpoint')))
    const seconds = Math.floor(Date.now() / 1000) - days * 86_400
    const signature = encodeCosignature(seconds, ed25519Sign(cosignatureMessage(note.text, seconds), seed))
    return formatNote(note.text, [note.signatures[0]!, { name: witness.name, keyId: witness.keyId, signature }])
  }
  const trust = readFileSync(join(cwd, 'kept.trust'), 'utf8').replace(
    'quorum none',
    `witness w1 ${witness.text}\nquorum w1`,
  )
  writeFileSync(join(cwd, 'auditor.trust'), trust)
  expect(jsonError(run('prune', 'kept', '--permitted', '--trust', 'auditor.trust', '--json'))).toMatchObject({
    code: 'prune.not-permitted',
  })
  const note = cosigned(2)
  mkdirSync(join(cwd, 'kept/log/notes'), { recursive: true })
  writeFileSync(join(cwd, 'kept/log/notes', sha256Hex(note)), note)
  expect(run('prune', 'kept', '--below', '255', '--trust', 'auditor.trust').status).toBe(2)
  expect(run('prune', 'kept', '--trust', 'auditor.trust').status).toBe(2)
  expect(ok('prune', 'kept', '--permitted', '--trust', 'auditor.trust')).toMatchObject({ below: 256, kept: 3 })
  expect(existsSync(join(cwd, 'kept/log/tile/entries/000'))).toBe(false)
  // The newest checkpoint, cosigned today; the one of two days ago dates what was pruned.
  writeFileSync(join(cwd, 'kept/log/checkpoint'), cosigned(0))
  const report = JSON.parse(run('verify', 'kept', '--trust', 'auditor.trust', '--json').stdout)
  expect(report.evidence.words).toContain('pruned below 256')
  expect(report.findings.map((finding: { code: string }) => finding.code)).toContain('entries.pruned-as-promised')
  expect(report.checks.find((check: { code: string }) => check.code === 'tiles.match')).toMatchObject({
    status: 'passed',
  })
  const own = run('verify', 'kept', '--trust', 'kept.trust', '--json')
  expect(own.status).toBe(2)
  expect(JSON.parse(own.stdout).evidence.words).toContain('pruned, not checkable')
  expect(run('list', 'kept').status).toBe(0)
  exec('kept')
  expect(jsonError(run('prune', 'audit.jsonl', '--permitted', '--trust', 'auditor.trust', '--json'))).toMatchObject({
    code: 'prune.lines',
  })
})
