import { expect, test } from 'vitest'
import { Pace } from './pace.js'

test('a lone writer blocks, and looks up every now and then', () => {
  const pace = new Pace()
  let blocking = 0
  for (let i = 0; i < 330; i++) {
    if (pace.shouldBlock(1)) {
      pace.blocked(0.2)
      blocking++
    } else pace.tookTurns(0)
  }
  expect(blocking).toBe(320)
})

test('as soon as others arrive nobody blocks, until one is alone again', () => {
  const pace = new Pace()
  expect(pace.shouldBlock(3)).toBe(false)
  pace.tookTurns(2)
  expect(pace.shouldBlock(1)).toBe(false)
  pace.tookTurns(0)
  expect(pace.shouldBlock(1)).toBe(true)
})

test('a slow disk is left alone, and measured again later', () => {
  const pace = new Pace()
  for (let i = 0; i < 32; i++) pace.blocked(5)
  let turns = 0
  while (!pace.shouldBlock(1) && turns < 100) {
    pace.tookTurns(0)
    turns++
  }
  expect(turns).toBe(16)
})
