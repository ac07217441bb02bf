import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyTree } from '../copy-tree.js'
import { deedlog, jsonError, type Ran, removeFolder, STACK_TRACE, startDeedlog, temporaryFolder } from './deedlog.js'

let cwd: string
beforeAll(() => {
  cwd = temporaryFolder()
  expect(run('init', 'audit').status).toBe(0)
  expect(run('exec', 'audit', '--tool', 't', '--', process.execPath, '-e', '').status).toBe(0)
  mkdirSync(join(cwd, 'empty'))
  mkdirSync(join(cwd, 'letters'))
  writeFileSync(join(cwd, 'letters/dear.txt'), 'Dear auditor')
  writeFileSync(join(cwd, 'notes.jsonl'), 'not json\n')
  writeFileSync(join(cwd, 'garbage.trust'), 'log \x1b[31m nonsense\n')
  writeFileSync(join(cwd, 'garbage.json'), '{"key":"AA==","value":1}')
  copyTree(join(cwd, 'audit'), join(cwd, 'newer'))
  const config = join(cwd, 'newer/deedlog.json')
  writeFileSync(config, readFileSync(config, 'utf8').replace('"format": 1', '"format": 99'))
})
afterAll(() => removeFolder(cwd))

const run = (...args: string[]): Ran => deedlog(args, { cwd })
const node = process.execPath

/** What is typed, and the code that is answered; the exit code is always 2. */
const ROWS: readonly (readonly [what: string, args: readonly string[], code: string | RegExp])[] = [
  // With --json before any command, that is an option nobody has.
  ['no command', [], /^usage\.(command|option)$/],
  ['a command that does not exist', ['frobnicate'], 'usage.command'],
  ['an option that does not exist', ['list', 'audit', '--nope'], 'usage.option'],
  ['a target that is missing from the line', ['verify'], 'usage.argument'],
  ['one argument too many', ['list', 'audit', 'audit2'], 'usage.argument'],
  ['both --trust and --self', ['verify', 'audit', '--trust', 'audit.trust', '--self'], 'usage.conflict'],
  ['neither --trust nor --self', ['verify', 'audit'], 'trust.none'],
  ['--trust without its value', ['verify', 'audit', '--trust'], 'usage.value'],
  ['--trust followed by an option', ['verify', 'audit', '--trust', '--self'], 'usage.value'],
  ['a trust file that is not there', ['verify', 'audit', '--trust', 'nope.trust'], 'trust.missing'],
  ['a trust file that is none', ['verify', 'audit', '--trust', 'garbage.trust'], /^(trust|policy|vkey)\./],
  ['a trust file that is a folder', ['verify', 'audit', '--trust', 'empty'], /^(file|trust)\./],
  ['a target that is not there', ['verify', 'nope', '--self'], 'target.missing'],
  ['a target that is not there, before the question of trust', ['verify', 'nope'], 'target.missing'],
  ['a target below a file', ['list', 'notes.jsonl/x'], 'target.missing'],
  ['an empty folder', ['verify', 'empty', '--self'], 'target.no-log'],
  ['a folder of letters', ['list', 'letters'], 'target.no-log'],
  ['a file that is no log', ['verify', 'notes.jsonl', '--self'], 'target.no-log'],
  ['a device', ['verify', '/dev/null', '--self'], 'target.kind'],
  ['an address of no log', ['verify', 'ftp://example.com/log', '--self'], 'target.address'],
  ['a proof', ['verify', 'x.tlog-proof', '--self'], 'usage.option'],
  ['an empty path', ['verify', '', '--self'], /^target\./],
  ['a log whose name has a control character in it', ['exec', 'audit\u0001', '--tool', 't', '--', node], 'log.missing'],
  ['a status that is none', ['list', 'audit', '--status', 'fine'], 'usage.value'],
  ['a verdict that is none', ['list', 'audit', '--verdict', 'maybe'], 'usage.value'],
  ['a time without a zone', ['list', 'audit', '--since', '2026-11-24T10:00'], 'usage.value'],
  ['a day that does not exist', ['list', 'audit', '--until', '2026-02-30'], 'usage.value'],
  ['a call that the log has not', ['show', 'audit', '01ARZ3NDEKTSV4RRFFQ69G5FAV'], 'call.unknown'],
  ['a call that is no id', ['show', 'audit', '../../etc/passwd'], 'call.unknown'],
  ['the index of a record of no call', ['show', 'audit', '0'], 'call.unknown'],
  ['a member that the call has not', ['disclose', 'audit', '2', '--member', 'secrets'], 'disclose.member'],
  ['a member that was forgotten', ['disclose', 'audit', '2'], 'usage.option'],
  ['a field that the value has not', ['disclose', 'audit', '2', '--member', 'args', '--path', 'x.y'], 'disclose.path'],
  ['a path that is none', ['disclose', 'audit', '2', '--member', 'args', '--path', 'a..b'], 'usage.value'],
  [
    '--check with --path',
    ['disclose', 'audit', '2', '--member', 'args', '--path', 'a', '--check', 'f'],
    'usage.conflict',
  ],
  [
    'a disclosure that is not there',
    ['disclose', 'audit', '2', '--member', 'args', '--check', 'f'],
    'disclose.missing',
  ],
  [
    'a disclosure that is none',
    ['disclose', 'audit', '2', '--member', 'args', '--check', 'garbage.json'],
    /^disclosure\./,
  ],
  [
    '--out on a file that is there',
    ['disclose', 'audit', '2', '--member', 'args', '--out', 'audit.trust'],
    'disclose.out',
  ],
  ['exec without --', ['exec', 'audit', '--tool', 't', 'ls'], 'usage.argument'],
  ['exec without a command', ['exec', 'audit', '--tool', 't', '--'], 'usage.argument'],
  ['exec without a log', ['exec', '--tool', 't', '--', node, '-v'], 'usage.argument'],
  ['exec without --tool', ['exec', 'audit', '--', node], 'usage.option'],
  ['exec of a tool name with a newline', ['exec', 'audit', '--tool', 'a\nb', '--', node], 'usage.value'],
  ['exec for an agent with a space', ['exec', 'audit', '--tool', 't', '--agent', 'a b', '--', node], 'usage.value'],
  ['exec that captures -1 bytes', ['exec', 'audit', '--tool', 't', '--capture', '-1', '--', node], 'usage.value'],
  ['exec on a log of a newer format', ['exec', 'newer', '--tool', 't', '--', node], 'log.newer-format'],
  ['exec on a folder that is no log', ['exec', 'letters', '--tool', 't', '--', node], 'log.not-a-log'],
  ['init where a log is', ['init', 'audit'], 'log.exists'],
  ['init on a folder that is not empty', ['init', 'letters'], 'log.not-a-log'],
  ['init below a file', ['init', 'notes.jsonl/x'], /^log\./],
  ['init with an origin that cannot be one', ['init', 'new', '--origin', 'a b+c'], 'usage.value'],
  ['init with a retention of no days', ['init', 'new', '--retention-days', '0'], 'usage.value'],
]

describe('bad input', () => {
  it.each(ROWS)('%s: a code, an expectation, a next step, no stack trace', (_, args, code) => {
    const json = run(...withJson(args))
    expect(json.status, json.stderr).toBe(2)
    expect(json.stdout).toBe('')
    const error = jsonError(json)
    expect(error.code).toMatch(typeof code === 'string' ? new RegExp(`^${code.replaceAll('.', '\\.')}$`) : code)
    for (const part of [error.message, error.expected, error.next]) expect(part).toMatch(/./)

    const text = run(...args)
    expect(text.status).toBe(2)
    expect(text.stdout).toBe('')
    expect(text.stderr).not.toMatch(STACK_TRACE)
    expect(text.stderr).toMatch(typeof code === 'string' ? `[${code}]` : /\[[a-z0-9._-]+\]/)
    expect(text.stderr).toMatch(/\n {2}next: {5}/)
    expect(text.stderr.replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
  })

  it('leaves nothing behind where it refused', () => {
    for (const path of ['new', 'nope', 'letters/private', 'letters/deedlog.json', 'empty/log', 'audit2'])
      expect(() => readFileSync(join(cwd, path))).toThrow(/ENOENT/)
  })

  it('shows where a bug is only when it is asked to', () => {
    const args = ['list', 'nope']
    expect(deedlog(args, { cwd }).stderr).not.toMatch(STACK_TRACE)
    expect(deedlog(args, { cwd, env: { DEEDLOG_DEBUG: '1' } }).stderr).toMatch(STACK_TRACE)
  })

  // Root may read everything.
  it.skipIf(process.getuid?.() === 0)('says of a log that it may not read that it may not', () => {
    mkdirSync(join(cwd, 'closed'), { mode: 0o000 })
    const ran = run('verify', 'closed/audit', '--self', '--json')
    chmodSync(join(cwd, 'closed'), 0o700)
    expect(ran.status).toBe(2)
    expect(jsonError(ran).code).toBe('target.unreadable')
  })
})

describe('help', () => {
  it.each(['init', 'exec', 'list', 'show', 'disclose', 'verify'])('of %s fits 80 columns and has examples', command => {
    const help = run(command, '--help')
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toMatch(/^Usage: deedlog /)
    expect(help.stdout).toContain(`\n  $ deedlog ${command} `)
    for (const line of help.stdout.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80)
    expect(run('help', command).stdout).toBe(help.stdout)
  })

  it('of the whole names every command, its exit codes and where to begin', () => {
    const { status, stdout } = run('--help')
    expect(status).toBe(0)
    for (const word of ['init', 'exec', 'list', 'show', 'disclose', 'verify', 'Exit codes:', '$ deedlog init audit'])
      expect(stdout).toContain(word)
  })

  it('knows its version', () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(run('--version')).toMatchObject({ status: 0, stdout: `${manifest.version}\n` })
  })
})

describe('a pipe', () => {
  it('gets no colour and no escape sequence', () => {
    for (const args of [['list', 'audit'], ['verify', 'audit', '--self'], ['show', 'audit', '2'], ['frobnicate']]) {
      const { stdout, stderr } = run(...args)
      expect(stdout + stderr).not.toContain('\x1b')
    }
  })

  it('that is closed early ends the command without a word', async () => {
    for (const args of [
      ['verify', 'audit', '--self'],
      ['list', 'audit', '--json'],
    ]) {
      const child = startDeedlog(args, { cwd })
      child.stdout.destroy()
      let stderr = ''
      for await (const chunk of child.stderr) stderr += String(chunk)
      expect(stderr).toBe('')
      if (child.exitCode === null) await new Promise(resolve => child.once('close', resolve))
      expect(child.exitCode).toBe(0)
    }
  })
})

/** `--json` before what is not ours. */
function withJson(args: readonly string[]): string[] {
  const end = args.indexOf('--')
  return end < 0 ? [...args, '--json'] : [...args.slice(0, end), '--json', ...args.slice(end)]
}
