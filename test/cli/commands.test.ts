import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deedlog, jsonError, type Ran, removeFolder, STACK_TRACE, temporaryFolder } from './deedlog.js'

let cwd: string
beforeAll(() => {
  cwd = temporaryFolder()
})
afterAll(() => removeFolder(cwd))

const run = (...args: string[]): Ran => deedlog(args, { cwd })

interface Listed {
  readonly calls: readonly {
    index: number
    call: string
    tool: string
    status: string
    verdict: string
    agent: string
  }[]
}
const list = (...args: string[]): Listed['calls'] => (JSON.parse(run('list', ...args, '--json').stdout) as Listed).calls

/** One log for the reading commands, made by the commands themselves. */
describe.each(['audit', 'audit.jsonl'])('a log at %s, from init to verify', log => {
  it('is made, with its trust file beside it and no secret printed', () => {
    const made = run('init', log, '--origin', 'example.com/deeds', '--agent', 'did:example:shop', '--json')
    expect(made.status, made.stderr).toBe(0)
    const json = JSON.parse(made.stdout) as { trust: string; keys: { log: string; agent: { vkey: string } } }
    expect(json).toMatchObject({ origin: 'example.com/deeds', target: log, trust: `${log}.trust` })
    expect(readFileSync(join(cwd, `${log}.trust`), 'utf8').split('\n')).toEqual(
      expect.arrayContaining([`log ${json.keys.log}`, `agent ${json.keys.agent.vkey}`]),
    )
    const privateFolder = log === 'audit' ? 'audit/private' : 'audit.jsonl.private'
    const secret = readFileSync(join(cwd, privateFolder, 'keys/log.pem'), 'utf8').split('\n')[1] ?? ''
    expect(secret.length).toBeGreaterThan(40)
    expect(made.stdout + made.stderr).not.toContain(secret)
  })

  it('records commands: arguments, outputs and exit code, which stays the command’s own', () => {
    const node = process.execPath
    const good = run(
      'exec',
      log,
      '--tool',
      'greet',
      '--agent',
      'did:example:shop',
      '--',
      node,
      '-e',
      'console.log("hi")',
    )
    expect(good).toMatchObject({ status: 0, stdout: 'hi\n', stderr: '' })
    const bad = run('exec', log, '--tool', 'fail', '--', node, '-e', 'console.error("no"); process.exitCode = 3')
    expect(bad).toMatchObject({ status: 3, stdout: '', stderr: 'no\n' })
    const absent = run('exec', log, '--tool', 'absent', '--json', '--', './no such command')
    expect(absent.status).toBe(127)
    expect(absent.stderr).toContain('"exec.not-started"')
  })

  it('lists them, filtered and not', () => {
    expect(list(log).map(({ tool, status, agent }) => ({ tool, status, agent }))).toEqual([
      { tool: 'greet', status: 'succeeded', agent: 'did:example:shop' },
      { tool: 'fail', status: 'failed', agent: 'did:deedlog:cli' },
      { tool: 'absent', status: 'not_executed', agent: 'did:deedlog:cli' },
    ])
    expect(list(log, '--tool', 'fail')).toHaveLength(1)
    expect(list(log, '--status', 'succeeded')).toHaveLength(1)
    expect(list(log, '--agent', 'did:deedlog:cli')).toHaveLength(2)
    expect(list(log, '--verdict', 'deny')).toEqual([])
    expect(list(log, '--verdict', 'not_evaluated')).toHaveLength(3)
    expect(list(log, '--until', '2020-01-01')).toEqual([])
    expect(list(log, '--since', '2020-01-01T00:00Z')).toHaveLength(3)
    const lines = run('list', log).stdout.trimEnd().split('\n')
    expect(lines[0]).toMatch(/^ {2}INDEX {2}TIME \(UTC\) .*TOOL$/)
    expect(lines).toHaveLength(4)
  })

  it('shows one call with what was committed, by its id and by its index', () => {
    const [call] = list(log)
    for (const which of [call!.call, call!.call.toLowerCase(), String(call!.index)]) {
      const shown = run('show', log, which)
      expect(shown.status, shown.stderr).toBe(0)
      expect(shown.stdout).toContain('under the signed checkpoint; its inclusion proof was checked')
      expect(shown.stdout).toContain('"text": "hi\\n"')
    }
    const json = JSON.parse(run('show', log, call!.call, '--json').stdout) as {
      calls: { records: { record: { type: string }; disclosed: object; proof: string }[] }[]
    }
    expect(json.calls).toHaveLength(1)
    expect(json.calls[0]!.records.map(({ record }) => record.type)).toEqual(['intent', 'outcome'])
    expect(json.calls[0]!.records[1]).toMatchObject({
      disclosed: { output: { value: { exitCode: 0, stdout: { text: 'hi\n' } } } },
      proof: expect.stringContaining('\nexample.com/deeds\n'),
    })
  })

  it('discloses one field, which checks for that call and for no other', () => {
    const [first, second] = list(log)
    const file = `${log}.exit.json`
    const made = run('disclose', log, first!.call, '--member', 'output', '--path', 'exitCode', '--out', file)
    expect(made.status, made.stderr).toBe(0)
    const checked = run('disclose', log, first!.call, '--member', 'output', '--check', file)
    expect(checked.status, checked.stderr).toBe(0)
    expect(checked.stdout).toContain('disclosed at exitCode: 0')
    expect(checked.stdout).toContain('stdout.text')
    expect(readFileSync(join(cwd, file), 'utf8')).not.toContain('hi\\n')
    const wrong = run('disclose', log, second!.call, '--member', 'output', '--check', file, '--json')
    expect(wrong.status).toBe(1)
    expect(jsonError(wrong).code).toBe('disclosure.mismatch')
    // In a pipe: the bytes of the disclosure and nothing else.
    expect(run('disclose', log, first!.call, '--member', 'output', '--path', 'exitCode').stdout).toBe(
      readFileSync(join(cwd, file), 'utf8'),
    )
    // A checker needs no vault.
    const bare = `${log}.bare`
    cpSync(join(cwd, log), join(cwd, bare), { recursive: true, filter: path => !path.includes('private') })
    if (log.endsWith('.jsonl')) cpSync(join(cwd, `${log}.checkpoint`), join(cwd, `${bare}.checkpoint`))
    expect(run('disclose', bare, first!.call, '--member', 'output', '--check', file).status).toBe(0)
    const withheld = run('disclose', bare, first!.call, '--member', 'output', '--json')
    expect(withheld.status).toBe(2)
    expect(jsonError(withheld).code).toBe('disclose.not-kept')
    expect(run('show', bare, first!.call).stdout).toContain('not disclosed: no disclosure is kept here')
  })

  it('verifies with its trust file, and against itself', () => {
    const text = run('verify', log, '--trust', `${log}.trust`)
    expect(text.status, text.stdout + text.stderr).toBe(0)
    expect(text.stdout).toContain('\nNot excluded by anything above\n')
    expect(text.stdout).toContain('Exit 0: ')
    const json = JSON.parse(run('verify', log, '--trust', `${log}.trust`, '--json').stdout) as Record<string, unknown>
    expect(Object.keys(json)).toEqual(
      expect.arrayContaining([
        ...[
          'evidence',
          'completeness',
          'conduct',
          'notExcluded',
          'origin',
          'logId',
          'size',
          'root',
          'checks',
          'findings',
        ],
      ]),
    )
    expect(json).toMatchObject({ origin: 'example.com/deeds', exitCode: 0 })
    const self = run('verify', log, '--self')
    expect(self.status, self.stdout).toBe(0)
    expect(self.stdout).toContain('self-consistent')
  })

  it('without a trust file is not verified, and the file beside it is named, not used', () => {
    const ran = run('verify', log, '--json')
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(jsonError(ran)).toMatchObject({ code: 'trust.none', next: `deedlog verify ${log} --trust ${log}.trust` })
  })

  it('is refused a second making', () => {
    const again = run('init', log, '--json')
    expect(again.status).toBe(2)
    expect(jsonError(again).code).toMatch(/^log\./)
    expect(run('verify', log, '--trust', `${log}.trust`).status).toBe(0)
  })
})

describe('evidence against a log', () => {
  it('ends verify with 1, and every command that would read it', () => {
    expect(run('init', 'real').status).toBe(0)
    expect(run('exec', 'real', '--tool', 'pay', '--', process.execPath, '-e', '').status).toBe(0)
    cpSync(join(cwd, 'real'), join(cwd, 'forged'), { recursive: true })
    const bundles = join(cwd, 'forged/log/tile/entries/000.p')
    for (const name of readdirSync(bundles)) {
      const bytes = readFileSync(join(bundles, name))
      const at = bytes.indexOf('"pay"')
      if (at >= 0) bytes[at + 1] = 0x73
      writeFileSync(join(bundles, name), bytes)
    }
    const verified = run('verify', 'forged', '--trust', 'real.trust')
    expect(verified.status).toBe(1)
    expect(verified.stdout).toMatch(/^ {2}Evidence +.*altered/m)
    expect(verified.stdout).toContain('Exit 1: there is evidence against this log')
    for (const args of [
      ['list', 'forged'],
      ['show', 'forged', '2'],
    ]) {
      const ran = run(...args, '--json')
      expect(ran.status).toBe(1)
      expect(jsonError(ran)).toMatchObject({ code: 'entries.unproven', next: 'deedlog verify forged --self' })
    }
  })

  it('a trust file inside the target is supplied by the log itself, also behind a link', () => {
    cpSync(join(cwd, 'real.trust'), join(cwd, 'real/mine.trust'))
    symlinkSync(join(cwd, 'real/mine.trust'), join(cwd, 'link.trust'))
    for (const trust of ['real/mine.trust', 'link.trust', 'real/log/../mine.trust']) {
      const ran = run('verify', 'real', '--trust', trust, '--json')
      expect(ran.status).toBe(2)
      const report = JSON.parse(ran.stdout)
      expect(report.evidence.trust).toBe('none')
      expect(report.findings.map(({ code }: { code: string }) => code)).toContain('trust.supplied')
    }
  })
})

describe('names that attack the terminal', () => {
  it('are shown as what they are, in tables, reports, errors and JSON', () => {
    const evil = 'a\u202eb\u200d'
    const dir = `x\x1b[31m\n${evil}`
    expect(run('init', dir).status).toBe(0)
    const ran = run('exec', dir, '--tool', evil, '--', process.execPath, '-e', '')
    expect(ran.status, ran.stderr).toBe(0)
    const outputs = [
      run('list', dir),
      run('list', dir, '--json'),
      run('show', dir, '2'),
      run('verify', dir),
      run('verify', dir, '--self'),
      run('verify', dir, '--self', '--json'),
      run('init', dir),
      run('verify', `${dir}-missing`, '--json', '--self'),
      run(evil),
      run('list', dir, `--${evil}`),
    ]
    for (const { stdout, stderr } of outputs) {
      expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      expect(stdout + stderr).not.toMatch(STACK_TRACE)
    }
    const listed = JSON.parse(outputs[1]!.stdout) as Listed
    expect(listed.calls[0]!.tool).toBe(evil)
    expect(existsSync(join(cwd, `${dir}.trust`))).toBe(true)
  })
})
