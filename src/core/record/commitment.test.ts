import { describe, expect, it } from 'vitest'
import { ed25519PublicKey, ed25519Sign } from '#crypto'
import { fromUtf8, toUtf8 } from '../bytes/utf8.js'
import { commit, encodeKey, parseRecord, recordMessage, signedRecord, verifyRecordSignature } from './index.js'
import type { Json } from './types.js'

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i)

describe('known answers of spec/record.md §10', () => {
  it.each([
    ['5', '1299f90ca71a6775fbe138c511268ac4fade3d2483dc36d8bc5cb7f5ebab267c'],
    ['{"":5}', '5a8739be71f9832ab850c3cef63839a77a87f07a700fe3009dc92c666b256ec4'],
    ['{}', '294e7bd7d2e1d9952b61fadb5cca668f6097f2a75024b39e59766da99b721c66'],
    ['{"amount":5,"to":"acme"}', 'aa22c50dbecccace476efee3772c5f81c0efa052799a7d14cde8b699887a1875'],
    [
      '{"payment":{"iban":"DE1","amount":5,"items":[{"a":1},{"a":2}]},"note":"x"}',
      '50d5ac2103c988991d1f213e66668f42258eaa686fd642b00a83f58d3d7b706f',
    ],
  ])('commits to %s', (text, root) => {
    expect(commit(JSON.parse(text) as Json, KEY)).toEqual({ root, scheme: 'f1', size: 256 })
  })

  it('makes the log record, signature and leaf hash included', () => {
    const seed = new Uint8Array(32).fill(1)
    const key = encodeKey(ed25519PublicKey(seed))
    const body = {
      nonce: 'CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=',
      operators: [key],
      origin: 'example.com/deeds',
      time: '2026-11-22T09:25:00.000Z',
      type: 'log',
      v: 1,
    }
    const message = recordMessage(body)
    expect(message.length).toBe(50)
    const bytes = signedRecord(body, ed25519Sign(message, seed))
    expect(fromUtf8(bytes)).toBe(
      '{"nonce":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=","operators":["AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"],"origin":"example.com/deeds","sig":"SIFpvamImKlmUHw+3X9ylsKkkp5ZPUnceKz6LheDVcUr7gTao6d5vYTRuXslYbQ5CabWc9OXxCGOK4D71UX9AA==","time":"2026-11-22T09:25:00.000Z","type":"log","v":1}',
    )
    const parsed = parseRecord(bytes)
    expect(parsed.leaf).toBe('3a4506fbfcb1676b92ef6b1d38cedd751668fcc84b59e3d43288345032eeedc5')
    expect(parsed.understood && parsed.record.type).toBe('log')
    expect(verifyRecordSignature(parsed, key)).toBe(true)
    expect(verifyRecordSignature(parseRecord(toUtf8(fromUtf8(bytes).replace('"v":1', '"v":2'))), key)).toBe(false)
  })
})
