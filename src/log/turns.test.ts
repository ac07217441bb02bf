import { expect, test } from 'vitest'
import { Turns } from './turns.js'

test('batches of one stream go in order, those of others at once', async () => {
  const turns = new Turns()
  const said: string[] = []
  const first = turns.take('a', false)
  const second = turns.take('a', false)
  const other = turns.take('b', false)
  expect(first.ready).toBeUndefined()
  expect(other.ready).toBeUndefined()
  const waiting = second.ready!.then(() => said.push('second'))
  said.push('first')
  first.done()
  await waiting
  expect(said).toEqual(['first', 'second'])
})

test('one that goes alone waits for all before it, and all after it wait', async () => {
  const turns = new Turns()
  const before = [turns.take('a', false), turns.take('b', false)]
  const alone = turns.take('c', true)
  const after = turns.take('d', false)
  const said: string[] = []
  const done = [
    alone.ready!.then(() => said.push('alone') && alone.done()),
    after.ready!.then(() => said.push('after')),
  ]
  before[0]!.done()
  await Promise.resolve()
  said.push('before')
  before[1]!.done()
  await Promise.all(done)
  expect(said).toEqual(['before', 'alone', 'after'])
  after.done()
  expect(turns.take('a', true).ready).toBeUndefined()
})
