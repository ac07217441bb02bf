import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { openLogIn } from '../../src/log/index.js'
import { filesLayout, jsonlLayout, type Layout, type StoreKind } from '../../src/log/layout.js'
import type { Log } from '../../src/log/log.js'
import { checkLog } from '../contract/log-check.js'
import { disclosuresOf, TestStream } from '../contract/log-streams.js'
import { SimDisk } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * What a writer does with a log that is not as it was left. It cuts one thing only: an incomplete last write beyond
 * the head. Everything else it refuses to open, changes nothing, and says where.
 */

const TARGETS: Readonly<Record<StoreKind, string>> = { files: '/audit', jsonl: '/audit.jsonl' }

/** A log whose writer died: the first records are signed, those of the last three writes are not. */
async function abandoned(
  kind: StoreKind,
): Promise<{ disk: SimDisk; lengths: number[]; sizes: number[]; verifierKey: string }> {
  const disk = new SimDisk()
  let log = await openLogIn(simWorld(disk), TARGETS[kind], {})
  const stream = await TestStream.begin(log)
  await log.append(stream.batch(2))
  const other = await TestStream.begin(log, 2)
  await log.append(other.batch(1))
  const { verifierKey } = log
  await log.close()
  log = await openLogIn(simWorld(disk, 1, false), TARGETS[kind], {})
  const lengths: number[] = []
  const sizes: number[] = []
  for (const batch of [stream.batch(1), other.batch(3), stream.batch(2)]) {
    lengths.push(disk.peek(sequenceOf(kind))!.length)
    sizes.push(log.size)
    await log.append(batch)
  }
  lengths.push(disk.peek(sequenceOf(kind))!.length)
  sizes.push(log.size)
  return { disk: disk.crashed('synced'), lengths, sizes, verifierKey }
}

const layoutOf = (kind: StoreKind): Layout => (kind === 'files' ? filesLayout : jsonlLayout)(TARGETS[kind])

/** The file that fixes the order. */
const sequenceOf = (kind: StoreKind): string =>
  kind === 'files' ? '/audit/private/journal/0000000000000000.journal' : '/audit.jsonl'

/** Opens a copy of the disk on which one file has these bytes. */
async function openWith(
  disk: SimDisk,
  kind: StoreKind,
  path: string,
  bytes: Uint8Array,
): Promise<{ log: Log; disk: SimDisk }> {
  const copy = disk.crashed('written')
  copy.plant(path, bytes)
  return { log: await openLogIn(simWorld(copy, 2), TARGETS[kind], {}), disk: copy }
}

async function refusal(
  disk: SimDisk,
  kind: StoreKind,
  path: string,
  bytes: Uint8Array,
): Promise<{ code: string; message: string }> {
  const copy = disk.crashed('written')
  copy.plant(path, bytes)
  const before = digest(copy)
  try {
    const log = await openLogIn(simWorld(copy, 2), TARGETS[kind], {})
    return { code: 'opened', message: `${log.size} records` }
  } catch (error) {
    expect(digest(copy)).toBe(before)
    return error as { code: string; message: string }
  }
}

describe.each(['files', 'jsonl'] as const)('a %s log whose writer died', kind => {
  const path = sequenceOf(kind)
  let log: Awaited<ReturnType<typeof abandoned>>
  let bytes: Uint8Array

  beforeAll(async () => {
    log = await abandoned(kind)
    bytes = log.disk.peek(path)!
  })

  test('opens with everything that was acknowledged, and signs it', async () => {
    const { log: opened, disk } = await openWith(log.disk, kind, path, bytes)
    expect(opened.size).toBe(log.sizes[3])
    await opened.close()
    const checked = await checkLog(disk, kind, TARGETS[kind], {
      verifierKey: log.verifierKey,
      disclosures: record =>
        new TextDecoder().decode(record).includes('"type":"log"') ? undefined : disclosuresOf(record),
    })
    expect(checked.awaiting).toBe(0)
  })

  test('cuts a last write that ends at any of its bytes', { timeout: 60_000 }, async () => {
    for (let length = log.lengths[2]!; length < log.lengths[3]!; length++) {
      const { log: opened, disk } = await openWith(log.disk, kind, path, bytes.slice(0, length))
      expect(opened.size, `cut to ${length} bytes`).toBe(log.sizes[2])
      await opened.append((await begun(opened)).batch(2))
      await opened.close()
      await checkLog(disk, kind, TARGETS[kind], { verifierKey: log.verifierKey })
    }
  })

  test('refuses any flipped bit and names the file and the place', { timeout: 120_000 }, async () => {
    for (let at = 0; at < bytes.length; at += 3) {
      const flipped = bytes.slice()
      flipped[at]! ^= 1 << (at % 8)
      const { code, message } = await refusal(log.disk, kind, path, flipped)
      expect(code, `byte ${at}: ${message}`).toBe('log.damaged')
      expect(message).toContain(path)
      const named = Number(/byte (\d+)/.exec(message)?.[1])
      // The frame or line that was hit, or the record that follows it in its stream.
      expect(named, message).toBeGreaterThanOrEqual(at - 2500)
      expect(named, message).toBeLessThan(bytes.length)
      expect(message).toMatch(/record \d+/)
    }
  })

  test('refuses zeros with good records behind them', async () => {
    const holes = bytes.slice()
    holes.fill(0, log.lengths[1]!, log.lengths[2]!)
    expect((await refusal(log.disk, kind, path, holes)).code).toBe('log.damaged')
    const wide = bytes.slice()
    wide.fill(0, log.lengths[0]!, log.lengths[2]!)
    expect((await refusal(log.disk, kind, path, wide)).code).toBe('log.damaged')
  })

  test('cuts a last write of which the disk only made the room', async () => {
    for (const from of [log.lengths[2]!, Math.ceil((log.lengths[2]! + 1) / 512) * 512]) {
      const zeros = bytes.slice()
      zeros.fill(0, from)
      const { log: opened } = await openWith(log.disk, kind, path, zeros)
      expect(opened.size).toBe(log.sizes[2])
      await opened.close()
    }
  })

  test('refuses when signed records are missing', async () => {
    expect(await refusal(log.disk, kind, path, bytes.slice(0, log.lengths[0]! - 1))).toMatchObject({
      code: 'log.rolled-back',
    })
    expect(await refusal(log.disk, kind, path, new Uint8Array(0))).toMatchObject({ code: 'log.rolled-back' })
  })

  test('refuses garbage after the last write', async () => {
    for (const garbage of ['x', '{"v":1}', '{"a":1}\n', 'x'.repeat(600)]) {
      const longer = new Uint8Array([...bytes, ...new TextEncoder().encode(garbage)])
      expect((await refusal(log.disk, kind, path, longer)).code, garbage).toBe('log.damaged')
    }
  })

  test('refuses a head that is older than the checkpoint everybody saw', async () => {
    const { log: opened, disk } = await openWith(log.disk, kind, path, bytes)
    const old = log.disk.peek(layoutOf(kind).head)!
    await opened.close()
    expect(await refusal(disk, kind, layoutOf(kind).head, old)).toMatchObject({ code: 'log.rolled-back' })
  })
})

test('a jsonl log refuses to open without lines whose disclosures are in its journal', async () => {
  const log = await abandoned('jsonl')
  const bytes = log.disk.peek('/audit.jsonl')!
  expect(await refusal(log.disk, 'jsonl', '/audit.jsonl', bytes.slice(0, log.lengths[1]))).toMatchObject({
    code: 'log.damaged',
    message: expect.stringContaining('lines are missing'),
  })
})

test('a jsonl log refuses any flipped bit in its journal of disclosures', { timeout: 60_000 }, async () => {
  const { disk } = await abandoned('jsonl')
  const path = disk.paths().find(name => name.endsWith('.journal'))!
  const bytes = disk.peek(path)!
  for (let at = 0; at < bytes.length; at += 3) {
    const flipped = bytes.slice()
    flipped[at]! ^= 1 << (at % 8)
    const { code, message } = await refusal(disk, 'jsonl', path, flipped)
    expect(code, `byte ${at}: ${message}`).toBe('log.damaged')
    expect(message).toContain(path)
  }
})

/** All that is on a disk, as one hash. */
function digest(disk: SimDisk): string {
  const hash = createHash('sha256')
  for (const path of disk.paths()) hash.update(path).update(disk.peek(path) ?? 'a folder')
  return hash.digest('hex')
}

let number = 100
const begun = (log: Log): Promise<TestStream> => TestStream.begin(log, number++)
