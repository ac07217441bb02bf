import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { absolute, type socketName } from '../../src/cli/hook/place.js'
import { verify } from '../../src/client/verify.js'
import { deedlog, MAIN, type Ran, removeFolder, STACK_TRACE, temporaryFolder } from '../cli/deedlog.js'

const HOOK = join(dirname(MAIN), 'hook/main.js')
const IDLE = ['--idle', '1']

let cwd: string
let folder: string
beforeEach(() => {
  cwd = temporaryFolder()
  expect(deedlog(['init', 'audit'], { cwd }).status).toBe(0)
  folder = join(cwd, 'audit/private/hooks')
})
afterEach(async () => {
  // The recorders that hooks have started end by themselves, and take their sockets with them.
  await until(() => living().length === 0)
  removeFolder(cwd)
})

/** What shows that a recorder is there, or that one is still finishing the log: spec/layout.md. */
const living = (): string[] =>
  [folder, join(cwd, 'audit/private/joined')]
    .flatMap(path => (existsSync(path) ? readdirSync(path) : []))
    .filter(name => name !== 'calls')

async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise(resolve => setTimeout(resolve, 20))
}

const event = (name: string, id: string, more: object = {}) => ({
  hook_event_name: name,
  session_id: 's',
  tool_use_id: id,
  tool_name: 'Bash',
  tool_input: { command: 'ls' },
  ...more,
})

async function hook(input: unknown, args: readonly string[] = ['audit', ...IDLE]): Promise<Omit<Ran, 'signal'>> {
  const child = spawn(process.execPath, [HOOK, ...args], { cwd })
  const [out, err]: [string[], string[]] = [[], []]
  child.stdout.on('data', chunk => out.push(String(chunk)))
  child.stderr.on('data', chunk => err.push(String(chunk)))
  child.stdin.on('error', () => {})
  child.stdin.end(typeof input === 'string' ? input : JSON.stringify(input))
  const [status] = (await once(child, 'close')) as [number]
  return { status, stdout: out.join(''), stderr: err.join('') }
}

/** A recorder that is this test's own, to be killed by it. */
async function startRecorder(args: readonly string[] = ['audit', ...IDLE]): Promise<ChildProcess> {
  // As the built command computes it, whose files these are not.
  const { socketName: nameOf } = (await import(join(dirname(MAIN), 'hook/place.js'))) as {
    socketName: typeof socketName
  }
  const [log, ...options] = absolute(args.map((word, i) => (i === 0 ? join(cwd, word) : word)))
  const name = nameOf([log, ...options])
  const child = spawn(process.execPath, [MAIN, 'hook', 'serve', log, ...options, '--socket', name], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  await once(child, 'message')
  return child
}

const findings = async () => {
  await until(() => living().length === 0)
  const { evidence, findings } = await verify(join(cwd, 'audit'), { self: true })
  return { verdict: evidence.verdict, codes: findings.map(({ code }) => code).sort() }
}

describe('deedlog hook claude-code', () => {
  it('records calls that run at the same time, each from two processes, and says nothing', async () => {
    const ids = ['a', 'b', 'c', 'd']
    const quiet = { status: 0, stdout: '', stderr: '' }
    for (const ran of await Promise.all(ids.map(id => hook(event('PreToolUse', id))))) expect(ran).toEqual(quiet)
    for (const ran of await Promise.all(ids.map(id => hook(event('PostToolUse', id, { tool_response: id })))))
      expect(ran).toEqual(quiet)
    expect(await hook({ hook_event_name: 'SessionEnd', session_id: 's' })).toEqual(quiet)
    expect(await findings()).toEqual({ verdict: 'self-consistent', codes: ['identity.unpinned'] })
    const list = deedlog(['list', 'audit', '--json'], { cwd })
    expect(list.stdout.match(/"succeeded"/g)).toHaveLength(4)
  })

  it('answers a denial as Claude Code expects it, and edited rules are in force at once', async () => {
    mkdirSync(join(cwd, 'rules'))
    const rules = (action: string) =>
      writeFileSync(
        join(cwd, 'rules/a.yaml'),
        `apiVersion: governance.toolkit/v1\nname: shells\nagents: ["*"]\ndefault_action: allow\nrules:\n  - name: no-shell\n    condition: "action == 'Bash'"\n    action: ${action}\n    description: not here\n`,
      )
    rules('deny')
    const args = ['audit', '--rules', 'rules', ...IDLE]
    const ran = await hook(event('PreToolUse', 'a'), args)
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    expect(JSON.parse(ran.stdout)).toEqual({
      hookSpecificOutput: {
        hookEventName: 'PreToolUse',
        permissionDecision: 'deny',
        permissionDecisionReason: expect.stringMatching(/^Denied by policy/),
      },
    })
    rules('allow')
    expect(await hook(event('PreToolUse', 'b'), args)).toEqual({ status: 0, stdout: '', stderr: '' })
    await hook(event('PostToolUse', 'b'), args)
  })

  it('ends a call whose recorder was killed: late, in the next one', async () => {
    const recorder = await startRecorder()
    expect((await hook(event('PreToolUse', 'a'))).status).toBe(0)
    recorder.kill('SIGKILL')
    await once(recorder, 'close')
    expect((await hook(event('PostToolUse', 'a', { tool_response: 1 }))).status).toBe(0)
    expect((await hook(event('PreToolUse', 'b'))).status).toBe(0)
    expect((await hook(event('PostToolUse', 'b'))).status).toBe(0)
    const { verdict, codes } = await findings()
    expect(verdict).toBe('self-consistent')
    expect(codes.filter(code => code.startsWith('call.'))).toEqual([])
  })

  const linked = () => {
    mkdirSync(join(cwd, 'mine'), 0o700)
    symlinkSync(join(cwd, 'mine'), folder)
  }
  const open = () => {
    mkdirSync(folder)
    chmodSync(folder, 0o777)
  }
  const blocked: [what: string, before: () => void, args?: readonly string[]][] = [
    ['there is no log', () => renameSync(join(cwd, 'audit'), join(cwd, 'elsewhere'))],
    ['the log is not named', () => {}, []],
    ['the log is damaged', () => rmSync(join(cwd, 'audit/private'), { recursive: true })],
    ['the rules are missing', () => {}, ['audit', '--rules', 'nowhere']],
    ['others may put a socket there', open],
    ['the folder of the socket is a link', linked],
    ['an option is wrong', () => {}, ['audit', '--idle', 'x']],
  ]
  it.each(blocked)('holds the call back, without a stack trace, when %s', async (_, before, args) => {
    before()
    const ran = await hook(event('PreToolUse', 'a'), args)
    expect(ran).toMatchObject({ status: 2, stdout: '' })
    expect(ran.stderr).toMatch(/^deedlog: this tool call cannot be recorded, so it is held back: .+\n$/)
    expect(ran.stderr).not.toMatch(STACK_TRACE)
  })

  it('holds back what it cannot read', async () => {
    for (const input of [
      '',
      'x',
      '[]',
      '{"hook_event_name":"PreToolUse"}',
      '{"hook_event_name":7}',
      `"${'x'.repeat(100_000)}"`,
    ])
      expect(await hook(input)).toMatchObject({
        status: 2,
        stdout: '',
        stderr: expect.stringContaining('[hook.payload]'),
      })
  })

  it('is a command too, for whoever wants to see it work', () => {
    const input = JSON.stringify(event('PreToolUse', 'a'))
    expect(deedlog(['hook', 'claude-code', 'audit', ...IDLE], { cwd, input })).toMatchObject({ status: 0, stdout: '' })
    expect(deedlog(['hook', 'claude-code', 'nowhere'], { cwd, input })).toMatchObject({ status: 2, stdout: '' })
  })
})
