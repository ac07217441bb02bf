import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLog } from '../../src/log/index.js'
import { TestStream } from '../contract/log-streams.js'
import { deedlog } from './deedlog.js'

let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deedlog-workers-'))
  const log = await openLog(join(folder, 'audit'))
  const stream = await TestStream.begin(log)
  for (let i = 0; i < 7; i++) await log.append(stream.batch(100))
  await log.close()
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bundle = (name: string) => join(folder, 'audit/log/tile', name)

test.each([
  ['an honest log', () => {}],
  ['a flipped byte in a record', () => flip(bundle('entries/001'), 5000)],
  ['a flipped length in a bundle', () => flip(bundle('entries/001'), 0)],
  ['a missing bundle', () => rmSync(bundle('entries/001'))],
  ['a flipped hash in a tile', () => flip(bundle('0/001'), 100)],
  ['a missing tile', () => rmSync(bundle('0/000'))],
])('threads change nothing in the report on %s', (_, change) => {
  change()
  const reports = ['0', '1', '3'].map(workers =>
    deedlog(['verify', 'audit', '--trust', 'audit.trust', '--no-memory', '--json', '--workers', workers], {
      cwd: folder,
    }),
  )
  expect(reports[0]!.stdout).toContain('"records"')
  expect(reports[1]).toEqual(reports[0])
  expect(reports[2]).toEqual(reports[0])
})

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at]! ^= 1
  writeFileSync(path, bytes)
}
