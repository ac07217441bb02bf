import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sha256Hex } from '#crypto'
import { toHex } from '../../src/core/bytes/hex.js'
import { encodeKey, type LogRef, recordLeaf } from '../../src/core/record/index.js'
import {
  leafHash,
  parseNote,
  parseTlogProof,
  parseVerifierKey,
  verifyCheckpoint,
  verifyTlogProof,
} from '../../src/core/tlog/index.js'
import { parseTrust } from '../../src/core/verify/trust.js'
import { signCheckpoint } from '../../src/log/checkpoint-note.js'
import { createLog, files, jsonl, memory, openLog } from '../../src/log/index.js'
import { readAwaiting, readDisclosures } from '../../src/log/journal-reader.js'
import { decodePrivateKey } from '../../src/log/keys.js'
import { filesLayout, jsonlLayout } from '../../src/log/layout.js'
import { type Log, LogHandle, type LogOptions } from '../../src/log/log.js'
import { nodeDisk } from '../../src/log/node-disk.js'
import { openInMemory } from '../../src/log/open.js'
import { realWorld } from '../../src/log/world.js'
import { checkLog } from './log-check.js'
import { disclosuresOf, seedOf, TestStream } from './log-streams.js'

/* What every store must do, and then what those on a disk must do besides. */

let folder: string
const open: Log[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-log-'))
})
afterEach(async () => {
  for (const log of open.splice(0)) await log.close().catch(() => {})
  rmSync(folder, { recursive: true, force: true })
})

type Kind = 'memory' | 'files' | 'jsonl'
const targetOf = (kind: Kind): string => join(folder, kind === 'jsonl' ? 'audit.jsonl' : 'audit')

async function begin(kind: Kind, options: LogOptions = {}): Promise<Log> {
  const withDefaults = { checkpointMs: 0, ...options }
  const log = await (kind === 'memory' ? beginInMemory(withDefaults) : openLog(targetOf(kind), withDefaults))
  open.push(log)
  return log
}

async function beginInMemory(options: LogOptions): Promise<Log> {
  const writer = await openInMemory(realWorld, options)
  return new LogHandle(writer, () => writer.close())
}

async function recordsOf(log: Log): Promise<Uint8Array[]> {
  const records: Uint8Array[] = []
  for await (const { index, record } of log.entries()) {
    expect(index).toBe(records.length)
    records.push(record)
  }
  return records
}

/** Re-verifies all that a log says about itself. */
async function recheck(log: Log): Promise<void> {
  await log.flush()
  const key = parseVerifierKey(log.verifierKey)
  const records = await recordsOf(log)
  const { size, origin } = verifyCheckpoint(parseNote((await log.head!())!), [key])
  expect({ size, origin }).toEqual({ size: records.length, origin: log.origin })
  for (const [index, record] of records.entries())
    verifyTlogProof(parseTlogProof(await log.prove(index)), leafHash(record), [key])
}

/** The code of what a promise rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: { code?: string; name: string }) => error.code ?? error.name,
  )

describe.each<Kind>(['memory', 'jsonl', 'files'])('the %s store', kind => {
  test('begins with the log record, a checkpoint of size 1, and an id that is its leaf hash', async () => {
    const log = await begin(kind, { retentionDays: 30 })
    const [first] = await recordsOf(log)
    const record = JSON.parse(new TextDecoder().decode(first!))
    expect(record).toMatchObject({ type: 'log', origin: log.origin, retention: { days: 30 } })
    expect(log.origin).toMatch(/^localhost\/deedlog\/[0-9a-z]{26}$/)
    expect(record.operators).toEqual([encodeKey(parseVerifierKey(log.operatorKey).publicKey!)])
    expect(parseVerifierKey(log.operatorKey).name).toBe(log.origin)
    expect(log.id).toBe(recordLeaf(first!))
    expect(await log.logs!()).toEqual([{ id: log.id, origin: log.origin }])
    await recheck(log)
  })

  test('keeps records in order, byte for byte, and tells their indexes and leaf hashes', async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    const all = [stream.start]
    for (const count of [1, 3, 1]) {
      const batch = stream.batch(count)
      const receipts = await log.append(batch)
      expect(receipts).toEqual(
        batch.map(({ record }, i) => ({ index: all.length + 1 + i, leafHash: recordLeaf(record), level: 'sequenced' })),
      )
      all.push(...batch.map(({ record }) => record))
    }
    expect((await recordsOf(log)).slice(1)).toEqual(all)
    expect(log.size).toBe(all.length + 1)
    await recheck(log)
  })

  test('gives a record that it holds its old index, from the newest to the oldest', async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    const batches = [stream.batch(2), stream.batch(1)]
    const receipts = []
    for (const batch of batches) receipts.push(await log.append(batch))
    for (const [i, batch] of batches.entries()) expect(await log.append(batch)).toEqual(receipts[i])
    expect((await log.append([{ record: stream.start }]))[0]!.index).toBe(1)
    // A batch that is partly there already is finished.
    const more = stream.batch(2)
    const mixed = await log.append([...batches[1]!, ...more])
    expect(mixed.map(({ index }) => index)).toEqual([4, 5, 6])
    expect(log.size).toBe(7)
    // The same batch twice at once is sequenced once.
    const twice = stream.batch(1)
    expect(await Promise.all([log.append(twice), log.append(twice)])).toEqual([
      [{ index: 7, leafHash: recordLeaf(twice[0]!.record), level: 'sequenced' }],
      [{ index: 7, leafHash: recordLeaf(twice[0]!.record), level: 'sequenced' }],
    ])
    await recheck(log)
  })

  test('finds a record that it no longer remembers', { timeout: 120_000 }, async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    const old = stream.batch(2)
    const receipts = await log.append(old)
    const other = await TestStream.begin(log, 2)
    for (let i = 0; i < 5; i++) await log.append(other.batch(4000, { disclosures: false }))
    expect(await log.append(old)).toEqual(receipts)
    expect(await codeOf(log.append([{ record: forkOf(stream) }]))).toBe('stream.order')
  })

  test('takes all of a batch or nothing', async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    const [good, , last] = stream.batch(3)
    expect(await codeOf(log.append([good!, last!]))).toBe('stream.order')
    expect(log.size).toBe(2)
    expect(await codeOf(log.append([good!, { record: new TextEncoder().encode('{}') }]))).not.toBe('nothing')
    expect(log.size).toBe(2)
    await recheck(log)
  })

  test('refuses what is not a record, not of this log, not next, not signed, or too late', async () => {
    const log = await begin(kind)
    const logs = await log.logs!()
    const stream = await TestStream.begin(log)
    const utf8 = (text: string) => new TextEncoder().encode(text)
    const refused = async (...records: Uint8Array[]) => {
      const { size } = log
      const code = await codeOf(log.append(records.map(record => ({ record }))))
      expect(log.size).toBe(size)
      return code
    }
    expect(await refused(utf8('not json'))).toMatch(/^record\./)
    expect(await refused(new Uint8Array(0))).toMatch(/^record\./)
    expect(await refused(utf8('{"v":1} '))).toMatch(/^record\./)
    expect(await refused(utf8(`{"a":"${'x'.repeat(16_400)}"}`))).toBe('record.length')
    expect(await refused((await recordsOf(log))[0]!)).toBe('stream.link')
    expect(await refused(new TestStream([{ id: '0'.repeat(64), origin: 'elsewhere' }], 2).start)).toBe('stream.foreign')
    expect(await refused(new TestStream(logs, 3).record())).toBe('stream.unknown')
    expect(await refused(new TestStream(logs, 4, { role: 'operator' }).start)).toBe('stream.operator')
    expect(await refused(stream.record({ type: 'key', event: 'add', key: encodeKey(seedOf(1)) }))).toBe(
      'stream.operator',
    )

    const next = await TestStream.begin(log, 5)
    const unsigned = next.record(undefined, false)
    expect(await refused(unsigned)).toBe('stream.signature')
    const forged = utf8(new TextDecoder().decode(stream.record()).replace(/"sig":"..../, '"sig":"AAAA'))
    expect(await refused(forged)).toMatch(/^stream\./)
    expect(await refused(next.record(), next.record())).toBe('stream.order')

    const ends = await TestStream.begin(log, 6)
    await log.append([{ record: ends.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
    expect(await refused(ends.record())).toBe('stream.ended')
    await recheck(log)
  })

  test('closes a stream to its writer once it was recovered, also when both come at once', async () => {
    const log = await begin(kind)
    const identity = seedOf(7)
    const logs = await log.logs!()
    const gone = new TestStream(logs, 1, { identity })
    await log.append([{ record: gone.start }])
    const heir = heirOf(logs, identity)
    await log.append([{ record: heir.start }])
    const recovery = heir.record({ type: 'recovery', of: gone.id, last: gone.id, lastSeq: 0 })
    const late = gone.batch(1)
    const [recovered, refused] = await Promise.all([
      codeOf(log.append([{ record: recovery }])),
      codeOf(log.append(late)),
    ])
    expect([recovered, refused]).toEqual(['nothing', 'stream.recovered'])
    await recheck(log)
  })

  test('compares `after` with its own tree, and keeps the note it cites', async () => {
    const log = await begin(kind)
    const logs = await log.logs!()
    await log.flush()
    const note = (await log.head!())!
    const { size, root } = verifyCheckpoint(parseNote(note), [parseVerifierKey(log.verifierKey)])
    const after = { origin: log.origin, size, root: toHex(root), note: sha256Hex(note) }
    const start = (number: number, members: object) =>
      log.append([{ record: new TestStream(logs, number, { after: { ...after, ...members } }).start }])
    await start(1, {})
    expect(await codeOf(start(2, { size: 99 }))).toBe('append.after')
    expect(await codeOf(start(3, { root: '0'.repeat(64) }))).toBe('append.after')
    // An older checkpoint of ours is as good.
    await log.flush()
    await start(4, {})
    // Another log's is none of our business.
    await start(5, { origin: 'elsewhere', root: '0'.repeat(64), size: 99 })
    await recheck(log)
    if (kind === 'files') expect(readFileSync(join(targetOf(kind), 'log/notes', after.note))).toEqual(Buffer.from(note))
    if (kind === 'jsonl') expect(readFileSync(join(`${targetOf(kind)}.notes`, after.note))).toEqual(Buffer.from(note))
  })

  test('answers at `published` only when a checkpoint covers the record', async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    const [receipt] = await log.append(stream.batch(1), { level: 'published' })
    expect(receipt!.level).toBe('published')
    const { size } = verifyCheckpoint(parseNote((await log.head!())!), [parseVerifierKey(log.verifierKey)])
    expect(size).toBeGreaterThan(receipt!.index)
    expect(await codeOf(log.append(stream.batch(1), { level: 'witnessed' }))).toBe('log.no-witness')
    expect(await codeOf(log.flush('witnessed'))).toBe('log.no-witness')
  })

  test('proves every record across tile boundaries, at every size that was signed', { timeout: 60_000 }, async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    for (const size of [255, 256, 257, 300, 511, 512, 513]) {
      await log.append(stream.batch(size - log.size, { disclosures: false }))
      await log.flush()
      for (const index of [0, 1, 128, 254, 255, 256, size - 1].filter(index => index < size)) {
        const proof = parseTlogProof(await log.prove(index))
        let record: Uint8Array | undefined
        for await (const found of log.entries({ from: index, to: index + 1 })) record = found.record
        expect(verifyTlogProof(proof, leafHash(record!), [parseVerifierKey(log.verifierKey)]).size).toBe(size)
      }
    }
    await expect(log.prove(log.size)).rejects.toThrow(RangeError)
  })

  test('takes many streams at once, each in its order', async () => {
    const log = await begin(kind)
    await Promise.all(
      Array.from({ length: 40 }, async (_, number) => {
        const stream = await TestStream.begin(log, number)
        for (let i = 0; i < 10; i++) await log.append(stream.batch(1 + (i % 3)))
      }),
    )
    const next = new Map<string, number>()
    for (const bytes of (await recordsOf(log)).slice(1)) {
      const { seq, stream = recordLeaf(bytes) } = JSON.parse(new TextDecoder().decode(bytes))
      expect(seq).toBe(next.get(stream) ?? 0)
      next.set(stream, seq + 1)
    }
    expect([...next.values()]).toEqual(Array(40).fill(20))
    await recheck(log)
  })

  test('flushes and closes under load: what was acknowledged is there, what came too late is refused', async () => {
    const log = await begin(kind)
    const acknowledged: string[] = []
    const refused: string[] = []
    const work = Array.from({ length: 8 }, async (_, number) => {
      try {
        const stream = await TestStream.begin(log, number)
        for (;;) {
          const batch = stream.batch(2)
          await log.append(batch)
          acknowledged.push(...batch.map(({ record }) => recordLeaf(record)))
        }
      } catch (error) {
        refused.push((error as { code: string }).code)
      }
    })
    while (acknowledged.length < 100) await log.flush()
    await log.close()
    await Promise.all(work)
    expect(refused).toEqual(Array(8).fill('log.closed'))
    expect(await codeOf(log.flush())).toBe('log.closed')
    await log.close()
    if (kind === 'memory') return
    const again = await begin(kind)
    const held = new Set((await recordsOf(again)).map(recordLeaf))
    for (const leaf of acknowledged) expect(held).toContain(leaf)
    await recheck(again)
  })

  test('signs for agents with identities that stay', async () => {
    const log = await begin(kind)
    const signer = await log.identity!('did:test:a')
    const message = new TextEncoder().encode('message')
    expect(await log.identity!('did:test:a')).toBe(signer)
    expect((await log.identity!('did:test:b')).publicKey).not.toEqual(signer.publicKey)
    expect(await codeOf(log.identity!('two words'))).toBe('agent.id')
    const signature = await signer.sign(message)
    if (kind === 'memory') return
    await log.close()
    const again = await (await begin(kind)).identity!('did:test:a')
    expect(again.publicKey).toEqual(signer.publicKey)
    expect(await again.sign(message)).toEqual(signature)
  })
})

/** A stream of the same agent and identity as stream 1 of a test, with a key of its own. */
const heirOf = (logs: readonly LogRef[], identity: Uint8Array): TestStream =>
  new TestStream(logs, 1, { identity, keyNumber: 77 })

/** Another record in the place of an old one, well signed. */
const forkOf = (stream: TestStream): Uint8Array =>
  new TestStream(stream.logs, stream.number).record({ type: 'loss', reason: 'other' })

describe.each<'files' | 'jsonl'>(['files', 'jsonl'])('the %s store on a disk', kind => {
  const layout = () => (kind === 'files' ? filesLayout : jsonlLayout)(targetOf(kind))
  const ofRecords = (record: Uint8Array) =>
    new TextDecoder().decode(record).includes('"type":"log"') ? undefined : disclosuresOf(record)

  test('re-verifies from its files: every tile, root, note, journal frame and disclosure', {
    timeout: 60_000,
  }, async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    for (const count of [1, 200, 53, 1, 1, 1, 300, 700]) {
      await log.append(stream.batch(count, { pad: count === 1 ? 5000 : 0 }))
      await log.flush()
      await checkLog(nodeDisk, kind, targetOf(kind), { verifierKey: log.verifierKey, settled: true })
    }
    await log.close()
    const checked = await checkLog(nodeDisk, kind, targetOf(kind), {
      verifierKey: log.verifierKey,
      disclosures: ofRecords,
    })
    expect(checked).toMatchObject({ size: 1259, awaiting: 0 })
    const again = await begin(kind)
    expect(again.size).toBe(1259)
    await again.append(stream.batch(2))
    await recheck(again)
  })

  test('removes partial tiles only when the full tile has taken their place', async () => {
    const log = await begin(kind)
    const stream = await TestStream.begin(log)
    await log.flush()
    await log.append(stream.batch(250))
    await log.flush()
    const partials = () => readdirSync(join(targetOf(kind), 'log/tile/entries')).filter(name => name.endsWith('.p'))
    if (kind === 'files') expect(partials()).toEqual(['000.p'])
    await log.append(stream.batch(10))
    await log.flush()
    if (kind === 'files') expect(partials()).toEqual(['001.p'])
    await log.close()
    await checkLog(nodeDisk, kind, targetOf(kind), { verifierKey: log.verifierKey, disclosures: ofRecords })
  })

  test('keeps keys, journal and head where nobody else can read them', async () => {
    const log = await begin(kind)
    await log.identity!('did:test:a')
    await (await TestStream.begin(log)).batch(1)
    await log.close()
    for (const name of readdirSync(layout().privateFolder, { recursive: true, encoding: 'utf8' })) {
      const path = join(layout().privateFolder, name)
      const found = statSync(path)
      if (path === layout().config) continue
      expect([name, (found.mode & 0o777).toString(8)]).toEqual([name, found.isDirectory() ? '700' : '600'])
    }
    expect((statSync(layout().privateFolder).mode & 0o777).toString(8)).toBe('700')
    const publicText = kind === 'files' ? '' : readFileSync(targetOf(kind), 'utf8')
    expect(publicText).not.toContain('PRIVATE')
  })

  test('writes the operator’s trust file beside the log, and agents into it as they come', async () => {
    const log = await begin(kind)
    const trustPath = `${targetOf(kind)}.trust`
    await log.identity!('did:test:a')
    await log.identity!('did:test:a')
    const text = readFileSync(trustPath, 'utf8')
    expect(text).toContain("the operator's own statement")
    const trust = parseTrust(text)
    expect(trust.logId).toBe(log.id)
    expect(trust.policy.logs.map(({ key }) => key.text)).toEqual([log.verifierKey])
    expect(trust.operators.map(key => key.text)).toEqual([log.operatorKey])
    expect(trust.agents.map(({ key }) => key.publicKey)).toEqual([(await log.identity!('did:test:a')).publicKey])
    rmSync(trustPath)
    await log.identity!('did:test:b')
    expect(() => statSync(trustPath)).toThrow()
  })

  test('makes no trust file when none is wanted, and never writes over one', async () => {
    await (await begin(kind, { trustFile: false })).close()
    expect(() => statSync(`${targetOf(kind)}.trust`)).toThrow()
    folder = mkdtempSync(join(folder, 'second-'))
    writeFileSync(`${targetOf(kind)}.trust`, 'precious')
    expect(await codeOf(openLog(targetOf(kind)))).toBe('log.trust-exists')
    expect(readFileSync(`${targetOf(kind)}.trust`, 'utf8')).toBe('precious')
    expect(() => statSync(layout().config)).toThrow()
  })

  test('shares one writer between two uses in a process', async () => {
    const [one, two] = await Promise.all([begin(kind), begin(kind)])
    const first = await TestStream.begin(one, 1)
    const second = await TestStream.begin(two, 2)
    await Promise.all([one.append(first.batch(3)), two.append(second.batch(3))])
    expect(one.size).toBe(9)
    await one.close()
    expect(await codeOf(one.append(first.batch(1)))).toBe('log.closed')
    await two.append(second.batch(1))
    // Closing and opening may cross.
    const closing = two.close()
    const three = await begin(kind)
    await closing
    expect(three.size).toBe(10)
    await recheck(three)
  })

  test('is refused while another process has it, and free as soon as that one is killed', {
    timeout: 60_000,
  }, async () => {
    const child = await writerProcess(targetOf(kind))
    const error = await openLog(targetOf(kind)).catch((error: Error) => error)
    expect(error).toMatchObject({ code: 'log.locked', retryable: true })
    expect((error as Error).message).toContain(`pid ${child.process.pid}`)
    await killed(child)
    await begin(kind)
  })

  test('has every acknowledged record after a kill, ten times over', { timeout: 120_000 }, async () => {
    for (let round = 0; round < 10; round++) {
      const child = await writerProcess(targetOf(kind), round)
      const acknowledged = await child.acknowledged(40 + 17 * round)
      await killed(child)
      const log = await begin(kind)
      const held = new Map((await recordsOf(log)).map((record, index) => [recordLeaf(record), index]))
      for (const [leaf, index] of acknowledged) expect(held.get(leaf)).toBe(index)
      await log.close()
      await checkLog(nodeDisk, kind, targetOf(kind), { verifierKey: log.verifierKey })
    }
  })

  test('halts when a record cites its own signature on another tree', async () => {
    const log = await begin(kind)
    const key = parseVerifierKey(log.verifierKey)
    const seed = decodePrivateKey(readFileSync(layout().logKey), 'log.pem')
    const root = new Uint8Array(32)
    const note = signCheckpoint({ origin: log.origin, size: 1, root }, key, seed)
    const after = { origin: log.origin, size: 1, root: toHex(root), note: sha256Hex(note) }
    const { start } = new TestStream(await log.logs!(), 1, { after })
    // Without the note nobody can tell who made this up.
    expect(await codeOf(log.append([{ record: start }]))).toBe('append.after')
    expect(await codeOf(log.append([{ record: start, note }]))).toBe('log.forked')
    expect(await codeOf(log.append([{ record: start }]))).toBe('log.halted')
    expect(await codeOf(log.flush())).toBe('log.halted')
    await recheck(await begin(kind))
  })

  test('refuses what is no log, and says what it is', async () => {
    const refusal = (target: string, options?: LogOptions) => codeOf(openLog(target, options))
    expect(await refusal(targetOf(kind), { create: false })).toBe('log.missing')
    expect(readdirSync(folder)).toEqual([])
    if (kind === 'files') {
      mkdirSync(targetOf(kind))
      writeFileSync(join(targetOf(kind), 'notes.txt'), 'mine')
      expect(await refusal(targetOf(kind))).toBe('log.not-a-log')
      expect(readdirSync(targetOf(kind))).toEqual(['notes.txt'])
      writeFileSync(join(folder, 'file'), '')
      expect(await codeOf(files(join(folder, 'file')).logs!())).toBe('log.not-a-log')
    } else {
      writeFileSync(targetOf(kind), '{"a":1}\n')
      expect(await refusal(targetOf(kind))).toBe('log.not-a-log')
      expect(readFileSync(targetOf(kind), 'utf8')).toBe('{"a":1}\n')
      expect(readdirSync(folder)).toEqual(['audit.jsonl'])
      mkdirSync(join(folder, 'folder'))
      expect(await codeOf(jsonl(join(folder, 'folder')).logs!())).toBe('log.not-a-log')
    }
  })

  test('refuses another origin, a newer format, a foreign key, and a second making', async () => {
    const log = await begin(kind, { origin: 'example.com/deeds' })
    expect(await codeOf(openLog(targetOf(kind), { origin: 'example.com/other' }))).toBe('log.other-origin')
    await log.close()
    expect(await codeOf(openLog(targetOf(kind), { origin: 'example.com/other' }))).toBe('log.other-origin')
    expect(await codeOf(createLog(targetOf(kind)))).toBe('log.exists')
    const config = readFileSync(layout().config, 'utf8')
    writeFileSync(layout().config, config.replace('"format": 1', '"format": 2'))
    expect(await codeOf(openLog(targetOf(kind)))).toBe('log.newer-format')
    writeFileSync(layout().config, '{')
    expect(await codeOf(openLog(targetOf(kind)))).toBe('log.config')
    rmSync(layout().config)
    expect(await codeOf(openLog(targetOf(kind)))).toBe('log.not-a-log')
    writeFileSync(layout().config, config)
    const key = readFileSync(layout().logKey)
    writeFileSync(layout().logKey, readFileSync(layout().operatorKey))
    expect(await codeOf(openLog(targetOf(kind)))).toBe('log.key')
    writeFileSync(layout().logKey, key)
    await recheck(await begin(kind))
  })

  test.skipIf(process.getuid?.() === 0)('refuses a folder that may not be read', async () => {
    await (await begin(kind)).close()
    chmodSync(layout().privateFolder, 0)
    expect(await codeOf(openLog(targetOf(kind)))).toBe('log.permission')
    chmodSync(layout().privateFolder, 0o700)
  })

  test('touches nothing until it is used', async () => {
    const backend = kind === 'files' ? files(targetOf(kind)) : jsonl(targetOf(kind))
    await backend.flush()
    expect(readdirSync(folder)).toEqual([])
    const stream = await TestStream.begin(backend)
    await backend.append(stream.batch(1))
    await backend.close()
    await backend.close()
    expect(await codeOf(backend.append(stream.batch(1)))).toBe('log.closed')
    await checkLog(nodeDisk, kind, targetOf(kind), {
      verifierKey: await keyOf(targetOf(kind)),
      disclosures: ofRecords,
    })
  })

  test('tells a reader without the lock what awaits a checkpoint, and what was disclosed', async () => {
    const log = await begin(kind, { checkpointMs: 86_400_000 })
    const stream = await TestStream.begin(log)
    await log.flush()
    await log.append(stream.batch(3))
    await log.append(stream.batch(2, { disclosures: false }))
    expect(await readAwaiting(targetOf(kind))).toBe(5)
    const [record] = (await recordsOf(log)).slice(3)
    expect(await readDisclosures(targetOf(kind), 3)).toEqual(disclosuresOf(record!))
    expect(await readDisclosures(targetOf(kind), 5)).toBeUndefined()
    expect(await readDisclosures(targetOf(kind), 99)).toBeUndefined()
    await log.close()
    expect(await readAwaiting(targetOf(kind))).toBe(0)
    rmSync(layout().privateFolder, { recursive: true })
    expect(await readDisclosures(targetOf(kind), 3)).toBeUndefined()
    expect(await readAwaiting(targetOf(kind))).toBe(kind === 'files' ? undefined : 0)
  })
})

test('two memory logs share nothing', async () => {
  const [one, two] = [memory(), memory()]
  expect(await one.logs!()).not.toEqual(await two.logs!())
  await Promise.all([one.close(), two.close()])
})

test('a batch that is changed by its owner after the call is written as it was judged', async () => {
  const log = await begin('memory')
  const stream = await TestStream.begin(log)
  const record = Buffer.from(stream.batch(1)[0]!.record)
  const appending = log.append([{ record }])
  const leaf = recordLeaf(record)
  record.fill(0)
  expect((await appending)[0]!.leafHash).toBe(leaf)
  await recheck(log)
})

async function keyOf(target: string): Promise<string> {
  const log = await openLog(target, { create: false })
  await log.close()
  return log.verifierKey
}

/** Built once: a child process has no test runner to read TypeScript for it. */
const childPath = join(import.meta.dirname, `../../node_modules/.cache/deedlog-test/child-writer-${process.pid}.mjs`)
beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, 'child-writer.ts')],
    outfile: childPath,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: { '#crypto': join(import.meta.dirname, '../../src/native/crypto.ts') },
    logLevel: 'error',
  })
})
afterAll(() => rmSync(childPath, { force: true }))

interface Child {
  readonly process: ChildProcess
  /** Resolves when it has acknowledged so many records. */
  acknowledged(count: number): Promise<ReadonlyMap<string, number>>
}

/** A process that has the log open and appends to it as fast as it can. */
async function writerProcess(target: string, number = 1): Promise<Child> {
  const child = spawn(process.execPath, [childPath, target, String(number)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const records = new Map<string, number>()
  let onLine = () => {}
  let isOpen = false
  createInterface({ input: child.stdout! }).on('line', line => {
    if (line === 'open') isOpen = true
    // A line that was cut off by the kill was never acknowledged to anybody.
    const match = /^([0-9a-f]{64}) (\d+)$/.exec(line)
    if (match) records.set(match[1]!, Number(match[2]))
    onLine()
  })
  const until = (done: () => boolean): Promise<void> =>
    new Promise((resolve, reject) => {
      child.once('exit', code => reject(new Error(`the writer ended by itself (${code})`)))
      onLine = () => done() && resolve()
      onLine()
    })
  await until(() => isOpen)
  return {
    process: child,
    async acknowledged(count) {
      await until(() => records.size >= count)
      return records
    },
  }
}

/** Kills a process and waits until its output has been read to the end. */
const killed = (child: Child): Promise<void> =>
  new Promise(resolve => {
    child.process.once('close', () => resolve())
    child.process.kill('SIGKILL')
  })
