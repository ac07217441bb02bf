import { beforeEach, describe, expect, test } from 'vitest'
import { openLogIn } from '../../src/log/index.js'
import { readAwaiting, readDisclosures, readVaultOf } from '../../src/log/journal-reader.js'
import type { Log } from '../../src/log/log.js'
import { SimDisk } from '../faults/sim-disk.js'
import { simWorld } from '../faults/sim-world.js'
import { checkLog } from './log-check.js'
import { disclosuresOf, TestStream } from './log-streams.js'

/*
 * Once a head covers a segment of the journal, its disclosures are all that is left of it. Everything that asked the
 * journal before gets the same answers.
 */

const FOLDER = '/audit/private/journal'
let disk: SimDisk
let stream: TestStream
let seed = 1

beforeEach(() => {
  disk = new SimDisk()
})

const open = (on = disk, segmentBytes = 4096): Promise<Log> =>
  openLogIn(simWorld(on, seed++), '/audit', { checkpointMs: 0, segmentBytes })

const journalOf = (on: SimDisk): string[] =>
  on.paths().flatMap(path => (path.startsWith(`${FOLDER}/`) ? [path.slice(FOLDER.length + 1)] : []))

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    error => (error as { code: string }).code,
  )

/** A log of 300 records, every batch with disclosures, closed. */
async function makeLog(): Promise<Log> {
  const log = await open()
  stream = await TestStream.begin(log)
  for (let i = 0; i < 30; i++) await log.append(stream.batch(10))
  await log.close()
  return log
}

const isLogRecord = (record: Uint8Array): boolean => Buffer.from(record).includes('"type":"log"')
const holdsEverything = (log: Log, on = disk): Promise<unknown> =>
  checkLog(on, 'files', '/audit', {
    verifierKey: log.verifierKey,
    disclosures: record => (isLogRecord(record) ? undefined : disclosuresOf(record)),
  })

describe('a log whose journal has shrunk', () => {
  test('holds every record and every disclosure, and goes on', async () => {
    const log = await makeLog()
    // But for the last, which is small.
    expect(
      journalOf(disk)
        .slice(0, -1)
        .every(name => name.endsWith('.vault')),
    ).toBe(true)
    expect(journalOf(disk).length).toBeGreaterThan(2)
    await holdsEverything(log)
    expect(await readAwaiting('/audit', disk)).toBe(0)
    // As after an orderly end, and as after a crash.
    for (const orderly of [true, false]) {
      const copy = disk.crashed('synced')
      if (!orderly) copy.erase('/audit/private/resume')
      const again = await open(copy)
      expect(again.size).toBe(302)
      const records = []
      for await (const { record } of again.entries()) records.push(record)
      expect(records).toHaveLength(302)
      const other = await TestStream.begin(again, 2)
      await again.append(other.batch(3))
      expect(await readAwaiting('/audit', copy)).toBeGreaterThanOrEqual(0)
      await again.prove(0)
      await again.close()
      await holdsEverything(again, copy)
      let held = 0
      for await (const { index, disclosures } of (await readVaultOf('/audit', copy))!) {
        held++
        expect(await readDisclosures('/audit', index, copy)).toEqual(disclosures.slice())
      }
      expect(held).toBe(305)
    }
  })

  test('has no file for a segment without disclosures', async () => {
    const log = await open()
    const bare = await TestStream.begin(log)
    for (let i = 0; i < 30; i++) await log.append(bare.batch(10, { disclosures: false }))
    await log.close()
    // The start of the stream has some, and the last one is small.
    expect(journalOf(disk).length).toBeLessThanOrEqual(2)
    const again = await open()
    expect(again.size).toBe(302)
    await again.append(bare.batch(1))
    await again.close()
    await checkLog(disk, 'files', '/audit', { verifierKey: log.verifierKey })
  })

  test('keeps a small last segment to go on with', async () => {
    const log = await open(disk, 1024 * 1024)
    stream = await TestStream.begin(log)
    await log.append(stream.batch(3))
    await log.close()
    expect(journalOf(disk)).toEqual(['0000000000000000.journal'])
    const again = await open(disk, 1024 * 1024)
    await again.append(stream.batch(3))
    await again.close()
    expect(journalOf(disk)).toEqual(['0000000000000000.journal'])
  })
})

describe('what lies beside what a segment shrank to', () => {
  test('is removed when it is the segment, and was not erased from', async () => {
    const log = await makeLog()
    const [first] = journalOf(disk)
    const segment = `${first!.slice(0, 16)}.journal`
    // What a power cut may bring back.
    disk.plant(`${FOLDER}/${segment}`, new TextEncoder().encode('what was in it before'))
    disk.plant(`${FOLDER}/${first}.tmp`, new TextEncoder().encode('half of something'))
    expect(await readDisclosures('/audit', 2, disk)).toBeDefined()
    const again = await open()
    expect(journalOf(disk).filter(name => name === segment || name.endsWith('.tmp'))).toEqual([])
    await again.close()
    await holdsEverything(log)
  })

  test('is refused when the head is older', async () => {
    const old = disk
    let log = await open()
    stream = await TestStream.begin(log)
    await log.close()
    const [head, checkpoint] = [old.peek('/audit/private/head')!, old.peek('/audit/log/checkpoint')!]
    log = await open()
    for (let i = 0; i < 30; i++) await log.append(stream.batch(10))
    await log.close()
    disk.plant('/audit/private/head', head)
    disk.plant('/audit/log/checkpoint', checkpoint)
    expect(await codeOf(open())).toBe('log.rolled-back')
  })

  test('is damage, with its place, when a bundle is missing or was altered', async () => {
    await makeLog()
    disk.erase('/audit/private/resume')
    const path = '/audit/log/tile/entries/000'
    const bundle = disk.peek(path)!
    disk.erase(path)
    const missing = await open(disk.crashed('written')).catch((error: unknown) => error)
    expect(missing).toMatchObject({ code: 'log.damaged', message: expect.stringContaining('tile/entries/000') })
    // In the middle of a text of some record: it parses as before.
    const at = Buffer.from(bundle).indexOf('"reason":"test"', 20_000) + 10
    const altered = bundle.slice()
    altered[at]! ^= 1
    disk.plant(path, altered)
    const found = await open(disk.crashed('written')).catch((error: unknown) => error)
    expect(found).toMatchObject({
      code: 'log.damaged',
      message: expect.stringMatching(/tile\/entries\/000, entry \d+/),
    })
  })
})

test('a segment does not shrink when its bundle holds something else', async () => {
  const world = simWorld(disk, 1, false)
  const log = await openLogIn(world, '/audit', { segmentBytes: 4096 })
  stream = await TestStream.begin(log)
  for (let i = 0; i < 30; i++) await log.append(stream.batch(10))
  const path = '/audit/log/tile/entries/000'
  const readFile = disk.readFile.bind(disk)
  disk.readFile = async from => {
    const bytes = await readFile(from)
    if (from === path && bytes) bytes[5000]! ^= 1
    return bytes
  }
  await log.close()
  const segments = journalOf(disk).filter(name => name.endsWith('.journal'))
  expect(segments.length).toBeGreaterThan(10)
  // What is before it may go, it and what follows may not.
  const first = Number.parseInt(segments[0]!, 10)
  const altered = disk.peek(path)!
  expect(Buffer.from(altered.subarray(0, 5000)).toString('latin1').split('"v":1}').length).toBeGreaterThanOrEqual(first)
})
