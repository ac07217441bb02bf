import { describe, expect, it } from 'vitest'
import { TestAuthority } from '../../testing/tsa/authority.js'
import { timestampRequest } from '../anchor/index.js'
import { toBase64 } from '../bytes/base64.js'
import { judgeAnchor } from './anchor-kinds.js'
import { formatTrust, parseTrust } from './trust.js'

const tsa = new TestAuthority({ kind: 'p256' })
const digest = new Uint8Array(32).fill(3)
const response = tsa.answer(timestampRequest(digest, new Uint8Array(12)), { timeMs: 1_795_334_400_250 })
const line = (certificate: Uint8Array, more = '') => `quorum none\ntsa acme ${toBase64(certificate)}${more}\n`
const other = new TestAuthority({ kind: 'p256' })

describe('the line tsa', () => {
  it('is read and written again, with and without a policy', () => {
    for (const text of [line(tsa.root.der), line(tsa.root.der, ' 1.2.3.4.1')])
      expect(formatTrust(parseTrust(text))).toBe(text)
  })

  it('is refused with a certificate that is none, or a policy that is none', () => {
    const broken = tsa.root.der.slice(0, -1)
    expect(() => parseTrust(line(broken))).toThrow(expect.objectContaining({ code: 'trust.tsa' }))
    expect(() => parseTrust('quorum none\ntsa acme\n')).toThrow(expect.objectContaining({ code: 'trust.line' }))
    for (const policy of [' 1', ' 3.1', ' 1.02', ' 1.2 x'])
      expect(() => parseTrust(line(tsa.root.der, policy))).toThrow(expect.objectContaining({ code: 'trust.line' }))
  })
})

describe('a time stamp that is judged', () => {
  it('holds under a pinned root, and rounds up with the width of its clock', () => {
    const trust = parseTrust(line(tsa.root.der))
    expect(judgeAnchor('rfc3161', response, digest, trust)).toEqual({
      status: 'holds',
      seconds: 1_795_334_402,
      by: 'time-stamp authority acme',
    })
  })

  it('is shown and not counted under another root, without a trust file, or under another policy', () => {
    for (const trust of [undefined, parseTrust('quorum none\n'), parseTrust(line(other.root.der))])
      expect(judgeAnchor('rfc3161', response, digest, trust).status).toBe('unpinned')
    expect(judgeAnchor('rfc3161', response, digest, parseTrust(line(tsa.root.der, ' 1.2.3'))).status).toBe('unpinned')
    expect(judgeAnchor('rfc3161', response, digest, parseTrust(line(tsa.root.der, ' 1.2.3.4.1'))).status).toBe('holds')
  })

  it('is bad for another checkpoint, and unknown when it cannot be read', () => {
    const trust = parseTrust(line(tsa.root.der))
    expect(judgeAnchor('rfc3161', response, new Uint8Array(32), trust).status).toBe('bad')
    expect(judgeAnchor('rfc3161', response.slice(0, -1), digest, trust).status).toBe('unknown')
    expect(judgeAnchor('of-the-future', response, digest, trust).status).toBe('unknown')
  })
})
