import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '#crypto'
import { fromHex } from '../../src/core/bytes/hex.js'
import { toUtf8 } from '../../src/core/bytes/utf8.js'
import { Sample } from '../../src/core/verify/index.js'

const folder = new URL('../../spec/vectors/sample/', import.meta.url)
const path = new URL('draw.json', folder)

interface Case {
  readonly name: string
  readonly seed: string
  readonly root: string
  readonly intents: readonly string[]
  readonly n: number
  readonly drawn: readonly number[]
  readonly ranks?: readonly string[]
}

function draw({ seed, root, intents, n }: Omit<Case, 'drawn' | 'name'>) {
  const sample = new Sample<number>(seed, fromHex(root), n)
  for (const [index, intent] of intents.entries()) sample.add(intent, index)
  return sample
}

const intents = (count: number) => Array.from({ length: count }, (_, i) => sha256Hex(toUtf8(`intent ${i}`)))
const root = sha256Hex(toUtf8('root'))
const MADE: readonly Omit<Case, 'drawn'>[] = [
  { name: 'five of twelve', seed: 'audit 2026-11', root, intents: intents(12), n: 5 },
  {
    name: 'the same seed under another root',
    seed: 'audit 2026-11',
    root: sha256Hex(toUtf8('other')),
    intents: intents(12),
    n: 5,
  },
  { name: 'a space more in the seed', seed: 'audit 2026-11 ', root, intents: intents(12), n: 5 },
  { name: 'an empty seed', seed: '', root, intents: intents(12), n: 3 },
  { name: 'a seed beyond ASCII, composed', seed: 'é', root, intents: intents(12), n: 3 },
  { name: 'a seed beyond ASCII, decomposed', seed: 'e\u0301', root, intents: intents(12), n: 3 },
  { name: 'more than there are', seed: 'x', root, intents: intents(4), n: 60 },
  { name: 'nothing to draw from', seed: 'x', root, intents: [], n: 60 },
]

if (process.env['DEEDLOG_WRITE_VECTORS'] === '1') {
  mkdirSync(folder, { recursive: true })
  const cases = MADE.map(each => {
    const drawn = draw(each).drawn()
    return { ...each, drawn: drawn.map(({ call }) => call), ranks: drawn.map(({ rank }) => rank) }
  })
  const about = 'the calls that a seed and a checkpoint draw, the lowest rank first'
  writeFileSync(path, `${JSON.stringify({ about, page: 'sample.md', cases }, undefined, 2)}\n`)
}

const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: readonly Case[] }

describe('a sample', () => {
  it.each(cases)('is drawn as the vector says: $name', each => {
    const sample = draw(each)
    expect(sample.drawn().map(({ call }) => call)).toEqual(each.drawn)
    if (each.ranks) expect(sample.drawn().map(({ rank }) => rank)).toEqual(each.ranks)
    expect(sample.population).toBe(each.intents.length)
  })

  it('has vectors for every case', () => {
    expect(cases.map(({ name }) => name)).toEqual(MADE.map(({ name }) => name))
  })

  it('is the same whatever the order of calls, and a part of every larger one', () => {
    const all = intents(20_000)
    const of = (n: number, order: readonly string[]) => {
      const sample = new Sample<string>('seed', fromHex(root), n)
      for (const intent of order) sample.add(intent, intent)
      return sample.drawn().map(({ call }) => call)
    }
    const sixty = of(60, all)
    expect(of(60, all.toReversed())).toEqual(sixty)
    expect(of(100, all).slice(0, 60)).toEqual(sixty)
    expect(sixty).toHaveLength(60)
  })

  it('draws about alike from both halves', () => {
    const sample = new Sample<number>('halves', fromHex(root), 2000)
    for (const [index, intent] of intents(10_000).entries()) sample.add(intent, index)
    const low = sample.drawn().filter(({ call }) => call < 5000).length
    expect(low).toBeGreaterThan(900)
    expect(low).toBeLessThan(1100)
  })
})
