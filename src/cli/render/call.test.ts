import { describe, expect, it } from 'vitest'
import type { CallDetail, CallRow } from '../../client/calls.js'
import type { Disclosed } from '../../core/record/index.js'
import type { StreamStart } from '../../core/record/types.js'
import { PLAIN } from '../terminal/paint.js'
import { width } from '../terminal/width.js'
import { callJson, renderCall } from './call.js'
import { callTable } from './calls.js'
import { pathText, renderChecked } from './disclosure.js'

const LOOK = { paint: PLAIN, columns: 80 }
const HASH = '50d5ac2103c988991d1f213e66668f42258eaa686fd642b00a83f58d3d7b706f'
const COMMITMENT = { root: HASH, scheme: 'f1', size: 256 }

const row = (some: Partial<CallRow> = {}): CallRow => ({
  index: 2,
  intent: HASH,
  call: '01KATB8Q5M4Z0YQ1G7X8D3C9FE',
  stream: HASH,
  agent: 'did:example:shop',
  tool: 'refund',
  verdict: 'review',
  time: '2026-11-24T22:37:42.235Z',
  status: 'declined',
  exceptions: [],
  records: [2, 3],
  ...some,
})

const start = {
  v: 1,
  type: 'stream.start',
  agent: { id: 'did:example:shop', name: 'shop' },
  recorder: { name: 'deedlog', version: '0.1.0' },
  host: { framework: '@google/adk', version: '2.0.0' },
  observer: 'host',
} as unknown as StreamStart

const detail = (some: Partial<CallDetail> = {}): CallDetail => ({
  row: row({ rule: 'big', policy: 'money', session: { id: '01KATB8Q5M4Z0YQ1G7X8D3C9FF', n: 4 }, executed: 'no' }),
  stream: { id: HASH, start },
  records: [
    {
      index: 2,
      leaf: HASH,
      json: {
        type: 'intent',
        time: '2026-11-24T22:37:42.235Z',
        v: 1,
        seq: 1,
        call: '01KATB8Q5M4Z0YQ1G7X8D3C9FE',
        args: COMMITMENT,
        decision: { verdict: 'review', reason: COMMITMENT },
        'com.example.ticket': 'T-1',
      },
      disclosed: new Map<string, Disclosed | string>([
        ['args', { fields: [{ path: ['payment', 'amount'], value: 5 }], withheld: [['payment', 'iban']] }],
        ['decision.reason', 'the disclosure gives the root 00'],
      ]),
      proof: new TextEncoder().encode('c2sp.org/tlog-proof@v1\n'),
    },
    { index: 3, leaf: HASH, json: { type: 'outcome', time: 'x', output: COMMITMENT }, disclosed: new Map() },
  ],
  ...some,
})

describe('renderCall', () => {
  it('shows who, what, what became of it, and each record with what is disclosed', () => {
    expect(renderCall(detail(), LOOK).split('\n')).toEqual([
      'Call 01KATB8Q5M4Z0YQ1G7X8D3C9FE',
      '  tool          refund',
      '  agent         did:example:shop (shop)',
      '  decision      review, by rule big of policy money',
      '  status        declined; executed: no',
      '  exceptions    none',
      `  stream        ${HASH}`,
      '  recorded by   deedlog 0.1.0, in @google/adk 2.0.0, observer: host',
      '  session       01KATB8Q5M4Z0YQ1G7X8D3C9FF, call 4 of it, from 0',
      '',
      'Entry 2: intent, 2026-11-24T22:37:42.235Z',
      `  leaf hash     ${HASH}`,
      '  in the log    under the signed checkpoint; its inclusion proof was checked',
      '  args          commitment with the root',
      `                ${HASH}`,
      '                disclosed at payment.amount: 5',
      '                withheld or erased: payment.iban',
      '  decision.verdict  review',
      '  decision.reason  commitment with the root',
      `                ${HASH}`,
      '                the disclosure gives the root 00',
      '  com.example.ticket  T-1',
      '',
      'Entry 3: outcome, x',
      `  leaf hash     ${HASH}`,
      '  in the log    not under a signed checkpoint yet',
      '  output        commitment with the root',
      `                ${HASH}`,
      '                not disclosed: no disclosure is kept here',
      '',
      'Times are the word of the recorder.',
      '',
    ])
  })

  it('lets nothing that a tool, model or person wrote forge a line', () => {
    const evil = 'x\x1b[2J\n  status        succeeded\u202e'
    const text = renderCall(
      detail({
        row: row({ tool: evil, agent: evil, call: evil, server: evil, rule: evil, policy: evil, stream: evil }),
        records: [
          {
            index: 2,
            leaf: HASH,
            json: { type: evil, time: evil, [evil]: evil, args: COMMITMENT, output: COMMITMENT, list: [evil] },
            disclosed: new Map([
              ['args', { value: { [evil]: evil } }],
              ['output', { fields: [{ path: [evil], value: evil }], withheld: [[evil, 0]] }],
            ]),
          },
        ],
      }),
      LOOK,
    )
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
    expect(text.split('\n').filter(line => line.startsWith('  status'))).toEqual(['  status        declined'])
  })

  it('shows the beginning of a long value and says that there is more', () => {
    const value = Array.from({ length: 100 }, (_, i) => i)
    const records = [{ ...detail().records[0]!, disclosed: new Map([['args', { value }]]) }]
    const lines = renderCall(detail({ records }), LOOK).split('\n')
    expect(lines).toContain('                … and 62 more lines, all of them with --json')
  })
})

describe('callJson', () => {
  it('has the row, the start of the stream, and each record with its proof', () => {
    const json = JSON.parse(JSON.stringify(callJson(detail()))) as ReturnType<typeof callJson>
    expect(json).toMatchObject({ call: '01KATB8Q5M4Z0YQ1G7X8D3C9FE', status: 'declined', start: { observer: 'host' } })
    expect(json.records[0]).toMatchObject({
      index: 2,
      record: { type: 'intent', args: COMMITMENT },
      disclosed: {
        args: { fields: [{ path: ['payment', 'amount'], value: 5 }], withheld: [['payment', 'iban']] },
        'decision.reason': { refused: 'the disclosure gives the root 00' },
      },
      proof: 'c2sp.org/tlog-proof@v1\n',
    })
    expect(json.records[1]).not.toHaveProperty('proof')
  })
})

describe('callTable', () => {
  const evil = row({ tool: 'a\nb\x1b[31m', agent: 'x\u202e', exceptions: ['call.executed-though-denied'] })

  it('fits 80 columns, with every word whole', () => {
    const table = callTable(80)
    const lines = [table.head(PLAIN), table.row(row({ verdict: 'not_evaluated', status: 'short_circuited' }), PLAIN)]
    expect(lines).toEqual([
      '  INDEX  TIME (UTC)           DECISION       STATUS           !  TOOL',
      '      2  2026-11-24 22:37:42  not_evaluated  short_circuited     refund',
    ])
    for (let columns = 40; columns < 240; columns++)
      for (const line of [callTable(columns).head(PLAIN), callTable(columns).row(evil, PLAIN)])
        expect(width(line)).toBeLessThanOrEqual(columns)
  })

  it('marks calls with exceptions and escapes what strangers wrote', () => {
    expect(callTable(undefined).row(evil, PLAIN)).toBe(
      '      2  2026-11-24 22:37:42  review         declined         01KATB8Q5M4Z0YQ1G7X8D3C9FE' +
        '  x\\u202e                   -                                !  a\\nb\\x1b[31m',
    )
  })
})

describe('renderChecked', () => {
  it('says of which entry, what is shown and what is withheld', () => {
    const disclosed = { fields: [{ path: ['a', 0], value: 'x\u202e' }], withheld: [['b.c'], ['d']] }
    expect(renderChecked({ index: 3, member: 'output', commitment: COMMITMENT, disclosed }, LOOK).split('\n')).toEqual([
      'The disclosure holds: entry 3 committed to this',
      '  output        commitment with the root',
      `                ${HASH}`,
      '                disclosed at a.0: "x\\u202e"',
      '                withheld or erased: ["b.c"], d',
      '  Whose log this is, and whether it is whole, is the question of deedlog verify.',
      '',
    ])
  })
})

describe('pathText', () => {
  it('writes a path so that --path reads it back', () => {
    expect(pathText(['payment', 'items', 0])).toBe('payment.items.0')
    expect(pathText(['0'])).toBe('["0"]')
    expect(pathText(['a b', 1])).toBe('["a b",1]')
  })
})
