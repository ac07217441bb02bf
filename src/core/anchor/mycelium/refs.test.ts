import { ed25519 } from '@noble/curves/ed25519.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { toBase64 } from '../../bytes/base64.js'
import { toUtf8 } from '../../bytes/utf8.js'
import { canonicalBytes, type Json } from '../../record/index.js'
import {
  type ActionPreimage,
  actionRef,
  actionRefV2,
  anchoredBefore,
  batchOf,
  colonSecondsActionRef,
  isInBatch,
  myceliumRef,
} from './refs.js'

const signal: ActionPreimage = {
  action_type: 'oracle.signal',
  agent_id: 'nexus-agent-xa12.onrender.com',
  scope: 'BTC',
  timestamp: '2025-05-18T11:40:31.000Z',
}
const join1 = 'execution-join-ref-v1'
const ACTION = '53138a338b70ac7cb54165e4175f5432384b44092f2968329212a1661f973b02'
const ATTEMPT = '9c796e94c7cbfbc898791bdafffb9f83d676820435dfdecc40899fb341f3c2bf'
const AUTHORIZED = '104812928eb50e0e1ad28f379f8ade03ea0f479ac7abd1bbf9205e9317665c7f'
const decision = {
  action_ref: ACTION,
  outcome: 'permit',
  policy_id: 'stripe-payment-guardrail-v2',
  ts_ms: 1782900000050,
  version: join1,
}

/** Values that others compute from the same members. */
describe('references of Mycelium Trails', () => {
  it('of actions are those that the trails compute, in both versions', () => {
    expect(actionRef(signal)).toBe('fdd7f810499f06be24355ca8e2bfb8c4b965cc80c838f41fa074683443d89f5a')
    expect(actionRefV2(signal)).toBe('v2:a978a3fe6858ac212091304c618f8ce40d024f2b9bb8e26cfaddf73a8812bf76')
    expect(actionRef({ ...signal, timestamp: '1747568431000' })).not.toBe(actionRef(signal))
  })

  it('of the older kind, with colons and seconds, are recognised by a name of their own', () => {
    const old = { agent_id: 'my-agent-001', action_type: 'enter_oasis', scope: 'giskard-oasis' }
    expect(colonSecondsActionRef(old, 1746500000)).toBe(
      '9cff192ae1ae0b2e70d376d255a2eaa62df47560f49b3d43f0c88b811980435f',
    )
  })

  it.each<[string, { readonly [name: string]: Json }, string]>([
    [
      'authorization_ref',
      {
        action_ref: AUTHORIZED,
        authorized_scope: 'autogen:guardrail',
        decision_ts: 1749513600000,
        policy_id: 'guardrail-policy-v1',
      },
      'b9f8494a4a5943687d105769556be2963271e37f2216d2afd279e5b260261327',
    ],
    [
      'execution-join action_ref',
      {
        actor_id: 'agent-stripe-payment-processor-v1',
        input_hash: 'a3f1c2e9d4b7a8f0c1e2d3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4',
        scope: 'stripe.charge.create',
        ts_ms: 1782900000000,
        version: join1,
      },
      ACTION,
    ],
    ['decision_id', decision, 'e84fbc5834ef2f9c0363268c81fdf159d74b906e52ee49c8103d965503f69822'],
    [
      'attempt_id',
      { action_ref: ACTION, attempt_seq: 1, executor_id: 'runtime-node-07', ts_ms: 1782900000100, version: join1 },
      ATTEMPT,
    ],
    [
      'result_id',
      {
        attempt_id: ATTEMPT,
        outcome: 'completed',
        output_hash: 'f1e2d3c4b5a6978869504132231445566778899aabbccddeeff00112233445566',
        ts_ms: 1782900001200,
        version: join1,
      },
      '121a8185d514f8458f0eee59647f9f4f7b84442c7de185680ae4e73d619e99f0',
    ],
    [
      'proof_ref',
      {
        attempt_id: ATTEMPT,
        evidence_type: 'stripe_webhook_confirmation',
        external_ref: 'evt_1QxRbK2eZvKYlo2C1XfXdXMk',
        ts_ms: 1782900002000,
        version: join1,
      },
      '88caaaf94cedba2019244200f8909b05b23ff0017f6789e0c92ef3072c842aa5',
    ],
    [
      'governance_block_digest',
      {
        authority_chain: ['pdp-root-2026', 'gateway-node-04'],
        canonicalization_profile_id: 'jcs-rfc8785-v1',
        data_version_hash: 'f3a1c9e2b7d5468a9c1e0f2b3a4d5c6e7f8091a2b3c4d5e6f7081920a3b4c5d6',
        fixture_id: 'gb-fixture-2026-07',
        schema_version: '1.0',
        ts_ms: 1751472000000,
        version: 'governance-block-join-ref-v1',
      },
      'a6743f8c84cb91d2cb035c25d0190c41e153b36869e122316f2773053c3c17b5',
    ],
    [
      'restraint_receipt_ref',
      {
        action_ref: AUTHORIZED,
        decision_id: 'decision-guardrail-001',
        reason_code: 'decision_outcome_not_allow',
        timestamp_ms: 1749513600000,
        verdict: 'denied',
      },
      '03c00cc37d34833bb0338fd373efecd72128cf256aced98f48c68c5c9b075aae',
    ],
    [
      'anchoring_precedence_ref',
      {
        anchor_block_time: 1782677381,
        mechanism: 'on-chain',
        outcome_ts_ms: 1782677980000,
        trail_id: 'b4377bcd-7342-4f7d-bdb3-daf41201bd47',
        version: 'anchoring-precedence-ref-v1',
      },
      '906a51a3be93e9ab5c4911080b2e1dc4ad07bbbc9711aa997f212ea95257008c',
    ],
  ])('%s', (_, members, expected) => {
    expect(myceliumRef(members)).toBe(expected)
  })

  it('need a block to be there before the outcome', () => {
    expect(anchoredBefore(1782677381, 1782677980000)).toBe(true)
    expect(anchoredBefore(1782677381, 1782677381000)).toBe(false)
  })

  it('that requests are signed over: Ed25519 over the same form', () => {
    const payload = canonicalBytes({ agent_id: 'deedlog-agent-1', nonce: 'n-1', timestamp: 1795334400 })
    const seed = new Uint8Array(32).fill(7)
    expect(toBase64(ed25519.getPublicKey(seed))).toBe('6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=')
    expect(toBase64(ed25519.sign(payload, seed))).toBe(
      '15Hy+EFKfZZdL2F5RViXuvJGvl8iDg4jvAstedrspPcEay20rYYlBW3KzwqbMODqkoGXiO7xFTNOXouF7r6FBA==',
    )
  })

  it.each<[string, Partial<Record<keyof ActionPreimage, unknown>>]>([
    ['no scope', { scope: '' }],
    ['a letter beyond ASCII', { agent_id: 'ägent' }],
    ['no text', { action_type: 5 }],
    ['a time without milliseconds', { timestamp: '2025-05-18T11:40:31Z' }],
    ['a day that does not exist', { timestamp: '2025-02-30T11:40:31.000Z' }],
    ['seconds', { timestamp: '1747568431' }],
    ['a time before 2020', { timestamp: '1577836799999' }],
    ['a time from 2100 on', { timestamp: '4102444800000' }],
    ['an object', { scope: { toString: () => 'x' } }],
    ['a text of any length', { scope: 'x'.repeat(1e6) }],
  ])('are of actions that the trails take, not with %s', (_, wrong) => {
    const preimage = { ...signal, ...wrong } as ActionPreimage
    expect(() => actionRef(preimage)).toThrow(expect.objectContaining({ code: 'mycelium.domain' }))
    expect(() => actionRefV2(preimage)).toThrow(expect.objectContaining({ code: 'mycelium.domain' }))
  })
})

describe('batches', () => {
  const refs = [0, 1, 2, 3, 4].map(i =>
    actionRef({ agent_id: 'a', action_type: 't', scope: 's', timestamp: `2026-01-01T00:00:00.00${i}Z` }),
  )

  it('have the root and the proofs that the trails compute', () => {
    expect(refs[0]).toMatch(/^4d463acd.*1775$/)
    expect(refs[4]).toMatch(/^7d255dda.*a7a7$/)
    expect(batchOf(refs).root).toBe('dba396f8a41a8607ea4c09ca198d4ac73ad7ee51220784cf11ad52b3181c3947')
    expect(refs.map((_, i) => batchOf(refs).proof(i).length)).toEqual([3, 3, 3, 3, 1])
  })

  it('do not fix the place of a reference: exchanged siblings have one root', () => {
    expect(batchOf([refs[1]!, refs[0]!, ...refs.slice(2)]).root).toBe(batchOf(refs).root)
  })

  it('prove each of their references, and no other', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(), (count, at) => {
        const many = Array.from({ length: count }, (_, i) => sha256Hex(toUtf8(String(i))))
        const index = at % count
        const proof = batchOf(many).proof(index)
        expect(isInBatch(many[index]!, proof, batchOf(many).root)).toBe(true)
        expect(isInBatch(sha256Hex(toUtf8('other')), proof, batchOf(many).root)).toBe(false)
      }),
    )
  })

  it('are of references of version 1 only', () => {
    for (const wrong of [[], ['v2:'.concat('a'.repeat(64))], ['A'.repeat(64)], ['']])
      expect(() => batchOf(wrong).root).toThrow(expect.objectContaining({ code: 'mycelium.batch' }))
    expect(() => batchOf(refs).proof(5)).toThrow(expect.objectContaining({ code: 'mycelium.batch' }))
    expect(isInBatch('no', [], 'no')).toBe(false)
    expect(isInBatch(refs[0]!, new Array<string>(65).fill(refs[1]!), batchOf(refs).root)).toBe(false)
  })
})
