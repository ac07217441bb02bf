import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { toUtf8 } from '../core/bytes/utf8.js'
import { checkedSigner, seedSigner } from './signer.js'

const seed = new Uint8Array(32).fill(5)
const publicKey = ed25519PublicKey(seed)
const message = toUtf8('what is to be signed')

/** A clock that fires when the test says so. */
function handClock() {
  const waiting = new Set<() => void>()
  return {
    timer: (_: number, fire: () => void) => {
      waiting.add(fire)
      return { cancel: () => void waiting.delete(fire), keepAlive: () => {} }
    },
    fire: () => {
      for (const fire of waiting) fire()
      waiting.clear()
    },
  }
}

const checked = (sign: (message: Uint8Array) => never | Uint8Array | Promise<Uint8Array>, clock = handClock()) =>
  checkedSigner({ publicKey, sign }, 'the log', clock)

describe('a signer from outside', () => {
  it('signs, at once or later', async () => {
    const expected = ed25519Sign(message, seed)
    expect(await checked(seedSigner(seed).sign as never).sign(message)).toEqual(expected)
    expect(await checked(async given => ed25519Sign(given, seed)).sign(message)).toEqual(expected)
  })

  it('is halted on for a signature of another message, of another key, and for what is none', async () => {
    const answers: unknown[] = [
      ed25519Sign(toUtf8('another message'), seed),
      ed25519Sign(message, new Uint8Array(32).fill(6)),
      new Uint8Array(64),
      ed25519Sign(message, seed).subarray(0, 63),
      new Uint8Array(0),
      undefined,
      'signature',
      { length: 64 },
    ]
    for (const answer of answers)
      await expect(checked(async () => answer as Uint8Array).sign(message)).rejects.toMatchObject({
        name: 'HaltedError',
        code: 'signer.signature',
      })
  })

  it('may fail, and is asked again', async () => {
    let times = 0
    const flaky = checked(async given => {
      if (times++ === 0) throw new Error('the HSM is busy')
      return ed25519Sign(given, seed)
    })
    await expect(flaky.sign(message)).rejects.toMatchObject({
      name: 'UnavailableError',
      code: 'signer.failed',
      retryable: true,
      message: expect.stringContaining('the HSM is busy'),
    })
    expect(await flaky.sign(message)).toEqual(ed25519Sign(message, seed))
  })

  it('may throw at once', async () => {
    const sign = () => {
      throw new Error('no')
    }
    await expect(checked(sign).sign(message)).rejects.toMatchObject({ code: 'signer.failed' })
  })

  it('is not waited for without end', async () => {
    const clock = handClock()
    const signing = checked(() => new Promise(() => {}), clock).sign(message)
    clock.fire()
    await expect(signing).rejects.toMatchObject({ code: 'signer.timeout', retryable: true })
  })

  it('cannot change what is signed, nor afterwards which key it has', async () => {
    const hostile = { publicKey: publicKey.slice(), sign: (given: Uint8Array) => ed25519Sign(given.fill(0), seed) }
    const signer = checkedSigner(hostile, 'the log', handClock())
    hostile.publicKey.fill(0)
    expect(signer.publicKey).toEqual(publicKey)
    const kept = message.slice()
    await expect(signer.sign(message)).rejects.toMatchObject({ code: 'signer.signature' })
    expect(message).toEqual(kept)
  })

  it('has a public key and a method', () => {
    for (const none of [undefined, {}, { publicKey }, { publicKey: 'x', sign: () => {} }])
      expect(() => checkedSigner(none as never, 'the log', handClock())).toThrow(TypeError)
  })
})
