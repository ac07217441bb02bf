import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { copyTree } from '../copy-tree.js'
import { deedlog, jsonError, type Ran, removeFolder, startDeedlog, temporaryFolder } from './deedlog.js'

let cwd: string
const run = (...args: string[]): Ran => deedlog(args, { cwd })
const ok = (...args: string[]): { [name: string]: never } => {
  const { status, stdout, stderr } = run(...args, '--json')
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

beforeAll(() => {
  cwd = temporaryFolder()
  for (const log of ['audit', 'audit.jsonl']) {
    expect(run('init', log).status).toBe(0)
    expect(run('exec', log, '--tool', 'hello', '--', process.execPath, '-e', '0').status).toBe(0)
  }
})
afterAll(() => removeFolder(cwd))

it.each(['audit', 'audit.jsonl'])('settles a call of %s in a stream of the operator', log => {
  const settled = ok('settle', log, '2', '--result', 'failed', '--basis', 'bank-statement')
  expect(settled).toMatchObject({ result: 'failed', basis: 'bank-statement', disputed: true })
  // It is an operator's, so it counts: as a dispute, because the call has a final outcome.
  expect(run('verify', log, '--trust', `${log}.trust`).stdout).toContain('settlement.disputed')
})

it('refuses a call that is not there, and a result that is none', () => {
  const missing = run('settle', 'audit', '999', '--result', 'failed', '--basis', 'x', '--json')
  expect(missing.status).toBe(2)
  expect(jsonError(missing)).toMatchObject({ code: 'call.unknown' })
  expect(run('settle', 'audit', '2', '--result', 'maybe', '--basis', 'x').status).toBe(2)
})

it('refuses a call that is still running, and settles it once it is over', async () => {
  expect(run('init', 'busy').status).toBe(0)
  const script = 'process.stdout.write("up"); setInterval(() => {}, 1000)'
  const child = startDeedlog(['exec', 'busy', '--tool', 'long', '--', process.execPath, '-e', script], { cwd })
  const ended = once(child, 'close')
  try {
    await once(child.stdout, 'data')
    const running = run('settle', 'busy', '2', '--result', 'failed', '--basis', 'x', '--json')
    expect(jsonError(running)).toMatchObject({ code: 'settle.running' })
  } finally {
    child.kill('SIGTERM')
    await ended
  }
  expect(ok('settle', 'busy', '2', '--result', 'failed', '--basis', 'x')).toMatchObject({ result: 'failed' })
})

it.each([
  ['audit', 'audit-2'],
  ['audit.jsonl', 'audit-2.jsonl'],
])('carries on after %s in %s, by the same operator', (old, next) => {
  const made = ok('continue', old, '--reason', 'disk-lost')
  expect(made).toMatchObject({ target: next, reason: 'disk-lost' })
  const report = run('verify', next, '--trust', `${next}.trust`)
  expect(report.status, report.stdout).toBe(0)
  const record = run('list', next, '--json')
  expect(record.status).toBe(0)
  const notes = next === 'audit-2' ? 'audit-2/log/notes' : 'audit-2.jsonl.notes'
  expect(readdirSync(join(cwd, notes))).toContain(made['note'])
  // The new log is written like any other.
  expect(run('exec', next, '--tool', 'again', '--', process.execPath, '-e', '0').status).toBe(0)
})

it('refuses an older private folder beside a newer checkpoint, with the sizes and dates of both', () => {
  expect(run('init', 'rolled').status).toBe(0)
  copyTree(join(cwd, 'rolled', 'private'), join(cwd, 'old'))
  expect(run('exec', 'rolled', '--tool', 'hello', '--', process.execPath, '-e', '0').status).toBe(0)
  rmSync(join(cwd, 'rolled', 'private'), { recursive: true })
  copyTree(join(cwd, 'old'), join(cwd, 'rolled', 'private'))
  const refused = run('exec', 'rolled', '--tool', 'hello', '--json', '--', process.execPath, '-e', '0')
  expect(refused.status).toBe(2)
  const error = jsonError(refused)
  expect(error).toMatchObject({ code: 'log.rolled-back' })
  expect(error.message).toMatch(/\(of \d{4}-\d\d-\d\dT.*\) has signed 1 records, and .*\(of \d{4}-.*\) has \d+\./)
  // The recorded way on.
  expect(ok('continue', 'rolled', '--reason', 'rolled-back')).toMatchObject({ target: 'rolled-2' })
})
