import { describe, expect, it } from 'vitest'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { commit } from './commitment.js'
import { commitmentsOf, encodeRecord, parseRecord, recordLeaf } from './schema.js'
import type { Intent, Loss, Record } from './types.js'

/*
 * Every member of every type is in spec/vectors/record/record/; here is what a vector cannot say.
 */

const HASH = 'ab'.repeat(32)
const loss: Loss = {
  v: 1,
  type: 'loss',
  stream: HASH,
  seq: 1,
  prev: HASH,
  time: '2026-11-22T09:25:00.000Z',
  reason: 'x',
}
const secret = commit('secret', new Uint8Array(32))
const intent: Intent = {
  ...loss,
  type: 'intent',
  call: '01KAMVW9G00000000000000000',
  tool: { name: 'refund' },
  args: secret,
  decision: { verdict: 'allow', reason: secret },
}

describe('encodeRecord', () => {
  it('writes what parseRecord understands', () => {
    const parsed = parseRecord(encodeRecord(loss))
    expect(parsed).toMatchObject({ understood: true, record: loss, leaf: recordLeaf(encodeRecord(loss)) })
  })

  it.each<[string, unknown, string, string]>([
    [
      'a record that readers would not understand',
      { ...loss, reason: 'a b' },
      'record.member',
      'reason is "a b", not a word',
    ],
    [
      'a contradictory outcome',
      { ...intent, type: 'outcome', intent: HASH, status: 'succeeded', executed: 'no' },
      'record.member',
      'executed no does not go with status succeeded',
    ],
    ['a record that is too long', { ...loss, 'com.example.x': 'x'.repeat(16_384) }, 'record.length', '1 to 16384'],
    ['null in a member of somebody else', { ...loss, 'com.example.x': null }, 'record.value', 'null'],
    ['a member too deep', { ...loss, 'com.example.x': [[[[[[[[]]]]]]]] }, 'record.depth', 'deeper'],
  ])('refuses %s', (_, record, code, message) => {
    let error: unknown
    try {
      encodeRecord(record as Record)
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ name: 'MalformedError', code })
    expect(`${(error as Error).message} ${(error as { expected?: string }).expected}`).toContain(message)
  })
})

describe('parseRecord', () => {
  it('says in one sentence which member is wrong, without what could move a cursor', () => {
    const parsed = parseRecord(toUtf8(fromUtf8(encodeRecord(loss)).replace('"reason":"x"', '"reason":"\\u001b[2J"')))
    expect(parsed).toMatchObject({ understood: false, why: 'reason is "\\u001b[2J", not a word' })
  })

  it('cuts what strangers made long', () => {
    for (const members of [
      { type: 'x'.repeat(9000) },
      { reason: 'x'.repeat(9000) },
      { crit: ['x'.repeat(9000)] },
      { v: 'x'.repeat(9000) },
    ]) {
      const text = JSON.stringify(
        Object.fromEntries(Object.entries({ ...loss, ...members }).sort(([a], [b]) => (a < b ? -1 : 1))),
      )
      const parsed = parseRecord(toUtf8(text))
      expect(parsed.understood).toBe(false)
      expect((parsed as { why: string }).why.length).toBeLessThan(200)
    }
  })
})

it('lists the commitments of a record by the path of their member', () => {
  expect([...commitmentsOf(intent).keys()]).toEqual(['args', 'decision.reason'])
  expect(commitmentsOf(loss).size).toBe(0)
})
