import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { processRegistry, share, VERSION } from './registry.js'

test('names the version of the package', () => {
  expect(VERSION).toBe(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version)
})

test('is one for all copies of this module in a process', () => {
  expect(processRegistry()).toBe((globalThis as { [name: symbol]: unknown })[Symbol.for('deedlog.logs')])
})

test('refuses to join a writer of another version', async () => {
  const never = new Promise<never>(() => {})
  const registry = new Map([['/audit', { version: '9.9.9', users: 1, writer: never }]])
  await expect(share(registry, '/audit', () => never)).rejects.toMatchObject({ code: 'log.other-version' })
})

test('forgets a log that did not open, so that the next use tries again', async () => {
  const registry = new Map()
  const fails = async () => {
    throw new Error('no')
  }
  await expect(share(registry, '/audit', fails)).rejects.toThrow('no')
  expect(registry.size).toBe(0)
})
