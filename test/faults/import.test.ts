import { describe, expect, test } from 'vitest'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { parseCheckpoint, parseNote } from '../../src/core/tlog/index.js'
import { importLog } from '../../src/log/import-log.js'
import { openLogIn } from '../../src/log/index.js'
import { readDisclosures } from '../../src/log/journal-reader.js'
import { filesLayout, jsonlLayout } from '../../src/log/layout.js'
import { checkLog } from '../contract/log-check.js'
import { disclosuresOf, TestStream } from '../contract/log-streams.js'
import { errno, SimDisk } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * A log is moved from lines into tiles, and the power fails at every single operation of it. Whatever is left: one of
 * the two can be written and the other cannot, and asking for the same again finishes.
 */

const FROM = '/logs/audit.jsonl'
const TO = '/logs/audit'
const [from, to] = [jsonlLayout(FROM), filesLayout(TO)]

const disclosed = (record: Uint8Array): Uint8Array | undefined =>
  new TextDecoder().decode(record).includes('"type":"log"') ? undefined : disclosuresOf(record)

/** A log with a full tile, a partial one, disclosures, a second agent's key, rules and an anchor. */
async function makeSource(disk: SimDisk, records = 300): Promise<string> {
  const log = await openLogIn(simWorld(disk), FROM, { checkpointMs: 0, retentionDays: 30 })
  await log.identity!('did:test:agent')
  await log.keepRules!(toUtf8('version: 1\n'))
  const stream = new TestStream(await log.logs!(), 1)
  await log.append([{ record: stream.start, disclosures: disclosuresOf(stream.start) }])
  await log.append(stream.batch(records))
  await log.append(stream.batch(3))
  await log.close()
  await disk.makeDirectory(from.anchors)
  disk.plant(`${from.anchors}/one.tsr`, toUtf8('a token'))
  disk.plant(`${from.privateFolder}/anchors.json`, toUtf8('{}'))
  await disk.syncDirectory('/logs')
  return log.verifierKey
}

const names = (disk: SimDisk, below: string): string[] =>
  disk.paths().flatMap(path => (path.startsWith(`${below}/`) ? [path.slice(below.length)] : []))

const tryOpen = async (disk: SimDisk, path: string): Promise<string> => {
  try {
    const log = await openLogIn(simWorld(disk, 3), path, { create: false })
    await log.close()
    return 'open'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('moving a log from lines into tiles', () => {
  test('keeps entries, order, root, head, keys, notes, rules, disclosures, anchors and trust file', async () => {
    const disk = new SimDisk()
    const verifierKey = await makeSource(disk)
    const before = disk.peek(from.head)
    const made = await importLog(simWorld(disk), FROM, TO)
    expect(made).toMatchObject({ target: TO, size: 305, finished: false })
    expect(disk.peek(to.head)).toEqual(before)
    const source = await checkLog(disk, 'jsonl', FROM, { verifierKey })
    const target = await checkLog(disk, 'files', TO, { verifierKey, disclosures: disclosed })
    expect(target.records).toEqual(source.records)
    for (const [a, b] of [
      [from.keys, to.keys],
      [from.rules, to.rules],
      [from.anchors, to.anchors],
    ] as const) {
      expect(names(disk, b)).toEqual(names(disk, a))
      for (const name of names(disk, a)) expect(disk.peek(b + name)).toEqual(disk.peek(a + name))
    }
    expect(disk.peek(to.trustFile)).toEqual(disk.peek(from.trustFile))
    expect(disk.peek(`${to.privateFolder}/anchors.json`)).toEqual(toUtf8('{}'))
    expect(disk.modeOf(to.logKey)).toBe(0o600)
    expect(await tryOpen(disk, FROM)).toBe('log.moved')
    // It goes on where the other left off.
    const log = await openLogIn(simWorld(disk, 4), TO, { create: false })
    await log.append((await TestStream.begin(log, 2)).batch(2))
    await log.close()
    expect((await checkLog(disk, 'files', TO, { verifierKey })).size).toBe(308)
  })

  test('the last of several frames that cover a record counts', async () => {
    const disk = new SimDisk()
    const log = await openLogIn(simWorld(disk), FROM, {})
    const stream = await TestStream.begin(log, 1)
    await log.append(stream.batch(2))
    // The frame of the next write is there, its lines are not.
    const cut = disk.trace.length
    disk.fault = (operation, number) => {
      if (number >= cut && operation.path === FROM) throw errno('EIO', operation.path)
    }
    await log.append(stream.batch(2)).catch(() => {})
    await log.close().catch(() => {})
    const after = disk.crashed('written')
    const again = await openLogIn(simWorld(after, 2), FROM, { create: false })
    await again.append((await TestStream.begin(again, 2)).batch(1, { disclosures: false }))
    await again.close()
    const expected = await Promise.all(Array.from({ length: 6 }, (_, i) => readDisclosures(FROM, i, after)))
    expect(expected.map(each => each !== undefined)).toContain(false)
    await importLog(simWorld(after, 3), FROM, TO)
    const { records } = await checkLog(after, 'files', TO, { verifierKey: log.verifierKey })
    expect(records.length).toBe(6)
    for (const [i, disclosures] of expected.entries()) expect(await readDisclosures(TO, i, after)).toEqual(disclosures)
  })

  test.each(['synced', 'written'] as const)(
    'leaves exactly one log that can be written, wherever the power fails: what was %s is left',
    { timeout: 240_000 },
    async survives => {
      const whole = new SimDisk()
      await makeSource(whole, 20)
      const start = whole.trace.length
      await importLog(simWorld(whole), FROM, TO)
      const operations = whole.trace.slice(start)
      expect(operations.length).toBeGreaterThan(60)
      const seen = new Set<string>()
      for (const [cut, operation] of operations.entries()) {
        const disk = new SimDisk()
        const verifierKey = await makeSource(disk, 20)
        disk.fault = ({ path }, number) => {
          if (number >= start + cut) throw errno('EIO', path)
        }
        const how = `cut at ${cut} of ${operations.length}, ${JSON.stringify(operation)}`
        await expect(importLog(simWorld(disk), FROM, TO), how).rejects.toThrow()
        const states = [await tryOpen(disk.crashed(survives), FROM), await tryOpen(disk.crashed(survives), TO)]
        seen.add(states.join(' '))
        expect(states.filter(state => state === 'open').length, `${states} ${how}`).toBeLessThanOrEqual(1)
        // Both closed at once only when the whole target waits to be opened up.
        if (states[0] !== 'open') expect(states[0], how).toBe('log.moved')
        const after = disk.crashed(survives)
        const done = await importLog(simWorld(after, 5), FROM, TO).catch((error: { code: string }) => error.code)
        // A last sync that failed: the target is open already.
        if (done === 'log.moved') expect(states[1], how).toBe('open')
        const { size } = await checkLog(after, 'files', TO, { verifierKey, disclosures: disclosed })
        expect(size, how).toBe(25)
        expect([await tryOpen(after, FROM), await tryOpen(after, TO)], how).toEqual(['log.moved', 'open'])
      }
      expect([...seen].sort()).toEqual(
        expect.arrayContaining(['log.moved log.importing', 'open log.importing', 'open log.missing']),
      )
    },
  )

  test.each<[string, (disk: SimDisk) => Promise<unknown>, string]>([
    ['a source that is being written', disk => openLogIn(simWorld(disk), FROM, {}), 'log.locked'],
    ['a target that is a log', async disk => (await openLogIn(simWorld(disk), TO, {})).close(), 'log.exists'],
    ['a target with something else in it', async disk => disk.plant(`${TO}/letter`, toUtf8('hello')), 'log.not-a-log'],
    ['a trust file of another log', async disk => disk.plant(to.trustFile, toUtf8('log x')), 'log.trust-exists'],
    [
      'a source with a byte flipped',
      async disk => {
        const bytes = disk.peek(FROM)!.slice()
        bytes[bytes.length >> 1]! ^= 1
        disk.plant(FROM, bytes)
      },
      'log.damaged',
    ],
    [
      'a source without its last lines',
      async disk => disk.plant(FROM, disk.peek(FROM)!.slice(0, 2000)),
      'log.damaged log.rolled-back',
    ],
    ['a source without its keys', async disk => disk.erase(from.logKey), 'log.key'],
    ['a source without its description', async disk => disk.erase(from.config), 'import.source'],
    ['a network disk', async disk => Object.assign(disk, { network: 'nfs' }), 'log.network-disk'],
  ])('refuses %s, and changes neither', async (_, spoil, expected) => {
    const disk = new SimDisk()
    await makeSource(disk, 20)
    await disk.makeDirectory(TO)
    await spoil(disk)
    const lines = disk.peek(FROM)
    const error = await importLog(simWorld(disk, 2), FROM, TO).catch((thrown: { code: string }) => thrown)
    expect(expected.split(' ')).toContain((error as { code: string }).code)
    expect(disk.peek(FROM)).toEqual(lines)
    expect(disk.peek(from.moved)).toBeUndefined()
  })

  test('refuses to move twice, and names the place it went to', async () => {
    const disk = new SimDisk()
    await makeSource(disk, 5)
    await importLog(simWorld(disk), FROM, TO)
    await expect(importLog(simWorld(disk, 2), FROM, '/logs/other')).rejects.toMatchObject({
      code: 'log.moved',
      message: expect.stringContaining(TO),
    })
    await expect(importLog(simWorld(disk, 2), FROM, TO)).rejects.toMatchObject({ code: 'log.moved' })
  })

  test('does not take what another log’s attempt left', async () => {
    const disk = new SimDisk()
    await makeSource(disk, 5)
    await disk.makeDirectory(TO)
    await disk.makeDirectory(to.privateFolder)
    disk.plant(to.importing, toUtf8('ab'.repeat(32)))
    await expect(importLog(simWorld(disk, 2), FROM, TO)).rejects.toMatchObject({ code: 'log.importing' })
    expect(parseCheckpoint(parseNote(disk.peek(from.checkpoint)!).text).size).toBe(10)
  })
})
