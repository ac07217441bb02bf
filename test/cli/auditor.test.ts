import { cpSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, type Ran, removeFolder, STACK_TRACE, temporaryFolder } from './deedlog.js'

/* What an auditor does with the commands: come twice, take one record home, draw a sample, hand on a page. */

let cwd: string
const run = (...args: string[]): Ran => deedlog(args, { cwd, env: { DEEDLOG_STATE: join(cwd, 'state') } })
const verdict = (ran: Ran) =>
  JSON.parse(ran.stdout) as { evidence: { verdict: string }; checks: { code: string; status: string }[] }
const exec = (tool: string) => run('exec', 'audit', '--tool', tool, '--', process.execPath, '-e', '1')

beforeAll(() => {
  cwd = temporaryFolder()
  expect(run('init', 'audit').status).toBe(0)
  expect(exec('first').status).toBe(0)
})
afterAll(() => removeFolder(cwd))

describe('an auditor who comes twice', () => {
  it('sees at the second visit that the log was rolled back', () => {
    cpSync(join(cwd, 'audit'), join(cwd, 'early'), { recursive: true })
    cpSync(join(cwd, 'audit/log/checkpoint'), join(cwd, 'early.checkpoint'))
    expect(exec('second').status).toBe(0)
    const visit = (...more: string[]) => run('verify', 'audit', '--trust', 'audit.trust', '--json', ...more)
    const first = verdict(visit('--after', 'early.checkpoint'))
    expect(first.checks.find(check => check.code === 'checkpoint.remembered')?.status).toBe('not_checked')
    expect(first.checks.find(check => check.code === 'checkpoint.held')?.status).toBe('passed')
    expect(readdirSync(join(cwd, 'state/checkpoints'))).toHaveLength(1)
    renameSync(join(cwd, 'audit'), join(cwd, 'true'))
    renameSync(join(cwd, 'early'), join(cwd, 'audit'))
    const second = visit()
    expect([second.status, verdict(second).evidence.verdict]).toEqual([1, 'rolled back'])
    expect(visit('--no-memory').status).toBe(0)
    rmSync(join(cwd, 'audit'), { recursive: true })
    renameSync(join(cwd, 'true'), join(cwd, 'audit'))
  })

  it.each([
    ['a checkpoint inside the log', ['--after', 'audit/log/checkpoint'], 'held.supplied'],
    ['a checkpoint that is not there', ['--after', 'gone'], 'held.missing'],
    ['a record without a proof', ['--record', 'gone'], 'usage.conflict'],
  ])('is refused %s', (_, args, code) => {
    const ran = run('verify', 'audit', '--trust', 'audit.trust', '--json', ...args)
    expect(ran.status).toBe(2)
    expect(jsonError(ran).code).toBe(code)
  })
})

describe('one record taken home', () => {
  it('verifies without the log', () => {
    expect(run('prove', 'audit', '2', '-o', 'call.tlog-proof', '--outcome').stdout).toContain('call.json')
    rmSync(join(cwd, 'far away'), { recursive: true, force: true })
    const ran = run('verify', 'call.tlog-proof', '--record', 'call.json', '--trust', 'audit.trust', '--json')
    expect([ran.status, verdict(ran).evidence.verdict], ran.stderr).toEqual([0, 'self-consistent'])
    const other = run('verify', 'call.tlog-proof', '--record', 'audit.trust', '--trust', 'audit.trust', '--json')
    expect([other.status, verdict(other).evidence.verdict]).toEqual([1, 'altered'])
  })

  it.each([
    ['over a file', ['2', '-o', 'call.tlog-proof'], 'prove.out'],
    ['under another name', ['2', '-o', 'call.proof'], 'prove.out'],
    ['of no call', ['999', '-o', 'none.tlog-proof'], 'call.unknown'],
  ])('is not written %s', (_, args, code) => {
    const ran = run('prove', 'audit', ...args, '--json')
    expect(ran.status).toBe(2)
    expect(jsonError(ran).code).toBe(code)
  })
})

describe('a sample', () => {
  it('is the same twice, and another one under another seed is still of this log', () => {
    const draw = (seed: string) => run('sample', 'audit', '--n', '1', '--seed', seed, '--json').stdout
    expect(draw('a')).toBe(draw('a'))
    expect(JSON.parse(draw('a'))).toMatchObject({ n: 1, seed: 'a', population: 2, calls: [{}] })
    expect(run('sample', 'audit', '--json').status).toBe(2)
  })
})

describe('a report as a page', () => {
  it('is written beside the answer, once, and says which code made it', () => {
    const args = ['verify', 'audit', '--trust', 'audit.trust', '--report', 'report.html']
    expect(run(...args).status).toBe(0)
    const page = readFileSync(join(cwd, 'report.html'), 'utf8')
    expect(page).toMatch(/SHA-256 <code>[0-9a-f]{64}<\/code> over [1-9]\d* files/)
    expect(jsonError(run(...args, '--json')).code).toBe('report.out')
  })
})

describe('a trust file', () => {
  it('is shown, checked and exported', () => {
    expect(run('trust', 'show', 'audit.trust').stdout).toContain('log id')
    expect(JSON.parse(run('trust', 'check', 'audit.trust', '--json').stdout)).toMatchObject({ usable: true })
    expect(run('trust', 'export', 'audit.trust', '--tlog-policy').stdout).toMatch(/^log .*\nquorum none\n$/)
    for (const args of [['trust', 'show', 'gone'], ['trust', 'export', 'audit.trust'], ['trust']]) {
      const ran = run(...args)
      expect(ran.status).toBe(2)
      expect(ran.stderr).not.toMatch(STACK_TRACE)
    }
  })
})
