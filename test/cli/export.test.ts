import { existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, type Ran, removeFolder, STACK_TRACE, startDeedlog, temporaryFolder } from './deedlog.js'

/* Evidence that travels: some calls of a log in one file, read where the log is not. */

let cwd: string
let server: Server
let address: string
const run = (...args: string[]): Ran => deedlog(args, { cwd, env: { DEEDLOG_STATE: join(cwd, 'state') } })
const report = (ran: Ran) => JSON.parse(ran.stdout)

/** While this process serves, it must not wait for the command. */
async function runBeside(...args: string[]): Promise<Ran> {
  const child = startDeedlog(args, { cwd })
  const [out, err] = ['', '']
  const ran = { stdout: out, stderr: err }
  child.stdout.on('data', chunk => {
    ran.stdout += chunk
  })
  child.stderr.on('data', chunk => {
    ran.stderr += chunk
  })
  const status = await new Promise<number | null>(resolve => child.on('close', resolve))
  return { ...ran, status, signal: null }
}

beforeAll(async () => {
  cwd = temporaryFolder()
  expect(run('init', 'audit').status).toBe(0)
  for (const tool of ['first', 'second', 'third'])
    expect(run('exec', 'audit', '--tool', tool, '--', process.execPath, '-e', '1').status).toBe(0)
  server = createServer((request, response) => {
    const path = join(cwd, 'audit/log', new URL(request.url ?? '', 'http://x').pathname)
    response.statusCode = existsSync(path) ? 200 : 404
    response.end(existsSync(path) ? readFileSync(path) : '')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
  removeFolder(cwd)
})

describe('deedlog export', () => {
  it('writes a bundle that verifies, lists and shows its call and nothing else', () => {
    const ran = run('export', 'audit', '--call', '6', '--disclose', '6:args.command', '-o', 'one.deedlog')
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    expect(ran.stdout).toContain('deedlog verify one.deedlog --trust <file>')
    const verified = run('verify', 'one.deedlog', '--trust', 'audit.trust', '--json')
    expect(verified.status).toBe(0)
    const { conduct, bundle, timeline } = report(verified)
    expect(conduct.byTool).toEqual({ second: 1 })
    expect(bundle.disclosures).toMatchObject([{ index: 6, member: 'args', holds: true, withheld: [['cwd']] }])
    expect(timeline.calls).toHaveLength(1)
    expect(report(run('list', 'one.deedlog', '--json')).calls).toHaveLength(1)
    const shown = run('show', 'one.deedlog', '6')
    expect(shown.stdout).toContain('withheld or erased: cwd')
    expect(run('show', 'one.deedlog', '2').status).toBe(2)
    expect(run('verify', 'one.deedlog', '--trust', 'audit.trust').stdout).toContain('A bundle: part of a log')
  })

  it('makes one from a bundle, from a JSONL log and from an address', async () => {
    expect(run('export', 'audit', '--all', '-o', 'all.deedlog').status).toBe(0)
    expect(run('export', 'all.deedlog', '--call', '6', '-o', 'again.deedlog').status).toBe(0)
    const far = await runBeside('export', address, '--call', '6', '-o', 'far.deedlog')
    expect([far.status, far.stderr]).toEqual([0, ''])
    for (const file of ['again.deedlog', 'far.deedlog'])
      expect(run('verify', file, '--trust', 'audit.trust').status, file).toBe(0)
  })

  it('verifies a log behind an address', async () => {
    const ran = await runBeside('verify', address, '--trust', 'audit.trust', '--json', '--no-memory')
    expect([ran.status, ran.stderr]).toEqual([0, ''])
    expect(report(ran).completeness.verdict).toBe('complete as far as recorded')
    const gone = await runBeside('verify', `${address}nothing/`, '--self', '--json')
    expect([gone.status, jsonError(gone).code]).toEqual([2, 'target.no-log'])
  })

  it('judges calls of a time, and says what it leaves out', () => {
    const ran = run('verify', 'audit', '--trust', 'audit.trust', '--since', '2999-01-01')
    expect(ran.status).toBe(0)
    expect(ran.stdout).toContain('no exceptions in the time asked for')
    const page = run('verify', 'audit', '--trust', 'audit.trust', '--report', 'page.html')
    expect(page.status).toBe(0)
    expect(readFileSync(join(cwd, 'page.html'), 'utf8')).toContain('Calls, one by one')
  })

  it.each([
    ['nothing asked for', ['-o', 'x'], 'usage.conflict'],
    ['two things at once', ['--all', '--call', '6', '-o', 'x'], 'usage.conflict'],
    ['no place to write', ['--all'], 'usage.option'],
    ['a file that is there', ['--all', '-o', 'audit.trust'], 'export.out'],
    ['a link to nowhere', ['--all', '-o', 'dangling'], 'export.out'],
    ['no such call', ['--call', '999', '-o', 'x'], 'call.unknown'],
    ['no such session', ['--session', '01KATB8Q5M4Z0YQ1G7X8D3C9FE', '-o', 'x'], 'call.unknown'],
    ['no id of a session', ['--session', 'me', '-o', 'x'], 'usage.value'],
    ['a time before all records', ['--since', '1970-01-01', '-o', 'x'], 'usage.value'],
    ['a time without calls', ['--until', '2001-01-01', '-o', 'x'], 'call.unknown'],
    ['a disclosure of nothing', ['--call', '6', '--disclose', ':args', '-o', 'x'], 'usage.value'],
    ['a disclosure of another call', ['--call', '6', '--disclose', '2', '-o', 'x'], 'disclose.call'],
    ['a member that is not there', ['--call', '6', '--disclose', '6:nothing', '-o', 'x'], 'disclose.member'],
  ])('refuses %s', (_, args, code) => {
    if (!existsSync(join(cwd, 'dangling'))) {
      rmSync(join(cwd, 'dangling'), { force: true })
      symlinkSync(join(cwd, 'nowhere'), join(cwd, 'dangling'))
    }
    const ran = run('export', 'audit', '--json', ...args)
    expect([ran.status, jsonError(ran).code]).toEqual([2, code])
    expect(existsSync(join(cwd, 'x'))).toBe(false)
    expect(existsSync(join(cwd, 'nowhere'))).toBe(false)
  })

  it('leaves a bundle that was cut off, or changed, without a stack trace', () => {
    const whole = readFileSync(join(cwd, 'one.deedlog'))
    for (const [name, bytes] of [
      ['cut', whole.subarray(0, 900)],
      ['beginning', Buffer.from('{"deedlog":"bundle/')],
    ] as const) {
      writeFileSync(join(cwd, `${name}.deedlog`), bytes)
      for (const command of ['verify', 'list', 'show', 'export']) {
        const more = { verify: ['--self'], show: ['6'], export: ['--all', '-o', 'x'] }[command] ?? []
        const ran = run(command, `${name}.deedlog`, ...more)
        expect(ran.status, `${command} ${name}`).toBe(2)
        expect(ran.stderr).not.toMatch(STACK_TRACE)
        expect(ran.stderr).toContain('bundle-file.')
      }
    }
  })

  it('has no answer for what only a whole log can say', () => {
    for (const args of [
      ['coverage', 'one.deedlog'],
      ['sample', 'one.deedlog', '--seed', 'x'],
    ]) {
      const ran = run(...args, '--json')
      expect([ran.status, jsonError(ran).code]).toEqual([2, 'target.kind'])
    }
  })
})
