import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromUtf8, toUtf8 } from '../core/bytes/utf8.js'
import { isProtected, openProtected, PBKDF2_ROUNDS, protectSeed } from './key-file.js'
import { encodePrivateKey } from './keys.js'

const seed = new Uint8Array(32).fill(7)
const passphrase = 'correct horse, bätteri 馬'
const random = (length: number) => new Uint8Array(randomBytes(length))

let file: Uint8Array
beforeAll(async () => {
  file = await protectSeed(seed, passphrase, random)
})

const refusal = {
  code: 'key.passphrase',
  message: 'the passphrase does not open a key file of this log, or the file is damaged',
}

describe('a key file under a passphrase', () => {
  it('gives the seed back', async () => {
    expect(isProtected(file)).toBe(true)
    expect(await openProtected(file, passphrase)).toEqual(seed)
  })

  it('is one that OpenSSL opens', () => {
    const key = createPrivateKey({ key: Buffer.from(file), passphrase })
    expect(key.export({ format: 'jwk' }).d).toBe(Buffer.from(seed).toString('base64url'))
  })

  it('asks for at least 600,000 rounds, and another salt each time', async () => {
    expect(PBKDF2_ROUNDS).toBeGreaterThanOrEqual(600_000)
    expect(await protectSeed(seed, passphrase, random)).not.toEqual(file)
  })

  it('shows nothing of the seed', () => {
    expect(Buffer.from(file).includes(Buffer.from(seed))).toBe(false)
    expect(fromUtf8(file)).not.toContain(fromUtf8(encodePrivateKey(seed)).split('\n')[1]!.slice(-40))
  })

  it('refuses every wrong passphrase in the same words', async () => {
    expect(await openProtected(file, 'x').catch(error => error)).not.toHaveProperty('cause')
    for (const wrong of ['', 'x', `${passphrase} `, passphrase.slice(1)])
      await expect(openProtected(file, wrong)).rejects.toMatchObject(refusal)
  })

  it('never gives the seed of an altered file: it refuses, or gives another key, whose public half is not the log’s', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), fc.integer({ min: 1, max: 127 }), async (at, by) => {
        const altered = file.slice()
        altered[at] = altered[at]! ^ by
        const opened = await openProtected(altered, passphrase).catch(error => error)
        if (opened instanceof Error) expect(opened).toMatchObject(refusal)
        else expect(opened).not.toEqual(seed)
      }),
      { numRuns: 30 },
    )
  })

  it('refuses a file with fewer rounds, which Node and OpenSSL write by default', async () => {
    const { privateKey } = generateKeyPairSync('ed25519')
    const weak = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase })
    await expect(openProtected(toUtf8(weak as string), passphrase)).rejects.toMatchObject(refusal)
  })

  it('refuses cut and lengthened files', async () => {
    for (const other of [file.slice(0, -1), file.slice(0, 60), new Uint8Array(0), toUtf8(`${fromUtf8(file)}\n`)])
      await expect(openProtected(other, passphrase)).rejects.toMatchObject(refusal)
  })
})
