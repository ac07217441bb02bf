import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryFolder, verify } from '../../src/client/verify.js'
import { codes, Party, TestLog, writeFolder, writeJsonl } from './kit.js'

const clerk = new Party('did:example:clerk')
let folder: string
const memory = () => join(folder, 'state')
const remembered = () => readdirSync(join(memory(), 'checkpoints'))

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-memory-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function longLog(calls: number): TestLog {
  const log = new TestLog()
  const stream = log.stream(clerk)
  for (let i = 0; i < calls; i++) stream.call()
  return log
}

/** A visit to a log: what the checks say of earlier ones, and what was found. */
async function visit(log: TestLog, size = log.size, entries = log.entries.slice(0, size)) {
  const target = writeJsonl(join(folder, 'log.jsonl'), entries, log.checkpoint({ size }))
  const trust = join(folder, 'auditor.trust')
  writeFileSync(trust, log.trust())
  const report = await verify(target, { trust, memory: memory() })
  const check = report.checks.find(each => each.code === 'checkpoint.remembered')
  return { report, status: check?.status, detail: check?.detail ?? '' }
}

describe('the memory of earlier visits', () => {
  it('says at the first visit that there was nothing to compare with', async () => {
    const { status, detail } = await visit(longLog(3))
    expect(status).toBe('not_checked')
    expect(detail).toContain('first visit')
    expect(remembered()).toHaveLength(1)
  })

  it('passes when the log continues what was seen, and keeps the larger', async () => {
    const log = longLog(400)
    await visit(log, 4)
    expect((await visit(log)).status).toBe('passed')
    const note = readFileSync(join(memory(), 'checkpoints', remembered()[0]!))
    expect(note).toEqual(Buffer.from(log.checkpoint()))
  })

  it('is evidence of a log that was rolled back, and is not overwritten by it', async () => {
    const log = longLog(5)
    await visit(log)
    for (let times = 0; times < 2; times++) {
      const { report, status } = await visit(log, 6)
      expect(report.evidence.verdict).toBe('rolled back')
      expect(report.exitCode).toBe(1)
      expect(status).toBe('failed')
    }
  })

  it('is evidence of a log that was written anew, also from entry 0 on', async () => {
    await visit(longLog(3))
    const anew = new TestLog({ operators: [new Party('another operator')] })
    Object.assign(anew, { key: longLog(0).key })
    for (let i = 0; i < 5; i++) anew.stream(clerk).call()
    const { report } = await visit(anew)
    expect(anew.id).not.toBe(longLog(3).id)
    expect(report.evidence.verdict).toBe('forked')
  })

  it('does not take altered records for a fork, and remembers nothing of them', async () => {
    const log = longLog(3)
    await visit(log, 4)
    const entries = [...log.entries]
    entries[2] = entries[4]!
    const { report } = await visit(log, log.size, entries)
    expect(report.evidence.verdict).toBe('altered')
    expect(codes(report)).not.toContain('log.forked')
    const note = readFileSync(join(memory(), 'checkpoints', remembered()[0]!))
    expect(note).toEqual(Buffer.from(log.checkpoint({ size: 4 })))
  })

  it('could not check when it is damaged', async () => {
    const log = longLog(3)
    await visit(log)
    writeFileSync(join(memory(), 'checkpoints', remembered()[0]!), 'noise')
    const { report, status } = await visit(log)
    expect(codes(report)).toEqual(['held.unusable'])
    expect(report.exitCode).toBe(2)
    expect(status).toBe('not_checked')
  })

  it('takes no answer away when it cannot be written', async () => {
    writeFileSync(join(folder, 'state'), 'a file where a folder should be')
    const { report } = await visit(longLog(3))
    expect(report.exitCode).toBe(0)
    expect(report.findings.map(finding => finding.code)).toContain('memory.not-saved')
  })

  it('is not used unless asked for', async () => {
    const log = longLog(3)
    const target = writeFolder(join(folder, 'log'), log.files())
    const report = await verify(target, { self: true })
    expect(report.checks.find(check => check.code === 'checkpoint.remembered')?.detail).toContain('no memory')
  })

  it('lies in the state directory of the user, or where DEEDLOG_STATE says', () => {
    expect(memoryFolder({ DEEDLOG_STATE: '/a', XDG_STATE_HOME: '/b' })).toBe('/a')
    expect(memoryFolder({ XDG_STATE_HOME: '/b' })).toBe(join('/b', 'deedlog'))
    expect(memoryFolder({})).toContain('.local')
  })
})
