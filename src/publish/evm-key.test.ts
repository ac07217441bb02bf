import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { evm } from './evm.js'
import { type EvmSigner, keySigner } from './evm-key.js'

const KEY = `0x${'4c'.repeat(32)}` as const
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deedlog-key-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function keyFile(text: string, mode = 0o600): Promise<string> {
  const path = join(folder, `${Math.abs(mode)}-${text.length}.key`)
  await writeFile(path, text, { mode: 0o600 })
  await chmod(path, mode)
  return path
}

describe('the key of a chain', () => {
  it('is read from a file or a variable, with or without 0x', async () => {
    const { address } = privateKeyToAccount(KEY)
    expect((await keySigner({ file: await keyFile(`${KEY}\n`) })).address).toBe(address)
    process.env['EVM_KEY_TEST'] = KEY.slice(2)
    expect((await keySigner({ env: 'EVM_KEY_TEST' })).address).toBe(address)
    delete process.env['EVM_KEY_TEST']
  })

  it('may be anybody’s who signs: an account of viem as it is', () => {
    const signer: EvmSigner = privateKeyToAccount(KEY)
    expect(evm({ chain: 'ink', rpc: 'http://127.0.0.1:1', signer })).toMatchObject({ kind: 'evm', name: 'ink' })
  })

  it('is refused when others may read it, when it is a link, and when it is none; no message shows it', async () => {
    const link = join(folder, 'link')
    await symlink(await keyFile(KEY), link)
    const files = [
      await keyFile(KEY, 0o640),
      await keyFile(KEY, 0o604),
      link,
      folder,
      join(folder, 'missing'),
      await keyFile(`${KEY}5c`),
      await keyFile('0'.repeat(64)),
      await keyFile(KEY.repeat(3)),
    ]
    for (const file of files) {
      const error = await keySigner({ file }).then(
        () => undefined,
        (reason: Error & { code: string }) => reason,
      )
      expect(error?.code, file).toBe('evm.key')
      expect(JSON.stringify([error?.message, error?.stack, error?.cause])).not.toMatch(/4c4c4c4c/)
    }
    await expect(keySigner({ env: 'NOT_SET_ANYWHERE' })).rejects.toMatchObject({ code: 'evm.key' })
  })
})

describe('an anchor in a chain', () => {
  it.each([
    { chain: 'mainnet' },
    { chain: 0 },
    { rpc: 'file:///etc/passwd' },
    { rpc: 'http://user:SECRET@host/' },
    { rpc: 'no url SECRET' },
    { name: '../x' },
    { finality: 0 },
    { registry: new Uint8Array(19) },
    { codeHash: new Uint8Array(31) },
  ])('has options that can be meant, not %j', wrong => {
    const options = { chain: 'base', rpc: 'http://127.0.0.1:1', signer: { env: 'X' }, ...wrong }
    expect(() => evm(options)).toThrow(TypeError)
    expect(() => evm(options)).not.toThrow(/SECRET/)
  })
})
