import fc from 'fast-check'
import { toRlp, keccak256 as viemKeccak } from 'viem'
import { describe, expect, it } from 'vitest'
import { keccak256 } from '#crypto'
import { fromUtf8, toUtf8 } from '../../bytes/utf8.js'
import { isDeedlogError } from '../../errors.js'
import { type EvmEvidence, formatEvmEvidence, hex, parseEvmEvidence } from './evidence.js'
import { ANCHOR_SELECTOR, ANCHORED_TOPIC } from './registry.js'
import { decodeRlp, encodeRlp, type Rlp } from './rlp.js'
import { madeUpEvidence } from './testkit.js'
import { provenValue } from './trie.js'
import { proveValue } from './trie-build.js'
import { verifyEvmEvidence } from './verify.js'

const digest = new Uint8Array(32).fill(0xd1)

describe('RLP', () => {
  type Hex = `0x${string}` | readonly Hex[]
  const asHex = (item: Rlp): Hex =>
    item instanceof Uint8Array ? (hex(item) as `0x${string}`) : (item as Rlp[]).map(asHex)
  const { item } = fc.letrec<{ item: Rlp; bytes: Uint8Array; list: Rlp[] }>(tie => ({
    item: fc.oneof({ maxDepth: 4 }, tie('bytes'), tie('list')),
    bytes: fc.uint8Array({ maxLength: 300 }),
    list: fc.array(tie('item'), { maxLength: 6 }),
  }))

  it('is what viem writes, and reads what it writes', () => {
    fc.assert(
      fc.property(item, value => {
        const bytes = encodeRlp(value)
        expect(hex(bytes)).toBe(toRlp(asHex(value) as `0x${string}`))
        expect(asHex(decodeRlp(bytes))).toEqual(asHex(value))
      }),
      { numRuns: 300 },
    )
  })

  it('has one encoding per value: whatever is read is written the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        let read: Rlp
        try {
          read = decodeRlp(bytes)
        } catch (error) {
          expect(isDeedlogError(error)).toBe(true)
          return
        }
        expect(encodeRlp(read)).toEqual(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['nothing', []],
    ['a byte that is its own encoding, in a string', [0x81, 0x05]],
    ['a short length written long', [0xb8, 0x01, 0x99]],
    ['a length with a leading zero', [0xb9, 0x00, 0x40, ...new Array<number>(64).fill(1)]],
    ['a length beyond the end', [0xbb, 0xff, 0xff, 0xff, 0xff]],
    ['bytes behind the end', [0xc0, 0xc0]],
    ['an item beyond its list', [0xc1, 0x82]],
    ['lists in lists without end', new Array<number>(20).fill(0).map((_, i) => 0xc0 + 19 - i)],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeRlp(new Uint8Array(bytes))).toThrow(expect.objectContaining({ code: 'evm.rlp' }))
  })
})

function provenOrNothing(root: Uint8Array, position: number, nodes: readonly Uint8Array[]): Uint8Array | undefined {
  try {
    return provenValue(root, position, nodes)
  } catch {
    return undefined
  }
}

describe('the trie of receipts', () => {
  it('proves each value under one root, and no other value and position', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.integer({ min: 0, max: 60 }), (count, at, length) => {
        const values = Array.from({ length: count }, (_, i) => new Uint8Array(1 + length).fill(1 + (i % 255)))
        const position = at % count
        const { root, nodes } = proveValue(values, position)
        expect(provenValue(root, position, nodes)).toEqual(values[position])
        // Short values lie inside the nodes above them, and are proven with their neighbours.
        const neighbour = provenOrNothing(root, position + 1, nodes)
        if (neighbour) expect(neighbour).toEqual(values[position + 1])
        expect(() => provenValue(root, position, [...nodes, nodes[0]!])).toThrow()
        expect(() => provenValue(root, position, nodes.slice(0, -1))).toThrow()
        expect(proveValue(values, 0).root).toEqual(root)
      }),
      { numRuns: 60 },
    )
  })

  it('refuses nodes that lead in circles or nowhere', () => {
    const empty = encodeRlp([new Uint8Array([0x00]), new Uint8Array(32)])
    expect(() => provenValue(keccak256(empty), 0, [empty])).toThrow(expect.objectContaining({ code: 'evm.proof' }))
    const odd = encodeRlp([new Uint8Array([0x40]), new Uint8Array(3)])
    expect(() => provenValue(keccak256(odd), 0, [odd])).toThrow(expect.objectContaining({ code: 'evm.proof' }))
  })
})

describe('evidence of a chain', () => {
  const verify = (evidence: EvmEvidence) => verifyEvmEvidence(formatEvmEvidence(evidence), digest)
  const good = madeUpEvidence({ digest })

  it('has the selector and the topic of its function and event', () => {
    expect(viemKeccak('0x'.concat(Buffer.from('anchor(bytes32)').toString('hex')) as '0x').slice(0, 10)).toBe(
      hex(ANCHOR_SELECTOR),
    )
    expect(hex(keccak256(toUtf8('Anchored(bytes32,address,uint256)')))).toBe(hex(ANCHORED_TOPIC))
  })

  it('holds when the hash of its block proves it, and says what it says', () => {
    expect(verify(good)).toMatchObject({ chainId: 8453, seconds: 1_790_000_000, blockNumber: 4711, isProven: true })
    const { proof, ...without } = good
    expect(verify(without).isProven).toBe(false)
    expect(parseEvmEvidence(formatEvmEvidence(good))).toEqual(good)
  })

  it.each<[string, EvmEvidence, string]>([
    ['another digest', madeUpEvidence({ digest: new Uint8Array(32) }), 'evm.ref'],
    ['another event', madeUpEvidence({ digest, event: { topics: [digest, digest, digest] } }), 'evm.event'],
    ['too few topics', madeUpEvidence({ digest, event: { topics: [ANCHORED_TOPIC, digest] } }), 'evm.event'],
    [
      'a sender that is no address',
      madeUpEvidence({ digest, event: { topics: [ANCHORED_TOPIC, digest, digest] } }),
      'evm.event',
    ],
    [
      'a time beyond all calendars',
      madeUpEvidence({ digest, event: { data: new Uint8Array(32).fill(255) } }),
      'evm.event',
    ],
    ['a block of another time', madeUpEvidence({ digest, blockSeconds: 5 }), 'evm.time'],
    ['a transaction that was reverted', madeUpEvidence({ digest, status: 0 }), 'evm.reverted'],
    ['another block’s hash', { ...good, blockHash: new Uint8Array(32) }, 'evm.block'],
    ['another block’s number', { ...good, blockNumber: 1 }, 'evm.block'],
    ['another position', { ...good, proof: { ...good.proof!, position: 1 } }, 'evm.proof'],
    ['another event of the receipt', { ...good, eventIndex: 1 }, 'evm.proof'],
    [
      'an event that the receipt does not have',
      { ...good, event: { ...good.event, address: new Uint8Array(20) } },
      'evm.proof',
    ],
    [
      'another sender',
      { ...good, event: { ...good.event, topics: [ANCHORED_TOPIC, digest, new Uint8Array(32)] } },
      'evm.proof',
    ],
  ])('is refused with %s', (_, evidence, code) => {
    expect(() => verify(evidence)).toThrow(expect.objectContaining({ code }))
  })

  it('is refused, or says the same, whatever byte is changed', () => {
    const bytes = formatEvmEvidence(good)
    const said = ({ gas, chainId, tx, ...rest }: ReturnType<typeof verify>) => rest
    const expected = said(verify(good))
    for (let at = 0; at < bytes.length; at += 3) {
      const changed = bytes.slice()
      changed[at]! ^= 1 << (at % 7)
      try {
        const found = verifyEvmEvidence(changed, digest)
        // A proof that is not there proves nothing: the rest is a claim.
        if (found.isProven) expect(said(found)).toEqual(expected)
      } catch (error) {
        expect(isDeedlogError(error)).toBe(true)
      }
    }
  })

  it.each(['null', '[]', '{}', '{"v":1}', '{"__proto__":{"v":1}}', '{"chain":-1,"v":1}', '\u0000', '{"v":2}'])(
    'that is %s is malformed and nothing worse',
    text => {
      expect(() => verifyEvmEvidence(toUtf8(text), digest)).toThrow(expect.objectContaining({ name: 'MalformedError' }))
    },
  )

  it('of huge, wrong or missing members is malformed', () => {
    const json = JSON.parse(fromUtf8(formatEvmEvidence(good))) as Record<string, unknown>
    const wrong = [undefined, null, 5, '', '0x', 2 ** 53, [], {}, '0x'.padEnd(66, 'F')]
    for (const name of ['chain', 'tx', 'block', 'event'])
      for (const value of wrong) {
        if (name === 'chain' && value === 5) continue
        const text = JSON.stringify({ ...json, [name]: value })
        expect(() => verifyEvmEvidence(toUtf8(text), digest), `${name} ${text.slice(0, 60)}`).toThrow(
          expect.objectContaining({ name: 'MalformedError' }),
        )
      }
  })
})
