import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLogIn } from '../../src/log/index.js'
import type { Log } from '../../src/log/log.js'
import { nodeDisk } from '../../src/log/node-disk.js'
import { realWorld, type World } from '../../src/log/world.js'
import { checkLog } from './log-check.js'
import { TestStream } from './log-streams.js'

let dir: string
/** Segments of the journal that were opened for reading. */
let read: string[]
let world: World

beforeEach(() => {
  dir = join(mkdtempSync(join(tmpdir(), 'deedlog-resume-')), 'log')
  read = []
  world = {
    ...realWorld,
    logs: new Map(),
    disk: {
      ...nodeDisk,
      open: (path, how, mode) => {
        if (how === 'read' && path.endsWith('.journal')) read.push(path)
        return nodeDisk.open(path, how, mode)
      },
    },
  }
})

afterEach(() => rmSync(join(dir, '..'), { recursive: true, force: true }))

const open = (): Promise<Log> => openLogIn(world, dir, {}, 'files')
const resumeFile = () => join(dir, 'private/resume')
const segment = () => join(dir, 'private/journal/0000000000000000.journal')

/** A log with a stream of `count` records, closed. */
async function makeLog(count: number): Promise<TestStream> {
  const log = await open()
  const stream = await TestStream.begin(log)
  for (let left = count; left > 0; left -= 100) await log.append(stream.batch(Math.min(100, left)))
  await log.close()
  read = []
  return stream
}

async function recordsOf(log: Log): Promise<string[]> {
  const records: string[] = []
  for await (const { record } of log.entries()) records.push(Buffer.from(record).toString())
  return records
}

describe('after an orderly end', () => {
  test.each([0, 1, 253, 254, 255, 700])('a log of %i more records opens without a look at its journal', async count => {
    const stream = await makeLog(count)
    const log = await open()
    expect(read).toEqual([])
    expect(log.size).toBe(2 + count)
    // It goes on as if it had never been closed: the stream, the tree, proofs and what lies far back.
    await log.append(stream.batch(3))
    await log.flush()
    await log.prove(0)
    await log.prove(log.size - 1)
    expect(await recordsOf(log)).toHaveLength(5 + count)
    await log.close()
    await checkLog(world.disk, 'files', dir, { verifierKey: log.verifierKey })
  })

  test('a batch that is handed over again keeps its indexes', async () => {
    const stream = await makeLog(0)
    const first = await open()
    const batch = stream.batch(5)
    const receipts = await first.append(batch)
    await first.close()
    const again = await open()
    expect(await again.append(batch)).toEqual(receipts)
    await again.close()
  })

  test('a stream that has ended takes nothing more', async () => {
    const stream = await makeLog(0)
    const log = await open()
    await log.append([{ record: stream.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
    await log.close()
    const again = await open()
    await expect(again.append(stream.batch(1))).rejects.toMatchObject({ code: 'stream.ended' })
    await again.close()
  })
})

describe('everything is read', () => {
  const whatOthersDo: readonly (readonly [what: string, change: () => void])[] = [
    ['one byte of what was kept is another', () => flip(resumeFile(), -20)],
    ['its signature is another', () => flip(resumeFile(), 3)],
    ['it is gone', () => rmSync(resumeFile())],
    ['it is empty', () => writeFileSync(resumeFile(), '')],
    ['it says that its stream is another', () => replace(resumeFile(), /did:test:1/, 'did:test:2')],
    ['a segment was written again with the same bytes', () => writeFileSync(segment(), readFileSync(segment()))],
  ]

  test.each(whatOthersDo)('when %s', async (_, change) => {
    const stream = await makeLog(300)
    change()
    const log = await open()
    expect(read.length).toBeGreaterThan(0)
    await log.append(stream.batch(2))
    await log.close()
    await checkLog(world.disk, 'files', dir, { verifierKey: log.verifierKey })
  })

  test('when what was kept is of an older head', async () => {
    const stream = await makeLog(10)
    const older = readFileSync(resumeFile())
    const log = await open()
    await log.append(stream.batch(1))
    await log.close()
    writeFileSync(resumeFile(), older)
    read = []
    await (await open()).close()
    expect(read.length).toBeGreaterThan(0)
  })

  test('and a record that was changed is found', async () => {
    await makeLog(300)
    replace(segment(), /"reason":"test"/, '"reason":"tesT"')
    await expect(open()).rejects.toMatchObject({ code: 'log.damaged' })
  })

  test('and a tile of the right edge that was changed is not replaced', async () => {
    await makeLog(300)
    flip(join(dir, 'log/tile/0/001.p/46'), 40)
    await expect(open()).rejects.toMatchObject({ code: 'log.object-differs' })
  })

  test('and a record in the last bundle that was changed is not built upon', async () => {
    await makeLog(300)
    flip(join(dir, 'log/tile/entries/001.p/46'), 40)
    await expect(open()).rejects.toMatchObject({ code: 'log.object-differs' })
  })
})

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at < 0 ? bytes.length + at : at]! ^= 1
  writeFileSync(path, bytes)
}

function replace(path: string, what: RegExp, by: string): void {
  const text = readFileSync(path, 'latin1')
  expect(text).toMatch(what)
  writeFileSync(path, text.replace(what, by), 'latin1')
}
