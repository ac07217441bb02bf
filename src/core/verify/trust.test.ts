import { describe, expect, it } from 'vitest'
import { ed25519PublicKey } from '#crypto'
import { ALGORITHM, formatVerifierKey } from '../tlog/index.js'
import { formatPolicy, formatTrust, parseTrust } from './trust.js'

const vkey = (name: string, seed: number, algorithm: number = ALGORITHM.ed25519): string =>
  formatVerifierKey(name, algorithm, ed25519PublicKey(new Uint8Array(32).fill(seed))).text

const log = `log ${vkey('example.com/deeds', 1)}\nquorum none\n`
const id = 'ab'.repeat(32)

describe('a trust file', () => {
  it('may be a plain tlog-policy', () => {
    const trust = parseTrust(log)
    expect(trust.policy.quorum).toBe('none')
    expect(trust).toMatchObject({ operators: [], agents: [], approvers: [] })
    expect(trust.logId).toBeUndefined()
  })

  it('says the same after formatting', () => {
    const text = [
      `log ${vkey('example.com/deeds', 1)} https://example.com/deeds`,
      `witness w ${vkey('w.example', 2, ALGORITHM.cosignature)}`,
      'group g 1 w',
      'quorum g',
      `log-id ${id}`,
      `operator ${vkey('example.com/deeds', 3)}`,
      `agent ${vkey('did:example:a', 4)}`,
      `agent ${vkey('did:example:b', 5)} 7`,
      `agent ${vkey('did:example:b', 6)} 0 6`,
      `approver ${vkey('anna', 7)}`,
      'lag 3600',
      '',
    ].join('\n')
    expect(formatTrust(parseTrust(text))).toBe(text)
    expect(formatPolicy(parseTrust(text).policy)).toBe(text.split('log-id')[0])
    expect(parseTrust(text).lagSeconds).toBe(3600)
    expect(parseTrust(text).agents[2]).toMatchObject({ first: 0, last: 6 })
  })

  it('takes comments, empty lines, tabs and any order of lines', () => {
    const text = `# whose word\n\n\tlog-id\t${id}\n${log}  agent ${vkey('a', 4)}   3\n`
    expect(parseTrust(text)).toMatchObject({ logId: id, agents: [{ first: 3 }] })
  })

  it.each([
    ['an unknown keyword, which might be a condition', `${log}tsa https://example.com\n`, 'trust.line'],
    ['a second log id', `${log}log-id ${id}\nlog-id ${id}\n`, 'trust.log-id'],
    ['a log id in capitals', `${log}log-id ${id.toUpperCase()}\n`, 'trust.log-id'],
    ['an operator without a key', `${log}operator\n`, 'trust.line'],
    ['an operator with a range', `${log}operator ${vkey('a', 3)} 5\n`, 'trust.line'],
    ['a key that is none', `${log}agent did:example:a\n`, 'trust.key'],
    ['a cosigner key for an agent', `${log}agent ${vkey('a', 4, ALGORITHM.cosignature)}\n`, 'trust.key'],
    ['an index with a leading zero', `${log}agent ${vkey('a', 4)} 01\n`, 'trust.line'],
    ['an index beyond 2^53-1', `${log}agent ${vkey('a', 4)} 9007199254740992\n`, 'trust.line'],
    ['a range that ends before it begins', `${log}agent ${vkey('a', 4)} 5 4\n`, 'trust.line'],
    ['a lag of nothing', `${log}lag 0\n`, 'trust.lag'],
    ['a lag with a unit', `${log}lag 1h\n`, 'trust.lag'],
    ['a second lag', `${log}lag 1\nlag 2\n`, 'trust.lag'],
    ['no quorum', `log ${vkey('example.com/deeds', 1)}\n`, 'policy.quorum'],
    ['a last line without its end', log.slice(0, -1), 'policy.text'],
  ])('refuses %s', (_, text, code) => {
    expect(() => parseTrust(text)).toThrow(expect.objectContaining({ code }))
  })
})
