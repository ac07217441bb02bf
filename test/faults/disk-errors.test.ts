import { describe, expect, test } from 'vitest'
import { openLogIn } from '../../src/log/index.js'
import { readDisclosures } from '../../src/log/journal-reader.js'
import { filesLayout, jsonlLayout, type StoreKind } from '../../src/log/layout.js'
import type { Log } from '../../src/log/log.js'
import { checkLog } from '../contract/log-check.js'
import { TestStream } from '../contract/log-streams.js'
import { errno, type Operation, SimDisk } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/* What a writer does when the disk says no, and afterwards. */

const TARGETS: Readonly<Record<StoreKind, string>> = { files: '/audit', jsonl: '/audit.jsonl' }

/** The code of what a promise rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: { code?: string }) => error.code ?? String(error),
  )

describe.each(['files', 'jsonl'] as const)('the %s store', kind => {
  const layout = (kind === 'files' ? filesLayout : jsonlLayout)(TARGETS[kind])
  const isSequence = ({ path }: Operation) => (kind === 'files' ? path.endsWith('.journal') : path === TARGETS[kind])

  async function begun(): Promise<{ disk: SimDisk; log: Log; streams: TestStream[]; open: () => Promise<Log> }> {
    const disk = new SimDisk()
    const world = simWorld(disk)
    const open = () => openLogIn(world, TARGETS[kind], { checkpointMs: 0 })
    const log = await open()
    const streams = []
    for (let number = 1; number <= 3; number++) streams.push(await TestStream.begin(log, number))
    await log.flush()
    return { disk, log, streams, open }
  }

  const failing = (disk: SimDisk, code: string, matches: (operation: Operation) => boolean) => {
    disk.fault = operation => {
      if (matches(operation)) throw errno(code, operation.path)
    }
  }

  test('halts when a sync fails, rejects all who wait, and is whole when opened again', async () => {
    const { disk, log, streams, open } = await begun()
    failing(disk, 'EIO', operation => operation.what === 'datasync' && isSequence(operation))
    const codes = await Promise.all(streams.map(stream => codeOf(log.append(stream.batch(2)))))
    expect(codes).toEqual(Array(3).fill('log.write-failed'))
    disk.fault = () => {}
    expect(await codeOf(log.append(streams[0]!.batch(1)))).toBe('log.halted')
    expect(await codeOf(log.flush())).toBe('log.halted')
    await log.close()
    const again = await open()
    await again.append((await TestStream.begin(again, 4)).batch(1))
    await endsWell(disk, kind, again)
  })

  test('halts when the sync of a lone append fails', async () => {
    const { disk, log, streams, open } = await begun()
    failing(disk, 'EIO', operation => operation.what === 'datasync' && isSequence(operation))
    expect(await codeOf(log.append(streams[0]!.batch(1)))).toBe('log.write-failed')
    expect(await codeOf(log.append(streams[1]!.batch(1)))).toBe('log.halted')
    disk.fault = () => {}
    // The lock is free without anybody closing the log that has stopped.
    await endsWell(disk, kind, await open())
  })

  test('writes again, on opening, what a failed sync may only have shown', async () => {
    const { disk, log, streams, open } = await begun()
    failing(disk, 'EIO', operation => operation.what === 'datasync' && isSequence(operation))
    await codeOf(log.append(streams[0]!.batch(1)))
    await log.close()
    disk.fault = () => {}
    const from = disk.trace.length
    const again = await open()
    expect(again.size).toBe(5)
    const sequence = disk.trace.slice(from).filter(isSequence)
    expect(sequence.map(({ what }) => what)).toEqual(['write', 'datasync'])
    // The sync above covered it: a power cut now changes nothing.
    const after = disk.crashed('synced')
    const last = await openLogIn(simWorld(after, 2), TARGETS[kind], {})
    expect(last.size).toBe(5)
    await last.close()
    await again.close()
  })

  test('goes on after a full disk, with nothing saved and nothing lost', async () => {
    const { disk, log, streams } = await begun()
    disk.tears = true
    failing(disk, 'ENOSPC', operation => operation.what === 'write' && isSequence(operation))
    const batch = streams[0]!.batch(2)
    const codes = await Promise.all([codeOf(log.append(batch)), codeOf(log.append(streams[1]!.batch(1)))])
    expect(codes).toEqual(['log.no-space', 'log.no-space'])
    expect(log.size).toBe(4)
    disk.fault = () => {}
    expect((await log.append(batch)).map(({ index }) => index)).toEqual([4, 5])
    await endsWell(disk, kind, log)
  })

  test('tells whoever waits for a checkpoint that the disk is full, and signs when it no longer is', async () => {
    const { disk, log, streams } = await begun()
    failing(disk, 'ENOSPC', ({ what, path }) => what === 'write' && path.startsWith(layout.head))
    await log.append(streams[0]!.batch(1))
    expect(await codeOf(log.flush())).toBe('log.no-space')
    await log.append(streams[0]!.batch(1))
    disk.fault = () => {}
    await log.flush()
    await endsWell(disk, kind, log)
  })

  test('halts when the head is not where this writer left it', async () => {
    const { disk, log, streams } = await begun()
    disk.plant(layout.head, new Uint8Array([1]))
    await log.append(streams[0]!.batch(1))
    expect(await codeOf(log.flush())).toBe('log.head-moved')
    expect(await codeOf(log.append(streams[0]!.batch(1)))).toBe('log.halted')
  })

  test('acknowledges only what was written and synced before, in that order', async () => {
    const { disk, log, streams } = await begun()
    for (const count of [1, 2]) {
      const from = disk.trace.length
      await log.append(streams[0]!.batch(count))
      const sequence = disk.trace.slice(from).filter(isSequence)
      expect(sequence.map(({ what }) => what)).toEqual(['write', 'datasync'])
    }
    await endsWell(disk, kind, log)
  })

  test('refuses a disk that cannot be written', async () => {
    const disk = new SimDisk()
    failing(disk, 'EROFS', () => true)
    expect(await codeOf(openLogIn(simWorld(disk), TARGETS[kind], {}))).toBe('log.read-only')
  })
})

test('the files store never replaces a tile, and says which one differs', async () => {
  const disk = new SimDisk()
  const log = await openLogIn(simWorld(disk), '/audit', { checkpointMs: 0 })
  const stream = await TestStream.begin(log)
  const planted = new Uint8Array([1, 2, 3])
  disk.plant('/audit/log/tile/entries/000', planted)
  await log.append(stream.batch(300))
  const error = await log.flush().catch((error: Error) => error)
  expect(error).toMatchObject({ code: 'log.object-differs', message: expect.stringContaining('tile/entries/000') })
  expect(disk.peek('/audit/log/tile/entries/000')).toEqual(planted)
})

test('the files store refuses to open over a changed partial tile', async () => {
  const disk = new SimDisk()
  const log = await openLogIn(simWorld(disk), '/audit', {})
  await TestStream.begin(log)
  await log.close()
  disk.plant('/audit/log/tile/0/000.p/2', new Uint8Array(64))
  expect(await codeOf(openLogIn(simWorld(disk), '/audit', {}))).toBe('log.object-differs')
})

test('the files store signs nothing while a full tile is still being written', async () => {
  const disk = new SimDisk()
  const log = await openLogIn(simWorld(disk), '/audit', { checkpointMs: 0 })
  const stream = await TestStream.begin(log)
  let letGo = () => {}
  const held = new Promise<void>(resolve => {
    letGo = resolve
  })
  disk.gate = path => (path.includes('tile/entries/000.tmp') ? held : undefined)
  await log.append(stream.batch(300))
  const flushed = log.flush()
  const before = disk.peek('/audit/private/head')
  for (let turn = 0; turn < 100; turn++) await new Promise(resolve => setImmediate(resolve))
  expect(disk.peek('/audit/private/head')).toBe(before)
  letGo()
  await flushed
  expect(disk.peek('/audit/private/head')).not.toBe(before)
  await log.close()
})

test('the files store begins a new segment of its journal before one grows too long, and those that are signed shrink', {
  timeout: 60_000,
}, async () => {
  const disk = new SimDisk()
  const log = await openLogIn(simWorld(disk, 1, false), '/audit', { segmentBytes: 64 * 1024 * 1024 })
  const stream = await TestStream.begin(log)
  const large = new Uint8Array(40 * 1024 * 1024).fill(0x20)
  for (let i = 0; i < 2; i++) await log.append([{ record: stream.record(), disclosures: large }])
  await log.append(stream.batch(2))
  const segments = disk.paths().filter(path => path.endsWith('.journal'))
  expect(segments.map(path => path.slice(-24))).toEqual(['0000000000000000.journal', '0000000000000003.journal'])
  // A crash right after a third one was made leaves it empty.
  const crashed = disk.crashed('synced')
  crashed.plant('/audit/private/journal/0000000000000006.journal', new Uint8Array(0))
  const again = await openLogIn(simWorld(crashed, 2), '/audit', {})
  expect(again.size).toBe(6)
  await again.append(stream.batch(1))
  await endsWell(crashed, 'files', again)
  expect(crashed.paths().filter(path => path.endsWith('.vault'))).toHaveLength(2)
  expect(crashed.paths().filter(path => segments.includes(path))).toEqual([])
  expect((await readDisclosures('/audit', 3, crashed))?.length).toBe(large.length)
  // An incomplete write can only be the last: in an older segment it is damage.
  const broken = disk.crashed('synced')
  broken.plant(segments[0]!, broken.peek(segments[0]!)!.slice(0, -1))
  expect(await codeOf(openLogIn(simWorld(broken, 3), '/audit', {}))).toBe('log.damaged')
})

async function endsWell(disk: SimDisk, kind: StoreKind, log: Log): Promise<void> {
  await log.close()
  await checkLog(disk, kind, TARGETS[kind], { verifierKey: log.verifierKey })
}
