import { describe, expect, it } from 'vitest'
import { attribute, type Node } from './attribution.js'
import { FINDINGS, Findings } from './findings.js'
import { Fingerprints } from './fingerprints.js'
import { NOT_EXCLUDED } from './not-excluded.js'
import { Sessions } from './sessions.js'

const good = () => true
const bad = () => false

/** A chain of records, `s` signed, `x` badly signed, `-` not signed; the start is signed. */
function chain(signatures: string, from = 0): Node[] {
  return [...signatures].map((mark, i) => ({
    index: from + i,
    leaf: `leaf ${i}`,
    seq: i,
    ...(i === 0 ? {} : { prev: `leaf ${i - 1}` }),
    ...(mark === 's' ? { verify: good } : mark === 'x' ? { verify: bad } : {}),
  }))
}

describe('attribution', () => {
  it.each([
    ['s---s', [], 2],
    ['sssss', [], 2],
    ['s--s--', [4, 5], 2],
    // A bad signature below a good one is not looked at: the later one covers the record.
    ['s-x-s', [], 2],
    ['s-s-x', [3, 4], 3],
    ['x-s-s', [0, 1, 2, 3, 4], 1],
    ['s', [], 1],
  ])('of %s leaves strays %j after %i checks', (signatures, strays, checked) => {
    const found = attribute(chain(signatures))
    expect([...found.strays].sort()).toEqual(strays)
    expect(found.checked).toBe(checked)
  })

  it('reaches no further than prev leads', () => {
    const nodes = chain('s---s')
    nodes[2] = { ...nodes[2]!, leaf: 'edited' }
    const { strays, breaks, altered } = attribute(nodes)
    // Record 1 was reached through 2, whose bytes are gone.
    expect([...strays].sort()).toEqual([1, 2])
    expect(breaks).toEqual([{ from: 1, to: 2, index: 3 }])
    expect(altered).toEqual([2])
  })

  it('knows a copy from a fork', () => {
    const nodes = chain('ssss')
    const copy = { ...nodes[2]!, index: 9 }
    expect(attribute([...nodes, copy])).toMatchObject({ copies: new Set([9]), forks: [] })
    const fork = { ...nodes[2]!, index: 9, leaf: 'other' }
    expect(attribute([...nodes, fork])).toMatchObject({ forks: [{ seq: 2, indexes: [2, 9] }] })
  })

  it('reports a gap of any size as one range', () => {
    const [start] = chain('s')
    const far: Node = { index: 1, leaf: 'far', seq: Number.MAX_SAFE_INTEGER, prev: 'nowhere', verify: good }
    expect(attribute([start!, far]).breaks).toEqual([{ from: 1, to: Number.MAX_SAFE_INTEGER - 1, index: 1 }])
  })

  it('does not take ten thousand records for one place as a reason to take ten thousand times as long', () => {
    const [start] = chain('s')
    const many: Node[] = Array.from({ length: 20_000 }, (_, i) => ({
      index: i + 1,
      leaf: `leaf ${i + 1}`,
      seq: 1,
      prev: 'leaf 0',
      verify: good,
    }))
    expect(attribute([start!, ...many]).forks).toHaveLength(1)
  })
})

describe('sessions', () => {
  it('count from 0 without a gap, in any order', () => {
    const sessions = new Sessions()
    for (const n of [0, 2, 1]) expect(sessions.call('a', n)).toBeUndefined()
    expect(sessions.end('a', 3)).toBeUndefined()
    expect([...sessions.leftOpen()]).toEqual([])
    expect(sessions).toMatchObject({ total: 1, ended: 1 })
  })

  it('say what is wrong', () => {
    const sessions = new Sessions()
    sessions.call('a', 0)
    expect(sessions.call('a', 0)).toEqual({ what: 'has two calls 0', lacking: 0 })
    sessions.call('b', 1)
    expect([...sessions.leftOpen()]).toEqual([['b', { what: 'lacks call 0', lacking: 1 }]])
    expect(sessions.end('a', 5)).toEqual({ what: 'says that it had 5 calls, and 1 are here', lacking: 4 })
    expect(sessions.call('a', 1)).toMatchObject({ what: 'has call 1 after its end' })
    expect(sessions.end('a', 1)).toMatchObject({ what: 'ends twice' })
  })

  it('take a number as large as there are without counting up to it', () => {
    expect(new Sessions().call('a', Number.MAX_SAFE_INTEGER)).toBeUndefined()
  })
})

describe('fingerprints', () => {
  it('tell texts of any length apart, whatever the salt', () => {
    const texts = ['', 'a', 'ä', '€', '😀', 'a'.repeat(500), '€'.repeat(500), `${'€'.repeat(499)}a`, 'aa', '\0']
    for (const salt of [new Uint8Array(), new Uint8Array(32)]) {
      const set = new Fingerprints(salt)
      expect(texts.map(text => set.add(text))).toEqual(texts.map(() => false))
      expect(texts.map(text => set.add(text))).toEqual(texts.map(() => true))
    }
  })

  it('remember what they were given, and little else', () => {
    const set = new Fingerprints(new Uint8Array(32))
    let seen = 0
    for (let i = 0; i < 50_000; i++) if (set.add(`stream call ${i}`)) seen++
    expect(seen).toBe(0)
    for (let i = 0; i < 50_000; i++) if (set.add(`stream call ${i}`)) seen++
    expect(seen).toBe(50_000)
  })
})

describe('findings', () => {
  it('stay few however many there are, and are all counted', () => {
    const findings = new Findings()
    for (let i = 0; i < 10_000; i++) findings.add('entry.malformed', 'no record', { indexes: [i] })
    const list = findings.list()
    expect(list.length).toBeLessThan(100)
    expect(list.reduce((sum, finding) => sum + finding.count, 0)).toBe(10_000)
  })

  it('never say valid or compliant', () => {
    const words = JSON.stringify([FINDINGS, NOT_EXCLUDED])
    expect(words).not.toMatch(/\b(in)?valid\b|complian/i)
  })
})
