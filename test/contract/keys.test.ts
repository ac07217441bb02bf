import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { verify } from '../../src/client/verify.js'
import { encodeKey, formatTime, recordLeaf, recordMessage, signedRecord } from '../../src/core/record/index.js'
import { ALGORITHM, formatVerifierKey, parseVerifierKey } from '../../src/core/tlog/index.js'
import type { AppendEntry, AuditBackend, Signer } from '../../src/log/backend.js'
import { createLog, files, openLog } from '../../src/log/index.js'
import {
  addAgentKey,
  addOperatorKey,
  type KeyWork,
  replaceAgentKey,
  replaceLogKey,
  replaceOperatorKey,
  retireLogKey,
  withdrawAgentKey,
  withdrawOperatorKey,
} from '../../src/log/key-events.js'
import { seedSigner } from '../../src/log/signer.js'
import { realWorld } from '../../src/log/world.js'
import { copyTree } from '../copy-tree.js'

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
  await log.append(await records(log, identity))
  await log.close()
}

async function records(log: AuditBackend, identity?: Signer): Promise<AppendEntry[]> {
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
  return [{ record: first }, { record: signedRecord(end, ed25519Sign(recordMessage(end), secret)) }]
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

describe('the key of the log', () => {
  const former = () => trustFile().match(/^log (\S+)$/m)![1]!
  const evidence = async (trust: string) => (await verify(dir, { trust })).evidence.verdict

  it('is replaced by one that signs beside it, until the old one is retired', async () => {
    const old = join(root, 'old.trust')
    writeFileSync(old, trustFile())
    const oldKey = former()
    const added = await replaceLogKey(work)
    await stream()
    // In the time between, whoever pins either of them is satisfied.
    expect(readFileSync(join(dir, 'log/checkpoint'), 'utf8').match(/^— /gm)).toHaveLength(2)
    const fresh = join(root, 'new.trust')
    writeFileSync(fresh, trustFile().replace(`log ${oldKey}\n`, ''))
    for (const trust of [old, fresh, `${dir}.trust`]) expect(await evidence(trust)).toBe('self-consistent')

    const retired = await retireLogKey(work)
    expect(retired).toMatchObject({ vkey: oldKey, destroyed: true })
    expect(trustFile()).not.toContain(oldKey)
    expect(readFileSync(join(dir, 'log/checkpoint'), 'utf8').match(/^— /gm)).toHaveLength(1)
    expect(await evidence(`${dir}.trust`)).toBe('self-consistent')
    await stream()
    expect(await evidence(`${dir}.trust`)).toBe('self-consistent')
    expect(added.vkey).toBe(former())
    // Whoever kept the old file is told that the key they know has not signed.
    const report = await verify(dir, { trust: old })
    expect(report.exitCode).toBe(1)
    expect(report.findings.find(({ code }) => code === 'checkpoint.unsigned')).toBeDefined()
  })

  it('goes on with the same keys when it was cut off', async () => {
    const { vkey } = await replaceLogKey(work)
    expect((await replaceLogKey(work)).vkey).toBe(vkey)
    await retireLogKey(work)
    await expect(retireLogKey(work)).rejects.toMatchObject({ code: 'key.no-former' })
  })

  it('that was replaced signs a fork: who took the new file is not shown it', async () => {
    const copy = join(root, 'stolen')
    copyTree(dir, copy)
    await replaceLogKey(work)
    await retireLogKey(work)
    // The thief has the old private folder, and writes another history with it.
    await (await openLog(copy)).close()
    const forged = files(copy)
    await forged.identity!('did:example:thief')
    await forged.close()
    const report = await verify(copy, { trust: `${dir}.trust` })
    expect(report.exitCode).toBe(1)
    expect(report.findings.map(({ code }) => code)).toContain('checkpoint.unsigned')
  })
})

describe('signers outside the log', () => {
  const seeds = { log: new Uint8Array(32).fill(21), operator: new Uint8Array(32).fill(22) }
  const outside = () => join(root, 'outside')
  const make = (sign?: (message: Uint8Array) => Uint8Array | Promise<Uint8Array>) =>
    openLog(outside(), {
      checkpointMs: 0,
      signers: {
        log: { ...seedSigner(seeds.log), ...(sign ? { sign } : {}) },
        operator: seedSigner(seeds.operator),
        agent: id => (id === agent ? seedSigner(elsewhere) : undefined),
      },
    })

  it('sign checkpoints, entry 0 and streams; no secret of theirs is in the log', async () => {
    const log = await make()
    expect((await log.identity!(agent)).publicKey).toEqual(ed25519PublicKey(elsewhere))
    await log.close()
    expect(existsSync(join(outside(), 'private/keys/log.pem'))).toBe(false)
    expect(existsSync(join(outside(), 'private/keys/operator.pem'))).toBe(false)
    const report = await verify(outside(), { trust: `${outside()}.trust` })
    expect(report.evidence.verdict).toBe('self-consistent')
    const again = await make()
    expect(again.size).toBe(log.size)
    await again.close()
  })

  it('halt the log when they answer with the signature of another message, and nothing of it leaves', async () => {
    await (await make()).close()
    const before = readFileSync(join(outside(), 'log/checkpoint'))
    const log = await make(() => ed25519Sign(new Uint8Array(50), seeds.log))
    await expect(log.append(await records(log), { level: 'published' })).rejects.toMatchObject({
      code: 'signer.signature',
    })
    await expect(log.append(await records(log))).rejects.toMatchObject({ code: 'log.halted' })
    expect(readFileSync(join(outside(), 'log/checkpoint'))).toEqual(before)
    await log.close().catch(() => {})
  })

  it('may fail for a while: records are taken, nothing is published, and the next try signs it', async () => {
    await (await make()).close()
    let down = true
    const log = await make(message => {
      if (down) throw new Error('the HSM is busy')
      return ed25519Sign(message, seeds.log)
    })
    await log.append(await records(log))
    await expect(log.flush('published')).rejects.toMatchObject({ code: 'signer.failed' })
    down = false
    await log.flush('published')
    await log.close()
    expect((await verify(outside(), { self: true })).size).toBe(3)
  })
})
