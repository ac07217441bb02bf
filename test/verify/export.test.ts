import { describe, expect, it } from 'vitest'
import { bundleSource } from '../../src/client/bundle-file.js'
import { listCalls, showCall } from '../../src/client/calls.js'
import { surveyCoverage } from '../../src/client/coverage.js'
import { exportBundle, resolveCalls } from '../../src/client/export.js'
import { sampleCalls } from '../../src/client/sample.js'
import { formatAnchorFile } from '../../src/core/anchor/index.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { commit, discloseInFull, formatDisclosureSet, type Json } from '../../src/core/record/index.js'
import { ALGORITHM } from '../../src/core/tlog/index.js'
import { parseBundle, windowOf } from '../../src/core/verify/index.js'
import { judged, memorySource } from './bundle-kit.js'
import { codes, id, Party, TestLog } from './kit.js'

const VALUE: Json = { payment: { amount: 5, iban: 'DE1' }, 'a.b': [1, { c: 2 }] }
const witness = new Party('witness.example/one')

/** A log with one call whose arguments are kept, between others, seen by a witness before and after it. */
function story() {
  const log = new TestLog()
  const stream = log.stream()
  for (let i = 0; i < 20; i++) stream.call({ session: { id: id(1), n: i } })
  const before = log.checkpoint({ witnesses: [witness] })
  stream.add({ type: 'coverage', unseen: ['x'], after: log.after(log.size, before) as unknown as Json })
  for (let i = 20; i < 30; i++) stream.call({ session: { id: id(1), n: i } })
  const key = log.random(32)
  const index = log.size
  const call = id(77)
  stream.calls++
  const body = {
    type: 'intent',
    call,
    tool: { name: 'pay' },
    args: commit(VALUE, key) as unknown as Json,
    decision: { verdict: 'allow' },
    session: { id: id(1), n: 30 },
  }
  const intent = stream.add(body)
  stream.outcome({ call, intent })
  for (let i = 31; i < 40; i++) stream.call({ session: { id: id(1), n: i } })
  const after = log.checkpoint({ witnesses: [witness] })
  stream.add({ type: 'coverage', unseen: ['y'], after: log.after(log.size, after) as unknown as Json })
  stream.call({ session: { id: id(1), n: 40 } })
  const last = log.checkpoint({ witnesses: [witness] })
  const source = {
    ...memorySource(log.entries, last, [before, after]),
    disclosures: async (at: number) =>
      at === index ? formatDisclosureSet(new Map([['args', discloseInFull(VALUE, key)]])) : undefined,
  }
  const pins = [`witness one ${witness.vkey(witness.name, ALGORITHM.cosignature).text}`, 'quorum one']
  return { log, stream, source, call, index, before, after, trust: log.trust(undefined, pins) }
}

describe('an export', () => {
  const { log, stream, source, call, index, trust } = story()

  it('brings the notes that bound when the call was made from both sides', async () => {
    const { bundle } = await exportBundle(source, { query: { calls: [call] } })
    const report = judged(bundle, trust)
    expect(report.evidence.verdict).toBe('intact')
    expect(bundle.notes).toHaveLength(2)
    const window = windowOf(report.evidence.times!, stream.id, index)
    expect(window.after).toBeDefined()
    expect(window.before! > window.after!).toBe(true)
    // Tighter than what the checkpoint alone would say.
    expect(report.evidence.times!.existed.some(({ size }) => index < size && size < log.size)).toBe(true)
  })

  it('brings rules with the parts that they carry on from', async () => {
    const made = new TestLog()
    const run = made.stream()
    const set = (name: string, part?: string) =>
      run.add({
        type: 'rules',
        engine: { name: 'x', version: '1' },
        files: [{ digest: 'ab'.repeat(32), name }],
        ...(part === undefined ? {} : { part }),
      })
    const rules = set('c', set('b', set('a')))
    set('unrelated')
    const { call: asked } = run.call({ more: { decision: { verdict: 'allow', rules } } })
    const { report } = await exportBundle(memorySource(made.entries, made.checkpoint()), { query: { calls: [asked] } })
    expect(report.conduct.rules.map(({ files }) => files[0]?.name)).toEqual(['a', 'b', 'c'])
  })

  it('says how many calls of the session it shows', async () => {
    const { report } = await exportBundle(source, { query: { calls: [call] } })
    expect(report.bundle?.sessions).toEqual([{ stream: stream.id, session: id(1), shown: 1, calls: 31, ended: false }])
  })

  it.each([
    [{ call: '0' }, 'disclose.call'],
    [{ call: '', of: 'args' }, 'disclose.call'],
    [{ of: 'nothing' }, 'disclose.member'],
    [{ of: 'args.nothing' }, 'disclose.member'],
    [{ of: 'args.payment.amount.more' }, 'disclose.member'],
    [{ of: 'outcome.args' }, 'disclose.member'],
    [{ of: 'args.__proto__' }, 'disclose.member'],
  ])('refuses to disclose %j', async (choice, code) => {
    const disclose = [{ call, ...choice }]
    await expect(exportBundle(source, { query: { calls: [call] }, disclose })).rejects.toMatchObject({ code })
  })

  it('refuses to disclose what is not kept', async () => {
    const other = (await listCalls(source))[3]!.call
    const asked = { query: { calls: [other] }, disclose: [{ call: other }] }
    await expect(exportBundle(source, asked)).rejects.toMatchObject({ code: 'disclose.not-kept' })
  })

  it('discloses in full, by field, and the fields of two choices together', async () => {
    const fields = async (disclose: readonly { call: string; of?: string; path?: (string | number)[] }[]) =>
      (await exportBundle(source, { query: { calls: [call] }, disclose })).report.bundle!.disclosures.map(
        ({ shown }) => shown ?? 'full',
      )
    expect(await fields([{ call }])).toEqual(['full'])
    expect(await fields([{ call, of: 'intent.args' }])).toEqual(['full'])
    expect(await fields([{ call, of: 'args.payment.amount' }])).toEqual([[['payment', 'amount']]])
    expect(await fields([{ call: `${index}`, of: 'args.payment' }])).toEqual([
      [
        ['payment', 'amount'],
        ['payment', 'iban'],
      ],
    ])
    expect(await fields([{ call, of: 'args', path: ['a.b', 0] }])).toEqual([[['a.b', 0]]])
    const two = await fields([
      { call, of: 'args.payment.amount' },
      { call, of: 'args', path: ['a.b', 1, 'c'] },
    ])
    expect(two[0]).toHaveLength(2)
    expect(await fields([{ call, of: 'args.payment.amount' }, { call }])).toEqual(['full'])
  })

  it('of a bundle gives a smaller bundle', async () => {
    const { bytes } = await exportBundle(source, { query: { sessions: [id(1)] }, disclose: [{ call }] })
    const between = bundleSource(parseBundle(bytes), 'between')
    const { bundle, report } = await exportBundle(between, { query: { calls: [call] }, disclose: [{ call }] })
    expect(codes(judged(bundle, trust))).toEqual([])
    expect(report.bundle?.disclosures).toHaveLength(1)
    expect(bundle.notes).toHaveLength(2)
    const direct = await exportBundle(source, { query: { calls: [call] } })
    expect(bundle.parts.length).toBeLessThanOrEqual(direct.bundle.parts.length)
    // And of a bundle of other calls it gives nothing.
    const others = bundleSource(direct.bundle, 'others')
    const first = (await listCalls(source))[0]!.call
    await expect(exportBundle(others, { query: { calls: [first] } })).rejects.toMatchObject({ code: 'call.unknown' })
  })

  it('of one call can be listed, shown and proved', async () => {
    const { bundle } = await exportBundle(source, { query: { calls: [call] }, disclose: [{ call }] })
    const shown = bundleSource(bundle, 'a bundle')
    expect((await listCalls(shown)).map(row => row.call)).toEqual([call])
    const [detail] = await showCall(shown, call)
    expect(detail?.records[0]?.disclosed.get('args')).toEqual({ value: VALUE })
    expect(detail?.records.every(({ proof }) => proof !== undefined)).toBe(true)
    await expect(showCall(shown, '1')).rejects.toMatchObject({ code: 'call.unknown' })
  })

  it('takes the nearest anchor above the call, and none below', async () => {
    const anchor = (size: number) =>
      formatAnchorFile({
        kind: 'stone',
        name: 'stone',
        size,
        root: log.root(size),
        state: 'anchored',
        evidence: toUtf8('x'),
      })
    const files = new Map([10, index + 5, index + 9, 1_000_000].map(size => [`${size}`, anchor(size)]))
    const names = [...files.keys(), 'broken']
    const anchored = {
      ...source,
      anchors: async () => ({
        names,
        passedOver: 0,
        read: async (name: string) => files.get(name) ?? toUtf8('{'),
      }),
    }
    const { bundle } = await exportBundle(anchored, { query: { calls: [call] } })
    expect(bundle.anchors.map(({ size }) => size)).toEqual([index + 5])
    expect(bundle.parts.some(part => part.index === index + 5)).toBe(true)
    expect(codes(judged(bundle, trust))).toEqual([])
  })

  it('of a part is no log to draw samples from, nor to survey', async () => {
    const { bundle } = await exportBundle(source, { query: { all: true } })
    const part = bundleSource(bundle, 'a bundle')
    await expect(sampleCalls(part, { n: 1, seed: 'x' })).rejects.toMatchObject({ code: 'target.kind' })
    await expect(surveyCoverage(part)).rejects.toMatchObject({ code: 'target.kind' })
  })

  it('finds calls by the index of any of their records', async () => {
    expect(await resolveCalls(source, [`${index + 1}`, call])).toEqual([call])
    for (const wrong of ['0', '1', '999999', '-1', '01', 'x', '9007199254740993', '__proto__'])
      await expect(resolveCalls(source, [wrong])).rejects.toMatchObject({ code: 'call.unknown' })
  })

  it('of a log that does not hash to its checkpoint is refused', async () => {
    const altered = memorySource(log.entries.with(3, log.entries[5]!), log.checkpoint())
    await expect(exportBundle(altered, { query: { calls: [call] } })).rejects.toMatchObject({
      code: 'entries.unproven',
    })
    const headless = { ...source, checkpoint: async () => undefined }
    await expect(exportBundle(headless, { query: { all: true } })).rejects.toMatchObject({ code: 'entries.unproven' })
  })
})
