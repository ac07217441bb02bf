import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatTrail, readTrail } from '../../../src/core/anchor/index.js'
import { judgeAnchor } from '../../../src/core/verify/anchor-kinds.js'
import { checkpointToAnchor, type Progress } from '../../../src/publish/anchor.js'
import { type MyceliumOptions, mycelium } from '../../../src/publish/mycelium.js'
import { noteOf } from '../../../src/publish/testkit.js'
import { type Fault, TrailsStub } from './stub.js'

const checkpoint = checkpointToAnchor(noteOf(7))
const TX = `0x${'ab'.repeat(32)}`
let stub: TrailsStub

beforeEach(async () => {
  stub = await TrailsStub.start()
})
afterEach(() => stub.close())

const attempt = (nowMs = Date.now()) => ({
  signal: new AbortController().signal,
  nowMs,
  random: (length: number) => new Uint8Array(length),
})

const make = (options: Partial<MyceliumOptions> = {}) => mycelium({ url: stub.url, apiKey: 'SECRET-KEY', ...options })
const resumeOf = (progress: Progress): Uint8Array => {
  if (progress.state !== 'pending') throw new Error(`${progress.state}, not pending`)
  return progress.resume
}
const evidenceOf = (progress: Progress): Uint8Array => {
  if (progress.state !== 'anchored') throw new Error(`${progress.state}, not anchored`)
  return progress.evidence
}
const named = async (anchor = make()) => resumeOf(await anchor.submit(checkpoint, attempt()))
const posts = () => stub.requests.filter(path => path === 'POST /nexus/trail').length

describe('a service of trails', () => {
  it('writes a checkpoint down once, and is waited for until it is in a chain', async () => {
    const anchor = make()
    const written = await anchor.poll!(checkpoint, await named(anchor), attempt())
    expect(written).toMatchObject({ state: 'pending', detail: expect.stringMatching(/written down/) })
    stub.trails[0]!.anchor_status = 'submitted'
    stub.trails[0]!.tx_hash = TX
    const waiting = await anchor.poll!(checkpoint, resumeOf(written), attempt())
    expect(waiting.state).toBe('pending')
    stub.trails[0]!.anchor_status = 'anchored'
    const trail = readTrail(evidenceOf(await anchor.poll!(checkpoint, resumeOf(waiting), attempt())), checkpoint.digest)
    expect(trail).toMatchObject({ id: stub.trails[0]!.trail_id, tx: TX, actionRef: stub.trails[0]!.action_ref })
    expect(posts()).toBe(1)
  })

  it.each(['failed', null])('that does not bring it into a chain (%s) is kept as what it is', async status => {
    const anchor = make({ waitMs: status === null ? 0 : 1e9 })
    stub.anchor = status === null ? 'disabled' : 'pending'
    const resume = await named(anchor)
    if (status !== null) {
      await anchor.poll!(checkpoint, resume, attempt())
      stub.trails[0]!.anchor_status = status
    }
    const evidence = evidenceOf(await anchor.poll!(checkpoint, resume, attempt()))
    expect(readTrail(evidence, checkpoint.digest).tx).toBeUndefined()
    expect(judgeAnchor('mycelium', evidence, checkpoint.digest, undefined)).toMatchObject({
      status: 'lookup',
      detail: expect.stringMatching(/^a third-party record/),
    })
  })

  it('that failed after it had written has one trail all the same', async () => {
    const anchor = make()
    const resume = await named(anchor)
    stub.fault = { at: 'nexus', is: '500-after-writing' }
    await expect(anchor.poll!(checkpoint, resume, attempt())).rejects.toMatchObject({
      code: 'mycelium.http',
      retryable: true,
    })
    await anchor.poll!(checkpoint, resume, attempt())
    expect(stub.trails).toHaveLength(1)
    expect(posts()).toBe(1)
  })

  it('that says it has it already is asked for it', async () => {
    const anchor = make()
    const resume = await named(anchor)
    stub.fault = { at: 'nexus', is: '409' }
    const again = await anchor.poll!(checkpoint, resume, attempt())
    expect(again).toMatchObject({ state: 'pending', afterMs: 0 })
  })

  it.each<[Fault, string, string, boolean | undefined]>([
    ['422', 'nexus', 'mycelium.http', false],
    ['400', 'nexus', 'mycelium.http', false],
    ['429', 'nexus', 'mycelium.http', true],
    ['500-before-writing', 'verify', 'mycelium.http', true],
    ['200-with-error', 'verify', 'mycelium.http', true],
    ['200-with-error', 'nexus', 'mycelium.http', true],
    ['garbage', 'verify', 'mycelium.http', true],
    ['garbage', 'nexus', 'mycelium.http', true],
    ['endless', 'nexus', 'mycelium.http', true],
    ['other-hash', 'nexus', 'mycelium.trail', undefined],
    ['other-agent', 'nexus', 'mycelium.trail', undefined],
    ['bad-id', 'nexus', 'mycelium.http', true],
    ['old-time', '/trails/0', 'mycelium.time', undefined],
    ['other-hash', '/trails/0', 'mycelium.trail', undefined],
    ['echo-key', 'nexus', 'mycelium.http', false],
  ])('that does %s at %s is refused with %s', async (is, at, code, retryable) => {
    const anchor = make()
    const resume = await named(anchor)
    stub.fault = { at, is }
    const error = await anchor.poll!(checkpoint, resume, attempt()).then(
      () => undefined,
      (reason: Error & { code: string; retryable?: boolean }) => reason,
    )
    expect(error).toMatchObject({ code, ...(retryable === undefined ? {} : { retryable }) })
    expect(`${error?.message} ${error?.stack}`).not.toContain('SECRET-KEY')
  })

  it('has an address of HTTP without secrets', () => {
    for (const url of ['', 'ftp://a/', 'http://user:SECRET@host/']) expect(() => make({ url })).toThrow(TypeError)
    expect(() => make({ url: 'http://user:SECRET@host/' })).not.toThrow(/SECRET/)
    expect(() => make({ name: '../x' })).toThrow(TypeError)
  })
})

describe('what is kept of a trail', () => {
  it('names the single fact to look up, and counts for no time', async () => {
    const anchor = make()
    const resume = await named(anchor)
    await anchor.poll!(checkpoint, resume, attempt())
    Object.assign(stub.trails[0]!, { anchor_status: 'anchored', tx_hash: TX.slice(2).toUpperCase() })
    const evidence = evidenceOf(await anchor.poll!(checkpoint, resume, attempt()))
    const judged = judgeAnchor('mycelium', evidence, checkpoint.digest, undefined)
    expect(judged).toMatchObject({
      status: 'lookup',
      lookUp: expect.stringContaining(`transaction ${TX} of chain 42161`),
    })
    expect(judged).not.toHaveProperty('seconds')
  })

  it('of another checkpoint is bad; of nothing that can be read, unknown', async () => {
    const anchor = make()
    const resume = await named(anchor)
    stub.anchor = 'disabled'
    const evidence = evidenceOf(await anchor.poll!(checkpoint, resume, attempt()))
    const other = checkpointToAnchor(noteOf(8)).digest
    expect(judgeAnchor('mycelium', evidence, other, undefined).status).toBe('bad')
    for (const text of ['null', '{}', '{"v":1}', '[]', '{"__proto__":{}}'])
      expect(judgeAnchor('mycelium', new TextEncoder().encode(text), other, undefined).status).toBe('unknown')
    const trail = readTrail(evidence, checkpoint.digest)
    const swapped = formatTrail({ ...trail, preimage: { ...trail.preimage, agent_id: 'other' } })
    expect(judgeAnchor('mycelium', swapped, checkpoint.digest, undefined).status).toBe('bad')
  })
})
