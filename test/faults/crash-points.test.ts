import { describe, expect, test } from 'vitest'
import { recordLeaf } from '../../src/core/record/index.js'
import { parseCheckpoint, parseNote, tilePath, tilesBetween } from '../../src/core/tlog/index.js'
import type { AppendEntry, Receipt } from '../../src/log/backend.js'
import { openLogIn } from '../../src/log/index.js'
import { filesLayout, jsonlLayout, type Layout, type StoreKind } from '../../src/log/layout.js'
import type { Log } from '../../src/log/log.js'
import { checkLog } from '../contract/log-check.js'
import { disclosuresOf, TestStream } from '../contract/log-streams.js'
import { errno, type Operation, SimDisk, type Survives } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * The power fails at every single operation of a log's life, from its making to its end, and three kinds of disk are
 * found afterwards. Whatever happens: the log opens, every acknowledged record has its index, everything re-verifies,
 * and no two checkpoints of one size were ever seen.
 */

const TARGETS: Readonly<Record<StoreKind, string>> = { files: '/logs/audit', jsonl: '/logs/audit.jsonl' }
const layoutOf = (kind: StoreKind): Layout => (kind === 'files' ? filesLayout : jsonlLayout)(TARGETS[kind])

/** The leaf hash of each acknowledged record, and its index. */
type Acknowledged = Map<string, number>

/** A life with all that a log does: made, appended to one by one and together, checkpoints in between, closed, opened. */
async function life(disk: SimDisk, kind: StoreKind, acknowledged: Acknowledged): Promise<void> {
  const world = simWorld(disk)
  const append = async (log: Log, entries: AppendEntry[]) => {
    for (const { index, leafHash } of await log.append(entries)) acknowledged.set(leafHash, index)
  }
  let log = await openLogIn(world, TARGETS[kind], { checkpointMs: 0 })
  await log.identity!('did:test:agent')
  const one = new TestStream(await log.logs!(), 1)
  const two = new TestStream(await log.logs!(), 2)
  await append(log, [{ record: one.start, disclosures: disclosuresOf(one.start) }])
  await log.flush()
  await Promise.all([append(log, [{ record: two.start }]), append(log, one.batch(3))])
  // Fills a tile, so that a partial one is superseded.
  await append(log, one.batch(260, { disclosures: false }))
  await log.flush()
  await append(log, two.batch(2))
  await log.close()
  log = await openLogIn(world, TARGETS[kind], {})
  await append(log, one.batch(1))
  await log.close()
}

async function operationsOf(kind: StoreKind): Promise<readonly Operation[]> {
  const disk = new SimDisk()
  await life(disk, kind, new Map())
  return disk.trace
}

const sizeOf = (note: Uint8Array): number => parseCheckpoint(parseNote(note).text).size

describe.each(['files', 'jsonl'] as const)('the %s store', kind => {
  const layout = layoutOf(kind)
  const target = TARGETS[kind]

  test.each([
    ['what was synced is left', 'synced', false],
    ['what was written is left', 'written', false],
    ['the write that was cut off is half there', 'synced', true],
  ] as const)('survives a crash at every operation, when %s', { timeout: 120_000 }, async (_, survives, tears) => {
    const operations = await operationsOf(kind)
    expect(operations.length).toBeGreaterThan(60)
    for (const [cut, operation] of operations.entries()) {
      if (tears && operation.what !== 'write') continue
      const disk = new SimDisk()
      disk.tears = tears
      disk.fault = ({ path }, number) => {
        if (number >= cut) throw errno('EIO', path)
      }
      const notes = new Map<string, Uint8Array>()
      const collect = (from: SimDisk) => {
        const note = from.peek(layout.checkpoint)
        if (!note) return
        const name = `${parseNote(note).text.split('\n', 2).join(' ')}`
        const seen = notes.get(name)
        expect(seen ?? note, `two checkpoints of ${name}, cut at ${cut}`).toEqual(note)
        notes.set(name, note)
      }
      disk.observe = () => collect(disk)
      const acknowledged: Acknowledged = new Map()
      const how = `cut at ${cut} of ${operations.length}, ${JSON.stringify(operation)}`
      await life(disk, kind, acknowledged).catch((error: unknown) => {
        if (!(error instanceof Error) || error.name === 'AssertionError') throw error
      })
      await recovers(disk, survives, kind, acknowledged, how, collect)
    }
  })

  test('never shows a checkpoint before its tiles and its head, nor a head before its tiles', async () => {
    const disk = new SimDisk()
    let checked = 0
    const tilesThere = (size: number, look: (path: string) => Uint8Array | undefined, when: string) => {
      for (const id of tilesBetween(0, size)) {
        const [own, full] = [tilePath(id), tilePath({ ...id, width: 256 })]
        expect(look(`${target}/log/${own}`) ?? look(`${target}/log/${full}`), `${own}, ${when}`).toBeDefined()
        checked++
      }
    }
    disk.observe = operation => {
      const when = JSON.stringify(operation)
      for (const look of [(path: string) => disk.peek(path), (path: string) => disk.peekDurable(path)]) {
        const [checkpoint, head] = [look(layout.checkpoint), look(layout.head)]
        if (checkpoint) expect(head && sizeOf(head), when).toBeGreaterThanOrEqual(sizeOf(checkpoint))
        if (kind === 'files' && head) tilesThere(sizeOf(head), look, when)
      }
    }
    await life(disk, kind, new Map())
    expect(kind === 'files' ? checked : 1).toBeGreaterThan(0)
  })
})

/** Opens what a crash left, and checks it against what was acknowledged, twice. */
async function recovers(
  disk: SimDisk,
  survives: Survives,
  kind: StoreKind,
  acknowledged: Acknowledged,
  how: string,
  collect: (disk: SimDisk) => void,
): Promise<void> {
  const target = TARGETS[kind]
  const after = disk.crashed(survives)
  let log: Log
  try {
    log = await openLogIn(simWorld(after, 2), target, { checkpointMs: 0 })
  } catch (cause) {
    throw new Error(`does not open, ${how}`, { cause })
  }
  collect(after)
  const held = new Map<string, number>()
  for await (const { index, record } of log.entries()) held.set(recordLeaf(record), index)
  for (const [leaf, index] of acknowledged) expect(held.get(leaf), `record ${index}, ${how}`).toBe(index)
  // It can be written to, and what a dead writer may have handed over twice has one index.
  const stream = await TestStream.begin(log, 9)
  const batch = stream.batch(2)
  const receipts: readonly Receipt[] = await log.append(batch)
  expect(await log.append(batch), how).toEqual(receipts)
  await log.close()
  try {
    await checkLog(after, kind, target, { verifierKey: log.verifierKey })
  } catch (cause) {
    throw new Error(`does not verify, ${how}`, { cause })
  }
}
