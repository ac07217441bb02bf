import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseTlogProof, parseVerifierKey, verifyTlogProof } from '../core/tlog/index.js'
import { leafHash } from '../core/tlog/merkle.js'
import { files, jsonl } from '../log/index.js'
import { Recorder } from '../recorder/index.js'
import { type CallFilters, listCalls, showCall } from './calls.js'
import { checkDisclosure, discloseFields } from './disclose.js'
import { openSource } from './open.js'
import { proveEntry } from './prove.js'
import { provenEntries } from './proven.js'
import type { LogSource } from './source.js'
import { verify } from './verify.js'

const root = mkdtempSync(join(tmpdir(), 'deedlog-client-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe.each([
  ['a folder', files, 'audit'],
  ['a file', jsonl, 'audit.jsonl'],
] as const)('a log that a recorder wrote, in %s', (_, store, name) => {
  const target = join(root, name)
  let source: LogSource

  beforeAll(async () => {
    const backend = store(target)
    const evaluator = {
      evaluate: ({ tool }: { tool: string }) =>
        tool === 'wipe'
          ? ({ verdict: 'deny', rule: 'no-wiping', policy: 'house' } as const)
          : ({ verdict: 'allow' } as const),
    }
    const recorder = new Recorder({ backend, agent: { id: 'did:example:clerk' }, evaluator })
    for (const tool of ['pay', 'wipe', 'pay', '__proto__']) {
      const request = { tool: { name: tool }, args: { payment: { iban: 'DE1', amount: 5 }, note: 'x' }, session: tool }
      const decision = await recorder.decide(request)
      const ticket = await recorder.intent(request, decision)
      if (decision.verdict !== 'allow') continue
      const failed = tool === '__proto__'
      await recorder.outcome(ticket, {
        status: failed ? 'failed' : 'succeeded',
        executed: 'yes',
        args: { value: request.args },
        ...(failed ? { error: { value: new Error('no') } } : { output: { value: { paid: true } } }),
      })
    }
    await recorder.close()
    await backend.close()
    source = await openSource(target)
  })

  it('verifies with the trust file beside it', async () => {
    const report = await verify(target, { trust: `${target}.trust` })
    expect(report.findings.filter(finding => finding.severity !== 'notice')).toEqual([])
    expect(report.exitCode).toBe(0)
    expect(report.evidence.awaitingCheckpoint).toBe(0)
    expect(JSON.parse(JSON.stringify(report)).conduct.byTool).toEqual(JSON.parse('{"pay":2,"wipe":1,"__proto__":1}'))
  })

  it('verifies when everything private is gone', async () => {
    const hidden = target.endsWith('jsonl') ? `${target}.private` : join(target, 'private')
    renameSync(hidden, join(root, 'hidden'))
    const report = await verify(target, { trust: `${target}.trust` })
    renameSync(join(root, 'hidden'), hidden)
    expect(report.exitCode).toBe(0)
    // Unknown in a folder; in a file the lines can be counted.
    expect(report.evidence.awaitingCheckpoint ?? 0).toBe(0)
  })

  it('lists its calls', async () => {
    const rows = await listCalls(source)
    expect(rows.map(row => [row.tool, row.verdict, row.status, row.executed])).toEqual([
      ['pay', 'allow', 'succeeded', 'yes'],
      ['wipe', 'deny', 'denied', undefined],
      ['pay', 'allow', 'succeeded', 'yes'],
      ['__proto__', 'allow', 'failed', 'yes'],
    ])
    expect(rows[1]).toMatchObject({ policy: 'house', rule: 'no-wiping', agent: 'did:example:clerk' })
  })

  it('lists the calls that filters leave', async () => {
    const all = await listCalls(source)
    const time = Date.parse(all[3]!.time)
    const cases: readonly (readonly [CallFilters, number])[] = [
      [{ tool: 'pay' }, 2],
      [{ tool: 'pay', status: 'failed' }, 0],
      [{ status: 'denied' }, 1],
      [{ verdict: 'allow' }, 3],
      [{ agent: 'did:example:clerk' }, 4],
      [{ agent: 'did:example' }, 0],
      [{ session: all[1]!.session!.id }, 1],
      [{ since: time + 1 }, 0],
      [{ until: time }, 4],
    ]
    for (const [filters, count] of cases) expect(await listCalls(source, filters)).toHaveLength(count)
  })

  it('shows a call with what is disclosed and a proof of each record', async () => {
    const [row] = await listCalls(source)
    const [detail, ...others] = await showCall(source, row!.call)
    expect(others).toEqual([])
    expect(detail!.records.map(record => record.json['type'])).toEqual(['intent', 'outcome'])
    expect(detail!.stream.start.agent.id).toBe('did:example:clerk')
    expect(detail!.records[0]!.disclosed.get('args')).toEqual({
      value: { payment: { iban: 'DE1', amount: 5 }, note: 'x' },
    })
    const key = /^log (\S+)/m.exec(readFileSync(`${target}.trust`, 'utf8'))![1]!
    for (const { index, proof } of detail!.records) {
      const parsed = parseTlogProof(proof!)
      for await (const { record } of source.entries({ from: index, to: index + 1 }))
        expect(verifyTlogProof(parsed, leafHash(record), [parseVerifierKey(key)]).origin).toMatch(/deedlog/)
    }
    expect((await showCall(source, String(row!.records[1])))[0]!.row.call).toBe(row!.call)
    await expect(showCall(source, 'nobody')).rejects.toMatchObject({ code: 'call.unknown' })
    await expect(showCall(source, '0')).rejects.toMatchObject({ code: 'call.unknown' })
  })

  it('discloses one nested field, and tells what a disclosure proves', async () => {
    const [first, , other] = await listCalls(source)
    const shown = await discloseFields(source, first!.call, 'args', [['payment', 'amount']])
    expect(Buffer.from(shown).toString()).not.toContain('DE1')
    const { disclosed } = await checkDisclosure(source, first!.call, 'intent.args', shown)
    expect(disclosed).toMatchObject({
      fields: [{ path: ['payment', 'amount'], value: 5 }],
      withheld: [['note'], ['payment', 'iban']].sort(),
    })
    const whole = await discloseFields(source, first!.call, 'output', [])
    expect((await checkDisclosure(source, first!.call, 'output', whole)).disclosed).toEqual({ value: { paid: true } })
    await expect(checkDisclosure(source, other!.call, 'args', shown)).rejects.toMatchObject({
      code: 'disclosure.mismatch',
    })
    await expect(discloseFields(source, first!.call, 'secret', [])).rejects.toMatchObject({ code: 'disclose.member' })
  })

  it('yields proven entries, and none of a log that was changed', async () => {
    let count = 0
    for await (const { index } of provenEntries(source)) expect(index).toBe(count++)
    expect(count).toBeGreaterThan(9)
    const checkpoint = target.endsWith('jsonl') ? `${target}.checkpoint` : join(target, 'log/checkpoint')
    const before = readFileSync(checkpoint, 'utf8')
    const [origin, size, , ...rest] = before.split('\n')
    writeFileSync(checkpoint, [origin, size, Buffer.alloc(32).toString('base64'), ...rest].join('\n'))
    await expect(listCalls(source)).rejects.toMatchObject({ code: 'entries.unproven' })
    await expect(provenEntries(source).next()).rejects.toMatchObject({ code: 'entries.unproven' })
    await expect(proveEntry(source, 1)).rejects.toMatchObject({ code: 'inclusion' })
    writeFileSync(checkpoint, before)
  })
})
