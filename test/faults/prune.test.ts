import { describe, expect, test } from 'vitest'
import { ed25519PublicKey, ed25519Sign, sha256Hex } from '#crypto'
import {
  ALGORITHM,
  cosignatureMessage,
  decodeBundle,
  encodeCosignature,
  type Frontier,
  formatNote,
  formatVerifierKey,
  leafHash,
  parseCheckpoint,
  parseNote,
  parsePolicy,
} from '../../src/core/tlog/index.js'
import { frontierOf, parseKept } from '../../src/core/verify/index.js'
import { openLogIn } from '../../src/log/index.js'
import { readDisclosures } from '../../src/log/journal-reader.js'
import { filesLayout } from '../../src/log/layout.js'
import { appendAsOperator } from '../../src/log/operator.js'
import { type Pruned, pruneLog } from '../../src/log/prune.js'
import { disclosuresOf, seedOf, TestStream } from '../contract/log-streams.js'
import { errno, SimDisk } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * The oldest entries of a log are taken away, and the power fails at every single operation of it. Whatever is left: the
 * log opens and goes on, its root is the signed one, and asking for the same again finishes.
 */

const DIR = '/logs/audit'
const layout = filesLayout(DIR)
const KEPT = `${layout.kept}/records.jsonl`
const DAY = 86_400
const NOW = Date.UTC(2026, 10, 22, 9, 25) / 1000

const WITNESS = formatVerifierKey('witness.example/w1', ALGORITHM.cosignature, ed25519PublicKey(seedOf(77)))
const recorder = { name: 'test', version: '1' }

/** The newest checkpoint, as a witness signed it so many days ago, among the notes. */
async function date(disk: SimDisk, days: number): Promise<void> {
  const note = parseNote(disk.peek(layout.head)!)
  const seconds = NOW - days * DAY
  const message = cosignatureMessage(note.text, seconds)
  const signature = encodeCosignature(seconds, ed25519Sign(message, seedOf(77)))
  const bytes = formatNote(note.text, [...note.signatures, { name: WITNESS.name, keyId: WITNESS.keyId, signature }])
  await disk.makeDirectory(layout.notes)
  disk.plant(`${layout.notes}/${sha256Hex(bytes)}`, bytes)
  await disk.syncDirectory(`${DIR}/log`)
}

interface Made {
  readonly disk: SimDisk
  readonly policy: ReturnType<typeof parsePolicy>
  readonly streams: readonly TestStream[]
}

/** Two streams of agents and one of the operator fill 256 entries, a third agent goes on above. */
async function make({ retentionDays = 1 as number | null, days = 2, cut = 50 } = {}): Promise<Made> {
  const disk = new SimDisk()
  const log = await openLogIn(simWorld(disk), DIR, {
    checkpointMs: 0,
    ...(retentionDays === null ? {} : { retentionDays }),
  })
  const logs = await log.logs!()
  const streams = [1, 2, 3].map(number => new TestStream(logs, number))
  const run = async (stream: TestStream, records: number, ends: boolean): Promise<void> => {
    await log.append([{ record: stream.start, disclosures: disclosuresOf(stream.start) }])
    await log.append(stream.batch(records))
    if (ends) await log.append([{ record: stream.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
  }
  await run(streams[0]!, 200, true)
  await log.close()
  await appendAsOperator(simWorld(disk, 2), DIR, [{ type: 'coverage', unseen: ['x'] }], recorder)
  const again = await openLogIn(simWorld(disk, 3), DIR, { create: false })
  const go = async (stream: TestStream, records: number, ends: boolean): Promise<void> => {
    await again.append([{ record: stream.start, disclosures: disclosuresOf(stream.start) }])
    await again.append(stream.batch(records))
    if (ends) await again.append([{ record: stream.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
  }
  await go(streams[1]!, cut - 2, true)
  await go(streams[2]!, 300, false)
  await again.close()
  await date(disk, days)
  return { disk, policy: parsePolicy(`log ${again.verifierKey}\nwitness w1 ${WITNESS.text}\nquorum w1\n`), streams }
}

const sizeAndRoot = (disk: SimDisk) => parseCheckpoint(parseNote(disk.peek(layout.checkpoint)!).text)

/** What a reader finds: what was kept, and every bundle above. Throws unless it gives the signed root. */
function checkPruned(disk: SimDisk, below: number): Frontier {
  const { size, root } = sizeAndRoot(disk)
  const kept = parseKept(disk.peek(KEPT)!)
  expect(kept.below).toBe(below)
  const tree = frontierOf(kept)
  for (let first = below; first < size; first += 256) {
    const width = Math.min(256, size - first)
    const path = `${DIR}/log/tile/entries/${String(first / 256).padStart(3, '0')}`
    const [bytes, has] = [disk.peek(`${path}.p/${width}`), width < 256]
    for (const entry of decodeBundle(has && bytes ? bytes : disk.peek(path)!, width)) tree.append(leafHash(entry))
  }
  expect(tree.root()).toEqual(root)
  return tree
}

async function goesOn(disk: SimDisk, how: string, number = 8): Promise<void> {
  const log = await openLogIn(simWorld(disk, 9), DIR, { create: false })
  const before = log.size
  const stream = await TestStream.begin(log, number)
  await log.append(stream.batch(2))
  expect(log.size, how).toBe(before + 3)
  await log.close()
}

describe('pruning', () => {
  test('takes entries, hash tiles and disclosures away, and the log goes on', async () => {
    const { disk, policy, streams } = await make()
    const root = sizeAndRoot(disk)
    const done: Pruned = await pruneLog(simWorld(disk, 4), DIR, { policy })
    expect(done).toMatchObject({ below: 256, kept: 1 + 2 + 3 + 2, seen: '2026-11-20T09:25:00.000Z' })
    expect(sizeAndRoot(disk)).toEqual(root)
    checkPruned(disk, 256)
    for (const gone of ['tile/entries/000', 'tile/0/000']) expect(disk.peek(`${DIR}/log/${gone}`)).toBeUndefined()
    expect(await readDisclosures(DIR, 100, disk)).toBeUndefined()
    expect(await readDisclosures(DIR, 300, disk)).toBeDefined()
    // No file of the log holds a record or a disclosure of what was in between.
    const planted = streams[0]!.id
    const holding = disk.paths().filter(path => {
      const text = new TextDecoder().decode(disk.peek(path) ?? new Uint8Array(0))
      return text.split(`"stream":"${planted}"`).length > 2
    })
    expect(holding).toEqual([])
    await goesOn(disk, 'after')
    await goesOn(disk, 'by what was kept of the streams', 9)
    checkPruned(disk, 256)
  })

  test('takes nothing more in a stream that was pruned, nor its start again', async () => {
    const { disk, policy, streams } = await make()
    await pruneLog(simWorld(disk, 4), DIR, { policy })
    const log = await openLogIn(simWorld(disk, 5), DIR, { create: false })
    // The log holds it still: a record handed over again keeps its index.
    expect((await log.append([{ record: streams[0]!.start }]))[0]!.index).toBe(1)
    await expect(log.append(streams[0]!.batch(1))).rejects.toMatchObject({ code: 'stream.ended' })
    const found: number[] = []
    for await (const { index } of log.entries()) found.push(index)
    expect(found[0]).toBe(256)
    await expect(log.prove(0)).rejects.toMatchObject({ code: 'log.pruned' })
    await expect(log.prove(300)).resolves.toBeDefined()
    await log.append(streams[2]!.batch(1))
    await log.close()
    checkPruned(disk, 256)
  })

  test('can be asked for again, and goes further when more is permitted', async () => {
    const { disk, policy, streams } = await make()
    await pruneLog(simWorld(disk, 4), DIR, { policy })
    const kept = disk.peek(KEPT)
    await pruneLog(simWorld(disk, 5), DIR, { policy, below: 256 })
    expect(disk.peek(KEPT)).toEqual(kept)
    const log = await openLogIn(simWorld(disk, 6), DIR, { create: false })
    await log.append([{ record: streams[2]!.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
    const last = await TestStream.begin(log, 7)
    while (log.size < 767) await log.append(last.batch(1))
    await log.append([{ record: last.record({ type: 'stream.end', calls: 0, pending: 0 }) }])
    await log.append((await TestStream.begin(log, 6)).batch(5))
    await log.close()
    await date(disk, 2)
    const done = await pruneLog(simWorld(disk, 7), DIR, { policy })
    expect(done.below).toBe(768)
    checkPruned(disk, 768)
    await goesOn(disk, 'after the second')
    checkPruned(disk, 768)
  })

  test.each(['synced', 'written'] as const)(
    'leaves a log that goes on, wherever the power fails: what was %s is left',
    { timeout: 240_000 },
    async survives => {
      const whole = await make()
      const start = whole.disk.trace.length
      await pruneLog(simWorld(whole.disk, 4), DIR, whole)
      const operations = whole.disk.trace.slice(start)
      expect(operations.length).toBeGreaterThan(30)
      const made = await make()
      for (const [cut, operation] of operations.entries()) {
        const disk = made.disk.crashed('written')
        disk.fault = ({ path }, number) => {
          if (number >= cut) throw errno('EIO', path)
        }
        const how = `cut at ${cut} of ${operations.length}, ${JSON.stringify(operation)}`
        await expect(pruneLog(simWorld(disk, 4), DIR, made), how).rejects.toThrow()
        const after = disk.crashed(survives)
        await goesOn(after, how)
        // A reader who finds the first bundle gone finds what was kept.
        if (!after.peek(`${DIR}/log/tile/entries/000`)) checkPruned(after, 256)
        await pruneLog(simWorld(after, 6), DIR, made)
        checkPruned(after, 256)
        expect(await readDisclosures(DIR, 100, after), how).toBeUndefined()
        expect(
          after.paths().filter(path => path.endsWith('/tile/0/000') || path.endsWith('/entries/000')),
          how,
        ).toEqual([])
        await goesOn(after, how, 9)
      }
    },
  )

  test.each<[string, Parameters<typeof make>[0], number | undefined, string]>([
    ['a log that promises nothing', { retentionDays: null }, undefined, 'no retention'],
    ['before the time is over', { days: 0 }, undefined, 'days are over'],
    ['below an entry at which a stream is cut', { cut: 49 }, 256, 'goes on above'],
    ['beyond what a witness has seen', {}, 768, 'are not over'],
  ])('is refused for %s', async (_, how, below, why) => {
    const { disk, policy } = await make(how)
    const before = disk.paths()
    const wish = below === undefined ? { policy } : { policy, below }
    const error = await pruneLog(simWorld(disk, 4), DIR, wish).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'prune.not-permitted', message: expect.stringContaining(why) })
    expect(disk.paths().filter(path => !path.includes('private'))).toEqual(
      before.filter(path => !path.includes('private')),
    )
  })

  test('is refused without witnesses, in a file of lines, and while somebody writes', async () => {
    const { disk, policy } = await make()
    const nobody = { ...policy, quorum: 'none' }
    await expect(pruneLog(simWorld(disk, 4), DIR, { policy: nobody })).rejects.toMatchObject({
      code: 'prune.not-permitted',
    })
    for (const below of [0, 1, 255, 257, 2 ** 53, Number.NaN])
      await expect(pruneLog(simWorld(disk, 4), DIR, { policy, below })).rejects.toThrow(RangeError)
    await (await openLogIn(simWorld(disk, 5), '/logs/lines.jsonl', {})).close()
    await expect(pruneLog(simWorld(disk, 6), '/logs/lines.jsonl', { policy })).rejects.toMatchObject({
      code: 'prune.lines',
    })
    const log = await openLogIn(simWorld(disk, 7), DIR, { create: false })
    await expect(pruneLog(simWorld(disk, 8), DIR, { policy })).rejects.toMatchObject({ code: 'log.locked' })
    await log.close()
  })
})
