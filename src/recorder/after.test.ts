import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '#crypto'
import { toBase64 } from '../core/bytes/base64.js'
import { toUtf8 } from '../core/bytes/utf8.js'
import { parseRecord } from '../core/record/schema.js'
import { formatCheckpoint, parseCheckpoint } from '../core/tlog/checkpoint.js'
import { parseNote } from '../core/tlog/note.js'
import { openLog } from '../log/index.js'
import { Head } from './head.js'
import { Recorder } from './recorder.js'
import { HeldRuntime, settled } from './testkit.js'

const agent = { id: 'did:example:agent' }

async function one(recorder: Recorder): Promise<void> {
  const ticket = await recorder.intent({ tool: { name: 'pay' }, args: {} }, { verdict: 'allow' })
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
}

describe('after', () => {
  test('is carried by stream.start, and again by a signed record of a stream that goes on for half a minute', async () => {
    const dir = join(mkdtempSync(join(tmpdir(), 'deedlog-after-')), 'audit')
    const log = await openLog(dir, { checkpointMs: 0 })
    const runtime = new HeldRuntime()
    runtime.ms = Date.now()
    const recorder = new Recorder({ backend: log, agent }, runtime)
    await one(recorder)
    await log.flush()
    await runtime.pass(31_000)
    await one(recorder)
    for (let i = 0; i < 20; i++) await settled()
    await one(recorder)
    const records = []
    for await (const { record } of log.entries()) records.push(parseRecord(record).json)
    await recorder.close()
    const carrying = records.filter(record => record['after'])
    expect(carrying.map(record => record['type'])).toEqual(['stream.start', expect.stringMatching(/intent|outcome/)])
    for (const record of carrying) {
      expect(record['sig']).toBeDefined()
      expect(record['after']).toMatchObject({ origin: log.origin })
    }
    const { size } = carrying[1]!['after'] as { size: number }
    expect(size).toBeGreaterThan(1)
  })

  const logs = [{ id: '0'.repeat(64), origin: 'example.com/log' }]
  const note = (origin: string, size: number, fill: number) =>
    toUtf8(
      `${formatCheckpoint({ origin, size, root: new Uint8Array(32).fill(fill) })}\n— ${origin} ${toBase64(new Uint8Array(68))}\n`,
    )

  test('is the newest checkpoint of a log that the stream names, with the hash of the whole note', async () => {
    let bytes: Uint8Array | undefined
    const head = new Head({ head: async () => bytes } as never)
    expect(await head.read(logs)).toBeUndefined()
    bytes = note('example.com/log', 7, 1)
    expect(parseCheckpoint(parseNote(bytes).text).size).toBe(7)
    expect(await head.read(logs)).toEqual({
      origin: 'example.com/log',
      size: 7,
      root: '01'.repeat(32),
      note: sha256Hex(bytes),
    })
    for (const wrong of [
      note('example.com/log', 6, 1),
      note('example.com/log', 7, 2),
      note('example.com/other', 8, 1),
    ]) {
      bytes = wrong
      await expect(head.read(logs)).rejects.toMatchObject({ code: 'recorder.head' })
    }
    bytes = toUtf8('no note')
    await expect(head.read(logs)).rejects.toMatchObject({ name: 'MalformedError' })
  })
})
