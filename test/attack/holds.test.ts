import { describe, expect, test } from 'vitest'
import { parseRecord } from '../../src/core/record/index.js'
import { type CallToErase, eraseCalls } from '../../src/log/erase-calls.js'
import { openLogIn } from '../../src/log/index.js'
import { filesLayout } from '../../src/log/layout.js'
import type { Retention } from '../../src/log/retention.js'
import { changeRetention, readRetention } from '../../src/log/retention-file.js'
import { Recorder } from '../../src/recorder/index.js'
import { errno, SimDisk } from '../faults/sim-disk.js'
import { simWorld } from '../faults/sim-world.js'

/* A hold that somebody was told is in force protects what it holds, whatever else is going on. */

const TARGET = '/audit'
const RECORDER = { name: 'test', version: '1' }

const holding =
  (value: string) =>
  (before: Retention): Retention => ({
    ...before,
    holds: [...before.holds, { what: 'tool', value, reason: 'case', since: '2026-11-25T00:00:00.000Z' }],
  })

async function makeLog(disk: SimDisk): Promise<CallToErase> {
  const log = await openLogIn(simWorld(disk), TARGET, { checkpointMs: 0 })
  const recorder = new Recorder({ backend: log, agent: { id: 'did:test:agent' } })
  const request = { tool: { name: 'mail.send' }, args: { to: 'ARGS-MARK' } }
  const ticket = await recorder.intent(request, await recorder.decide(request))
  await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes' })
  await recorder.close()
  await log.close()
  let call: CallToErase | undefined
  const again = await openLogIn(simWorld(disk, 3), TARGET, { create: false })
  for await (const { index, record } of again.entries()) {
    const { json, leaf } = parseRecord(record)
    if (json['type'] === 'intent') call = { intent: leaf, records: [[index, leaf]] }
  }
  await again.close()
  return call!
}

const isThere = (disk: SimDisk): boolean =>
  disk.paths().some(path => Buffer.from(disk.peek(path) ?? []).includes('ARGS-MARK'))

describe('a legal hold', () => {
  test('is not lost to another one that is put at the same time', async () => {
    const disk = new SimDisk()
    await makeLog(disk)
    const put = (by: SimDisk, tool: string, seed: number) =>
      changeRetention(simWorld(by, seed), TARGET, holding(tool), { recorder: RECORDER }).then(
        () => 1,
        () => 0,
      )
    let other: Promise<number> | undefined
    // The second one is put, from beginning to end, between the first one's reading and its writing.
    const slow = new Proxy(disk, {
      get: (_, name) => {
        const member: unknown = Reflect.get(disk, name)
        if (typeof member !== 'function') return member
        return async (...given: unknown[]) => {
          if (name === 'makeDirectory') {
            other ??= put(disk, 'b', 7)
            await other
          }
          return Reflect.apply(member, disk, given)
        }
      },
    })
    const first = await put(slow, 'a', 5)
    expect(first).toBe(1)
    expect((await readRetention(simWorld(disk, 9), TARGET)).holds).toHaveLength(first + (await other!))
  })

  test('protects a call whose erasing was interrupted before anything was said of it', async () => {
    const made = new SimDisk()
    const call = await makeLog(made)
    let cuts = 0
    for (let cut = 1; cut < 60; cut++) {
      const disk = made.crashed('written')
      const from = disk.trace.length
      disk.fault = ({ path }, number) => {
        if (number - from >= cut) throw errno('EIO', path)
      }
      await eraseCalls(simWorld(disk, 7), TARGET, [call], { basis: 'test', recorder: RECORDER }).catch(() => {})
      const after = disk.crashed('synced')
      if (!after.peek(filesLayout(TARGET).erasing) || !isThere(after)) continue
      cuts++
      await changeRetention(simWorld(after, 9), TARGET, holding('mail.*'), { recorder: RECORDER })
      expect(isThere(after), `cut at ${cut}`).toBe(true)
    }
    expect(cuts).toBeGreaterThan(0)
  })
})
