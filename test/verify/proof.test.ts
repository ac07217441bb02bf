import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openSource } from '../../src/client/open.js'
import { proveEntry } from '../../src/client/prove.js'
import { verify } from '../../src/client/verify.js'
import { parseTlogProof } from '../../src/core/tlog/index.js'
import { parseTrust, verifyEntry } from '../../src/core/verify/index.js'
import { codes, Party, TestLog, writeFolder, writeJsonl } from './kit.js'

const clerk = new Party('did:example:clerk')
const mallory = new Party('mallory')
const root = mkdtempSync(join(tmpdir(), 'deedlog-proof-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const log = new TestLog()
const stream = log.stream(clerk)
for (let i = 0; i < 300; i++) stream.call()
const trust = parseTrust(log.trust())

const target = writeFolder(join(root, 'audit'), log.files())
const proofOf = async (index: number, at = target): Promise<Uint8Array> =>
  (await proveEntry(await openSource(at), index))!

describe('one record and its proof', () => {
  it('hold under a trust file, and say nothing about the rest', async () => {
    for (const index of [0, 1, 300, log.size - 1]) {
      const report = verifyEntry(parseTlogProof(await proofOf(index)), log.entries[index]!, { trust })
      expect(codes(report)).toEqual([])
      expect(report).toMatchObject({ exitCode: 0, size: log.size, logId: '' })
      expect(report.evidence.verdict).toBe('self-consistent')
      expect([report.completeness.verdict, report.conduct.verdict]).toEqual(['could not check', 'could not check'])
      const passed = report.checks.filter(check => check.status === 'passed').map(check => check.code)
      expect(passed).toEqual(['checkpoint.signature', 'entry.included', 'records.understood'])
    }
  })

  it('are the same from a folder and from a JSONL log', async () => {
    const jsonl = writeJsonl(join(root, 'audit.jsonl'), log.entries, log.checkpoint())
    expect(await proofOf(77, jsonl)).toEqual(await proofOf(77))
  })

  it.each([
    ['another record', async () => [await proofOf(300), log.entries[301]!] as const, ['entry.not-included']],
    [
      'a record with a byte more',
      async () => [await proofOf(300), Uint8Array.from([...log.entries[300]!, 0x0a])] as const,
      ['entry.not-included', 'entry.malformed'],
    ],
    [
      'a proof under the checkpoint of another key',
      async () => {
        const forged = new TestLog()
        Object.assign(forged, { key: mallory })
        const proof = await proofOf(1, writeFolder(join(root, 'forged'), forged.stream(clerk).log.files()))
        return [proof, forged.entries[1]!] as const
      },
      ['checkpoint.unsigned'],
    ],
  ])('are evidence against: %s', async (_, make, found) => {
    const [proof, record] = await make()
    const report = verifyEntry(parseTlogProof(proof), record, { trust })
    expect(codes(report)).toEqual(found)
    expect(report.exitCode).toBe(1)
  })

  it('could not be checked without a trust file, unless nobody is to be asked', async () => {
    const proof = parseTlogProof(await proofOf(5))
    expect(verifyEntry(proof, log.entries[5]!).exitCode).toBe(2)
    expect(verifyEntry(proof, log.entries[5]!, { self: true }).exitCode).toBe(0)
  })

  it('are read from files by verify', async () => {
    const [file, record, auditor] = ['call.tlog-proof', 'call.json', 'auditor.trust'].map(name => join(root, name))
    writeFileSync(file!, await proofOf(5))
    writeFileSync(record!, log.entries[5]!)
    writeFileSync(auditor!, log.trust())
    expect((await verify(file!, { record: record!, trust: auditor! })).exitCode).toBe(0)
    await expect(verify(file!, { record: join(root, 'gone'), self: true })).rejects.toMatchObject({
      code: 'proof.no-record',
    })
    await expect(verify(join(root, 'gone.tlog-proof'), { record: record!, self: true })).rejects.toMatchObject({
      code: 'target.missing',
    })
    await expect(verify(file!, { self: true })).rejects.toMatchObject({ code: 'target.kind' })
  })
})
