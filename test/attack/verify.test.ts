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
import { explain } from '../../src/cli/errors.js'
import { verify } from '../../src/client/verify.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { MalformedError } from '../../src/core/errors.js'
import { capture, parseRecord } from '../../src/core/record/index.js'
import { Fingerprints } from '../../src/core/verify/fingerprints.js'
import type { CallSummary } from '../../src/core/verify/index.js'
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

  test.fails('E goes by the slots of a Map without a prototype, also when it has names of its own', () => {
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

  test.fails('what a server appends to an ended stream, unsigned, accuses nobody', () => {
    const log = new TestLog()
    const stream = log.stream()
    const denied = stream.intent({ verdict: 'deny' })
    stream.end()
    const { call, intent } = denied
    stream.add({ type: 'outcome', call, intent, status: 'succeeded', executed: 'yes' }, 'nobody')
    expect(codes(report(log))).toEqual(['record.stray'])
  })

  test.fails('an unsigned key record behind the end of an operator stream introduces nobody', () => {
    const log = new TestLog()
    const thief = new Party('did:example:thief')
    const operator = operatorStream(log)
    operator.end()
    operator.add({ type: 'key', event: 'add', key: thief.key, agent: thief.name }, 'nobody')
    log.stream(thief).call()
    expect(report(log).completeness.streams.at(-1)?.identity).toBe('self-asserted')
  })

  test.fails('an unsigned recovery behind the end of a stream does not call a live one dead', () => {
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

  test.fails('a key withdrawn for one agent stays so when it is added for another', () => {
    const log = new TestLog()
    const key = new Party('did:example:a')
    const operator = operatorStream(log)
    operator.add({ type: 'key', event: 'add', key: key.key, agent: 'did:example:a' })
    operator.add({ type: 'key', event: 'retire', key: key.key, agent: 'did:example:a' })
    operator.add({ type: 'key', event: 'add', key: key.key, agent: 'did:example:b' })
    log.stream(key, { agent: { id: 'did:example:a' } }).call()
    expect(report(log).completeness.streams.at(-1)?.identity).not.toBe('introduced')
  })

  test.fails('an operator whose key is compromised introduces nobody from there on', () => {
    const log = new TestLog()
    const thief = new Party('did:example:thief')
    const operator = operatorStream(log)
    operator.add({ type: 'key', event: 'compromised', key: log.operator.key })
    operator.add({ type: 'key', event: 'add', key: thief.key, agent: thief.name })
    log.stream(thief).call()
    expect(report(log).completeness.streams.at(-1)?.identity).toBe('self-asserted')
  })

  test.fails('an operator whom the auditor does not pin gives no other key to an agent whom the auditor pins', () => {
    const log = new TestLog()
    const [clerk, thief] = [new Party('did:example:clerk'), new Party('thief')]
    operatorStream(log).add({ type: 'key', event: 'add', key: thief.key, agent: clerk.name })
    log.stream(thief, { agent: { id: clerk.name } }).call()
    const trust = log.trust().replace(/^operator .*\n/m, '')
    expect(judge(log.entries, log.checkpoint(), { trust }).exitCode).toBe(3)
  })

  test.fails('the conduct of a call is judged although its records stand before the start of their stream', () => {
    const log = new TestLog()
    const stream = log.stream()
    stream.call({ verdict: 'deny' })
    stream.end()
    const [zero, start, intent, outcome, end] = log.entries
    log.entries = [zero!, intent!, outcome!, start!, end!]
    expect(report(log).conduct.verdict).not.toBe('no exceptions')
  })

  test.fails('call ids that were made to meet in one slot cost no more than others', () => {
    const ids = meeting('a'.repeat(64), 3000)
    const cost = (names: readonly string[]) => {
      const began = performance.now()
      const seen = new Fingerprints()
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

  test.fails('records removed from the front of a log that promised no pruning are evidence against it', async () => {
    const { target, trust, bundle } = place()
    rmSync(bundle(0))
    expect((await verify(target, { trust })).exitCode).toBe(1)
  })

  test.fails('a bundle that is a link is reported, not thrown', async () => {
    const { dir, target, trust, bundle } = place()
    renameSync(bundle(1), join(dir, 'elsewhere'))
    symlinkSync(join(dir, 'elsewhere'), bundle(1))
    expect((await verify(target, { trust })).exitCode).toBe(1)
  })

  test.fails('a pipe among the private files of a stranger’s copy does not keep an auditor waiting', async () => {
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

  test.fails('a trust file in the folder that holds log/ was supplied by the log', async () => {
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
