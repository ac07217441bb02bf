import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, type Ran, removeFolder, startDeedlog, temporaryFolder } from './deedlog.js'

let cwd: string
const run = (...args: string[]): Ran => deedlog(args, { cwd })
const ok = (...args: string[]): { [name: string]: never } => {
  const { status, stdout, stderr } = run(...args, '--json')
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}
const refused = (...args: string[]): string => {
  const ran = run(...args, '--json')
  expect(ran.status, ran.stdout).toBe(2)
  return jsonError(ran).code
}
const exec = (log: string, tool: string, marker: string): void =>
  expect(
    run('exec', log, '--tool', tool, '--', process.execPath, '-e', `console.log("${marker}".toLowerCase())`).status,
  ).toBe(0)

/** Whether any file of a log, or beside it, holds a text. */
function holds(text: string, at = cwd): boolean {
  return readdirSync(at).some(name => {
    const path = join(at, name)
    const found = statSync(path)
    return found.isDirectory() ? holds(text, path) : found.isFile() && readFileSync(path).includes(text)
  })
}

interface Row {
  readonly call: string
  readonly tool: string
}
const callsOf = (log: string): readonly Row[] => {
  const listed = JSON.parse(run('list', log, '--json').stdout) as Row[] | { readonly calls: Row[] }
  return 'calls' in listed ? listed.calls : listed
}

beforeAll(() => {
  cwd = temporaryFolder()
})
afterAll(() => removeFolder(cwd))

describe.each(['audit', 'audit.jsonl'])('of the log %s', log => {
  const mark = (n: number) => `MARK-${log}-${n}-X`

  beforeAll(() => {
    expect(run('init', log).status).toBe(0)
    for (const n of [1, 2, 3]) exec(log, n === 3 ? 'bank.pay' : 'mail.send', mark(n))
  })

  it('a call is erased while another process holds the log, and the log verifies', async () => {
    const script = 'process.stdout.write("up"); setInterval(() => {}, 1000)'
    const child = startDeedlog(['exec', log, '--tool', 'long', '--', process.execPath, '-e', script], { cwd })
    const ended = once(child, 'close')
    try {
      await once(child.stdout, 'data')
      const calls = callsOf(log)
      const long = calls.find(({ tool }) => tool === 'long')!
      expect(refused('erase', log, '--call', long.call, '--reason', 'x')).toBe('erase.running')
      expect(holds(mark(1))).toBe(true)
      const erased = ok('erase', log, '--call', calls[0]!.call, '--reason', 'gdpr-17')
      expect(erased).toMatchObject({ calls: 1, records: 2, reason: 'gdpr-17' })
      for (const text of [mark(1), mark(1).toLowerCase()]) expect(holds(text)).toBe(false)
      expect(holds(mark(2))).toBe(true)
    } finally {
      child.kill('SIGTERM')
      await ended
    }
    expect(run('verify', log, '--trust', `${log}.trust`).stdout).not.toContain('altered')
    const { total } = ok('contents', log) as unknown as { total: object }
    expect(total).toMatchObject({ missing: 0 })
    expect(run('contents', log).stdout).toContain('erasure records name 1 call')
  })

  it('what is held is not erased, and what is older than its class is', () => {
    expect(run('hold', log, 'add', '--tool', 'bank.*', '--reason', 'case-1').status).toBe(0)
    expect(ok('hold', log)).toMatchObject({ holds: [{ what: 'tool', value: 'bank.*', reason: 'case-1' }] })
    const bank = callsOf(log).find(({ tool }) => tool === 'bank.pay')!
    expect(refused('erase', log, '--call', bank.call, '--reason', 'x')).toBe('erase.held')
    expect(run('retain', log, 'mail.*=0', 'bank.*=0').status).toBe(0)
    expect(ok('erase', log, '--expired')).toMatchObject({ held: 1, reason: 'retention' })
    expect(holds(mark(2))).toBe(false)
    expect(holds(mark(3))).toBe(true)
    expect(run('hold', log, 'remove', '--tool', 'bank.*').status).toBe(0)
    expect(ok('erase', log, '--expired')).toMatchObject({ calls: expect.any(Number), held: 0 })
    expect(holds(mark(3))).toBe(false)
    // Nothing is left of them, and nothing more is said.
    expect(ok('erase', log, '--expired')).toMatchObject({ records: 0, erasures: [] })
  })

  it('what cannot be done is refused with words', () => {
    expect(refused('erase', log, '--reason', 'x')).toBe('usage.option')
    expect(refused('erase', log, '--call', '1')).toBe('usage.option')
    expect(refused('erase', log, '--call', '999', '--reason', 'x')).toBe('call.unknown')
    expect(refused('erase', log, '--session', '01K9ZZZZZZZZZZZZZZZZZZZZZZ', '--reason', 'x')).toBe('erase.session')
    expect(refused('erase', log, '--before', 'yesterday', '--reason', 'x')).toBe('usage.value')
    expect(refused('erase', log, '--before', '2999-01-01', '--reason', 'x')).toBe('usage.value')
    expect(refused('erase', log, '--call', '2', '--reason', 'two words')).toBe('usage.value')
    expect(refused('erase', log, '--call', '2', '--field', 'nothing.at', '--reason', 'x')).toBe('usage.value')
    exec(log, 'mail.send', mark(4))
    const call = callsOf(log).at(-1)!.call
    expect(refused('erase', log, '--call', call, '--field', 'args.nowhere', '--reason', 'x')).toBe('erase.field')
    expect(holds(mark(4))).toBe(true)
    expect(refused('hold', log, 'remove', '--call', call)).toBe('hold.unknown')
    expect(refused('hold', log, 'add', '--tool', 'x')).toBe('usage.option')
    expect(refused('hold', log, 'keep', '--tool', 'x')).toBe('usage.value')
    expect(refused('retain', log, 'mail=forever')).toBe('retention.class')
    expect(refused('erase', `${log}-not-there`, '--call', '1', '--reason', 'x')).toBe('log.missing')
  })
})

it('a log without its private folder has no contents to count', () => {
  expect(run('init', 'bare').status).toBe(0)
  expect(refused('contents', 'bare/log/../log')).toBe('contents.no-vault')
})
