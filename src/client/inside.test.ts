import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { isInside } from './inside.js'

let folder: string
let log: string
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'deedlog-inside-')))
  log = join(folder, 'audit')
  mkdirSync(join(log, 'log'), { recursive: true })
  writeFileSync(join(log, 'deedlog.json'), '{}')
  writeFileSync(join(log, 'log/my.trust'), '')
  writeFileSync(join(folder, 'my.trust'), '')
  writeFileSync(join(folder, 'audit.jsonl'), '')
})
afterEach(() => rmSync(folder, { recursive: true }))

it('sees a file in the log, by whatever path or link, and a link in it to elsewhere', async () => {
  symlinkSync(join(log, 'log/my.trust'), join(folder, 'link.trust'))
  symlinkSync(log, join(folder, 'other-name'))
  symlinkSync(join(folder, 'my.trust'), join(log, 'out.trust'))
  for (const [target, file] of [
    [log, join(log, 'log/my.trust')],
    [log, join(folder, 'link.trust')],
    [log, `${log}/../audit/log/my.trust`],
    [join(folder, 'other-name'), join(log, 'log/my.trust')],
    [`${log}/log/..`, join(log, 'log/my.trust')],
    [log, join(log, 'out.trust')],
    [log, log],
    [log, join(log, 'missing')],
  ] as const)
    expect(await isInside(target, file), `${target} ${file}`).toBe(true)
})

it('takes the folder around for the log, where only its public part is the target', async () => {
  writeFileSync(join(log, 'beside.trust'), '')
  expect(await isInside(join(log, 'log'), join(log, 'beside.trust'))).toBe(true)
  rmSync(join(log, 'deedlog.json'))
  expect(await isInside(join(log, 'log'), join(log, 'beside.trust'))).toBe(false)
})

it('takes what lies beside for the auditor’s own', async () => {
  for (const file of [`${log}.trust`, join(folder, 'my.trust'), join(folder, 'audit2/my.trust')])
    expect(await isInside(log, file)).toBe(false)
})

it('takes every part of a JSON-lines log for the log, but the trust file', async () => {
  const lines = join(folder, 'audit.jsonl')
  for (const file of [lines, `${lines}.private/x`, `${lines}.notes/x`, `${lines}.other`])
    expect(await isInside(lines, file)).toBe(true)
  expect(await isInside(lines, `${lines}.trust`)).toBe(false)
})
