import { describe, expect, it } from 'vitest'
import { ed25519PublicKey } from '#crypto'
import { ALGORITHM, formatVerifierKey } from '../../core/tlog/index.js'
import { parseTrust } from '../../core/verify/index.js'
import { paintFor } from '../terminal/paint.js'
import { gapsOf, renderTrust, trustJson } from './trust.js'

const vkey = (name: string, seed: number, algorithm: number = ALGORITHM.ed25519): string =>
  formatVerifierKey(name, algorithm, ed25519PublicKey(new Uint8Array(32).fill(seed))).text
const bare = `log ${vkey('example.com/deeds', 1)}\nquorum none\n`
const codesOf = (text: string) => gapsOf(parseTrust(text)).map(gap => gap.code)

describe('what a trust file leaves open', () => {
  it('is everything in a plain tlog-policy without a quorum', () => {
    expect(codesOf(bare)).toEqual(['no-log-id', 'no-operator', 'no-agent', 'no-approver', 'no-quorum', 'no-lag'])
  })

  it('is a witness whom the quorum never counts, through groups too', () => {
    const witness = (n: number) => `witness w${n} ${vkey(`w${n}.example`, n + 1, ALGORITHM.cosignature)}\n`
    const text = `log ${vkey('example.com/deeds', 1)}\n${witness(1)}${witness(2)}${witness(3)}group a any w1\ngroup b all a w2\nquorum b\n`
    expect(gapsOf(parseTrust(text)).find(gap => gap.code === 'idle-witness')?.text).toMatch(/counts: w3$/)
    expect(codesOf(text.replace(witness(3), ''))).not.toContain('idle-witness')
  })

  it('is said in the page and in the JSON', () => {
    const trust = parseTrust(bare)
    expect(renderTrust('a.trust', trust, { paint: paintFor(false, {}), columns: 80 })).toContain('no quorum')
    expect(trustJson(trust).open).toHaveLength(6)
    expect(parseTrust(trustJson(trust).text)).toEqual(trust)
  })
})
