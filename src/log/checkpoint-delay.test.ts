import { expect, test } from 'vitest'
import { checkpointDelay } from './checkpoint-delay.js'

const idle = {
  now: 10_000,
  everyMs: 1000,
  lastCheckpoint: undefined,
  lastAppend: 10_000,
  oldestUncovered: 10_000,
  somebodyWaits: false,
}

test('the first checkpoint comes 100 ms after the last append', () => {
  expect(checkpointDelay(idle)).toBe(100)
  expect(checkpointDelay({ ...idle, now: 10_060 })).toBe(40)
  expect(checkpointDelay({ ...idle, now: 10_060, lastAppend: 10_050 })).toBe(90)
  expect(checkpointDelay({ ...idle, now: 10_200 })).toBe(0)
})

test('an endless run of appends is signed all the same, once in the interval', () => {
  expect(checkpointDelay({ ...idle, now: 10_990, lastAppend: 10_989 })).toBe(10)
  expect(checkpointDelay({ ...idle, now: 11_000, lastAppend: 10_999 })).toBe(0)
})

test('two checkpoints are never closer than the interval, whoever waits', () => {
  const busy = { ...idle, lastCheckpoint: 9_700 }
  expect(checkpointDelay(busy)).toBe(700)
  expect(checkpointDelay({ ...busy, somebodyWaits: true })).toBe(700)
  expect(checkpointDelay({ ...busy, lastCheckpoint: 8_000, somebodyWaits: true })).toBe(0)
})
