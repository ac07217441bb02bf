import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listCalls } from '../../../src/client/calls.js'
import { exportMycelium } from '../../../src/client/export-mycelium.js'
import { openSource } from '../../../src/client/open.js'
import { actionRef, actionRefV2, callAction, isInBatch, myceliumRef } from '../../../src/core/anchor/mycelium/index.js'
import { deedlog } from '../../cli/deedlog.js'
import { type AnchoredLog, anchoredLog } from '../kit.js'

const intent = 'ab'.repeat(32)
const facts = { agent: 'did:example:a', tool: 'pay', intent, time: '2026-11-25T00:00:00.000Z', verdict: 'allow' }

describe('a call in the words of Mycelium Trails', () => {
  it('is its agent, its tool, and the leaf hash of its intent', () => {
    const preimage = {
      agent_id: 'did:example:a',
      action_type: 'pay',
      scope: `deedlog:intent:${intent}`,
      timestamp: '2026-11-25T00:00:00.000Z',
    }
    expect(callAction(facts)).toEqual({
      preimage,
      action_ref: actionRef(preimage),
      action_ref_v2: actionRefV2(preimage),
    })
  })

  it('has an authorization when a policy allowed it, and a receipt of restraint when it was denied', () => {
    const allowed = callAction({ ...facts, policy: 'guard' })
    if (typeof allowed === 'string') throw new Error(allowed)
    expect(allowed.authorization_ref).toBe(
      myceliumRef({
        action_ref: allowed.action_ref,
        authorized_scope: allowed.preimage.scope,
        decision_ts: Date.UTC(2026, 10, 25),
        policy_id: 'guard',
      }),
    )
    const denied = callAction({ ...facts, verdict: 'deny', policy: 'guard', rule: 'no-pay' })
    expect(denied).toMatchObject({ restraint_receipt_ref: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(denied).not.toHaveProperty('authorization_ref')
    expect(callAction({ ...facts, verdict: 'review' })).not.toHaveProperty('authorization_ref')
  })

  it('is a sentence when its names are not ASCII', () => {
    expect(callAction({ ...facts, tool: 'zahle\u202e' })).toMatch(/names no action/)
  })
})

describe('a log in the words of Mycelium Trails', () => {
  let own: AnchoredLog
  beforeAll(async () => {
    own = await anchoredLog('files')
    await own.record(5)
  })
  afterAll(async () => {
    await own?.log.close()
    await rm(join(own.target, '..'), { recursive: true, force: true })
  })

  it('has each call, with a proof that it is in the batch', async () => {
    const source = await openSource(own.target)
    const calls = await listCalls(source)
    const { actions, batch_root, not_expressible, log } = await exportMycelium(source, {})
    expect(actions.map(({ call }) => call)).toEqual(calls.map(({ call }) => call))
    expect(not_expressible).toEqual([])
    expect(log.origin).toBe('example.com/anchored')
    for (const { action_ref, proof, preimage, index } of actions) {
      expect(isInBatch(action_ref, proof, batch_root)).toBe(true)
      expect(preimage.scope).toBe(`deedlog:intent:${calls.find(call => call.index === index)?.intent}`)
    }
    const some = await exportMycelium(source, {}, ({ call }) => call === calls[1]!.call)
    expect(some.actions).toHaveLength(1)
    await expect(exportMycelium(source, {}, () => false)).rejects.toMatchObject({ code: 'call.unknown' })
    await source.close()
  })

  it('is written by the command, and nothing over it', async () => {
    const cwd = join(own.target, '..')
    const args = ['export', 'audit', '--all', '--format', 'mycelium', '-o', 'calls.json', '--json']
    const ran = deedlog(args, { cwd })
    expect(ran.status, ran.stderr).toBe(0)
    const written = JSON.parse(await readFile(join(cwd, 'calls.json'), 'utf8')) as { actions: unknown[] }
    expect(written.actions).toHaveLength(5)
    expect(deedlog(args, { cwd }).status).toBe(2)
    expect(deedlog([...args.slice(0, -2), 'other.json', '--rules'], { cwd }).stderr).toMatch(/usage.conflict/)
  })
})
