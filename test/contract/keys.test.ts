import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { verify } from '../../src/client/verify.js'
import { encodeKey, formatTime, recordLeaf, recordMessage, signedRecord } from '../../src/core/record/index.js'
import { ALGORITHM, formatVerifierKey, parseVerifierKey } from '../../src/core/tlog/index.js'
import type { Signer } from '../../src/log/backend.js'
import { createLog, files } from '../../src/log/index.js'
import {
  addAgentKey,
  addOperatorKey,
  type KeyWork,
  replaceAgentKey,
  replaceOperatorKey,
  withdrawAgentKey,
  withdrawOperatorKey,
} from '../../src/log/key-events.js'
import { seedSigner } from '../../src/log/signer.js'
import { realWorld } from '../../src/log/world.js'

const agent = 'did:example:shop'
const elsewhere = new Uint8Array(32).fill(9)
const elsewhereKey = formatVerifierKey(agent, ALGORITHM.ed25519, ed25519PublicKey(elsewhere))

let root: string
let dir: string
let work: KeyWork
const trustFile = () => readFileSync(`${dir}.trust`, 'utf8')

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'deedlog-key-events-'))
  dir = join(root, 'audit')
  work = { world: realWorld, target: dir, recorder: { name: 'test', version: '1' } }
  await (await createLog(dir, { origin: 'example.com/deeds' })).close()
})
afterEach(() => rmSync(root, { recursive: true }))

/** A stream of the agent, with nothing in it. */
async function stream(identity?: Signer): Promise<void> {
  const log = files(dir)
  const { publicKey, sign } = identity ?? (await log.identity!(agent))
  const secret = new Uint8Array(randomBytes(32))
  const common = { v: 1, time: formatTime(Date.now()) }
  const start = {
    ...common,
    type: 'stream.start',
    seq: 0,
    logs: await log.logs!(),
    role: 'agent',
    agent: { id: agent },
    recorder: { name: 'test', version: '1' },
    identity: encodeKey(publicKey),
    key: encodeKey(ed25519PublicKey(secret)),
  }
  const first = signedRecord(start, await sign(recordMessage(start)))
  const id = recordLeaf(first)
  const end = { ...common, type: 'stream.end', calls: 0, pending: 0, stream: id, seq: 1, prev: id }
  await log.append([{ record: first }, { record: signedRecord(end, ed25519Sign(recordMessage(end), secret)) }])
  await log.close()
}

const identities = async (trust = `${dir}.trust`) => {
  const report = await verify(dir, { trust })
  return {
    verdict: report.evidence.verdict,
    states: report.completeness.streams.filter(({ role }) => role === 'agent').map(({ identity }) => identity),
    codes: [...new Set(report.findings.map(({ code }) => code))],
  }
}

describe('a new key for an agent', () => {
  it('is what its next stream begins with; the old streams still verify as pinned', async () => {
    await stream()
    const old = trustFile().match(/^agent (\S+)$/m)![1]!
    const [added, retired] = await replaceAgentKey(work, agent)
    await stream()
    expect((await identities()).states).toEqual(['pinned', 'pinned'])
    expect(retired).toMatchObject({ event: 'retire', vkey: old, destroyed: true })
    expect(trustFile()).toContain(`agent ${old} 0 ${retired!.index}\n`)
    expect(trustFile()).toContain(`agent ${added!.vkey} ${added!.index + 1}\n`)
    // What nobody needs any more cannot be stolen.
    expect(existsSync(join(dir, 'private/keys/agents'))).toBe(true)
  })

  it('reaches the process that holds the log', async () => {
    const held = files(dir)
    const before = await held.identity!(agent)
    await replaceAgentKey(work, agent)
    expect((await held.identity!(agent)).publicKey).not.toEqual(before.publicKey)
    await held.close()
  })

  it('introduces a key that is kept elsewhere, also under the old trust file', async () => {
    await stream()
    const old = join(root, 'old.trust')
    writeFileSync(old, trustFile())
    await addAgentKey(work, elsewhereKey)
    await stream(seedSigner(elsewhere))
    expect((await identities()).states).toEqual(['pinned', 'pinned'])
    expect((await identities(old)).states).toEqual(['pinned', 'introduced'])
  })
})

describe('a key that was withdrawn', () => {
  it('counts no more when it is used all the same', async () => {
    await addAgentKey(work, elsewhereKey)
    await stream(seedSigner(elsewhere))
    await withdrawAgentKey(work, 'retire', elsewhereKey)
    await stream(seedSigner(elsewhere))
    const { states, codes } = await identities()
    expect(states).toEqual(['pinned', 'contradicted'])
    expect(codes).toContain('identity.contradicted')
  })

  it('is disputed from where it was in other hands, and nothing is taken away', async () => {
    await addAgentKey(work, elsewhereKey)
    await stream(seedSigner(elsewhere))
    const { index } = await withdrawAgentKey(work, 'compromised', elsewhereKey, 4)
    const report = await verify(dir, { trust: `${dir}.trust` })
    expect(report.findings.find(({ code }) => code === 'key.disputed')).toBeDefined()
    expect(report.evidence.verdict).toBe('self-consistent')
    expect(index).toBeGreaterThan(4)
  })

  it('of the log’s own is destroyed', async () => {
    await stream()
    const vkey = trustFile().match(/^agent (\S+)$/m)![1]!
    const { destroyed, lines } = await withdrawAgentKey(work, 'retire', parseVerifierKey(vkey))
    expect(destroyed).toBe(true)
    expect(lines[0]).toMatch(/^agent \S+ 0 \d+$/)
  })
})

describe('keys of the operator', () => {
  it('are replaced: the new one counts, the old one is withdrawn by it, and its line stays', async () => {
    const [added, retired] = await replaceOperatorKey(work)
    expect(added!.vkey).not.toBe(retired!.vkey)
    await addAgentKey(work, elsewhereKey)
    await stream(seedSigner(elsewhere))
    const { verdict, states, codes } = await identities()
    expect({ verdict, states }).toEqual({ verdict: 'self-consistent', states: ['pinned'] })
    expect(codes).not.toContain('operator.not-counted')
    expect(trustFile().match(/^operator /gm)).toHaveLength(2)
  })

  it('may be kept elsewhere', async () => {
    const other = formatVerifierKey('example.com/deeds', ALGORITHM.ed25519, ed25519PublicKey(elsewhere))
    const held = readFileSync(join(dir, 'private/keys/operator.pem'))
    await addOperatorKey(work, other)
    const theirs = { ...work, operator: seedSigner(elsewhere) }
    await addAgentKey(theirs, elsewhereKey)
    expect(readFileSync(join(dir, 'private/keys/operator.pem'))).toEqual(held)
    expect((await identities()).codes).not.toContain('operator.not-counted')
  })

  it('of strangers are refused by the log', async () => {
    const stranger = { ...work, operator: seedSigner(new Uint8Array(32).fill(8)) }
    await expect(addAgentKey(stranger, elsewhereKey)).rejects.toMatchObject({ code: 'stream.operator' })
  })

  it('are not withdrawn by themselves', async () => {
    const own = trustFile().match(/^operator (\S+)$/m)![1]!
    for (const event of ['retire', 'compromised'] as const)
      await expect(withdrawOperatorKey(work, event, parseVerifierKey(own))).rejects.toMatchObject({
        code: 'key.last-operator',
      })
  })
})
