import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Certificate, SignedData, TimeStampResp, TSTInfo } from 'pkijs'
import { afterAll, describe, expect, it } from 'vitest'
import { parseCertificate, type Timestamp, verifyTimestamp } from '../../src/core/anchor/index.js'
import { isDeedlogError } from '../../src/core/errors.js'
import { answerOf, DATA, DIGEST, NONCE, REQUEST, ROWS } from './rows-tsp.js'

const folder = mkdtempSync(join(tmpdir(), 'deedlog-tsp-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const ours = (response: Uint8Array, root: Uint8Array): Timestamp =>
  verifyTimestamp(response, { digest: DIGEST, nonce: NONCE, roots: [parseCertificate(root)] })

function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (!isDeedlogError(error)) throw error
    return error.code
  }
}

const answers = new Map(ROWS.map(row => [row.name, answerOf(row)]))

describe('our verifier', () => {
  it.each(ROWS.filter(({ code }) => code === undefined))('takes $name', ({ name }) => {
    const { response, root } = answers.get(name)!
    expect(codeOf(() => ours(response, root))).toBeUndefined()
  })

  it.each(ROWS.filter(({ code }) => code !== undefined))('refuses $name with $code', ({ name, code }) => {
    const { response, root } = answers.get(name)!
    expect(codeOf(() => ours(response, root))).toBe(code)
  })

  it('takes a certificate that stamps and is pinned itself', () => {
    const { response } = answers.get('ECDSA P-256')!
    // The certificate of the signer, as the token brings it.
    const pinned = signerOf(response)
    expect(ours(response, pinned).root?.title).toBe('Test Time Stamps')
  })
})

function signerOf(response: Uint8Array): Uint8Array {
  const signed = new SignedData({ schema: TimeStampResp.fromBER(response).timeStampToken!.content })
  const [signer] = signed.certificates!
  return new Uint8Array((signer as Certificate).toSchema().toBER(false))
}

const openssl = spawnSync('openssl', ['version'], { encoding: 'utf8' })
// Where it must be it is not skipped; elsewhere it says so.
const hasOpenssl = openssl.status === 0
if (!hasOpenssl) console.warn('\n  SKIPPED: openssl is not installed; nothing was compared with openssl ts -verify\n')

describe.skipIf(!hasOpenssl && process.env['CI'] !== 'true')('openssl ts -verify', () => {
  const query = join(folder, 'query.tsq')
  writeFileSync(query, REQUEST)

  it.each(ROWS)(
    'agrees with us, or differs as is known: $name',
    ({ name, code, openssl: taken = code === undefined }) => {
      const { response, root } = answers.get(name)!
      const [file, ca] = [join(folder, 'response.tsr'), join(folder, 'root.pem')]
      writeFileSync(file, response)
      writeFileSync(ca, pem(root))
      const ran = spawnSync('openssl', ['ts', '-verify', '-in', file, '-queryfile', query, '-CAfile', ca], {
        encoding: 'utf8',
      })
      expect({ taken: ran.status === 0, said: ran.status === 0 ? '' : ran.stderr }).toEqual({
        taken,
        said: taken ? '' : expect.any(String),
      })
    },
  )
})

const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(der)
    .toString('base64')
    .replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`

describe('pkijs', () => {
  it.each(ROWS)('agrees with us, or differs as is known: $name', async ({ name, code, pkijs = code === undefined }) => {
    const { response, root } = answers.get(name)!
    expect(await pkijsTakes(response, root)).toBe(pkijs)
  })
})

/** As somebody would use it: the chain checked at the time of the token. */
async function pkijsTakes(response: Uint8Array, root: Uint8Array): Promise<boolean> {
  try {
    const answer = TimeStampResp.fromBER(response)
    if (answer.status.status > 1) return false
    const signed = new SignedData({ schema: answer.timeStampToken!.content })
    const { genTime } = TSTInfo.fromBER(signed.encapContentInfo.eContent!.getValue())
    return await signed.verify({
      signer: 0,
      data: DATA.slice().buffer as ArrayBuffer,
      trustedCerts: [Certificate.fromBER(root)],
      checkChain: true,
      checkDate: genTime,
    })
  } catch {
    return false
  }
}

describe('a token that was changed', () => {
  it.each(['RSA 2048', 'ECDSA P-384 with SHA-384', 'an authority between'])(
    'never says another time or is of something else, whichever byte it was: %s',
    name => {
      const { response, root } = answers.get(name)!
      const roots = [parseCertificate(root)]
      const { timeMs, policy, serial } = verifyTimestamp(response, { digest: DIGEST, nonce: NONCE, roots })
      const kept = { timeMs, policy, serial }
      const bytes = response.slice()
      let refused = 0
      for (let i = 0; i < bytes.length; i++) {
        const before = bytes[i]!
        for (const bit of [0x01, 0x80]) {
          bytes[i] = before ^ bit
          let taken: Timestamp | undefined
          try {
            taken = verifyTimestamp(bytes, { digest: DIGEST, nonce: NONCE, roots })
          } catch (error) {
            if (!isDeedlogError(error)) throw error
            refused++
          }
          if (taken)
            expect({ at: i, timeMs: taken.timeMs, policy: taken.policy, serial: taken.serial }).toEqual({
              at: i,
              ...kept,
            })
        }
        bytes[i] = before
      }
      // What may be changed without harm is little: text for people, and copies of what is compared elsewhere.
      expect(refused).toBeGreaterThan(1.9 * bytes.length)
    },
    120_000,
  )

  it('cut, lengthened or made of nothing, is refused by an error of ours', () => {
    const { response, root } = answers.get('ECDSA P-256')!
    for (let length = 0; length < response.length; length++)
      expect(codeOf(() => ours(response.subarray(0, length), root))).toBe('der')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        expect(codeOf(() => ours(bytes, root))).toBeDefined()
      }),
    )
    fc.assert(
      fc.property(fc.nat(response.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }), (at, patch) => {
        const bytes = response.slice()
        bytes.set(patch.subarray(0, bytes.length - at), at)
        const isSame = bytes.every((byte, i) => byte === response[i])
        try {
          expect(ours(bytes, root).timeMs).toBe(ours(response, root).timeMs)
        } catch (error) {
          if (!isDeedlogError(error)) throw error
          expect(isSame).toBe(false)
        }
      }),
    )
  })

  it('is refused in any form but DER: lengths that are indefinite or longer than they need be', () => {
    const { response, root } = answers.get('ECDSA P-256')!
    expect(response[1]).toBe(0x82)
    const [high, low] = [response[2]!, response[3]!]
    const rest = response.subarray(4)
    const long = new Uint8Array([0x30, 0x83, 0, high, low, ...rest])
    const indefinite = new Uint8Array([0x30, 0x80, ...rest, 0, 0])
    for (const bytes of [long, indefinite]) expect(codeOf(() => ours(bytes, root))).toBe('der')
  })
})
