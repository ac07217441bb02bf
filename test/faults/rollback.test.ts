import { beforeAll, describe, expect, test } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { anchorFileName, formatAnchorFile } from '../../src/core/anchor/index.js'
import {
  ALGORITHM,
  formatCheckpoint,
  formatVerifierKey,
  parseCheckpoint,
  parseNote,
  signNote,
} from '../../src/core/tlog/index.js'
import { openLogIn } from '../../src/log/index.js'
import { filesLayout, jsonlLayout } from '../../src/log/layout.js'
import { seedOf, TestStream } from '../contract/log-streams.js'
import { SimDisk } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * An older copy of a log was put back, whole: what lies beside it, and was signed later, gives it away.
 */

describe.each([
  ['files', '/logs/audit', filesLayout('/logs/audit')],
  ['jsonl', '/logs/audit.jsonl', jsonlLayout('/logs/audit.jsonl')],
] as const)('the %s store', (_, target, layout) => {
  let old: SimDisk
  let later: Uint8Array

  beforeAll(async () => {
    const disk = new SimDisk()
    let log = await openLogIn(simWorld(disk), target, { checkpointMs: 0 })
    await log.close()
    old = disk.crashed('written')
    log = await openLogIn(simWorld(disk, 2), target, { create: false })
    await log.append((await TestStream.begin(log, 1)).batch(3))
    await log.close()
    later = disk.peek(layout.head)!
  })

  const anchored = (disk: SimDisk, note: Uint8Array | undefined): void => {
    const { size, root } = parseCheckpoint(parseNote(later).text)
    const file = { kind: 'rfc3161', name: 'tsa', size, root, state: 'pending', ...(note ? { note } : {}) } as const
    disk.plant(`${layout.anchors}/${anchorFileName(file)}`, formatAnchorFile(file))
  }

  const opened = async (spoil: (disk: SimDisk) => void): Promise<string> => {
    const disk = old.crashed('written')
    for (const folder of [layout.notes, layout.anchors]) await disk.makeDirectory(folder)
    spoil(disk)
    try {
      await (await openLogIn(simWorld(disk, 3), target, { create: false })).close()
      return 'open'
    } catch (error) {
      const { code, message, expected } = error as { code: string; message: string; expected: string }
      expect(message).toContain('has signed 1 records')
      expect(message).toContain('has 5')
      expect(expected).toContain('deedlog continue')
      return code
    }
  }

  test('opens where nothing later is known', async () => {
    expect(await opened(() => {})).toBe('open')
  })

  test.each<[string, (disk: SimDisk) => void]>([
    ['the checkpoint that everybody sees', disk => disk.plant(layout.checkpoint, later)],
    ['a note that records cite', disk => disk.plant(`${layout.notes}/${'ab'.repeat(32)}`, later)],
    ['an anchored checkpoint', disk => anchored(disk, later)],
  ])('is refused by %s, with the way on', async (_, spoil) => {
    expect(await opened(spoil)).toBe('log.rolled-back')
  })

  test.each<[string, (disk: SimDisk) => void]>([
    ['an anchor that has no note', disk => anchored(disk, undefined)],
    ['an anchor with the note of another key', disk => anchored(disk, forged(later))],
    ['a note of another key', disk => disk.plant(`${layout.notes}/${'ab'.repeat(32)}`, forged(later))],
    ['an anchor that is damaged', disk => disk.plant(`${layout.anchors}/0000000000000009.rfc3161.tsa.json`, later)],
    ['a file of another name', disk => disk.plant(`${layout.anchors}/letter`, later)],
  ])('opens beside %s, which binds nobody', async (_, spoil) => {
    expect(await opened(spoil)).toBe('open')
  })
})

function forged(note: Uint8Array): Uint8Array {
  const { origin, root } = parseCheckpoint(parseNote(note).text)
  const key = formatVerifierKey(origin, ALGORITHM.ed25519, ed25519PublicKey(seedOf(9)))
  return signNote(formatCheckpoint({ origin, size: 99, root }), key, message => ed25519Sign(message, seedOf(9)))
}
