import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '#crypto'
import { explain } from '../../src/cli/errors.js'
import { openSource } from '../../src/client/open.js'
import { verify } from '../../src/client/verify.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { MalformedError } from '../../src/core/errors.js'
import { capture, formatTime, type KeyEvent, parseRecord, type StreamStart } from '../../src/core/record/index.js'
import { Fingerprints } from '../../src/core/verify/fingerprints.js'
import { Identities } from '../../src/core/verify/identity.js'
import { type CallSummary, parseTrust } from '../../src/core/verify/index.js'
import { codes, judge, Party, TestLog, writeFolder } from '../verify/kit.js'

/*
 * Attacks that worked when they were written. Each test says what should hold, and is marked as failing until it does:
 * when one of them turns red, it is mended, and its `.fails` is to go.
 */

const SURROGATE = toUtf8('{"a":"\\uD800"}')
const operatorStream = (log: TestLog, by = log.operator) =>
  log.stream(by, { role: 'operator', agent: { id: 'did:example:operator' } })
const report = (log: TestLog, onCall?: (call: CallSummary) => void) =>
  judge(log.entries, log.checkpoint(), { trust: log.trust(), ...(onCall && { onCall }) })

describe('records', () => {
  test('a lone surrogate in upper-case escapes is malformed, as it is in lower case', () => {
    expect(() => parseRecord(SURROGATE)).toThrow(MalformedError)
  })

  test('E goes by the slots of a Map without a prototype, also when it has names of its own', () => {
    const map = Object.assign(new Map([['secret', 1]]), { shown: 1 })
    Object.setPrototypeOf(map, null)
    expect(capture(map)).toEqual({ $map: [['secret', 1]] })
  })
})

describe('verdicts', () => {
  test('one malformed entry does not keep the rest from being judged', () => {
    const log = new TestLog()
    log.stream().call()
    log.push(SURROGATE)
    expect(codes(report(log))).toEqual(['entry.malformed'])
  })

  test('what a server appends to an ended stream, unsigned, accuses nobody', () => {
    const log = new TestLog()
    const stream = log.stream()
    const denied = stream.intent({ verdict: 'deny' })
    stream.end()
    const { call, intent } = denied
    stream.add({ type: 'outcome', call, intent, status: 'succeeded', executed: 'yes' }, 'nobody')
    expect(codes(report(log))).toEqual(['record.stray'])
  })

  test('an unsigned key record behind the end of an operator stream introduces nobody', () => {
    const log = new TestLog()
    const thief = new Party('did:example:thief')
    const operator = operatorStream(log)
    operator.end()
    operator.add({ type: 'key', event: 'add', key: thief.key, agent: thief.name }, 'nobody')
    log.stream(thief).call()
    expect(report(log).completeness.streams.at(-1)?.identity).toBe('self-asserted')
  })

  test('an unsigned recovery behind the end of a stream does not call a live one dead', () => {
    const log = new TestLog()
    const live = log.stream()
    const old = log.stream()
    old.end()
    old.add({ type: 'recovery', of: live.id, last: live.prev, lastSeq: live.seq }, 'nobody')
    live.call()
    live.end()
    expect(codes(report(log))).toEqual(['record.stray'])
  })

  test('a call that needed an approval, had none and is settled as executed is an exception', () => {
    const log = new TestLog()
    const stream = log.stream()
    const { intent } = stream.intent({ verdict: 'review' })
    stream.end(1)
    operatorStream(log).add({ type: 'settlement', intent, result: 'succeeded', basis: 'bank' })
    expect(codes(report(log))).toContain('call.executed-without-approval')
  })

  test('a settlement is shown as a dispute when a final outcome comes after it', () => {
    const log = new TestLog()
    const stream = log.stream()
    const call = stream.intent()
    stream.outcome(call, 'timed_out', 'unknown')
    operatorStream(log).add({ type: 'settlement', intent: call.intent, result: 'not_executed', basis: 'bank' })
    stream.outcome(call, 'succeeded', 'yes', { late: true })
    stream.end()
    const calls: CallSummary[] = []
    expect(codes(report(log, call => calls.push(call)))).toEqual(['settlement.disputed'])
    expect(calls[0]?.executed).toBe('yes')
  })

  test('a key withdrawn for one agent stays so when it is added for another', () => {
    const log = new TestLog()
    const key = new Party('did:example:a')
    const operator = operatorStream(log)
    operator.add({ type: 'key', event: 'add', key: key.key, agent: 'did:example:a' })
    operator.add({ type: 'key', event: 'retire', key: key.key, agent: 'did:example:a' })
    operator.add({ type: 'key', event: 'add', key: key.key, agent: 'did:example:b' })
    log.stream(key, { agent: { id: 'did:example:a' } }).call()
    expect(report(log).completeness.streams.at(-1)?.identity).not.toBe('introduced')
  })

  test('an operator whose key is compromised introduces nobody from there on', () => {
    const log = new TestLog()
    const thief = new Party('did:example:thief')
    const operator = operatorStream(log)
    operator.add({ type: 'key', event: 'compromised', key: log.operator.key })
    operator.add({ type: 'key', event: 'add', key: thief.key, agent: thief.name })
    log.stream(thief).call()
    expect(report(log).completeness.streams.at(-1)?.identity).toBe('self-asserted')
  })

  test('an operator whom the auditor does not pin gives no other key to an agent whom the auditor pins', () => {
    const log = new TestLog()
    const [clerk, thief] = [new Party('did:example:clerk'), new Party('thief')]
    operatorStream(log).add({ type: 'key', event: 'add', key: thief.key, agent: clerk.name })
    log.stream(thief, { agent: { id: clerk.name } }).call()
    const trust = log.trust().replace(/^operator .*\n/m, '')
    expect(judge(log.entries, log.checkpoint(), { trust }).exitCode).toBe(3)
  })

  test('the conduct of a call is judged although its records stand before the start of their stream', () => {
    const log = new TestLog()
    const stream = log.stream()
    stream.call({ verdict: 'deny' })
    stream.end()
    const [zero, start, intent, outcome, end] = log.entries
    log.entries = [zero!, intent!, outcome!, start!, end!]
    expect(report(log).conduct.verdict).not.toBe('no exceptions')
  })

  test('a call that needed an approval is an exception when it is settled as executed and declined afterwards', () => {
    const log = new TestLog()
    const stream = log.stream()
    const call = stream.intent({ verdict: 'review' })
    stream.outcome(call, 'pending', 'no')
    operatorStream(log).add({ type: 'settlement', intent: call.intent, result: 'failed', basis: 'bank' })
    stream.review(call, 'rejected')
    stream.end()
    expect(codes(report(log))).toContain('call.executed-without-approval')
  })

  test('a settlement that a final outcome bears out is no dispute', () => {
    const log = new TestLog()
    const stream = log.stream()
    const call = stream.intent()
    stream.outcome(call, 'timed_out', 'unknown')
    operatorStream(log).add({ type: 'settlement', intent: call.intent, result: 'succeeded', basis: 'bank' })
    stream.outcome(call, 'succeeded', 'yes', { late: true })
    stream.end()
    expect(report(log).exitCode).toBe(0)
  })

  test('the end of a stream that is signed covers nothing that stands behind it', () => {
    const log = new TestLog()
    const stream = log.stream()
    stream.end()
    stream.add({ type: 'loss', reason: 'x' })
    expect(codes(report(log))).toEqual(['stream.after-end', 'loss.recorded'])
    stream.add({ type: 'loss', reason: 'x' }, 'nobody')
    expect(codes(report(log))).toEqual(['record.stray', 'stream.after-end', 'loss.recorded'])
  })

  test('records before the start of an operator stream act once the start is known to be good', () => {
    const log = new TestLog()
    const call = log.stream().intent()
    const operator = operatorStream(log)
    operator.add({ type: 'settlement', intent: call.intent, result: 'succeeded', basis: 'bank' })
    const [start, settlement] = log.entries.splice(-2)
    log.entries.push(settlement!, start!)
    expect(codes(report(log))).toEqual(['stream.out-of-order', 'settlement.disputed'])
    expect(report(log).completeness.streams.map(each => each.identity)).toEqual(['pinned', 'pinned'])
  })

  test('a recovery of a stream that had ended is true when it names the newest record', () => {
    const log = new TestLog()
    const old = log.stream()
    old.end()
    log.stream().add({ type: 'recovery', of: old.id, last: old.prev, lastSeq: old.seq })
    expect(codes(report(log))).toEqual([])
  })

  test('an agent’s compromised key is withdrawn whichever agent the record names, and for good', () => {
    const log = new TestLog()
    const clerk = new Party('did:example:clerk')
    const operator = operatorStream(log)
    operator.add({ type: 'key', event: 'compromised', key: clerk.key, agent: 'did:example:other' })
    operator.add({ type: 'key', event: 'add', key: clerk.key, agent: clerk.name })
    log.stream(clerk).call()
    expect(report(log).completeness.streams.at(-1)?.identity).toBe('contradicted')
  })

  test('nobody restores an operator’s key that was compromised, and what was settled with it does not count', () => {
    const log = new TestLog()
    const second = new Party('second operator')
    const call = log.stream().intent()
    const operator = operatorStream(log)
    operator.add({ type: 'key', event: 'add', key: second.key })
    const other = operatorStream(log, second)
    other.add({ type: 'key', event: 'compromised', key: log.operator.key })
    operator.add({ type: 'settlement', intent: call.intent, result: 'succeeded', basis: 'bank' })
    operator.add({ type: 'key', event: 'compromised', key: second.key })
    operator.add({ type: 'key', event: 'add', key: log.operator.key })
    other.add({ type: 'key', event: 'add', key: log.operator.key })
    operatorStream(log)
    expect(codes(report(log))).toEqual(['key.disputed', 'operator.not-counted'])
    expect(report(log).conduct.byStatus).toEqual({ pending: 1 })
  })

  test('an operator whom the auditor pins goes on giving a new key to an agent whom the auditor pins', () => {
    const log = new TestLog()
    const [clerk, next] = [new Party('did:example:clerk'), new Party('next')]
    operatorStream(log).add({ type: 'key', event: 'add', key: next.key, agent: clerk.name })
    log.stream(next, { agent: { id: clerk.name } }).call()
    expect(report(log).completeness.streams.at(-1)?.identity).toBe('introduced')
  })

  test('twenty thousand words on one key and as many streams of it take no longer than others', () => {
    const identities = new Identities(parseTrust('quorum none\n'))
    const { key } = new Party('did:example:clerk')
    const start = { role: 'agent', agent: { id: 'a' }, identity: key } as unknown as StreamStart
    const began = performance.now()
    for (let index = 0; index < 20_000; index++) {
      identities.event(index, { type: 'key', event: 'add', key, agent: 'a' } as unknown as KeyEvent, key)
      identities.stateOf(start, index)
    }
    // Quadratic, it was over two seconds.
    expect(performance.now() - began).toBeLessThan(1000)
  })

  test('the note that proves a fork is asked for, whatever a hundred others are cited before it', () => {
    const log = new TestLog()
    const stream = log.stream()
    const root = 'ab'.repeat(32)
    for (let n = 0; n < 100; n++) {
      const note = n.toString(16).padStart(64, '0')
      stream.add({ type: 'loss', reason: 'x', after: { origin: log.origin, size: 2, root, note } })
    }
    const forked = log.checkpoint({ size: 2, root: new Uint8Array(32).fill(0xab) })
    const note = sha256Hex(forked)
    stream.add({ type: 'loss', reason: 'x', after: { origin: log.origin, size: 2, root, note } })
    const notes = new Map([[note, forked]])
    expect(judge(log.entries, log.checkpoint(), { trust: log.trust(), notes }).evidence.verdict).toBe('forked')
  })

  test('rules that carry on from nothing, and a log under another’s name, are shown', () => {
    const log = new TestLog()
    const stream = log.stream(undefined, { logs: [{ id: log.id, origin: 'example.com/other' }] })
    const rules = {
      type: 'rules',
      engine: { name: 'x', version: '1' },
      files: [{ digest: 'ab'.repeat(32), name: 'a' }],
    }
    const first = stream.add(rules)
    stream.add({ ...rules, part: first })
    stream.add({ ...rules, part: log.id })
    const shown = report(log).findings.filter(each => each.severity === 'exception')
    expect(shown.map(each => [each.code, each.indexes])).toEqual([
      ['stream.other-origin', [1]],
      ['rules.incomplete', [4]],
    ])
  })

  test('a stream that takes new calls after more than a day is pointed out, once', () => {
    const log = new TestLog()
    const stream = log.stream()
    const day = Date.parse(log.time()) + 25 * 3600 * 1000
    stream.call({ more: { time: formatTime(day) } })
    stream.call({ more: { time: formatTime(day) } })
    const found = report(log).findings.filter(each => each.code === 'stream.overlong')
    expect(found.map(each => each.indexes)).toEqual([[1, 2]])
    expect(report(log).exitCode).toBe(0)
  })

  test('call ids that were made to meet in one slot cost no more than others', () => {
    const ids = meeting('a'.repeat(64), 3000)
    const cost = (names: readonly string[]) => {
      const began = performance.now()
      const seen = new Fingerprints(new Uint8Array(32))
      for (const name of names) seen.add(name)
      return performance.now() - began
    }
    const others = ids.map(name => [...name].reverse().join(''))
    expect(cost(ids)).toBeLessThan(30 * cost(others))
  })
})

/** `<stream> <ULID>` names whose fingerprints begin to look for a slot at the same place, in tables of up to 2^14 slots. */
function meeting(stream: string, count: number): string[] {
  const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const [FACTOR, MASK] = [0x85ebca6b, 2 ** 14 - 1]
  let inverse = 1
  for (let i = 0; i < 6; i++) inverse = Math.imul(inverse, 2 - Math.imul(FACTOR, inverse))
  const step = (low: number, c: string, at: number) => Math.imul(low ^ (c.charCodeAt(0) + at), FACTOR) >>> 0
  const before = `${stream} `
  const digits = (n: number, length: number) =>
    Array.from({ length }, (_, i) => ALPHABET[Math.floor(n / 32 ** i) % 32]!).join('')
  const heads = new Map<number, string>()
  for (let n = 0; n < 8 * MASK; n++) {
    const head = `0${digits(n, 13)}`
    heads.set([...before, ...head].reduce(step, 0x01000193) & MASK, head)
  }
  const names: string[] = []
  for (let n = 0; names.length < count; n++) {
    const tail = digits(n, 12)
    let low = 7
    for (let i = 11; i >= 0; i--) low = (Math.imul(low, inverse) ^ (tail.charCodeAt(i) + 65 + 14 + i)) & MASK
    const head = heads.get(low)
    if (head) names.push(before + head + tail)
  }
  return names
}

describe('files', () => {
  const place = (size = 600) => {
    const dir = mkdtempSync(join(tmpdir(), 'deedlog-attack-'))
    const log = new TestLog()
    const stream = log.stream()
    while (log.size < size) stream.call()
    stream.end()
    writeFolder(join(dir, 'log'), log.files())
    writeFileSync(join(dir, 'x.trust'), log.trust())
    const bundle = (n: number) => join(dir, `log/log/tile/entries/00${n}`)
    return { dir, target: join(dir, 'log'), trust: join(dir, 'x.trust'), bundle }
  }

  test('records removed from the front of a log that promised no pruning are evidence against it', async () => {
    const { target, trust, bundle } = place()
    rmSync(bundle(0))
    expect((await verify(target, { trust })).exitCode).toBe(1)
  })

  test('a bundle that is a link is reported, not thrown', async () => {
    const { dir, target, trust, bundle } = place()
    renameSync(bundle(1), join(dir, 'elsewhere'))
    symlinkSync(join(dir, 'elsewhere'), bundle(1))
    expect((await verify(target, { trust })).exitCode).toBe(1)
  })

  test('a pipe among the private files of a stranger’s copy does not keep an auditor waiting', async () => {
    const { target, trust } = place(4)
    const pipe = join(target, 'private/journal/0000000000000000.journal')
    mkdirSync(join(target, 'private/journal'), { recursive: true })
    execFileSync('mkfifo', [pipe])
    const verified = verify(target, { trust }).then(({ exitCode }) => exitCode)
    const late = new Promise(resolve => setTimeout(resolve, 3000, 'still waiting'))
    try {
      expect(await Promise.race([verified, late])).toBe(0)
    } finally {
      const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK) // lets go whoever waits
      await verified.catch(() => {})
      closeSync(fd)
    }
  })

  test.each(['a pipe', 'a link', 'a folder'])('%s in the place of a note is no note', async what => {
    const dir = mkdtempSync(join(tmpdir(), 'deedlog-attack-'))
    const log = new TestLog()
    const forked = log.checkpoint({ size: 1, root: new Uint8Array(32) })
    const note = sha256Hex(forked)
    log.stream().add({ type: 'loss', reason: 'x', after: { origin: log.origin, size: 1, root: '00'.repeat(32), note } })
    const target = writeFolder(join(dir, 'log'), log.files())
    writeFileSync(join(dir, 'x.trust'), log.trust())
    const path = join(target, 'log/notes', note)
    mkdirSync(join(target, 'log/notes'))
    writeFileSync(join(dir, 'note'), forked)
    if (what === 'a pipe') execFileSync('mkfifo', [path])
    else if (what === 'a link') symlinkSync(join(dir, 'note'), path)
    else mkdirSync(path)
    const disputed = await verify(target, { trust: join(dir, 'x.trust') })
    expect(codes(disputed)).toEqual(['after.disputed', 'loss.recorded'])
    rmSync(path, { recursive: true })
    writeFileSync(path, forked)
    expect((await verify(target, { trust: join(dir, 'x.trust') })).evidence.verdict).toBe('forked')
  })

  test.each(['a pipe', 'a link', 'a folder'])('%s in the place of a journal holds no disclosures', async what => {
    const { dir, target } = place(4)
    const journal = join(target, 'private/journal/0000000000000000.journal')
    mkdirSync(join(target, 'private/journal'), { recursive: true })
    if (what === 'a pipe') execFileSync('mkfifo', [journal])
    else if (what === 'a link') symlinkSync(join(dir, 'x.trust'), journal)
    else mkdirSync(journal)
    const source = await openSource(target)
    expect(await source.disclosures?.(2)).toBeUndefined()
    expect(await source.awaiting?.()).toBeUndefined()
    await source.close()
  })

  test('a trust file in the folder that holds log/ was supplied by the log', async () => {
    const { dir, target, trust } = place(4)
    writeFileSync(join(target, 'deedlog.json'), '{}')
    renameSync(trust, join(target, 'own.trust'))
    expect((await verify(join(dir, 'log/log'), { trust: join(target, 'own.trust') })).exitCode).toBe(2)
  })
})

test('the command to type next is one word for the path, whatever the path', () => {
  const { next } = explain(new MalformedError('target.missing', ''), 'verify', 'x\u200b;touch y;#')
  expect(next).toBe("deedlog init $'x\\342\\200\\213;touch y;#'")
})
