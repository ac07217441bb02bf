import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../bytes/equal.js'
import { MalformedError } from '../errors.js'
import { leafHash, planConsistency, planInclusion, rootPlan } from './merkle.js'
import { builtTree, EDGES, entryAt, treeHash } from './testkit.js'
import {
  fullTileRoot,
  hashTile,
  nodeInTile,
  parseTilePath,
  partialsOf,
  splitTile,
  type TileId,
  tileForNode,
  tilePath,
  tilesBetween,
} from './tile.js'

const tree = builtTree()
const paths = (ids: readonly TileId[]) => ids.map(tilePath)

/** C2SP's definition: hash i of tile n at level l is MTH(D[(n*256 + i) * 256^l : (n*256 + i + 1) * 256^l]). */
const tileBytes = ({ level, index, width }: TileId) => {
  const span = 256 ** Number(level)
  return concatBytes(
    ...Array.from({ length: width }, (_, i) => treeHash(tree, (index * 256 + i) * span, (index * 256 + i + 1) * span)),
  )
}

describe('paths', () => {
  it.each([
    [{ level: 0, index: 1234067, width: 256 }, 'tile/0/x001/x234/067'],
    [{ level: 'entries', index: 0, width: 256 }, 'tile/entries/000'],
    [{ level: 'entries', index: 1000, width: 1 }, 'tile/entries/x001/000.p/1'],
    [{ level: 63, index: 999, width: 255 }, 'tile/63/999.p/255'],
    [{ level: 'entries', index: 2 ** 53 - 1, width: 255 }, 'tile/entries/x009/x007/x199/x254/x740/991.p/255'],
  ] as [TileId, string][])('are written and read: %j is %s', (id, path) => {
    expect(tilePath(id)).toBe(path)
    expect(parseTilePath(path)).toEqual(id)
  })

  it('have one form each', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.nat(63), fc.constant('entries' as const)),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width })
        },
      ),
    )
  })

  it.each([
    '',
    'tile',
    'tile/',
    'tile/0',
    'tile/0/',
    '/tile/0/000',
    'tile/0/000/',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/data/000',
    'tile/8/0/000',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/0/x000',
    'tile/0/x000/000',
    'tile/0/x000/x001/000',
    'tile/0/001/000',
    'tile/0/X001/000',
    'tile/0/x01/000',
    'tile/0/000.p',
    'tile/0/000.p/',
    'tile/0/000.p/0',
    'tile/0/000.p/00',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/999',
    'tile/0/000.p/1/',
    'tile/0/000.P/1',
    'tile/0/000/../001',
    'tile/0/000\n',
    'tile/0/٠٠٠',
    'tile/0/x009/x007/x199/x254/x740/992',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
    `tile/0/${'x001/'.repeat(100_000)}001`,
    'checkpoint',
  ])('refuse %j', path => {
    expect(() => parseTilePath(path)).toThrow(expect.objectContaining({ code: 'tile.path' }))
  })

  it('refuse to be written for what is no tile', () => {
    for (const bad of [
      { level: 64 },
      { level: -1 },
      { index: -1 },
      { index: 2 ** 53 },
      { width: 0 },
      { width: 257 },
      { width: 1.5 },
    ])
      expect(() => tilePath({ level: 0, index: 0, width: 256, ...bad })).toThrow(RangeError)
  })
})

describe('the tiles of a tree', () => {
  it('are those of the specification at 70,000 and at 256', () => {
    expect(paths(partialsOf(70_000))).toEqual([
      'tile/entries/273.p/112',
      'tile/0/273.p/112',
      'tile/1/001.p/17',
      'tile/2/000.p/1',
    ])
    expect(paths(partialsOf(256))).toEqual(['tile/1/000.p/1'])
    expect(paths(tilesBetween(0, 256))).toEqual(['tile/entries/000', 'tile/0/000', 'tile/1/000.p/1'])
    expect(tilesBetween(0, 70_000)).toHaveLength(274 + 274 + 2 + 1)
    expect(partialsOf(0)).toEqual([])
    expect(tilesBetween(7, 7)).toEqual([])
  })

  it('are written once each, however the tree grows, and end in the partial tiles of its size', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(steps, sizes => {
        const ascending = sizes.toSorted((a, b) => a - b)
        const written = ascending.flatMap((size, i) => paths(tilesBetween(ascending[i - 1] ?? 0, size)))
        expect(new Set(written).size).toBe(written.length)
        const last = ascending.at(-1)!
        const needed = [...paths(tilesBetween(0, last)), ...paths(partialsOf(last))]
        expect(needed.filter(path => !written.includes(path))).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  it.each(EDGES)('hold every node that proofs and root of %d entries ask for', size => {
    const partials = paths(partialsOf(size))
    const nodes = [
      ...rootPlan(size).nodes,
      ...planInclusion(Math.floor(size / 3), size).nodes,
      ...planInclusion(size - 1, size).nodes,
      ...planConsistency(Math.floor(size / 3), size).nodes,
    ]
    for (const node of nodes) {
      const id = tileForNode(node, size)
      const span = 256 ** Number(id.level)
      const from = node.index * 2 ** node.level
      expect(from).toBeGreaterThanOrEqual(id.index * 256 * span)
      expect(from + 2 ** node.level).toBeLessThanOrEqual((id.index * 256 + id.width) * span)
      if (id.width < 256) expect(partials).toContain(tilePath(id))
    }
  })

  it('give the hashes of the tree, through every level between two tiles', () => {
    for (const size of [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, 66_000])
      for (const plan of [
        rootPlan(size),
        planInclusion(0, size),
        planInclusion(size - 1, size),
        planInclusion(size >> 1, size),
      ])
        for (const node of plan.nodes) {
          const id = tileForNode(node, size)
          const expected = treeHash(tree, node.index * 2 ** node.level, (node.index + 1) * 2 ** node.level)
          expect(nodeInTile(node, id, tileBytes(id))).toEqual(expected)
        }
  })

  it('have no node that the tree has not', () => {
    expect(() => tileForNode({ level: 0, index: 7 }, 7)).toThrow(RangeError)
    expect(() => tileForNode({ level: 3, index: 0 }, 7)).toThrow(RangeError)
    expect(() => tileForNode({ level: 8, index: 1 }, 511)).toThrow(RangeError)
    expect(() => tileForNode({ level: 60, index: 0 }, 2 ** 53 - 1)).toThrow(RangeError)
    expect(() => nodeInTile({ level: 0, index: 7 }, { level: 0, index: 0, width: 7 }, new Uint8Array(7 * 32))).toThrow(
      RangeError,
    )
    expect(() => nodeInTile({ level: 8, index: 0 }, { level: 0, index: 0, width: 256 }, new Uint8Array(8192))).toThrow(
      RangeError,
    )
  })
})

describe('the bytes of a hash tile', () => {
  const hashes = Array.from({ length: 256 }, (_, i) => leafHash(entryAt(i)))

  it('are its hashes', () => {
    expect(splitTile(hashTile(hashes), 256)).toEqual(hashes)
    expect(hashTile(hashes.slice(0, 3))).toEqual(tileBytes({ level: 0, index: 0, width: 3 }))
    expect(fullTileRoot(hashes)).toEqual(treeHash(tree, 0, 256))
  })

  it('are refused when they are not as long as the width says', () => {
    for (const length of [0, 31, 33, 63, 65, 8192])
      expect(() => splitTile(new Uint8Array(length), 2)).toThrow(MalformedError)
    expect(() => nodeInTile({ level: 0, index: 0 }, { level: 0, index: 0, width: 2 }, new Uint8Array(96))).toThrow(
      MalformedError,
    )
  })

  it('are not made of too few, too many or short hashes, and a partial tile has no root', () => {
    expect(() => hashTile([])).toThrow(RangeError)
    expect(() => hashTile([...hashes, hashes[0]!])).toThrow(RangeError)
    expect(() => hashTile([new Uint8Array(31)])).toThrow(RangeError)
    expect(() => splitTile(new Uint8Array(0), 0)).toThrow(RangeError)
    expect(() => fullTileRoot(hashes.slice(0, 255))).toThrow(RangeError)
  })
})
