import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { deedlog, removeFolder, temporaryFolder } from '../cli/deedlog.js'

let cwd: string
let settings: string
beforeEach(() => {
  cwd = temporaryFolder()
  settings = join(cwd, '.claude/settings.json')
  mkdirSync(join(cwd, "an 'audit'"))
})
afterEach(() => removeFolder(cwd))

const install = (...args: string[]) => deedlog(['hook', 'install', ...args], { cwd, env: { HOME: cwd } })

it('installs, shows what it changed, changes nothing a second time, and removes', () => {
  const first = install("an 'audit'")
  expect(first).toMatchObject({ status: 0, stderr: '' })
  expect(first.stdout).toContain('+     "PreToolUse": [')
  const text = readFileSync(settings, 'utf8')
  expect(install("an 'audit'").stdout).toMatch(/is as it was\n$/)
  expect(readFileSync(settings, 'utf8')).toBe(text)
  expect(install('--remove', '--user').status).toBe(0)
  expect(readFileSync(settings, 'utf8')).toBe('{}\n')
})

it('installs a line for a shell that holds calls back, also when all of it is gone', () => {
  install("an 'audit'")
  const { hooks } = JSON.parse(readFileSync(settings, 'utf8')) as {
    hooks: { PreToolUse: [{ hooks: [{ command: string }] }] }
  }
  const [{ command }] = hooks.PreToolUse[0].hooks
  const run = (line: string) => spawnSync('sh', ['-c', line], { cwd, input: '{}', encoding: 'utf8' })
  // It is a folder and no log.
  const ran = run(command)
  expect(ran.status).toBe(2)
  expect(ran.stderr).toContain("/an 'audit'/private/hooks")
  expect(run(command.replace('/main.js', '/gone.js')).status).toBe(2)
  expect(run(`/nowhere${command}`).status).toBe(2)
})

it('writes through a link, keeps the mode, and warns of hooks that are switched off', () => {
  mkdirSync(join(cwd, '.claude'))
  writeFileSync(join(cwd, 'mine.json'), '{ "disableAllHooks": true }')
  chmodSync(join(cwd, 'mine.json'), 0o600)
  symlinkSync(join(cwd, 'mine.json'), settings)
  const ran = install("an 'audit'")
  expect(ran.stderr).toContain('disableAllHooks')
  expect(readFileSync(join(cwd, 'mine.json'), 'utf8')).toContain('PreToolUse')
  expect(statSync(join(cwd, 'mine.json')).mode % 0o1000).toBe(0o600)
})

it('touches nothing when something is missing or unreadable', () => {
  expect(install().stderr).toContain('usage.argument')
  expect(install('nowhere').stderr).toContain('log.missing')
  expect(install("an 'audit'", '--rules', 'nowhere').stderr).toContain('hook.rules')
  expect(install("an 'audit'", '--user', '--project').stderr).toContain('usage.conflict')
  renameSync(join(cwd, "an 'audit'"), join(cwd, 'audit'))
  mkdirSync(join(cwd, '.claude'))
  writeFileSync(settings, '{ // mine\n}')
  expect(install('audit')).toMatchObject({ status: 2 })
  expect(readFileSync(settings, 'utf8')).toBe('{ // mine\n}')
})
