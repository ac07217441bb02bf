import { describe, expect, test } from 'vitest'
import { parseRecord } from '../../src/core/record/index.js'
import { type CallToErase, eraseCalls } from '../../src/log/erase-calls.js'
import { openLogIn } from '../../src/log/index.js'
import { filesLayout, jsonlLayout } from '../../src/log/layout.js'
import type { World } from '../../src/log/world.js'
import { Recorder } from '../../src/recorder/index.js'
import { checkLog } from '../contract/log-check.js'
import { errno, type Operation, SimDisk, type Survives } from './sim-disk.js'
import { simWorld } from './sim-world.js'

/*
 * An erasing is cut off at every operation on the disk. What the next start finds, it finishes, or nothing was begun:
 * no value is gone without a record that says so, and none stays that a record calls erased.
 */

const CASES = [
  { kind: 'files', target: '/audit', options: {}, name: 'a files log' },
  { kind: 'files', target: '/audit', options: { segmentBytes: 2048 }, name: 'a files log whose journal has shrunk' },
  { kind: 'jsonl', target: '/audit.jsonl', options: {}, name: 'a jsonl log' },
] as const

/** Three calls; the id of the second one is what is erased. */
async function makeLog(disk: SimDisk, { target, options }: (typeof CASES)[number]): Promise<void> {
  const log = await openLogIn(simWorld(disk), target, { checkpointMs: 0, ...options })
  const recorder = new Recorder({ backend: log, agent: { id: 'did:test:agent' } })
  for (const n of [1, 2, 3]) {
    const request = { tool: { name: 'mail.send' }, args: { to: `ARGS-${n}-MARK`, deep: [{ of: `DEEP-${n}-MARK` }] } }
    const ticket = await recorder.intent(request, await recorder.decide(request))
    await recorder.outcome(ticket, { status: 'succeeded', executed: 'yes', output: { value: `OUTPUT-${n}-MARK` } })
  }
  await recorder.close()
  await log.close()
}

const marksIn = (disk: SimDisk, n: number): number =>
  [`ARGS-${n}-MARK`, `DEEP-${n}-MARK`, `OUTPUT-${n}-MARK`].filter(mark =>
    disk.paths().some(path => Buffer.from(disk.peek(path) ?? []).includes(mark)),
  ).length

/** The second call, and how many erasure records there are. */
async function look(
  world: World,
  target: string,
): Promise<{ call: CallToErase; erasures: number; verifierKey: string }> {
  const log = await openLogIn(world, target, { create: false })
  const intents: CallToErase[] = []
  let erasures = 0
  for await (const { index, record } of log.entries()) {
    const { json, leaf } = parseRecord(record)
    if (json['type'] === 'erasure') erasures++
    if (json['type'] === 'intent') intents.push({ intent: leaf, records: [[index, leaf]] })
    if (json['type'] === 'outcome')
      intents
        .filter(({ intent }) => intent === json['intent'])
        .forEach(({ records }) => {
          ;(records as [number, string][]).push([index, leaf])
        })
  }
  await log.close()
  return { call: intents[1]!, erasures, verifierKey: log.verifierKey }
}

describe.each(CASES)('$name', each => {
  const { kind, target } = each
  const layout = (kind === 'files' ? filesLayout : jsonlLayout)(target)
  const erase = (disk: SimDisk, call: CallToErase) =>
    eraseCalls(simWorld(disk, 7), target, [call], { basis: 'test', recorder: { name: 'test', version: '1' } })

  test('erases all or nothing, wherever it is cut off', { timeout: 180_000 }, async () => {
    const made = new SimDisk()
    await makeLog(made, each)
    expect(marksIn(made, 2)).toBe(3)
    const { call } = await look(simWorld(made.crashed('written'), 3), target)
    const whole = made.crashed('written')
    const before = whole.trace.length
    await erase(whole, call)
    const operations = whole.trace.slice(before)
    expect(marksIn(whole, 2)).toBe(0)
    const ends = new Set<string>()
    for (const [cut, operation] of operations.entries())
      for (const survives of ['synced', 'written'] as const) {
        const end = await cutOff(made, call, cut, operation, survives)
        ends.add(end)
      }
    // Both ends were seen, or the cuts were none.
    expect([...ends].sort()).toEqual(['all', 'nothing'])
  })

  async function cutOff(
    made: SimDisk,
    call: CallToErase,
    cut: number,
    operation: Operation,
    survives: Survives,
  ): Promise<string> {
    const how = `cut at ${cut}, ${JSON.stringify(operation)}, ${survives}`
    const disk = made.crashed('written')
    const from = disk.trace.length
    disk.fault = ({ path }, number) => {
      if (number - from >= cut) throw errno('EIO', path)
    }
    const done = await erase(disk, call).then(
      () => true,
      () => false,
    )
    const after = disk.crashed(survives)
    const { erasures, verifierKey } = await look(simWorld(after, 9), target)
    expect(after.peek(layout.erasing), how).toBeUndefined()
    expect(marksIn(after, 2), how).toBe(erasures > 0 ? 0 : 3)
    if (done) expect(erasures, how).toBe(1)
    expect(erasures, how).toBeLessThanOrEqual(1)
    for (const other of [1, 3]) expect(marksIn(after, other), how).toBe(3)
    await checkLog(after, kind, target, { verifierKey })
    // What did not come to its end is done by the next attempt.
    if (erasures === 0) await erase(after, call)
    expect(marksIn(after, 2), how).toBe(0)
    return erasures > 0 ? 'all' : 'nothing'
  }
})
