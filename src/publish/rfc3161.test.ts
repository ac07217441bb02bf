import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseCertificate, verifyTimestamp } from '../core/anchor/index.js'
import { type TsaFault, TsaServer } from '../testing/tsa/server.js'
import { type AnchoredCheckpoint, checkpointToAnchor } from './anchor.js'
import { rfc3161 } from './rfc3161.js'
import { noteOf } from './testkit.js'

let tsa: TsaServer
let checkpoint: AnchoredCheckpoint

beforeAll(async () => {
  tsa = await TsaServer.start()
  checkpoint = checkpointToAnchor(noteOf(7))
})
afterEach(() => {
  tsa.fault = undefined
})
afterAll(() => tsa.close())

const ask = (options: { readonly signal?: AbortSignal; readonly nowMs?: number; readonly policy?: string } = {}) => {
  const { signal = new AbortController().signal, nowMs = Date.now(), policy } = options
  const anchor = rfc3161({
    url: tsa.url,
    name: 'local',
    roots: [parseCertificate(tsa.root)],
    ...(policy === undefined ? {} : { policy }),
  })
  return anchor.submit(checkpoint, { signal, nowMs, random: length => new Uint8Array(length).fill(0x99) })
}

describe('a time-stamp authority', () => {
  it('answers with evidence that an auditor verifies', async () => {
    const progress = await ask({ policy: '1.2.3.4.7' })
    if (progress.state !== 'anchored') throw new Error(progress.state)
    const { policy, root } = verifyTimestamp(progress.evidence, {
      digest: checkpoint.digest,
      roots: [parseCertificate(tsa.root)],
    })
    expect(policy).toBe('1.2.3.4.7')
    expect(root).toBeDefined()
  })

  it.each<[TsaFault, string]>([
    ['wrong-nonce', 'tsa.nonce'],
    ['wrong-imprint', 'tsa.imprint'],
    ['old-time', 'tsa.time'],
    ['rejected', 'tsa.status'],
    ['trailing-bytes', 'der'],
    ['wrong-purpose', 'tsa.key-usage'],
    ['expired', 'tsa.expired'],
    ['status-500', 'anchor.http'],
    ['status-404', 'anchor.http'],
    ['cut', 'anchor.http'],
    ['garbage', 'der'],
    ['other-type', 'anchor.http'],
    ['endless', 'anchor.http'],
    ['redirect', 'anchor.http'],
  ])('that does %s is refused with %s', async (fault, code) => {
    tsa.fault = fault
    await expect(ask()).rejects.toMatchObject({ code })
  })

  it('that answers never is left when the signal fires', async () => {
    tsa.fault = 'slow'
    const controller = new AbortController()
    const asked = ask({ signal: controller.signal })
    controller.abort()
    await expect(asked).rejects.toMatchObject({ code: 'anchor.http', retryable: true })
  })

  it('is not asked again when nobody is at its address', async () => {
    tsa.fault = 'status-404'
    await expect(ask()).rejects.toMatchObject({ retryable: false })
  })

  it('has an address of HTTP without secrets, and a name for a file', () => {
    for (const url of ['', 'ftp://a/', 'file:///etc/passwd', 'http://user:secret@host/'])
      expect(() => rfc3161({ url, name: 'x' })).toThrow(TypeError)
    for (const name of ['', 'A', '../x', 'a.b', 'x'.repeat(65), '-a'])
      expect(() => rfc3161({ url: 'http://host/', name })).toThrow(TypeError)
    expect(() => rfc3161({ url: 'http://user:secret@host/', name: 'x' })).not.toThrow('secret@')
  })
})
