import { describe, expect, it } from 'vitest'
import { madeUpEvidence } from '../anchor/evm/testkit.js'
import { formatEvmEvidence, hex, REGISTRY_ADDRESS } from '../anchor/index.js'
import { judgeAnchor } from './anchor-kinds.js'
import { formatTrust, parseTrust } from './trust.js'

const digest = new Uint8Array(32).fill(0xd1)
const evidence = madeUpEvidence({ digest })
const SENDER = `0x${'a1'.repeat(20)}`
const BLOCK = hex(evidence.blockHash)
const chainLine = `chain base 8453 ${hex(REGISTRY_ADDRESS)}`

const judge = (lines: string, bytes = formatEvmEvidence(evidence)) =>
  judgeAnchor('evm', bytes, digest, parseTrust(`quorum none\n${lines}`))

describe('the event of a chain', () => {
  it('names the single fact that is left to look up', () => {
    expect(judge(`${chainLine}\n`)).toEqual({
      status: 'lookup',
      seconds: 1_790_000_000,
      lookUp: `whether block 4711 of chain 8453 ("base") is ${BLOCK}, and final`,
      detail: 'it took 23594 gas, 23594000000 wei, as its node says',
    })
  })

  it('counts once the auditor has looked its block up', () => {
    expect(judge(`${chainLine}\nblock base ${BLOCK}\n`)).toMatchObject({
      status: 'holds',
      by: 'chain base, block 4711',
    })
  })

  it('without a proof never counts offline: the whole receipt is left to look up', () => {
    const { proof, ...bare } = evidence
    const judged = judge(`${chainLine}\nblock base ${BLOCK}\n`, formatEvmEvidence(bare))
    expect(judged).toMatchObject({
      status: 'lookup',
      lookUp: expect.stringMatching(/^whether the receipt of transaction 0x0909/),
    })
  })

  it.each([
    ['no chain at all', ''],
    ['another chain', `chain ink 57073 ${hex(REGISTRY_ADDRESS)}\n`],
    ['another registry', `chain base 8453 0x${'1'.repeat(40)}\n`],
    ['another sender', `${chainLine} 0x${'2'.repeat(40)}\n`],
    ['a block of another chain', `chain ink 57073 ${hex(REGISTRY_ADDRESS)}\nblock ink ${BLOCK}\n`],
  ])('is shown and not counted when the trust file names %s', (_, lines) => {
    expect(judge(lines).status).toBe('unpinned')
  })

  it('may be bound to a sender, in upper case as wallets write it', () => {
    expect(judge(`${chainLine} ${SENDER.replace('a1a1', 'A1A1')}\nblock base ${BLOCK}\n`).status).toBe('holds')
  })

  it('of another digest is bad, and what cannot be read accuses nobody', () => {
    expect(
      judge(chainLine.concat('\n'), formatEvmEvidence(madeUpEvidence({ digest: new Uint8Array(32) }))).status,
    ).toBe('bad')
    expect(judge(chainLine.concat('\n'), new Uint8Array([1])).status).toBe('unknown')
  })
})

describe('lines of chains in a trust file', () => {
  it('are written as they are read', () => {
    const lines = `${chainLine} ${SENDER}\nchain ink 57073 ${hex(REGISTRY_ADDRESS)}\nblock base ${BLOCK}\n`
    expect(formatTrust(parseTrust(`quorum none\n${lines}`))).toContain(lines)
  })

  it.each([
    ['chain base', 'trust.line'],
    ['chain base 08453 0x49feca52bc634a9ab773226d16619dec547794aa', 'trust.chain'],
    ['chain base 9007199254740993 0x49feca52bc634a9ab773226d16619dec547794aa', 'trust.chain'],
    ['chain base 8453 49feca52bc634a9ab773226d16619dec547794aa', 'trust.chain'],
    [`${chainLine} 0x12`, 'trust.chain'],
    [`${chainLine} ${SENDER} more`, 'trust.line'],
    [`${chainLine}\n${chainLine}`, 'trust.chain'],
    [`block base ${BLOCK}`, 'trust.chain'],
    [`${chainLine}\nblock base 0x12`, 'trust.chain'],
    [`${chainLine}\nblock base`, 'trust.line'],
  ])('are refused: %s', (lines, code) => {
    expect(() => parseTrust(`quorum none\n${lines}\n`)).toThrow(expect.objectContaining({ code }))
  })
})
