import { describe, expect, it } from 'vitest'
import { equalBytes } from '../bytes/equal.js'
import { toUtf8 } from '../bytes/utf8.js'
import { Frontier, leafHash } from '../tlog/index.js'
import { PastRoots } from './past-roots.js'

const leaf = (i: number) => leafHash(toUtf8(String(i)))

describe('past roots', () => {
  it('are those the tree had', () => {
    const tree = new PastRoots()
    const frontier = Frontier.empty()
    const roots = [frontier.root()]
    for (let i = 0; i < 700; i++) {
      tree.append(leaf(i))
      frontier.append(leaf(i))
      roots.push(frontier.root())
    }
    for (const [size, root] of roots.entries()) expect(tree.had(size, root)).toBe(true)
    expect(tree.had(5, roots[6]!)).toBe(false)
    expect(() => tree.at(701)).toThrow(RangeError)
  })

  it('say that they cannot tell what is too long ago, unless it was asked for', () => {
    const asked = new PastRoots([5])
    const tree = new PastRoots()
    const same = leaf(0)
    for (let i = 0; i < 66_000; i++) {
      tree.append(same)
      asked.append(same)
    }
    expect(tree.at(5)).toBeUndefined()
    // Strides are kept for good; so is what was asked for.
    expect(tree.at(256)).toBeDefined()
    const five = Frontier.empty()
    for (let i = 0; i < 5; i++) five.append(same)
    expect(equalBytes(asked.at(5)!, five.root())).toBe(true)
    expect(tree.at(66_000 - 65_000)).toBeDefined()
  })
})
