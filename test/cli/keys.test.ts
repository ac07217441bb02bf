import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, type Ran, removeFolder, temporaryFolder } from './deedlog.js'

const AGENT = 'did:example:shop'
const PASSPHRASE = 'several plain words, not one'

let cwd: string
const run = (...args: string[]): Ran => deedlog(args, { cwd })
const ok = (...args: string[]) => {
  const { status, stdout, stderr } = run(...args, '--json')
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}
const hello = (log: string, ...more: string[]) =>
  run('exec', log, '--tool', 'hello', ...more, '--', process.execPath, '-e', '0')
const code = (...args: string[]): string => {
  const ran = run(...args, '--json')
  expect(ran.status).toBe(2)
  return jsonError(ran).code
}

beforeAll(() => {
  cwd = temporaryFolder()
  for (const log of ['audit', 'audit.jsonl']) {
    expect(run('init', log, '--agent', AGENT).status).toBe(0)
    expect(hello(log, '--agent', AGENT).status).toBe(0)
  }
})
afterAll(() => removeFolder(cwd))

describe.each(['audit', 'audit.jsonl'])('keys of %s', log => {
  it('are listed, with where they are known from', () => {
    const { keys } = ok('keys', 'list', log)
    expect(keys.map(({ role, state }: { role: string; state: string }) => [role, state])).toEqual([
      ['log', 'in use'],
      ['operator', 'in use'],
      ['agent', 'in use'],
    ])
    expect(keys[2]).toMatchObject({ agent: AGENT, from: ['trust file', 'stream'], streams: 1 })
  })

  it('are replaced, and old and new streams verify under the trust file beside the log', () => {
    const { changes, trust } = ok('keys', 'add', log, '--agent', AGENT, '--new')
    expect(changes.map(({ event }: { event: string }) => event)).toEqual(['add', 'retire'])
    expect(trust.lines).toHaveLength(2)
    expect(ok('keys', 'add', log, '--operator', '--new').changes).toHaveLength(2)
    expect(hello(log, '--agent', AGENT).status).toBe(0)
    const report = ok('verify', log, '--trust', `${log}.trust`)
    expect(report.completeness.streams.map(({ identity }: { identity: string }) => identity)).not.toContain(
      'contradicted',
    )
  })

  it('are said to be in other hands', () => {
    const [, , , old] = ok('keys', 'list', log).keys
    const { changes } = ok('keys', 'compromised', log, '--agent', AGENT, '--key', old.vkey, '--since', '0')
    expect(changes[0]).toMatchObject({ event: 'compromised', vkey: old.vkey })
    expect(run('verify', log, '--trust', `${log}.trust`).stdout).toContain('key.disputed')
  })
})

it('asks which key, and takes none that the log does not know', () => {
  expect(code('keys', 'retire', 'audit')).toBe('usage.option')
  expect(code('keys', 'retire', 'audit', '--agent', 'x', '--operator')).toBe('usage.option')
  expect(code('keys', 'retire', 'audit', '--agent', 'did:example:nobody')).toBe('keys.which')
  const [{ vkey }] = ok('keys', 'list', 'audit.jsonl').keys
  expect(code('keys', 'retire', 'audit', '--operator', '--key', vkey)).toBe('keys.unknown')
  expect(code('keys', 'retire', 'audit', '--agent', AGENT, '--key', vkey)).toBe('keys.other')
  expect(code('keys', 'add', 'audit', '--agent', AGENT)).toBe('usage.option')
})

it('gives a log a new key, in a time of two keys', () => {
  expect(run('init', 'renewed').status).toBe(0)
  const line = /^log \S+$/gm
  const trust = () => readFileSync(join(cwd, 'renewed.trust'), 'utf8').match(line)!
  const [old] = trust()
  expect(code('keys', 'compromised', 'renewed', '--log')).toBe('usage.option')
  expect(code('keys', 'retire', 'renewed', '--log')).toBe('key.no-former')
  ok('keys', 'add', 'renewed', '--log', '--new')
  expect(trust()).toHaveLength(2)
  ok('keys', 'retire', 'renewed', '--log')
  expect(trust()).not.toContain(old)
  expect(run('verify', 'renewed', '--trust', 'renewed.trust').status).toBe(0)
})

it('signs by a command where the operator’s key is kept elsewhere', () => {
  expect(run('init', 'apart').status).toBe(0)
  const pem = readFileSync(join(cwd, 'apart/private/keys/operator.pem'))
  writeFileSync(join(cwd, 'operator.pem'), pem)
  writeFileSync(
    join(cwd, 'sign.mjs'),
    `import { createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
const message = readFileSync(0)
if (message.length !== 50) process.exit(3)
console.log(sign(null, message, createPrivateKey(readFileSync('operator.pem'))).toString('base64'))`,
  )
  const [, operator] = ok('keys', 'list', 'apart').keys
  const signed = ['--signer', `${process.execPath} sign.mjs`]
  expect(ok('keys', 'add', 'apart', '--agent', AGENT, '--new', ...signed).changes).toHaveLength(1)
  expect(operator.role).toBe('operator')
  expect(code('keys', 'add', 'apart', '--agent', AGENT, '--new', '--signer', `${process.execPath} -e 0`)).toBe(
    'signer.signature',
  )
  expect(code('keys', 'add', 'apart', '--agent', AGENT, '--new', '--signer', 'no-such-command')).toBe('signer.failed')
})

it('guards key files by a passphrase that no child process and no output sees', () => {
  expect(run('init', 'guarded').status).toBe(0)
  writeFileSync(join(cwd, 'phrase'), `${PASSPHRASE}\n`, { mode: 0o644 })
  expect(code('keys', 'protect', 'guarded', '--passphrase-file', 'phrase')).toBe('key.permissions')
  writeFileSync(join(cwd, 'short'), 'short\n', { mode: 0o600 })
  expect(code('keys', 'protect', 'guarded', '--passphrase-file', 'short')).toBe('passphrase.short')
  rmSync(join(cwd, 'phrase'))
  writeFileSync(join(cwd, 'phrase'), `${PASSPHRASE}\n`, { mode: 0o600 })
  ok('keys', 'protect', 'guarded', '--passphrase-file', 'phrase')
  const file = join(cwd, 'guarded/private/keys/log.pem')
  expect(readFileSync(file, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
  expect(statSync(file).mode & 0o777).toBe(0o600)

  const ran = run('exec', 'guarded', '--tool', 'hello', '--json', '--', process.execPath, '-e', '0')
  expect(jsonError(ran).code).toBe('key.passphrase-missing')
  const print = ['-e', 'console.log("<" + process.env.DEEDLOG_PASSPHRASE + ">")']
  const world = { cwd, env: { DEEDLOG_PASSPHRASE: PASSPHRASE } }
  const good = deedlog(['exec', 'guarded', '--tool', 'hello', '--', process.execPath, ...print], world)
  expect(good).toMatchObject({ status: 0, stdout: '<undefined>\n' })
  const bad = deedlog(['keys', 'unprotect', 'guarded', '--json'], {
    cwd,
    env: { DEEDLOG_PASSPHRASE: 'a wrong one, and long' },
  })
  expect(jsonError(bad)).toMatchObject({
    code: 'key.passphrase',
    message: 'the passphrase does not open a key file of this log, or the file is damaged',
  })
  for (const { stdout, stderr } of [ran, good, bad]) expect(stdout + stderr).not.toContain(PASSPHRASE)
  ok('keys', 'unprotect', 'guarded', '--passphrase-file', 'phrase')
  expect(hello('guarded').status).toBe(0)
})

it('refuses a key file that others can read, and says how to mend it', () => {
  expect(run('init', 'open').status).toBe(0)
  const file = join(cwd, 'open/private/keys/log.pem')
  const bytes = readFileSync(file)
  rmSync(file)
  writeFileSync(file, bytes, { mode: 0o644 })
  const { status, stderr } = hello('open')
  expect(status).not.toBe(0)
  expect(stderr).toContain('chmod 600')
})

it('never shows a secret: not in what it prints, not in what may be served, not in the trust file', () => {
  expect(run('init', 'secret', '--agent', AGENT).status).toBe(0)
  const folder = join(cwd, 'secret/private/keys')
  const secrets = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.pem'))
    .map(name => Buffer.from(readFileSync(join(folder, name), 'utf8').split('\n')[1]!, 'base64').subarray(16))
  expect(secrets).toHaveLength(3)
  const said = [
    ['keys', 'list', 'secret'],
    ['keys', 'add', 'secret', '--agent', AGENT, '--new'],
    ['keys', 'add', 'secret', '--operator', '--new'],
    ['keys', 'add', 'secret', '--log', '--new'],
    ['keys', 'retire', 'secret', '--log'],
    ['keys', 'retire', 'secret', '--operator', '--key', 'nonsense'],
    ['verify', 'secret', '--trust', 'secret.trust', '--json'],
  ].map(args => deedlog(args, { cwd, env: { DEEDLOG_DEBUG: '1' } }))
  const served = readdirSync(join(cwd, 'secret/log'), { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => readFileSync(join(entry.parentPath, entry.name)))
  const shown = [...said.flatMap(({ stdout, stderr }) => [Buffer.from(stdout), Buffer.from(stderr)]), ...served]
  shown.push(readFileSync(join(cwd, 'secret.trust')), readFileSync(join(cwd, 'secret/deedlog.json')))
  for (const secret of secrets)
    for (const form of [
      secret,
      secret.toString('hex'),
      secret.toString('base64').slice(0, 42),
      secret.toString('base64url').slice(0, 42),
    ])
      expect(shown.some(bytes => bytes.includes(form))).toBe(false)
})
