import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verify } from '../../src/client/verify.js'
import { parseNote, parseTlogProof, verifyCosignatures } from '../../src/core/tlog/index.js'
import { files, openLog } from '../../src/log/index.js'
import { realWorld } from '../../src/log/world.js'
import { sha256Hex } from '../../src/native/crypto.js'
import { witnessing } from '../../src/publish/witnessing.js'
import { Recorder } from '../../src/recorder/index.js'
import { type RunningWitness, serveWitness, Witness } from '../../src/witness/index.js'
import { copyTree } from '../copy-tree.js'

let folder: string
let witness: Witness
let server: RunningWitness
const dir = () => join(folder, 'audit')
const policy = () => `witness w1 ${witness.key.text} ${server.url}\nquorum w1\n`
const options = (more: object = {}) => ({ witnesses: witnessing({ policy: policy(), waitMs: 5000, ...more }) })
const checkpointOut = () => readFileSync(join(dir(), 'log/checkpoint'))

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-witnessed-'))
  await Witness.create(realWorld, join(folder, 'w1'), 'witness.example/w1')
  witness = await Witness.open(realWorld, join(folder, 'w1'))
  server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
})
afterEach(async () => {
  await server.stop()
  await witness.close()
  rmSync(folder, { recursive: true })
})

/** A log that the witness knows, with nothing but its first record, which the witness has cosigned. */
async function makeLog(): Promise<void> {
  const log = await openLog(dir(), { origin: 'example.com/deeds' })
  await Witness.addLog(realWorld, join(folder, 'w1'), log.verifierKey)
  await log.close()
}

async function calls(count: number, more: object = {}): Promise<void> {
  const recorder = new Recorder({ backend: files(dir(), { ...options(more) }), agent: { id: 'did:example:shop' } })
  for (let i = 0; i < count; i++) {
    const request = { tool: { name: 'pay' }, args: { i } }
    const ticket = await recorder.intent(request, await recorder.decide(request))
    await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: i } })
  }
  await recorder.close()
}

const trustWithWitness = () => {
  const path = join(folder, 'with-witness.trust')
  const own = readFileSync(`${dir()}.trust`, 'utf8').replace(/^quorum none\n/m, '')
  writeFileSync(path, own + policy())
  return path
}

describe('a log with a witness', () => {
  it('lets its newest checkpoint out with the cosignature, when it is closed at the latest', async () => {
    await makeLog()
    await calls(3)
    expect(verifyCosignatures(parseNote(checkpointOut()), [witness.key])).toHaveLength(1)
    const report = await verify(dir(), { trust: trustWithWitness() })
    expect(report.exitCode).toBe(0)
    expect(report.evidence.verdict).toBe('intact')
  })

  it('has its first record alone witnessed, before there is any other', async () => {
    await makeLog()
    const log = await openLog(dir(), options())
    await log.flush('witnessed')
    expect((await Witness.read(realWorld, join(folder, 'w1'))).logs[0]).toMatchObject({ size: 1 })
    await log.close()
  })

  it('gives records a time from below: streams cite what was cosigned, and the note is kept', async () => {
    await makeLog()
    const log = await openLog(dir(), options())
    await log.flush('witnessed')
    await log.close()
    await calls(1)
    const [start] = (await readRecords()).filter(record => record['type'] === 'stream.start')
    const after = start!['after'] as { note: string; size: number }
    const note = readFileSync(join(dir(), 'log/notes', after.note))
    expect(sha256Hex(note)).toBe(after.note)
    expect(verifyCosignatures(parseNote(note), [witness.key])).toHaveLength(1)
    const report = await verify(dir(), { trust: trustWithWitness() })
    expect(report.evidence.times?.made.length).toBeGreaterThan(0)
  })

  it('proves records under a checkpoint that the witness has seen', async () => {
    await makeLog()
    const log = await openLog(dir(), options())
    await log.flush('witnessed')
    const { checkpoint } = parseTlogProof(await log.prove(0))
    expect(verifyCosignatures(parseNote(checkpoint), [witness.key])).toHaveLength(1)
    await log.close()
  })

  it('keeps the cosignatures over a restart without witnesses', async () => {
    await makeLog()
    await calls(2)
    const before = checkpointOut()
    await (await openLog(dir())).close()
    expect(checkpointOut()).toEqual(before)
  })

  it('loses nothing and blocks nobody while the witness is away, and says what is not witnessed', async () => {
    await makeLog()
    await server.stop()
    const log = await openLog(dir(), options({ waitMs: 200, timeoutMs: 200 }))
    await expect(log.flush('witnessed')).rejects.toMatchObject({ code: 'log.unwitnessed' })
    await log.flush('published')
    await log.close()
    server = await serveWitness(witness, { host: '127.0.0.1', port: 0 })
    const report = await verify(dir(), { trust: trustWithWitness() })
    expect(report.exitCode).toBe(2)
  })

  it('refuses the word where there is no witness', async () => {
    await makeLog()
    const log = await openLog(dir())
    await expect(log.flush('witnessed')).rejects.toMatchObject({ code: 'log.no-witness' })
    await log.close()
  })

  it('stops when an older copy of it is put back and continued', async () => {
    await makeLog()
    copyTree(dir(), join(folder, 'older'))
    await calls(3)
    rmSync(dir(), { recursive: true })
    copyTree(join(folder, 'older'), dir())
    const log = await openLog(dir(), options())
    await expect(log.flush('witnessed')).rejects.toThrow()
    await expect(log.flush()).rejects.toMatchObject({ code: 'log.halted' })
    await log.close().catch(() => {})
    expect(existsSync(join(dir(), 'private/lock'))).toBe(true)
  })
})

async function readRecords(): Promise<Record<string, unknown>[]> {
  const log = await openLog(dir())
  const records: Record<string, unknown>[] = []
  for await (const { record } of log.entries()) records.push(JSON.parse(new TextDecoder().decode(record)))
  await log.close()
  return records
}
