import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { filesLayout } from '../layout.js'
import { nodeDisk } from '../node-disk.js'
import { FileKeys } from './file-keys.js'

const agent = { agent: 'did:example:shop' }
const seedOf = (byte: number) => new Uint8Array(32).fill(byte)

let root: string
let passphrase: string | undefined
const layout = () => filesLayout(join(root, 'audit'))
const keys = () => new FileKeys(nodeDisk, layout(), async () => passphrase)

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'deedlog-keys-'))
  mkdirSync(layout().agentKeys, { recursive: true, mode: 0o700 })
  passphrase = undefined
  await keys().put('log', seedOf(1))
  await keys().put('operator', seedOf(2))
  await keys().put(agent, seedOf(3))
})
afterEach(() => rmSync(root, { recursive: true }))

const code = (expected: string) => expect.objectContaining({ code: expected })

describe('key files', () => {
  it('are their owner’s alone, and so are their folders', () => {
    for (const path of [layout().logKey, layout().operatorKey, layout().agentKey(agent.agent)])
      expect(statSync(path).mode & 0o777).toBe(0o600)
    for (const path of [layout().keys, layout().agentKeys]) expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it('are refused when others may read them, with the way to mend it', async () => {
    for (const mode of [0o640, 0o604, 0o660, 0o644]) {
      chmodSync(layout().logKey, mode)
      await expect(keys().get('log')).rejects.toMatchObject({
        code: 'key.permissions',
        expected: expect.stringContaining(`chmod 600 ${layout().logKey}`),
      })
    }
    chmodSync(layout().logKey, 0o400)
    expect(await keys().get('log')).toEqual(seedOf(1))
  })

  it('are refused in a folder where others may replace them', async () => {
    chmodSync(layout().keys, 0o770)
    await expect(keys().get('log')).rejects.toMatchObject({
      code: 'key.permissions',
      expected: expect.stringContaining(`chmod 700 ${layout().keys}`),
    })
  })

  it('are not reached by symbolic links, of the file or of its folder', async () => {
    const elsewhere = join(root, 'elsewhere.pem')
    renameSync(layout().logKey, elsewhere)
    symlinkSync(elsewhere, layout().logKey)
    await expect(keys().get('log')).rejects.toThrow(code('key.link'))
    renameSync(layout().agentKeys, join(root, 'agents'))
    symlinkSync(join(root, 'agents'), layout().agentKeys)
    await expect(keys().get(agent)).rejects.toThrow(code('key.link'))
  })

  it('say when there is none', async () => {
    expect(await keys().get({ agent: 'did:example:other' })).toBeUndefined()
  })
})

describe('key files under a passphrase', () => {
  it('open with it, and nothing else does', async () => {
    expect(await keys().rewrite('a long passphrase')).toHaveLength(3)
    await expect(keys().get('log')).rejects.toThrow(code('key.passphrase-missing'))
    passphrase = 'another one'
    await expect(keys().get(agent)).rejects.toThrow(code('key.passphrase'))
    passphrase = 'a long passphrase'
    expect(await keys().get('log')).toEqual(seedOf(1))
    expect(await keys().get('operator')).toEqual(seedOf(2))
    expect(await keys().get(agent)).toEqual(seedOf(3))
    expect(statSync(layout().logKey).mode & 0o777).toBe(0o600)
  })

  it('are joined by new keys under the same one', async () => {
    await keys().rewrite('a long passphrase')
    const other = { agent: 'did:example:other' }
    await expect(keys().put(other, seedOf(4))).rejects.toThrow(code('key.passphrase-missing'))
    passphrase = 'a long passphrase'
    await keys().put(other, seedOf(4))
    expect(readFileSync(layout().agentKey(other.agent), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY')
    expect(await keys().get(other)).toEqual(seedOf(4))
  })

  it('can do without again; a wrong passphrase changes nothing', async () => {
    await keys().rewrite('a long passphrase')
    const before = readFileSync(layout().agentKey(agent.agent))
    passphrase = 'wrong'
    await expect(keys().rewrite(undefined)).rejects.toThrow(code('key.passphrase'))
    expect(readFileSync(layout().agentKey(agent.agent))).toEqual(before)
    passphrase = 'a long passphrase'
    await keys().rewrite(undefined)
    passphrase = undefined
    expect(await keys().get(agent)).toEqual(seedOf(3))
  })

  it('go on from where a change of them was cut off', async () => {
    await keys().rewrite('a long passphrase')
    // The log's key is written last: until then all that was not reached is as it was, and is opened as it is.
    passphrase = 'a long passphrase'
    const plain = new FileKeys(nodeDisk, layout(), async () => passphrase)
    const sealed = readFileSync(layout().operatorKey)
    await plain.rewrite(undefined)
    rmSync(layout().operatorKey)
    writeFileSync(layout().operatorKey, sealed, { mode: 0o600 })
    expect(await keys().rewrite('a long passphrase')).toHaveLength(3)
    expect(await keys().get('operator')).toEqual(seedOf(2))
  })
})
