import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Selection, selectCalls } from '../../src/cli/erase-selection.js'
import { readContents } from '../../src/client/contents.js'
import { checkDisclosure, discloseFields } from '../../src/client/disclose.js'
import { openSource } from '../../src/client/open.js'
import { verify } from '../../src/client/verify.js'
import { type EraseOptions, eraseCalls, publishAll } from '../../src/log/erase-calls.js'
import { files, jsonl } from '../../src/log/index.js'
import { NO_RETENTION } from '../../src/log/retention.js'
import { changeRetention } from '../../src/log/retention-file.js'
import { realWorld } from '../../src/log/world.js'
import { Recorder } from '../../src/recorder/index.js'

/*
 * What was erased is in no file of the log any more, the log still verifies, and says what it no longer holds.
 */

const RECORDER = { name: 'test', version: '1' }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-erase-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const targetOf = (kind: 'files' | 'jsonl') => join(folder, kind === 'files' ? 'audit' : 'audit.jsonl')
const backendOf = (kind: 'files' | 'jsonl') => (kind === 'files' ? files : jsonl)(targetOf(kind))

/** The markers of call `n`, one for each way into a record. */
const markersOf = (n: number): Record<string, string> => ({
  top: `TOP-${n}-MARK`,
  nested: `NESTED-${n}-MARK`,
  unicode: `GEHEIM-${n}-ß€🦊`,
  error: `ERROR-${n}-MARK`,
  principal: `PRINCIPAL-${n}-MARK`,
  changed: `CHANGED-${n}-MARK`,
  output: `OUTPUT-${n}-MARK`,
  review: `REVIEW-${n}-MARK`,
  reason: `REASON-${n}-MARK`,
  left: `LEFT-${n}-`,
  right: `RIGHT-${n}-`,
})

const argsOf = (m: Record<string, string>) => ({
  top: m['top'],
  payment: { iban: m['nested'], amount: 5, parts: [m['left'], { rest: m['right'] }] },
  [`${m['unicode']}`]: m['unicode'],
})

/** Records calls, every second one failing, with all that a call can have. */
async function recordCalls(recorder: Recorder, from: number, to: number, session = 'one'): Promise<string[]> {
  const ids: string[] = []
  for (let n = from; n < to; n++) {
    const m = markersOf(n)
    const request = {
      tool: { name: n % 2 ? 'mail.send' : 'bank.pay' },
      args: argsOf(m),
      session,
      principal: m['principal'],
    }
    const ticket = await recorder.intent(request, { verdict: 'review', reason: `because of ${m['reason']}` })
    ids.push(ticket.call)
    const answer = { approved: true, by: 'r-7', channel: 'test' }
    await recorder.review(ticket, answer, { value: { instead: [m['review']] } })
    await recorder.outcome(ticket, {
      status: n % 2 ? 'failed' : 'succeeded',
      executed: 'yes',
      args: { value: { other: m['changed'] } },
      ...(n % 2 ? { error: { value: new Error(`it broke: ${m['error']}`) } } : { output: { value: [m['output']] } }),
    })
  }
  return ids
}

const newRecorder = (kind: 'files' | 'jsonl') =>
  new Recorder({
    backend: backendOf(kind),
    agent: { id: 'did:test:agent' },
    onError: error => {
      throw error
    },
  })

/** Files of the log and beside it that hold `text`. */
function filesWith(text: string, at = folder): string[] {
  return readdirSync(at).flatMap(name => {
    const path = join(at, name)
    const found = statSync(path)
    if (found.isDirectory()) return filesWith(text, path)
    return found.isFile() && readFileSync(path).includes(Buffer.from(text)) ? [path] : []
  })
}

const found = (n: number): string[] => Object.values(markersOf(n)).filter(marker => filesWith(marker).length > 0)

async function erase(
  kind: 'files' | 'jsonl',
  selection: Selection,
  options: Partial<EraseOptions> = {},
): Promise<{ records: number; erasures: readonly number[] }> {
  await publishAll(realWorld, targetOf(kind))
  const source = await openSource(targetOf(kind))
  try {
    const { calls } = await selectCalls(source, selection, NO_RETENTION)
    return await eraseCalls(realWorld, targetOf(kind), calls, { basis: 'gdpr-17', recorder: RECORDER, ...options })
  } finally {
    await source.close()
  }
}

async function contentsOf(kind: 'files' | 'jsonl') {
  const source = await openSource(targetOf(kind))
  try {
    return (await readContents(source, targetOf(kind)))!
  } finally {
    await source.close()
  }
}

/** The log verifies; what is said against the calls is that their arguments changed, as they did. */
async function holdsAsEver(kind: 'files' | 'jsonl'): Promise<void> {
  const { findings } = await verify(targetOf(kind), { trust: `${targetOf(kind)}.trust` })
  const codes = findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => code)
  expect([...new Set(codes)]).toEqual(['call.other-arguments'])
}

describe.each(['files', 'jsonl'] as const)('a %s log', kind => {
  test.each([true, false])('loses every trace of a call, with a process at work on it: %s', async open => {
    const recorder = newRecorder(kind)
    const ids = await recordCalls(recorder, 0, 6)
    if (!open) await recorder.close()
    expect(found(2)).toHaveLength(10)
    expect(found(3)).toHaveLength(10)
    const { records, erasures } = await erase(kind, { call: [ids[2]!, ids[3]!] })
    expect(records).toBe(6)
    expect(erasures).toHaveLength(1)
    expect(found(2)).toEqual([])
    expect(found(3)).toEqual([])
    for (const n of [0, 1, 4, 5]) expect(found(n)).toHaveLength(10)
    // The log goes on.
    const goesOn = open ? recorder : newRecorder(kind)
    await recordCalls(goesOn, 6, 8)
    await goesOn.close()
    for (const n of [0, 1, 4, 5, 6, 7]) expect(found(n)).toHaveLength(10)
    await holdsAsEver(kind)
    const { total, unfinished, erasedCalls } = await contentsOf(kind)
    expect(total).toMatchObject({ missing: 0, part: 0 })
    expect(total.erased).toBeGreaterThanOrEqual(12)
    expect({ unfinished, erasedCalls }).toEqual({ unfinished: false, erasedCalls: 2 })
  })

  test('loses one field of a session, and what was handed out before still opens', async () => {
    const recorder = newRecorder(kind)
    const ids = await recordCalls(recorder, 0, 4)
    await recorder.close()
    const source = await openSource(targetOf(kind))
    const handedOut = await discloseFields(source, ids[0]!, 'intent.args', [])
    const session = /"session":\{"id":"(\w+)"/.exec(readFileSync(filesWith('"n":0')[0]!, 'utf8'))![1]!
    const field = { member: 'args', path: ['payment', 'iban'] }
    expect((await erase(kind, { session }, { field })).records).toBe(4)
    for (let n = 0; n < 4; n++)
      expect(found(n)).toEqual(Object.values(markersOf(n)).filter(m => !m.startsWith('NESTED') && found(n).includes(m)))
    for (let n = 0; n < 4; n++) expect(filesWith(markersOf(n)['nested']!)).toEqual([])
    const after = await openSource(targetOf(kind))
    await checkDisclosure(after, ids[0]!, 'intent.args', handedOut)
    const rest = JSON.parse(Buffer.from(await discloseFields(after, ids[0]!, 'intent.args', [])).toString())
    expect(rest.fields.filter((each: object) => 'digest' in each)).toHaveLength(1)
    const { total } = await contentsOf(kind)
    expect(total).toMatchObject({ missing: 0, erased: 0, part: 4 })
    // Again: nothing is left of it.
    expect((await erase(kind, { session }, { field })).records).toBe(0)
    // A field inside one that is erased as a whole, and one of a value without any.
    for (const path of [
      ['payment', 'amount', 'cents'],
      ['top', 0],
    ])
      await expect(erase(kind, { session }, { field: { member: 'args', path } })).rejects.toMatchObject({
        code: 'erase.field',
      })
  })

  test('is not erased while a hold is on it, and is when that ends', async () => {
    const recorder = newRecorder(kind)
    const ids = await recordCalls(recorder, 0, 3)
    await recorder.close()
    const hold = { what: 'tool', value: 'bank.*', reason: 'case-1', since: '2026-11-22T09:25:00.000Z' } as const
    await changeRetention(realWorld, targetOf(kind), before => ({ ...before, holds: [hold] }), { recorder: RECORDER })
    const before = readdirSync(folder, { recursive: true }).length
    await expect(erase(kind, { call: [ids[0]!] })).rejects.toMatchObject({ code: 'erase.held' })
    expect(found(0)).toHaveLength(10)
    expect(readdirSync(folder, { recursive: true })).toHaveLength(before)
    expect((await erase(kind, { call: [ids[1]!] })).records).toBe(3)
    await changeRetention(realWorld, targetOf(kind), all => ({ ...all, holds: [] }), { recorder: RECORDER })
    expect((await erase(kind, { call: [ids[0]!] })).records).toBe(3)
    expect(found(0)).toEqual([])
    await holdsAsEver(kind)
  })

  test('loses calls while others are recorded, and none of those', { timeout: 120_000 }, async () => {
    const recorder = newRecorder(kind)
    const ids = await recordCalls(recorder, 0, 10)
    let going = true
    const lanes = [1, 2].map(async lane => {
      let n = lane * 1000
      while (going) await recordCalls(recorder, n, ++n, `lane ${lane}`)
      return n - lane * 1000
    })
    expect((await erase(kind, { call: ids.slice(0, 3) })).records).toBe(9)
    going = false
    const counts = await Promise.all(lanes)
    await recorder.close()
    for (const n of [0, 1, 2]) expect(found(n)).toEqual([])
    for (const [i, count] of counts.entries())
      for (const n of [0, count - 1]) expect(found((i + 1) * 1000 + n)).toHaveLength(10)
    expect(await contentsOf(kind)).toMatchObject({ total: { missing: 0, part: 0 }, erasedCalls: 3 })
    await holdsAsEver(kind)
  })

  test('refuses what is not there, and a call that is running', async () => {
    const recorder = newRecorder(kind)
    await recordCalls(recorder, 0, 2)
    const request = { tool: { name: 'mail.send' }, args: argsOf(markersOf(9)) }
    const running = await recorder.intent(request, await recorder.decide(request))
    await expect(erase(kind, { call: [running.call] })).rejects.toMatchObject({ code: 'erase.running' })
    await expect(erase(kind, { call: ['01K9ZZZZZZZZZZZZZZZZZZZZZZ'] })).rejects.toMatchObject({ code: 'call.unknown' })
    await expect(erase(kind, { session: '01K9ZZZZZZZZZZZZZZZZZZZZZZ' })).rejects.toMatchObject({
      code: 'erase.session',
    })
    // All that is over goes, all else stays.
    expect((await erase(kind, { before: Date.now() + 1000 })).records).toBe(6)
    expect(found(0)).toEqual([])
    expect(found(9).length).toBeGreaterThan(0)
    await recorder.outcome(running, { status: 'succeeded', executed: 'yes', output: { value: 1 } })
    await recorder.close()
    expect((await contentsOf(kind)).total.missing).toBe(0)
  })
})
